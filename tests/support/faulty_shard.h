// A server as one task sees it over a faulty wire. A task that was cut off gets answers that let
// its thread end (Unavailable), but nothing of it arrives any more.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "common/rpc/shard.h"
#include "tests/support/wire.h"

namespace paracord {

class FaultyShard : public Shard {
 public:
  // On the task's threads, before a push is on its way, each time that it is sent; may block.
  using OnPush = std::function<void(const pb::PushHeader&)>;

  FaultyShard(std::shared_ptr<Shard> real, std::shared_ptr<Wire> wire, OnPush on_push)
      : real_(std::move(real)), wire_(std::move(wire)), on_push_(std::move(on_push)) {}

  void Push(const pb::PushHeader& header, Payload floats, Callback<Payload> done) override {
    if (on_push_) on_push_(header);
    if (wire_->cut()) return done(absl::UnavailableError("cut off"));
    Carry<absl::StatusOr<Payload>>(
        [header, floats = std::move(floats)](Shard& real, auto answer) {
          real.Push(header, floats, answer);
        },
        std::move(done));
  }

  void Pull(const pb::PullHeader& header, Callback<Payload> done) override {
    if (wire_->cut()) return done(absl::UnavailableError("cut off"));
    Carry<absl::StatusOr<Payload>>(
        [header](Shard& real, auto answer) { real.Pull(header, answer); }, std::move(done));
  }

  void Query(const pb::QueryRequest& request, Callback<pb::QueryReply> done) override {
    if (wire_->cut()) return done(absl::UnavailableError("cut off"));
    Carry<absl::StatusOr<pb::QueryReply>>(
        [request](Shard& real, auto answer) { real.Query(request, answer); }, std::move(done));
  }

  void Lease(const pb::LeaseRequest& request, Callback<pb::LeaseReply> done) override {
    if (wire_->cut()) return done(absl::UnavailableError("cut off"));
    Carry<absl::StatusOr<pb::LeaseReply>>(
        [request](Shard& real, auto answer) { real.Lease(request, answer); }, std::move(done));
  }

  void Norm(const pb::NormRequest& request, Callback<pb::NormReply> done) override {
    if (wire_->cut()) return done(absl::UnavailableError("cut off"));
    Carry<absl::StatusOr<pb::NormReply>>(
        [request](Shard& real, auto answer) { real.Norm(request, answer); }, std::move(done));
  }

 private:
  template <class Answer>
  void Carry(std::function<void(Shard&, std::function<void(Answer)>)> call,
             std::function<void(Answer)> done) {
    // What is late must not keep the real one alive: its owner ends it.
    wire_->Carry<Answer>(
        [shard = std::weak_ptr<Shard>(real_), call = std::move(call)](auto answer) {
          if (auto real = shard.lock()) return call(*real, std::move(answer));
          answer(Answer(absl::UnavailableError("nobody there")));
        },
        std::move(done));
  }

  const std::shared_ptr<Shard> real_;
  const std::shared_ptr<Wire> wire_;
  const OnPush on_push_;
};

}  // namespace paracord
