#include "worker/tensor/rotary_table.h"

#include <cmath>

namespace paracord {
namespace {

// ln x for x > 1, by halving into [1, 2) and ln m = 2 artanh((m - 1) / (m + 1)); within 1e-15 of
// its size.
double NaturalLog(double x) {
  constexpr double kLnTwo = 0.693147180559945309417;
  int halvings = 0;
  for (; x >= 2; x *= 0.5) ++halvings;
  const double z = (x - 1) / (x + 1);
  double series = 0;  // z <= 1/3: the first term left out is below 3^-38 / 39
  for (int odd = 37; odd > 0; odd -= 2) series = series * z * z + 1.0 / odd;
  return halvings * kLnTwo + 2 * z * series;
}

// e^-x for x >= 0: the series at x / 2^k below 1/2, squared k times.
double Decay(double x) {
  int squarings = 0;
  for (; x >= 0.5; x *= 0.5) ++squarings;
  double series = 1;
  for (int n = 16; n > 0; --n) series = 1 - series * x / n;
  for (; squarings > 0; --squarings) series *= series;
  return series;
}

struct Turn {
  double cosine, sine;
};

// Of an angle in [0, 2^24]: the series at what is left of it after whole quarter turns, at most
// pi / 4.
Turn TurnBy(double angle) {
  // pi / 2 in two parts, the first with 24 zero bits at its end: quarters * kHigh is exact.
  constexpr double kHigh = 0x1.921fb54p0, kLow = 0x1.10b4611a62633p-30;
  const double quarters = std::floor(angle * 0.636619772367581343076 + 0.5);
  const double r = (angle - quarters * kHigh) - quarters * kLow;
  double cosine = 1, sine = 1;
  for (int n = 18; n > 0; n -= 2) cosine = 1 - cosine * (r * r) / (n * (n - 1));
  for (int n = 19; n > 1; n -= 2) sine = 1 - sine * (r * r) / (n * (n - 1));
  sine *= r;
  switch (static_cast<int64_t>(quarters) % 4) {
    case 0:
      return {cosine, sine};
    case 1:
      return {-sine, cosine};
    case 2:
      return {-cosine, -sine};
    default:
      return {sine, -cosine};
  }
}

}  // namespace

void FillRotaryTable(int64_t length, int64_t head_width, double base, float* table) {
  const int64_t half = head_width / 2;
  const double slope = 2 * NaturalLog(base) / static_cast<double>(head_width);
  for (int64_t i = 0; i < half; ++i) {
    const double frequency = Decay(slope * static_cast<double>(i));
    for (int64_t l = 0; l < length; ++l) {
      const Turn turn = TurnBy(static_cast<double>(l) * frequency);
      table[l * head_width + i] = static_cast<float>(turn.cosine);
      table[l * head_width + half + i] = static_cast<float>(turn.sine);
    }
  }
}

}  // namespace paracord
