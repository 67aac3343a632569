// Shapes of the operations on images and sequences. What lies in memory is row-major: images
// [rows, channels, height, width], sequences [rows, length, width]. What is computed of a shape is
// constexpr, as kernels of a GPU ask it too.
#pragma once

#include <cstdint>

namespace paracord {

// How often a window of `kernel` fits into `size` padded at both ends: at least 1 for the shapes
// here.
constexpr int64_t WindowCount(int64_t size, int64_t kernel, int64_t stride, int64_t padding) {
  return (size + 2 * padding - kernel) / stride + 1;
}

// Weight [out_channels, in_channels / groups, kernel_height, kernel_width]; output channel o reads
// the input channels of its group alone. Both numbers of channels are multiples of `groups`.
struct ConvShape {
  int64_t rows, in_channels, height, width, out_channels, kernel_height, kernel_width;
  int64_t stride = 1, padding = 0, groups = 1;
  bool bfloat16 = false;  // x, weight and dy are from Ops::RoundOperand

  constexpr int64_t out_height() const {
    return WindowCount(height, kernel_height, stride, padding);
  }
  constexpr int64_t out_width() const { return WindowCount(width, kernel_width, stride, padding); }
  constexpr int64_t in_points() const { return height * width; }
  constexpr int64_t out_points() const { return out_height() * out_width(); }
  constexpr int64_t input() const { return in_channels * in_points(); }     // floats of a row of x
  constexpr int64_t output() const { return out_channels * out_points(); }  // of y
  constexpr int64_t weight() const {
    return out_channels * (in_channels / groups) * kernel_height * kernel_width;
  }
};

// A window for each channel. Padding is at most half the window, so that none lies outside.
struct PoolShape {
  int64_t rows, channels, height, width, kernel_height, kernel_width;
  int64_t stride = 1, padding = 0;

  constexpr int64_t out_height() const {
    return WindowCount(height, kernel_height, stride, padding);
  }
  constexpr int64_t out_width() const { return WindowCount(width, kernel_width, stride, padding); }
  constexpr int64_t input() const { return channels * height * width; }
  constexpr int64_t output() const { return channels * out_height() * out_width(); }
};

// x [rows, channels, points], points = height * width; `groups` divides the channels.
struct ChannelShape {
  int64_t rows, channels, points;
  int64_t groups = 1;  // group norm alone
};

// Heads that stand side by side in a token: head h of token l of row r begins at
// x + (r * length + l) * stride + h * head_width. head_width is even.
struct RotaryShape {
  int64_t rows, length, heads, head_width, stride;
};

// A token of qkv holds q of each head, then k, then v of each of the kv_heads. Query head h reads
// key and value head h / (heads / kv_heads); kv_heads divides heads.
struct AttentionShape {
  int64_t rows, length, heads, kv_heads, head_width;
  bool causal;  // a token sees itself and those before it

  constexpr int64_t width() const { return heads * head_width; }
  constexpr int64_t packed() const { return (heads + 2 * kv_heads) * head_width; }
  constexpr int64_t probabilities() const { return heads * length * length; }  // floats of a row
};

}  // namespace paracord
