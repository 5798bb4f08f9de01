// The learning rate of a step.
#pragma once

#include <cstdint>

#include "../config.h"

namespace switchyard {

/// Step counts from 1. With w = max(1, warmupSteps), steps up to w climb linearly to the base rate; then
/// inverse square root: rate · √(w / step) (T5, 1910.10683 §3.1.2); linear and cosine: down to 0 behind the last step; constant.
double learningRate(const TrainingConfig& training, std::int64_t step);

}  // namespace switchyard
