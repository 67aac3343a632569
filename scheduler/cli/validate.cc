#include "common/job/parse_model.h"
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

}  // namespace

int RunValidate(const Context& context, const ValidateArguments& arguments) {
  const CheckedJob job = CheckJobFile(arguments.file, arguments.overrides, WorkerProgram());
  PrintProblems(context, arguments.file, job);
  const bool good = job.errors.empty();
  if (context.json) {
    Json json = {{"ok", good}, {"errors", ErrorsJson(job)}};
    if (good) json["parameters"] = job.spec.model.parameters();
    if (good) json["steps"] = job.steps > 0 ? Json(job.steps) : Json(nullptr);
    if (good && arguments.expand) json["model"] = ExpandModel(job.text);
    PrintJson(context, json);
  } else if (good && arguments.expand) {
    context.out << ExpandModel(job.text);
  } else if (good) {
    context.out << "ok: " << job.spec.model.parameters() << " parameters, ";
    if (job.steps > 0) context.out << job.steps << " steps" << std::endl;
    if (job.steps == 0) context.out << job.spec.epochs << " epochs" << std::endl;
  }
  return good ? kOk : kUsage;
}

}  // namespace paracord
