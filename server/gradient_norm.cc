#include "server/gradient_norm.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status.h"

namespace paracord {
namespace {

constexpr Duration kLongestWait = seconds(10);  // below the client's deadline of 15 s

}  // namespace

GradientNorm::GradientNorm(const ShardJob& job, BlockRange range, uint32_t index,
                           const ShardEnvironment& environment)
    : job_(job),
      index_(index),
      range_(range),
      environment_(environment),
      squares_(range.size(), 0.0) {
  for (uint64_t block = range.begin; block < range.end; ++block) {
    if (Counts(block)) blocks_.push_back(block);
  }
}

GradientNorm::~GradientNorm() {
  for (auto& [begin, part] : parts_) {
    part.waiting(absl::UnavailableError("the shard ends"));
  }
  Disconnect();
}

// On a thread that is in none of its callbacks, as this one may be.
void GradientNorm::Disconnect() {
  if (first_ != nullptr) environment_.storage.Post([first = std::move(first_)] {});
}

void GradientNorm::Begin(uint64_t step) {
  if (step == step_) return;
  step_ = step;
  noted_ = 0;
  asked_ = false;
}

void GradientNorm::Note(uint64_t block, double squares) {
  squares_[block - range_.begin] = squares;
  ++noted_;
}

void GradientNorm::Ask(const pb::Plan& plan, Callback<pb::NormReply> done) {
  asked_ = true;
  pb::NormRequest request;
  request.set_job(job_.id);
  request.set_history(plan.history());
  request.set_step(step_);
  request.set_block_begin(range_.begin);
  request.set_block_end(range_.end);
  for (const uint64_t block : blocks_) request.add_squares(squares_[block - range_.begin]);
  if (index_ == 0) return Take(request, std::move(done));
  if (environment_.connect == nullptr || plan.shards().empty()) {
    return done(absl::UnavailableError("the plan names no first shard"));
  }
  const pb::ShardRange& first = plan.shards(0);
  request.set_shard(first.index());
  if (first.address() != address_) {
    Disconnect();
    first_ = environment_.connect(first.address());
    address_ = first.address();
  }
  first_->Norm(request, std::move(done));
}

uint64_t GradientNorm::TrainedIn(BlockRange blocks) const {
  uint64_t trained = 0;
  for (uint64_t block = blocks.begin; block < blocks.end; ++block) trained += Counts(block);
  return trained;
}

absl::Status GradientNorm::Check(const pb::NormRequest& request) const {
  const BlockRange blocks{request.block_begin(), request.block_end()};
  if (blocks.begin > blocks.end || blocks.end > job_.grid.blocks()) {
    return absl::InvalidArgumentError(absl::StrCat("found blocks [", blocks.begin, ", ", blocks.end,
                                                   "), the model has ", job_.grid.blocks()));
  }
  const uint64_t trained = TrainedIn(blocks);
  if (trained == static_cast<uint64_t>(request.squares_size())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("found ", request.squares_size(), " squares for ", trained, " trained blocks"));
}

void GradientNorm::Take(const pb::NormRequest& request, Callback<pb::NormReply> done) {
  if (const absl::Status fits = Check(request); !fits.ok()) return done(fits);
  if (told_.has_value() && request.step() == told_->step) {
    pb::NormReply reply;
    reply.set_squares(told_->squares);
    return done(reply);
  }
  const uint64_t open = std::max(collecting_, told_.has_value() ? told_->step : 0);
  if (request.step() < open) {
    return done(absl::OutOfRangeError(absl::StrCat("step ", request.step(), " is over")));
  }
  if (request.step() != collecting_) {
    for (auto& [begin, part] : std::exchange(parts_, {})) {
      part.waiting(absl::OutOfRangeError("the step is over"));
    }
    collecting_ = request.step();
  }
  Part part{{request.squares().begin(), request.squares().end()},
            std::move(done),
            environment_.timer.Now()};
  const auto [before, first] = parts_.try_emplace(request.block_begin());
  std::swap(before->second, part);
  if (!first) part.waiting(absl::UnavailableError("it was asked again"));
  Tell();
}

void GradientNorm::Expire() {
  const TimePoint now = environment_.timer.Now();
  std::erase_if(parts_, [&](const auto& entry) {
    const Part& part = entry.second;
    if (now - part.since < kLongestWait) return false;
    part.waiting(absl::DeadlineExceededError(
        absl::StrCat("the gradient of step ", collecting_, " is not all there yet")));
    return true;
  });
}

// Everybody, if all blocks are there.
void GradientNorm::Tell() {
  uint64_t there = 0;
  for (const auto& [begin, part] : parts_) there += part.squares.size();
  if (there < TrainedIn({0, job_.grid.blocks()})) return;
  double sum = 0;
  for (const auto& [begin, part] : parts_) {
    for (const double squares : part.squares) sum += squares;
  }
  told_ = Known{collecting_, sum};
  pb::NormReply reply;
  reply.set_squares(sum);
  for (auto& [begin, part] : std::exchange(parts_, {})) part.waiting(reply);
}

float ClipFactor(double most, double squares) {
  const double norm = std::sqrt(squares);
  return std::isfinite(norm) && norm > most ? static_cast<float>(most / norm) : 1.0f;
}

}  // namespace paracord
