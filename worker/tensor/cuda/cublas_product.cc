#include "worker/tensor/cuda/cublas_product.h"

#include <algorithm>
#include <string>

#include "common/base/status.h"

namespace paracord {
namespace {

// Fixed, because an algorithm may depend on it.
constexpr uint64_t kWorkspaceBytes = uint64_t{32} << 20;
// What an algorithm is chosen for where rows or columns are to be alone, whatever their number.
constexpr int64_t kRowsAlone = 4096, kColumnsAlone = 16384;
constexpr uint64_t kMostAlignment = 16;

absl::Status CublasStatus(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cuBLAS, ", what, ": ", cublasLtGetStatusString(status)));
}

uint32_t AlignmentOf(const void* data) {
  const auto address = reinterpret_cast<uint64_t>(data);
  return static_cast<uint32_t>(std::min(kMostAlignment, address & (~address + 1)));
}

uint32_t AlignmentOf(const Product& p) {
  const uint32_t least = std::min({AlignmentOf(p.a.data), AlignmentOf(p.b.data), AlignmentOf(p.c)});
  return p.bias == nullptr ? least : std::min(least, AlignmentOf(p.bias));
}

// The product of the same kind that an algorithm is chosen for.
Product Representative(Product p) {
  if (p.alone == Product::Alone::kRows) p.m = kRowsAlone;
  if (p.alone != Product::Alone::kColumns) return p;
  p.n = p.b.stride = p.c_stride = kColumnsAlone;
  if (p.b.batch_stride != 0) p.b.batch_stride = p.k * kColumnsAlone;
  if (p.c_batch_stride != 0) p.c_batch_stride = p.m * kColumnsAlone;
  return p;
}

ProductShape ShapeOf(const Product& p) {
  const int64_t kind = int64_t{p.a.transposed} | int64_t{p.b.transposed} << 1 |
                       int64_t{p.add} << 2 | int64_t{p.bias != nullptr} << 3 |
                       int64_t{p.bfloat16} << 4 | static_cast<int64_t>(p.alone) << 5 |
                       int64_t{AlignmentOf(p)} << 8;
  return {p.m,
          p.n,
          p.k,
          kind,
          p.batches,
          p.a.stride,
          p.b.stride,
          p.c_stride,
          p.a.batch_stride,
          p.b.batch_stride,
          p.c_batch_stride};
}

// cuBLAS counts columns first: its c is our c turned, its first factor our b. Errors of making a
// description are kept, the first one.
class Description {
 public:
  explicit Description(const Product& p) {
    Check(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    Set(CUBLASLT_MATMUL_DESC_TRANSA, p.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    Set(CUBLASLT_MATMUL_DESC_TRANSB, p.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (p.bias != nullptr) {
      Set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      Set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
    }
    const cudaDataType_t type = p.bfloat16 ? CUDA_R_16BF : CUDA_R_32F;
    Layout(&first, type, p.n, p.k, p.b.transposed, p.b.stride, p.batches, p.b.batch_stride);
    Layout(&second, type, p.k, p.m, p.a.transposed, p.a.stride, p.batches, p.a.batch_stride);
    Layout(&result, CUDA_R_32F, p.n, p.m, false, p.c_stride, p.batches, p.c_batch_stride);
  }
  ~Description() {
    for (cublasLtMatrixLayout_t layout : {first, second, result}) {
      if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
    }
    if (product != nullptr) cublasLtMatmulDescDestroy(product);
  }
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;

  absl::Status status() const { return CublasStatus(status_, "a product's description"); }

  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t first = nullptr, second = nullptr, result = nullptr;

 private:
  void Check(cublasStatus_t status) {
    if (status_ == CUBLAS_STATUS_SUCCESS) status_ = status;
  }
  template <typename T>
  void Set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    if (status_ != CUBLAS_STATUS_SUCCESS) return;
    Check(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof(value)));
  }
  void Layout(cublasLtMatrixLayout_t* layout, cudaDataType_t type, int64_t rows, int64_t columns,
              bool turned, int64_t stride, int64_t batches, int64_t batch_stride) {
    if (status_ != CUBLAS_STATUS_SUCCESS) return;
    Check(cublasLtMatrixLayoutCreate(layout, type, static_cast<uint64_t>(turned ? columns : rows),
                                     static_cast<uint64_t>(turned ? rows : columns), stride));
    if (batches == 1 || status_ != CUBLAS_STATUS_SUCCESS) return;
    const auto count = static_cast<int32_t>(batches);
    Check(cublasLtMatrixLayoutSetAttribute(*layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                           sizeof(count)));
    Check(cublasLtMatrixLayoutSetAttribute(*layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                           &batch_stride, sizeof(batch_stride)));
  }

  cublasStatus_t status_ = CUBLAS_STATUS_SUCCESS;
};

// What an algorithm may do.
class Preference {
 public:
  Preference(uint32_t alignment, bool parts) {
    Check(cublasLtMatmulPreferenceCreate(&preference));
    Set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
    // Parts of a sum over k are added from the workspace, in order, or there are none.
    const uint32_t schemes =
        parts ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE : CUBLASLT_REDUCTION_SCHEME_NONE;
    Set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, schemes);
    for (const auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
      Set(attribute, alignment);
    }
  }
  ~Preference() {
    if (preference != nullptr) cublasLtMatmulPreferenceDestroy(preference);
  }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;

