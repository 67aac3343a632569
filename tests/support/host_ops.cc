#include "tests/support/host_ops.h"

#include "worker/tensor/cuda/block_ops.h"
#include "worker/tensor/cuda/host_launcher.h"
#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

// Matrix products, images and attention as plain loops.
class OverReference : public ReferenceOps {
 public:
  explicit OverReference(HostLauncher launcher) : launcher_(launcher) {}

 protected:
  const HostLauncher& launcher() const { return launcher_; }

 private:
  HostLauncher launcher_;
};

}  // namespace

std::unique_ptr<Ops> MakeHostOps(HostOrder order) {
  return std::make_unique<PlainBlockOps<OverReference>>(HostLauncher(order));
}

}  // namespace paracord
