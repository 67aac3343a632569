#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "common/job/optimizer.h"

namespace paracord {
namespace {

using Kind = OptimizerSpec::Kind;
using Schedule = OptimizerSpec::Schedule;

OptimizerSpec With(Schedule schedule, double lr, double final_lr = 0) {
  OptimizerSpec spec;
  spec.schedule = schedule;
  spec.lr = lr;
  spec.final_lr = final_lr;
  return spec;
}

TEST_CASE("a constant schedule is constant, past the end too") {
  const OptimizerSpec spec = With(Schedule::kConstant, 0.3);
  for (const uint64_t step : {0, 1, 9, 10, 1000}) CHECK(LearningRate(spec, step, 10) == 0.3);
}

TEST_CASE("cosine agrees with libm's to 1e-15 at every step") {
  constexpr uint64_t kTotal = 100001;
  const OptimizerSpec spec = With(Schedule::kCosine, 1);
  double worst = 0;
  for (uint64_t step = 0; step < kTotal; ++step) {
    const double x = static_cast<double>(step) / (kTotal - 1);
    const long double exact = 0.5L * (1 + std::cos(3.14159265358979323846264338328L * x));
    worst =
        std::max(worst, static_cast<double>(std::fabs(LearningRate(spec, step, kTotal) - exact)));
  }
  CHECK(worst < 1e-15);
}

TEST_CASE("cosine and linear begin at lr, fall at every step, and end at final_lr exactly") {
  for (const Schedule schedule : {Schedule::kCosine, Schedule::kLinear}) {
    for (const uint64_t total : {2, 3, 7, 1000, 1173}) {
      const OptimizerSpec spec = With(schedule, 0.2, 1e-5);
      CAPTURE(static_cast<int>(schedule), total);
      CHECK(LearningRate(spec, 0, total) == 0.2);
      CHECK(LearningRate(spec, total - 1, total) == 1e-5);
      CHECK(LearningRate(spec, total + 5, total) == 1e-5);
      bool falls = true;
      for (uint64_t step = 1; step < total; ++step) {
        falls = falls && LearningRate(spec, step, total) < LearningRate(spec, step - 1, total);
      }
      CHECK(falls);
    }
  }
}

TEST_CASE("linear is a straight line") {
  const OptimizerSpec spec = With(Schedule::kLinear, 1, 0.5);
  for (int step = 0; step < 11; ++step) {
    CHECK(LearningRate(spec, step, 11) == Approx(1 - 0.05 * step).epsilon(1e-15));
  }
}

TEST_CASE("a job of a single step trains it with lr") {
  CHECK(LearningRate(With(Schedule::kCosine, 0.2), 0, 1) == 0.2);
  CHECK(LearningRate(With(Schedule::kLinear, 0.2), 0, 1) == 0.2);
}

TEST_CASE("a step schedule multiplies by its factor after each run of steps") {
  OptimizerSpec spec = With(Schedule::kStep, 0.8);
  spec.step_every = 10;
  spec.step_factor = 0.5;
  CHECK(LearningRate(spec, 0, 100) == 0.8);
  CHECK(LearningRate(spec, 9, 100) == 0.8);
  CHECK(LearningRate(spec, 10, 100) == 0.4);
  CHECK(LearningRate(spec, 29, 100) == 0.2);
  CHECK(LearningRate(spec, 99, 100) == 0.8 / 512);
}

TEST_CASE("warm-up rises linearly, then the schedule runs over the steps that are left") {
  for (const Schedule schedule :
       {Schedule::kConstant, Schedule::kCosine, Schedule::kLinear, Schedule::kStep}) {
    OptimizerSpec spec = With(schedule, 0.4, 0.01);
    spec.step_every = 7;
    OptimizerSpec cold = spec;
    spec.warmup_steps = 4;
    CAPTURE(static_cast<int>(schedule));
    for (uint64_t step = 0; step < 4; ++step) {
      CHECK(LearningRate(spec, step, 30) == Approx(0.4 * (step + 1) / 5).epsilon(1e-15));
    }
    for (uint64_t step = 4; step < 30; ++step) {
      CHECK(LearningRate(spec, step, 30) == LearningRate(cold, step - 4, 26));
    }
  }
}

TEST_CASE("a warm-up as long as the job or longer never begins the schedule") {
  OptimizerSpec spec = With(Schedule::kCosine, 1);
  spec.warmup_steps = 20;
  CHECK(LearningRate(spec, 9, 10) == Approx(10.0 / 21).epsilon(1e-15));
  CHECK(LearningRate(spec, 20, 10) == 1);
}

TEST_CASE("adam's corrections are 1 - beta^(t+1) of the betas that the update uses") {
  OptimizerSpec spec;
  spec.kind = Kind::kAdam;
  const double beta1 = 0.9f, beta2 = 0.999f;
  for (uint64_t step : {0, 1, 2, 5, 31, 100, 4095, 100000}) {
    const UpdateStep update = PrepareUpdate(spec, step, 1000000);
    CAPTURE(step);
    CHECK(update.correction1 == Approx(1 - std::pow(beta1, step + 1.0)).epsilon(1e-6));
    CHECK(update.correction2 == Approx(1 - std::pow(beta2, step + 1.0)).epsilon(1e-6));
  }
  CHECK(PrepareUpdate(spec, 0, 10).correction2 == 1 - PrepareUpdate(spec, 0, 10).beta2);
}

TEST_CASE("an update carries the learning rate of its own step") {
  const OptimizerSpec spec = With(Schedule::kLinear, 1, 0);
  for (uint64_t step = 0; step < 5; ++step) {
    CHECK(PrepareUpdate(spec, step, 5).lr == static_cast<float>(LearningRate(spec, step, 5)));
  }
}

TEST_CASE("each rule keeps as many floats of state as it says") {
  CHECK(StateFloats(Kind::kSgd) == 0);
  for (const Kind kind : {Kind::kMomentum, Kind::kAdagrad, Kind::kRmsprop}) {
    CHECK(StateFloats(kind) == 1);
  }
  for (const Kind kind : {Kind::kAdam, Kind::kAdamw}) CHECK(StateFloats(kind) == 2);
}

}  // namespace
}  // namespace paracord
