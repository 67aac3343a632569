// Operations by launching bodies, norms over channels of images: sums of planes, in double, then a
// line for each plane.
#pragma once

#include <cstdint>

#include "worker/tensor/cuda/block.h"
#include "worker/tensor/cuda/plane_lines.h"
#include "worker/tensor/cuda/plane_sums.h"
#include "worker/tensor/cuda/row_sums.h"
#include "worker/tensor/ops.h"

namespace paracord {

// Mean and variance of values from the sums of their distances to one of them and the squares of
// these: one pass over memory, and values far from zero lose nothing.
struct Moments {
  float mean, variance;
};
PARACORD_HD inline Moments MomentsOf(const Pair64& sum, float pivot, double count) {
  const double off = sum.a / count, variance = sum.b / count - off * off;
  return {static_cast<float>(static_cast<double>(pivot) + off),
          static_cast<float>(variance < 0 ? 0 : variance)};
}
PARACORD_HD inline Pair64 Distance2(float x, float pivot) {
  const double off = static_cast<double>(x) - static_cast<double>(pivot);
  return {off, off * off};
}

// An Element of SumPlanes: around the first value of the channel.
struct ChannelDistance {
  const float* x;
  Divisor channels;
  int64_t points;
  PARACORD_HD Pair64 operator()(int64_t plane, int64_t at) const {
    const int64_t channel = channels.Rest(plane);
    return Distance2(x[at], x[channel * points]);
  }
};
struct ToStatistics {
  const float* x;
  int64_t points;
  double count;
  float *mean, *variance;
  PARACORD_HD void operator()(int64_t channel, const Pair64& sum) const {
    const Moments moments = MomentsOf(sum, x[channel * points], count);
    mean[channel] = moments.mean;
    variance[channel] = moments.variance;
  }
};

struct BatchLine {
  Divisor channels;
  float epsilon;
  const float *mean, *variance, *gamma, *beta;
  PARACORD_HD Line operator()(int64_t plane) const {
    const int64_t c = channels.Rest(plane);
    return {mean[c], InverseRootOf(variance[c] + epsilon) * gamma[c], beta[c], 0};
  }
};

// An Element of SumPlanes: dy, and dy (x - mean).
struct ChannelSlope {
  const float *x, *dy, *mean;
  Divisor channels;
  PARACORD_HD Pair64 operator()(int64_t plane, int64_t at) const {
    const int64_t c = channels.Rest(plane);
    return {static_cast<double>(dy[at]),
            static_cast<double>(dy[at]) * static_cast<double>(x[at] - mean[c])};
  }
};
struct ToBatchGradients {
  float epsilon;
  const float* variance;
  float *dgamma, *dbeta;
  PARACORD_HD void operator()(int64_t c, const Pair64& sum) const {
    const float inverse = InverseRootOf(variance[c] + epsilon);
    dgamma[c] = static_cast<float>(sum.b * static_cast<double>(inverse));
    dbeta[c] = static_cast<float>(sum.a);
  }
};
struct BatchBackLine {
  Divisor channels;
  float epsilon, count;
  const float *mean, *variance, *gamma, *dgamma, *dbeta;
  PARACORD_HD Line operator()(int64_t plane) const {
    const int64_t c = channels.Rest(plane);
    const float inverse = InverseRootOf(variance[c] + epsilon), factor = inverse * gamma[c];
    return {mean[c], factor, -(factor * dbeta[c] / count), factor * inverse * dgamma[c] / count};
  }
};

// Group norm. A run of SumPlanes is a group of a row.
struct GroupDistance {
  const float* x;
  int64_t size;
  PARACORD_HD Pair64 operator()(int64_t group, int64_t at) const {
    return Distance2(x[at], x[group * size]);
  }
};
struct ToGroupKept {
  const float* x;
  int64_t size;
  float epsilon;
  float* kept;
  PARACORD_HD void operator()(int64_t group, const Pair64& sum) const {
    const Moments moments = MomentsOf(sum, x[group * size], static_cast<double>(size));
    kept[2 * group] = moments.mean;
    kept[2 * group + 1] = InverseRootOf(moments.variance + epsilon);
  }
};
struct GroupLine {
  Divisor channels, planes;  // planes of a group
  const float *kept, *gamma, *beta;
  PARACORD_HD Line operator()(int64_t plane) const {
    const int64_t c = channels.Rest(plane);
    const int64_t group = planes.Quotient(plane);
    return {kept[2 * group], kept[2 * group + 1] * gamma[c], beta[c], 0};
  }
};

// An Element of SumPlanes, over single planes.
struct PlaneSlope {
  const float *x, *dy, *kept;
  Divisor planes;
  PARACORD_HD Pair64 operator()(int64_t plane, int64_t at) const {
    const double off = static_cast<double>(x[at] - kept[2 * planes.Quotient(plane)]);
    return {static_cast<double>(dy[at]), static_cast<double>(dy[at]) * off};
  }
};
// An Element of SumColumns over these: what a row adds to dgamma and dbeta.
struct GroupGradient {
  const Pair64* sums;
  const float* kept;
  int64_t channels;
  Divisor planes;
  PARACORD_HD Pair<float> operator()(int64_t row, int64_t channel) const {
    const int64_t plane = row * channels + channel;
    const auto inverse = static_cast<double>(kept[2 * planes.Quotient(plane) + 1]);
    return {static_cast<float>(sums[plane].b * inverse), static_cast<float>(sums[plane].a)};
  }
};
// An Element of SumPlanes whose runs are groups and whose places are planes.
struct GroupSlope {
  const Pair64* sums;
  const float* gamma;
  Divisor channels;
  PARACORD_HD Pair64 operator()(int64_t, int64_t plane) const {
    const int64_t c = channels.Rest(plane);
    const auto factor = static_cast<double>(gamma[c]);
    return {sums[plane].a * factor, sums[plane].b * factor};
  }
};
struct GroupBackLine {
  Divisor channels, planes;
  double size;
  const Pair64* groups;
  const float *kept, *gamma;
  PARACORD_HD Line operator()(int64_t plane) const {
    const int64_t c = channels.Rest(plane);
    const int64_t group = planes.Quotient(plane);
    const auto inverse = static_cast<double>(kept[2 * group + 1]);
    const double share = inverse / size;
    return {kept[2 * group], kept[2 * group + 1] * gamma[c],
            static_cast<float>(-groups[group].a * share),
            static_cast<float>(groups[group].b * share * inverse * inverse)};
  }
};

template <class Base>
class ChannelNormOps : public Base {
 public:
  using Base::Base;

