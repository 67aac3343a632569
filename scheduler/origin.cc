#include "scheduler/origin.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/checkpoints.h"
#include "scheduler/evaluations.h"
#include "scheduler/planner.h"

namespace paracord {
namespace {

bool SameTensors(const ModelSpec& a, const ModelSpec& b) {
  return std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(),
                    [](const TensorSpec& x, const TensorSpec& y) {
                      return x.name == y.name && x.shape == y.shape && x.kind == y.kind;
                    });
}

// What is stored is only of use to a job that is cut in the same way.
absl::Status CheckAlike(const JobSpec& spec, const Job& source) {
  const JobSpec& other = source.spec;
  std::string differs;
  if (!SameTensors(spec.model, other.model)) differs = "model";
  if (spec.optimizer.kind != other.optimizer.kind) differs = "train.optimizer.kind";
  if (spec.virtual_workers != other.virtual_workers) differs = "train.virtual_workers";
  if (spec.MetricFloats() != other.MetricFloats()) {
    differs = "train.evaluate.metrics, train.early_stop, checkpoint.best or on_nonfinite";
  }
  if (differs.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("init: ", differs, " is not that of ", source.id(),
                                                 ", whose checkpoint this job is to begin with"));
}

}  // namespace

absl::Status FindOrigin(Job& job, const JobTable& table) {
  const InitSpec& init = job.spec.init;
  if (!init.checkpoint.empty()) {
    job.record.mutable_first_origin()->set_directory(init.checkpoint);
  }
  if (init.job.empty()) return absl::OkStatus();
  auto source = table.Find(init.job);
  if (!source.ok()) return source.status();
  if (absl::Status alike = CheckAlike(job.spec, **source); !alike.ok()) return alike;
  const pb::StoredStep* found = init.best ? BestGood(**source) : NewestGood(**source, init.step);
  if (found == nullptr && init.best) return NoBest(**source);
  if (found == nullptr) return NoCheckpoint(**source, init.step);
  pb::Origin* origin = job.record.mutable_first_origin();
  origin->set_cluster(table.cluster());
  origin->set_job(init.job);
  origin->set_history(found->history());
  origin->set_step(found->step());
  *origin->mutable_pieces() = found->shards();
  return absl::OkStatus();
}

std::vector<pb::Wait> LocateParts(const Resources& resources, pb::Origin* origin) {
  std::vector<pb::Wait> waits;
  for (pb::StoredShard& part : *origin->mutable_pieces()) {
    const KnownMember* server = resources.FindServer(part.server());
    if (server != nullptr) {
      part.set_address(server->who.address());
    } else {
      waits.push_back(MakeWait(
          part.server(), absl::StrCat("is not there, and has blocks [", part.block_begin(), ", ",
                                      part.block_end(), ") of step ", origin->step(), " of ",
                                      origin->job(), ", which the job begins with")));
    }
  }
  return waits;
}

bool BeganWith(const JobTable& table, const pb::StoredRange& stored) {
  for (const auto& [order, job] : table.jobs()) {
    if (job->ended()) continue;
    const auto& pieces = job->record.first_origin().pieces();
    const bool found = std::any_of(pieces.begin(), pieces.end(), [&](const auto& piece) {
      return piece.hash() == stored.hash();
    });
    if (found) return true;
  }
  return false;
}

}  // namespace paracord