  absl::Status status() const { return CublasStatus(status_, "a preference"); }

  cublasLtMatmulPreference_t preference = nullptr;

 private:
  void Check(cublasStatus_t status) {
    if (status_ == CUBLAS_STATUS_SUCCESS) status_ = status;
  }
  template <typename T>
  void Set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    if (status_ != CUBLAS_STATUS_SUCCESS) return;
    Check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)));
  }

  cublasStatus_t status_ = CUBLAS_STATUS_SUCCESS;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CublasProduct>> CublasProduct::Open(GpuQueue& queue) {
  std::unique_ptr<CublasProduct> product(new CublasProduct(queue));
  RETURN_IF_ERROR(CublasStatus(cublasLtCreate(&product->handle_), "opening it"));
  ASSIGN_OR_RETURN(product->workspace_, queue.arena().Take(kWorkspaceBytes));
  return product;
}

CublasProduct::~CublasProduct() {
  if (workspace_ != 0) queue_.arena().GiveBack(workspace_);
  if (handle_ != nullptr) cublasLtDestroy(handle_);
}

void CublasProduct::Multiply(const Product& product) const {
  if (product.m == 0 || product.n == 0 || product.batches == 0 || !queue_.Ready()) return;
  const absl::Status status = Run(product);
  if (status.ok()) return;
  queue_.Keep(Annotate(status, absl::StrCat("product [", product.m, ", ", product.k, "] [",
                                            product.k, ", ", product.n, "] x ", product.batches)));
}

absl::Status CublasProduct::Run(const Product& product) const {
  ASSIGN_OR_RETURN(const cublasLtMatmulAlgo_t algorithm, AlgorithmFor(product));
  const Description description(product);
  RETURN_IF_ERROR(description.status());
  const float one = 1, factor = product.add ? 1 : 0;
  return CublasStatus(
      cublasLtMatmul(handle_, description.product, &one, product.b.data, description.first,
                     product.a.data, description.second, &factor, product.c, description.result,
                     product.c, description.result, &algorithm, reinterpret_cast<void*>(workspace_),
                     kWorkspaceBytes, queue_.compute()),
      "a product");
}

absl::StatusOr<cublasLtMatmulAlgo_t> CublasProduct::AlgorithmFor(const Product& product) const {
  const ProductShape shape = ShapeOf(product);
  MutexLock lock(mutex_);
  const auto known = algorithms_.find(shape);
  if (known != algorithms_.end()) return known->second;
  ASSIGN_OR_RETURN(const cublasLtMatmulAlgo_t algorithm, Choose(product));
  algorithms_[shape] = algorithm;
  return algorithm;
}

absl::StatusOr<cublasLtMatmulAlgo_t> CublasProduct::Choose(const Product& product) const {
  if (product.alone == Product::Alone::kNothing) return Ask(product);
  const Product many = Representative(product);
  auto known = algorithms_.find(ShapeOf(many));
  if (known == algorithms_.end()) {
    ASSIGN_OR_RETURN(const cublasLtMatmulAlgo_t algorithm, Ask(many));
    known = algorithms_.emplace(ShapeOf(many), algorithm).first;
  }
  if (Can(known->second, product)) return known->second;
  return Ask(product);
}

bool CublasProduct::Can(const cublasLtMatmulAlgo_t& algorithm, const Product& p) const {
  const Description description(p);
  cublasLtMatmulHeuristicResult_t result{};
  return description.status().ok() &&
         cublasLtMatmulAlgoCheck(handle_, description.product, description.first,
                                 description.second, description.result, description.result,
                                 &algorithm, &result) == CUBLAS_STATUS_SUCCESS &&
         result.workspaceSize <= kWorkspaceBytes;
}

absl::StatusOr<cublasLtMatmulAlgo_t> CublasProduct::Ask(const Product& p) const {
  const Description description(p);
  RETURN_IF_ERROR(description.status());
  const Preference preference(AlignmentOf(p), p.alone == Product::Alone::kNothing);
  RETURN_IF_ERROR(preference.status());
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  RETURN_IF_ERROR(CublasStatus(
      cublasLtMatmulAlgoGetHeuristic(handle_, description.product, description.first,
                                     description.second, description.result, description.result,
                                     preference.preference, 1, &best, &found),
      "choosing an algorithm"));
  if (found == 0) return absl::InternalError("cuBLAS has no algorithm for it");
  return best.algo;
}

}  // namespace paracord
