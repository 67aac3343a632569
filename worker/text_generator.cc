#include "worker/text_generator.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/base/philox.h"
#include "common/base/status.h"
#include "worker/tensor/vector_math.h"

namespace paracord {
namespace {

constexpr uint64_t kStream = 0x67656e6572617465;  // "generate": of the seed's words

// Does the layer give each token's output from this token and those before it alone?
bool LooksBackOnly(const LayerSpec& layer) {
  switch (layer.kind) {
    case LayerKind::kEmbedding:
      return layer.input.size() == 1 && layer.columns.empty();
    case LayerKind::kAttention:
      return layer.causal;
    case LayerKind::kLinear:
    case LayerKind::kLayerNorm:
    case LayerKind::kRmsNorm:
    case LayerKind::kPositions:
    case LayerKind::kRotary:
    case LayerKind::kRelu:
    case LayerKind::kTanh:
    case LayerKind::kSigmoid:
    case LayerKind::kGelu:
    case LayerKind::kSilu:
    case LayerKind::kSwiglu:
    case LayerKind::kDropout:
    case LayerKind::kAdd:
      return layer.input.size() == 2;
    default:
      return false;
  }
}

absl::Status CheckModel(const ModelSpec& model) {
  const Shape& output = model.output();
  if (model.input.size() != 1 || output.size() != 2 || output[0] != model.input[0]) {
    return absl::InvalidArgumentError(
        absl::StrCat("found a model from ", ShapeString(model.input), " to ", ShapeString(output),
                     "; expected one from [context] to [context, vocabulary], as preset gpt"));
  }
  for (const LayerSpec& layer : model.layers) {
    if (LooksBackOnly(layer)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("found layer ", layer.place, ", ", Name(layer.kind),
                     ", which may look at tokens that are still to come; expected attention that "
                     "is causal, and layers that take each token alone"));
  }
  return absl::OkStatus();
}

// [0, 1), one of 2^53 values.
double UnitOf(uint64_t seed, uint64_t token) {
  const PhiloxBlock words = Philox(MixKey(seed, kStream), 0, token);
  return static_cast<double>((uint64_t{words[1]} << 32 | words[0]) >> 11) * 0x1p-53;
}

}  // namespace

int64_t DrawToken(const float* logits, int64_t count, double temperature, int64_t top_k,
                  double unit) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return logits[a] > logits[b]; });
  if (temperature <= 0) return order[0];
  if (top_k > 0 && top_k < count) order.resize(static_cast<size_t>(top_k));
  std::vector<double> shares;
  for (const int64_t token : order) {
    const double below = (static_cast<double>(logits[token]) - logits[order[0]]) / temperature;
    shares.push_back(static_cast<double>(Exp(static_cast<float>(std::max(below, -1000.0)))));
  }
  const double at = unit * std::accumulate(shares.begin(), shares.end(), 0.0);
  double sum = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    sum += shares[i];
    if (sum > at) return order[i];
  }
  return order[0];  // rounding has left nothing at the end
}

absl::StatusOr<std::string> Generate(const TrainedModel& trained, const TextVocabulary& vocabulary,
                                     const GenerateRequest& request) {
  const ModelSpec& model = trained.spec().model;
  RETURN_IF_ERROR(CheckModel(model));
  std::vector<int64_t> tokens = vocabulary.Encode(request.prompt);
  if (tokens.empty())
    return absl::InvalidArgumentError("found an empty prompt; expected some text");
  const auto context = static_cast<size_t>(model.input[0]), first = tokens.size();
  const int64_t width = model.output()[1], count = std::min(width, vocabulary.size());
  Pass pass(trained.model(), 1);
  std::vector<float> ids(context), outputs(static_cast<size_t>(trained.outputs()));
  for (uint64_t i = 0; i < request.tokens; ++i) {
    const size_t seen = std::min(tokens.size(), context);
    std::fill(std::copy(tokens.end() - static_cast<int64_t>(seen), tokens.end(), ids.begin()),
              ids.end(), 0.0f);
    RETURN_IF_ERROR(trained.Ask(&pass, {ids.data(), nullptr, 1}, outputs.data()));
    const float* logits = outputs.data() + static_cast<int64_t>(seen - 1) * width;
    if (!std::all_of(logits, logits + count, [](float x) { return std::isfinite(x); })) {
      return absl::InvalidArgumentError("the model gives a logit that is no finite number");
    }
    tokens.push_back(
        DrawToken(logits, count, request.temperature, request.top_k, UnitOf(request.seed, i)));
  }
  return vocabulary.Decode({tokens.begin() + static_cast<int64_t>(first), tokens.end()});
}

}  // namespace paracord
