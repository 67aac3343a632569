#include "worker/predict_calls.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/rpc/rpc.h"
#include "worker/predictor.h"

namespace paracord {
namespace {

std::string FolderOfCalls(const std::string& directory) { return directory + "/predict"; }

}  // namespace

class PredictCalls::Refusal : public Reactor {
 public:
  explicit Refusal(const absl::Status& why) { Finish(ToGrpc(why)); }
  void OnDone() override { delete this; }
};

// One thread serves it from the first message to the last, and waits for what gRPC tells it.
class PredictCalls::Call : public Reactor {
 public:
  Call(grpc::CallbackServerContext* context, const Options& options, std::string folder)
      : context_(context), options_(options), folder_(std::move(folder)) {}

  // Returns when gRPC knows nothing of it any more. `leave` comes before the caller can know that
  // it has ended, and may call again.
  void Run(const std::function<void()>& leave) {
    const absl::Status status = Serve();
    leave();
    Finish(ToGrpc(status));
    MutexLock lock(mutex_);
    while (!done_) changed_.Wait(mutex_);
  }

  void OnReadDone(bool ok) override { Tell(ok); }
  void OnWriteDone(bool ok) override { Tell(ok); }
  void OnCancel() override {
    MutexLock lock(mutex_);
    cancelled_ = true;
    if (predictor_ != nullptr) predictor_->Interrupt();
  }
  void OnDone() override {
    MutexLock lock(mutex_);
    done_ = true;
    changed_.NotifyAll();
  }

 private:
  absl::Status Serve() {
    if (!Await([this] { StartRead(&request_); })) return absl::OkStatus();
    Predictor predictor(
        {options_.binary, folder_, request_.model().compute().isa(), options_.threads});
    Lend(&predictor);
    absl::Status status = Exchange(predictor);
    Lend(nullptr);
    return status;
  }

  absl::Status Exchange(Predictor& predictor) {
    RETURN_IF_ERROR(predictor.Start());
    do {
      ASSIGN_OR_RETURN(reply_, predictor.Answer(request_));
      if (!Await([this] { StartWrite(&reply_); })) return absl::CancelledError("the caller left");
    } while (Await([this] { StartRead(&request_); }));
    return absl::OkStatus();
  }

  // To OnCancel, which may come at any time.
  void Lend(Predictor* predictor) {
    MutexLock lock(mutex_);
    predictor_ = predictor;
    if (predictor != nullptr && cancelled_) predictor->Interrupt();
  }

  // Starts one operation and waits for it. False: there is nothing to read any more, or the caller
  // has gone.
  template <class Start>
  bool Await(const Start& start) {
    {
      MutexLock lock(mutex_);
      told_.reset();
    }
    start();
    MutexLock lock(mutex_);
    const TimePoint until = Clock::now() + options_.patience;
    while (!told_ && changed_.WaitUntil(mutex_, until)) continue;
    if (!told_) context_->TryCancel();  // which ends the operation too
    while (!told_) changed_.Wait(mutex_);
    return *told_;
  }

  void Tell(bool ok) {
    MutexLock lock(mutex_);
    told_ = ok;
    changed_.NotifyAll();
  }

  grpc::CallbackServerContext* const context_;
  const Options& options_;
  const std::string folder_;
  pb::PredictRequest request_;
  pb::PredictReply reply_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<bool> told_ ABSL_GUARDED_BY(mutex_);
  Predictor* predictor_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

PredictCalls::PredictCalls(Options options)
    : options_(std::move(options)), crew_(static_cast<int>(options_.most) + 1) {
  std::error_code ignored;
  std::filesystem::remove_all(FolderOfCalls(options_.directory), ignored);
}

PredictCalls::~PredictCalls() = default;

PredictCalls::Reactor* PredictCalls::Accept(grpc::CallbackServerContext* context) {
  if (!Enter()) {
    return new Refusal(absl::UnavailableError(
        absl::StrCat("found ", options_.most, " predictions under way here; expected fewer")));
  }
  auto* call = new Call(context, options_, NextFolder());
  crew_.Post([this, call](int) {
    call->Run([this] { Leave(); });
    delete call;
  });
  return call;
}

bool PredictCalls::Enter() {
  MutexLock lock(mutex_);
  if (under_way_ >= options_.most) return false;
  ++under_way_;
  return true;
}

void PredictCalls::Leave() {
  MutexLock lock(mutex_);
  --under_way_;
}

std::string PredictCalls::NextFolder() {
  MutexLock lock(mutex_);
  return absl::StrCat(FolderOfCalls(options_.directory), "/", ++begun_);
}

}  // namespace paracord
