#include "scheduler/cli/job_file.h"
#include "scheduler/cli/verbs.h"

namespace paracord {
namespace {

Json ErrorsJson(const CheckedJob& job) {
  Json errors = Json::array();
  for (const ConfigError& error : job.errors) {
    errors.push_back({{"line", error.line > 0 ? Json(error.line) : Json(nullptr)},
                      {"path", error.path},
                      {"message", error.message}});
  }
  return errors;
}

// Nothing: the number of samples is not known.
std::optional<uint64_t> StepsOf(const CheckedJob& job) {
  if (job.spec.steps > 0) return job.spec.steps;
  if (job.samples > 0) return job.spec.TotalSteps(job.samples);
  return std::nullopt;
}

}  // namespace

int RunValidate(const Context& context, const ValidateArguments& arguments) {
  const CheckedJob job = CheckJobFile(arguments.file, arguments.overrides, WorkerProgram());
  PrintProblems(context, arguments.file, job);
  const bool good = job.errors.empty();
  const std::optional<uint64_t> steps = good ? StepsOf(job) : std::nullopt;
  if (context.json) {
    Json json = {{"ok", good}, {"errors", ErrorsJson(job)}};
    if (good) json["parameters"] = job.spec.model.parameters();
    if (good) json["steps"] = steps.has_value() ? Json(*steps) : Json(nullptr);
    PrintJson(context, json);
  } else if (good) {
    context.out << "ok: " << job.spec.model.parameters() << " parameters, ";
    if (steps.has_value()) context.out << *steps << " steps" << std::endl;
    if (!steps.has_value()) context.out << job.spec.epochs << " epochs" << std::endl;
  }
  return good ? kOk : kUsage;
}

}  // namespace paracord
