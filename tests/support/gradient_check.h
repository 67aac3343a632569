// Whether a gradient is the gradient: central differences of the loss against what Backward says,
// for any layers and losses. One checker for all, so that a new layer is tested by adding it to a
// list.
//
// Each difference is taken at two steps and extrapolated (Richardson), which leaves an error of the
// fourth order in the step; where the two disagree the function has a kink (relu at 0) and the
// element is counted, not compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace paracord {

struct GradientReport {
  double worst = 0;  // largest |difference - gradient| / max(1, largest |gradient|)
  int checked = 0;
  int kinks = 0;
};

struct GradientSteps {
  double coarse, fine;  // the fine one half of the coarse one
  double kink;          // how far the two differences may be apart, relative to the gradient
};
inline constexpr GradientSteps kFloat32Steps{0.02, 0.01, 3e-4};
inline constexpr GradientSteps kFloat64Steps{2e-3, 1e-3, 1e-4};

// `at`: the values that `loss` reads; each is moved and put back. `gradient`: what is claimed, same
// length. `loss` is of order 1 and so are its derivatives; float32 inside is fine with its steps.
template <typename Real>
GradientReport CheckGradient(std::vector<Real>& at, const std::vector<Real>& gradient,
                             const std::function<double()>& loss,
                             const GradientSteps& steps = kFloat32Steps) {
  double largest = 1;
  for (const Real g : gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  const auto difference = [&](Real& value, double step) {
    const Real before = value;
    value = static_cast<Real>(before + step);
    const double up = value, above = loss();
    value = static_cast<Real>(before - step);
    const double down = value, below = loss();
    value = before;
    return (above - below) / (up - down);
  };
  GradientReport report;
  for (size_t i = 0; i < at.size(); ++i) {
    const double coarse = difference(at[i], steps.coarse);
    const double fine = difference(at[i], steps.fine);
    if (std::abs(coarse - fine) > steps.kink * largest) {
      ++report.kinks;
      continue;
    }
    const double exact = fine + (fine - coarse) / 3;
    report.worst = std::max(report.worst, std::abs(exact - gradient[i]) / largest);
    ++report.checked;
  }
  return report;
}

}  // namespace paracord
