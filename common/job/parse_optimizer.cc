#include "common/job/parse_optimizer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/parse_groups.h"

namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;
using Schedule = OptimizerSpec::Schedule;

const char* const kKinds[] = {"sgd",     "momentum", "adagrad",
                              "rmsprop", "adam",     "adamw"};  // as in the enum

constexpr Bounds kRate = {.low = 0, .high = 1e6, .above_low = true};
constexpr Bounds kShare = {.low = 0, .high = 1, .below_high = true};

struct Setting {
  const char* key;
  std::vector<Kind> kinds;  // that use it
};

const std::vector<Setting>& Settings() {
  static const auto* const settings = new std::vector<Setting>{
      {"momentum", {Kind::kMomentum}},
      {"nesterov", {Kind::kMomentum}},
      {"beta1", {Kind::kAdam, Kind::kAdamw}},
      {"beta2", {Kind::kRmsprop, Kind::kAdam, Kind::kAdamw}},
      {"epsilon", {Kind::kAdagrad, Kind::kRmsprop, Kind::kAdam, Kind::kAdamw}},
  };
  return *settings;
}

std::string KindName(Kind kind) { return kKinds[static_cast<size_t>(kind)]; }

// Reports the settings that `kind` has no use for.
void CheckSettings(const ConfigNode& node, Kind kind) {
  for (const Setting& setting : Settings()) {
    const ConfigNode child = node.Child(setting.key);
    const bool used =
        std::find(setting.kinds.begin(), setting.kinds.end(), kind) != setting.kinds.end();
    if (used || child.kind() == ConfigNode::Kind::kMissing) continue;
    const std::string users = absl::StrJoin(
        setting.kinds, ", ", [](std::string* out, Kind user) { out->append(KindName(user)); });
    child.Error(absl::StrCat("found with kind ", KindName(kind),
                             ", which has no such setting; expected only with ", users));
  }
}

double DefaultRate(Kind kind) {
  const bool scales_itself = kind == Kind::kRmsprop || kind == Kind::kAdam || kind == Kind::kAdamw;
  return scales_itself ? 0.001 : 0.01;
}

// {cosine: {final_lr: 1e-5}}, {step: {every: 1000, factor: 0.1}}
void ParseScheduleMap(const ConfigNode& node, OptimizerSpec* spec) {
  const std::vector<std::string> keys = node.Keys();
  if (keys.size() != 1) {
    return node.Error(absl::StrCat("found a map of ", keys.size(),
                                   "; expected one schedule, as in {cosine: {final_lr: 1e-5}}"));
  }
  const ConfigNode settings = node.Child(keys[0]);
  if (keys[0] == "step") {
    spec->schedule = Schedule::kStep;
    spec->step_every = static_cast<uint64_t>(settings.Integer("every", {1, 1e15}));
    spec->step_factor =
        settings.Number("factor", spec->step_factor, {.low = 0, .high = 1, .above_low = true});
  } else if (keys[0] == "cosine" || keys[0] == "linear") {
    spec->schedule = keys[0] == "cosine" ? Schedule::kCosine : Schedule::kLinear;
    spec->final_lr = settings.Number("final_lr", 0, {0, 1e6});
  } else {
    const std::vector<std::string> known = {"cosine", "linear", "step"};
    return settings.Error(absl::StrCat("unknown schedule; expected one of ",
                                       absl::StrJoin(known, ", "), DidYouMean(keys[0], known)));
  }
  settings.Finish();
}

void ParseSchedule(const ConfigNode& optimizer, OptimizerSpec* spec) {
  const ConfigNode node = optimizer.Child("schedule");
  if (node.kind() == ConfigNode::Kind::kMap) return ParseScheduleMap(node, spec);
  if (node.text() == "step") {
    return node.Error(
        "found 'step' alone; expected its settings too, as in {step: {every: 1000, factor: 0.1}}");
  }
  constexpr Schedule kWords[] = {Schedule::kConstant, Schedule::kCosine, Schedule::kLinear};
  spec->schedule = kWords[optimizer.Choice("schedule", 0, {"constant", "cosine", "linear"})];
}

// False: it is off for vectors.
bool ParseNoDecay(const ConfigNode& optimizer) {
  const bool none = optimizer.Choice("no_decay", 0, {"none", "vectors"}) == 0;
  if (!none && !optimizer.Has("weight_decay")) {
    optimizer.Child("no_decay").Error("found without weight_decay; expected what it takes out of");
  }
  return none;
}

}  // namespace

OptimizerSpec ParseOptimizer(const ConfigNode& node, const ParsedModel& model) {
  OptimizerSpec spec;
  spec.kind = static_cast<Kind>(node.Choice("kind", 0, {std::begin(kKinds), std::end(kKinds)}));
  if (!node.Child("kind").faulty()) CheckSettings(node, spec.kind);
  spec.lr = node.Number("lr", DefaultRate(spec.kind), kRate);
  spec.momentum = node.Number("momentum", spec.momentum, kShare);
  spec.nesterov = node.Bool("nesterov", spec.nesterov);
  spec.beta1 = node.Number("beta1", spec.beta1, kShare);
  spec.beta2 = node.Number("beta2", spec.kind == Kind::kRmsprop ? 0.99 : spec.beta2, kShare);
  spec.epsilon = node.Number("epsilon", spec.epsilon, {.low = 0, .high = 1, .above_low = true});
  spec.weight_decay = node.Number("weight_decay", spec.weight_decay, {0, 1e6});
  spec.decays_vectors = ParseNoDecay(node);
  spec.groups = ParseGroups(node.Child("groups"), model);
  spec.warmup_steps = static_cast<uint64_t>(node.Integer("warmup", 0, {0, 1e15}));
  ParseSchedule(node, &spec);
  node.Finish();
  return spec;
}

const char* Name(OptimizerSpec::Kind kind) { return kKinds[static_cast<size_t>(kind)]; }

}  // namespace paracord
