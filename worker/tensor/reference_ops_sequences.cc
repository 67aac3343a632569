// ReferenceOps, the part for sequences: norms over tokens, embeddings, attention, and what moves
// values about.
#include <algorithm>
#include <cmath>
#include <vector>

#include "worker/tensor/reference_ops.h"

namespace paracord {
namespace {

double Logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// The parts of a token in qkv, and where a probability is kept.
struct Places {
  const AttentionShape& s;

  int64_t Query(int64_t r, int64_t h, int64_t l) const {
    return (r * s.length + l) * s.packed() + h * s.head_width;
  }
  int64_t Key(int64_t r, int64_t h, int64_t l) const {
    return Query(r, s.heads + h / (s.heads / s.kv_heads), l);
  }
  int64_t Value(int64_t r, int64_t h, int64_t l) const {
    return Key(r, h, l) + s.kv_heads * s.head_width;
  }
  int64_t Output(int64_t r, int64_t h, int64_t l) const {
    return (r * s.length + l) * s.width() + h * s.head_width;
  }
  int64_t Kept(int64_t r, int64_t h, int64_t l) const {
    return ((r * s.heads + h) * s.length + l) * s.length;
  }
  int64_t Seen(int64_t l) const { return s.causal ? l + 1 : s.length; }
  double Scale() const { return 1 / std::sqrt(static_cast<double>(s.head_width)); }
};

template <typename A, typename B>
double Dot(int64_t count, const A* a, const B* b) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Calls visit(r, h, l) for each query.
template <typename Visit>
void VisitQueries(const AttentionShape& s, Visit visit) {
  for (int64_t i = 0; i < s.rows * s.heads * s.length; ++i) {
    visit(i / s.length / s.heads, i / s.length % s.heads, i % s.length);
  }
}

}  // namespace

void ReferenceOps::Add(int64_t count, const float* x, const float* y, float* out) const {
  for (int64_t i = 0; i < count; ++i) out[i] = x[i] + y[i];
}

void ReferenceOps::AddToRows(int64_t rows, int64_t columns, const float* x, const float* row,
                             float* y) const {
  for (int64_t i = 0; i < rows * columns; ++i) y[i] = x[i] + row[i % columns];
}

void ReferenceOps::CopyRows(int64_t rows, int64_t columns, const float* x, int64_t x_stride,
                            float* y, int64_t y_stride) const {
  for (int64_t r = 0; r < rows; ++r) std::copy_n(x + r * x_stride, columns, y + r * y_stride);
}

void ReferenceOps::Transpose(int64_t rows, int64_t height, int64_t width, const float* x,
                             float* y) const {
  for (int64_t i = 0; i < rows * height * width; ++i) {
    const int64_t r = i / width / height;
    y[(r * width + i % width) * height + i / width % height] = x[i];
  }
}

void ReferenceOps::LayerNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                                    const float* gamma, const float* beta, float* y,
                                    float* kept) const {
  const std::vector<float> zeros(static_cast<size_t>(width));
  for (int64_t r = 0; r < rows; ++r) {  // a row is a group of one point a channel
    GroupNormForward({1, width, 1}, epsilon, x + r * width, gamma, beta ? beta : zeros.data(),
                     y + r * width, kept + 2 * r);
  }
}

void ReferenceOps::LayerNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                                     const float* gamma, const float* dy, float* dx, float* dgamma,
                                     float* dbeta) const {
  std::vector<float> spare(static_cast<size_t>(width));
  GroupNormBackward({rows, width, 1}, x, kept, gamma, dy, dx, dgamma, dbeta ? dbeta : spare.data());
}

void ReferenceOps::RmsNormForward(int64_t rows, int64_t width, float epsilon, const float* x,
                                  const float* gamma, float* y, float* kept) const {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * width;
    const double factor =
        1 / std::sqrt(Dot(width, row, row) / static_cast<double>(width) + epsilon);
    for (int64_t i = 0; i < width; ++i) {
      y[r * width + i] = static_cast<float>(row[i] * factor * gamma[i]);
    }
    kept[r] = static_cast<float>(factor);
  }
}

void ReferenceOps::RmsNormBackward(int64_t rows, int64_t width, const float* x, const float* kept,
                                   const float* gamma, const float* dy, float* dx,
                                   float* dgamma) const {
  std::vector<double> sums(static_cast<size_t>(width));
  for (int64_t r = 0; r < rows; ++r) {
    const double factor = kept[r];
    double product = 0;
    for (int64_t i = r * width; i < (r + 1) * width; ++i) {
      sums[i % width] += dy[i] * (x[i] * factor);
      product += static_cast<double>(dy[i]) * gamma[i % width] * (x[i] * factor);
    }
    for (int64_t i = r * width; i < (r + 1) * width; ++i) {
      const double shared = x[i] * factor * product / static_cast<double>(width);
      dx[i] = static_cast<float>((static_cast<double>(dy[i]) * gamma[i % width] - shared) * factor);
    }
  }
  for (int64_t i = 0; i < width; ++i) dgamma[i] = static_cast<float>(sums[i]);
}