  void BatchNormStatistics(const ChannelShape& s, const float* x, float* mean,
                           float* variance) const override {
    if (s.rows == 0) {
      this->Clear(s.channels, mean);
      return this->Clear(s.channels, variance);
    }
    const auto count = static_cast<double>(s.rows * s.points);
    SumChannels(s, ChannelDistance{x, Channels(s), s.points},
                ToStatistics{x, s.points, count, mean, variance});
  }
  void BatchNormForward(const ChannelShape& s, float epsilon, const float* x, const float* mean,
                        const float* variance, const float* gamma, const float* beta,
                        float* y) const override {
    DrawLines<false>(this->launcher(), s.rows * s.channels, s.points,
                     BatchLine{Channels(s), epsilon, mean, variance, gamma, beta}, x, nullptr, y);
  }
  void BatchNormBackward(const ChannelShape& s, float epsilon, const float* x, const float* mean,
                         const float* variance, const float* gamma, const float* dy, float* dx,
                         float* dgamma, float* dbeta) const override {
    if (s.rows == 0) {
      this->Clear(s.channels, dgamma);
      return this->Clear(s.channels, dbeta);
    }
    SumChannels(s, ChannelSlope{x, dy, mean, Channels(s)},
                ToBatchGradients{epsilon, variance, dgamma, dbeta});
    const auto count = static_cast<float>(s.rows * s.points);
    DrawLines<true>(
        this->launcher(), s.rows * s.channels, s.points,
        BatchBackLine{Channels(s), epsilon, count, mean, variance, gamma, dgamma, dbeta}, x, dy,
        dx);
  }
  void GroupNormForward(const ChannelShape& s, float epsilon, const float* x, const float* gamma,
                        const float* beta, float* y, float* kept) const override {
    const int64_t size = s.channels / s.groups * s.points;
    SumPlanes(this->launcher(), s.rows * s.groups, size, GroupDistance{x, size},
              ToGroupKept{x, size, epsilon, kept});
    DrawLines<false>(this->launcher(), s.rows * s.channels, s.points,
                     GroupLine{Channels(s), Planes(s), kept, gamma, beta}, x, nullptr, y);
  }
  void GroupNormBackward(const ChannelShape& s, const float* x, const float* kept,
                         const float* gamma, const float* dy, float* dx, float* dgamma,
                         float* dbeta) const override {
    if (s.rows == 0) {
      this->Clear(s.channels, dgamma);
      return this->Clear(s.channels, dbeta);
    }
    const auto& launcher = this->launcher();
    auto sums = launcher.template Scratch<Pair64>(s.rows * s.channels);
    auto groups = launcher.template Scratch<Pair64>(s.rows * s.groups);
    SumPlanes(launcher, s.rows * s.channels, s.points, PlaneSlope{x, dy, kept, Planes(s)},
              ToRun{sums.data()});
    SumPlanes(launcher, s.rows * s.groups, s.channels / s.groups,
              GroupSlope{sums.data(), gamma, Channels(s)}, ToRun{groups.data()});
    SumColumns<Pair<float>>(launcher, s.rows, s.channels,
                            GroupGradient{sums.data(), kept, s.channels, Planes(s)},
                            ToPlaces{dgamma, dbeta});
    const auto size = static_cast<double>(s.channels / s.groups * s.points);
    DrawLines<true>(launcher, s.rows * s.channels, s.points,
                    GroupBackLine{Channels(s), Planes(s), size, groups.data(), kept, gamma}, x, dy,
                    dx);
  }

 private:
  static Divisor Channels(const ChannelShape& s) {
    return Divisor(s.channels, s.rows * s.channels);
  }
  static Divisor Planes(const ChannelShape& s) {
    return Divisor(s.channels / s.groups, s.rows * s.channels);
  }

  // Planes first, then the rows of each channel.
  template <class Element, class Finish>
  void SumChannels(const ChannelShape& s, Element element, Finish finish) const {
    auto sums = this->launcher().template Scratch<Pair64>(s.rows * s.channels);
    SumPlanes(this->launcher(), s.rows * s.channels, s.points, element, ToRun{sums.data()});
    SumColumns<Pair64>(this->launcher(), s.rows, s.channels, PlaneElement{sums.data(), s.channels},
                       finish);
  }
};

}  // namespace paracord
