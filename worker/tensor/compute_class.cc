#include "worker/tensor/compute_class.h"

#include "absl/strings/str_cat.h"
#include "oneapi/dnnl/dnnl.h"

namespace paracord {
namespace {

const char* IsaName(dnnl_cpu_isa_t isa) {
  switch (isa) {
    case dnnl_cpu_isa_all:
      return "ALL";
    case dnnl_cpu_isa_sse41:
      return "SSE41";
    case dnnl_cpu_isa_avx:
      return "AVX";
    case dnnl_cpu_isa_avx2:
      return "AVX2";
    case dnnl_cpu_isa_avx2_vnni:
      return "AVX2_VNNI";
    case dnnl_cpu_isa_avx512_mic:
      return "AVX512_MIC";
    case dnnl_cpu_isa_avx512_mic_4ops:
      return "AVX512_MIC_4OPS";
    case dnnl_cpu_isa_avx512_core:
      return "AVX512_CORE";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "AVX512_CORE_VNNI";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "AVX512_CORE_BF16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "AVX512_CORE_AMX";
  }
  return "UNKNOWN";
}

}  // namespace

ComputeClass CpuComputeClass() {
  const dnnl_version_t* version = dnnl_version();
  return {"cpu", IsaName(dnnl_get_effective_cpu_isa()),
          absl::StrCat("oneDNN ", version->major, ".", version->minor, ".", version->patch)};
}

}  // namespace paracord
