#include "scheduler/compute_class.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace paracord {
namespace {

constexpr std::array<const char*, 9> kIsas = {"SSE41",
                                              "AVX",
                                              "AVX2",
                                              "AVX512_CORE",
                                              "AVX512_CORE_VNNI",
                                              "AVX512_CORE_BF16",
                                              "AVX512_CORE_FP16",
                                              "AVX512_CORE_AMX",
                                              "AVX512_CORE_AMX_FP16"};

}  // namespace

int IsaRank(const std::string& isa) {
  for (size_t i = 0; i < kIsas.size(); ++i) {
    if (isa == kIsas[i]) return static_cast<int>(i);
  }
  return -1;
}

int GpuArchitecture(const std::string& isa) {
  constexpr int kMost = 1 << 20;
  int number = 0;
  if (!absl::StartsWith(isa, "sm_")) return 0;
  for (size_t i = 3; i < isa.size() && absl::ascii_isdigit(isa[i]) && number < kMost; ++i) {
    number = number * 10 + (isa[i] - '0');
  }
  return number;
}

bool CanCompute(const pb::ComputeClass& host, const pb::ComputeClass& wanted) {
  if (host.device() != wanted.device() || host.library() != wanted.library()) return false;
  if (host.isa() == wanted.isa()) return true;
  return IsaRank(wanted.isa()) >= 0 && IsaRank(host.isa()) > IsaRank(wanted.isa());
}

std::string ClassString(const pb::ComputeClass& compute) {
  return absl::StrCat(compute.device(), " ", BitsString(compute));
}

std::string BitsString(const pb::ComputeClass& compute) {
  return absl::StrCat(compute.isa(), " ", compute.library());
}

}  // namespace paracord
