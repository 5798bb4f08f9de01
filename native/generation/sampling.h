// Choosing one token from a distribution.
#pragma once

#include <cstdint>
#include <span>

#include "request.h"

namespace switchyard {

/// The most probable token, the first of equals.
std::int32_t mostProbable(std::span<const float> logProbabilities);

/// A draw from softmax(logProbabilities / temperature) after topK and topP; a function of the settings' seed and `position` alone.
std::int32_t sample(std::span<const float> logProbabilities, const GenerationSettings& settings, std::int64_t position);

}  // namespace switchyard