void ReferenceOps::EmbeddingForward(int64_t count, int64_t width, const float* ids,
                                    const float* table, float* y) const {
  for (int64_t i = 0; i < count * width; ++i) {
    y[i] = table[static_cast<int64_t>(ids[i / width]) * width + i % width];
  }
}

void ReferenceOps::EmbeddingBackward(int64_t count, int64_t vocabulary, int64_t width,
                                     const float* ids, const float* dy, float* dtable) const {
  std::vector<double> sums(static_cast<size_t>(vocabulary * width));
  for (int64_t i = 0; i < count * width; ++i) {
    sums[static_cast<int64_t>(ids[i / width]) * width + i % width] += dy[i];
  }
  for (size_t i = 0; i < sums.size(); ++i) dtable[i] = static_cast<float>(sums[i]);
}

void ReferenceOps::Rotate(const RotaryShape& s, const float* table, bool back, float* x) const {
  const int64_t half = s.head_width / 2;
  for (int64_t i = 0; i < s.rows * s.length * s.heads * half; ++i) {
    const int64_t pair = i % half, head = i / half % s.heads, token = i / half / s.heads;
    float* at = x + token * s.stride + head * s.head_width + pair;
    const float* angle = table + token % s.length * s.head_width + pair;
    const double a = at[0], b = at[half], cosine = angle[0];
    const double sine = back ? -angle[half] : angle[half];
    at[0] = static_cast<float>(a * cosine - b * sine);
    at[half] = static_cast<float>(a * sine + b * cosine);
  }
}

int64_t ReferenceOps::AttentionScratch(const AttentionShape&) const { return 0; }

void ReferenceOps::AttentionForward(const AttentionShape& s, const float* qkv, float* y,
                                    float* kept, float*) const {
  const Places at = {s};
  std::fill_n(kept, s.rows * s.probabilities(), 0.0f);
  std::vector<double> p(static_cast<size_t>(s.length));
  VisitQueries(s, [&](int64_t r, int64_t h, int64_t l) {
    const auto end = p.begin() + at.Seen(l);
    for (int64_t k = 0; k < at.Seen(l); ++k) {
      p[k] = at.Scale() * Dot(s.head_width, qkv + at.Query(r, h, l), qkv + at.Key(r, h, k));
    }
    const double largest = *std::max_element(p.begin(), end);
    double sum = 0;
    for (int64_t k = 0; k < at.Seen(l); ++k) sum += p[k] = std::exp(p[k] - largest);
    for (int64_t i = 0; i < s.head_width; ++i) {
      double mean = 0;
      for (int64_t k = 0; k < at.Seen(l); ++k) mean += p[k] / sum * qkv[at.Value(r, h, k) + i];
      y[at.Output(r, h, l) + i] = static_cast<float>(mean);
    }
    for (int64_t k = 0; k < at.Seen(l); ++k) {
      kept[at.Kept(r, h, l) + k] = static_cast<float>(p[k] / sum);
    }
  });
}

void ReferenceOps::AttentionBackward(const AttentionShape& s, const float* qkv, const float* kept,
                                     const float* dy, float* dqkv, float*) const {
  const Places at = {s};
  std::vector<double> sums(static_cast<size_t>(s.rows * s.length * s.packed()));
  std::vector<double> dp(static_cast<size_t>(s.length));
  VisitQueries(s, [&](int64_t r, int64_t h, int64_t l) {
    const float* p = kept + at.Kept(r, h, l);
    const float* dout = dy + at.Output(r, h, l);
    for (int64_t k = 0; k < at.Seen(l); ++k) {
      dp[k] = Dot(s.head_width, dout, qkv + at.Value(r, h, k));
    }
    const double shared = Dot(at.Seen(l), p, dp.data());
    for (int64_t k = 0; k < at.Seen(l); ++k) {
      const double ds = p[k] * (dp[k] - shared) * at.Scale();
      for (int64_t i = 0; i < s.head_width; ++i) {
        sums[at.Value(r, h, k) + i] += static_cast<double>(p[k]) * dout[i];
        sums[at.Query(r, h, l) + i] += ds * qkv[at.Key(r, h, k) + i];
        sums[at.Key(r, h, k) + i] += ds * qkv[at.Query(r, h, l) + i];
      }
    }
  });
  for (size_t i = 0; i < sums.size(); ++i) dqkv[i] = static_cast<float>(sums[i]);
}

void ReferenceOps::SwigluForward(int64_t rows, int64_t columns, const float* x, float* y) const {
  for (int64_t i = 0; i < rows * columns; ++i) {
    const float* gate = x + i / columns * 2 * columns + i % columns;
    y[i] = static_cast<float>(gate[0] * Logistic(gate[0]) * gate[columns]);
  }
}

void ReferenceOps::SwigluBackward(int64_t rows, int64_t columns, const float* x, const float* dy,
                                  float* dx) const {
  for (int64_t i = 0; i < rows * columns; ++i) {
    const int64_t gate = i / columns * 2 * columns + i % columns, up = gate + columns;
    const double g = x[gate], s = Logistic(g), slope = s * (1 + g * (1 - s));
    const double u = x[up];
    dx[gate] = static_cast<float>(dy[i] * slope * u);
    dx[up] = static_cast<float>(dy[i] * g * s);
  }
}

}  // namespace paracord
