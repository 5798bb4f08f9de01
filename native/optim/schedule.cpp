#include "schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace switchyard {

double learningRate(const TrainingConfig& training, std::int64_t step) {
  const double base = training.learningRate;
  const auto warmup = static_cast<double>(std::max<std::int64_t>(1, training.warmupSteps));
  const auto at = static_cast<double>(step);
  if (at <= warmup) return base * at / warmup;
  const double decaySteps = static_cast<double>(training.steps) - warmup + 1.0;
  const double past = std::clamp((at - warmup) / std::max(decaySteps, 1.0), 0.0, 1.0);
  switch (training.schedule) {
    case Schedule::inverseSquareRoot: return base * std::sqrt(warmup / at);
    case Schedule::linear: return base * (1.0 - past);
    case Schedule::cosine: return base * 0.5 * (1.0 + std::cos(std::numbers::pi * past));
    case Schedule::constant: return base;
  }
  return base;
}

}  // namespace switchyard
