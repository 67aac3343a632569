// Operations by launching bodies, one theme a header: each theme is a class template over the
// operations of another, and block_ops.h puts all of them together. This is what they stand on.
#pragma once

#include <cstdint>
#include <utility>

#include "worker/tensor/ops.h"

namespace paracord {

inline int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// `LauncherOfOps`: as host_launcher.h draws it.
template <class LauncherOfOps>
class LaunchedOps : public Ops {
 public:
  using Launcher = LauncherOfOps;
  explicit LaunchedOps(Launcher launcher = Launcher()) : launcher_(std::move(launcher)) {}

 protected:
  const Launcher& launcher() const { return launcher_; }

 private:
  Launcher launcher_;
};

}  // namespace paracord
