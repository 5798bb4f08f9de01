// How many places an expert has: fixed by the configuration and the shapes, so that a step reads nothing back.
#pragma once

#include <cstdint>

#include "../config.h"

namespace switchyard {

/// ceil(n / E · factor) of eq. 3, at least 1 and at most n.
std::int64_t expertCapacity(std::int64_t groupTokens, std::int64_t experts, double factor);

/// Choices of a token that places are made for: k of eq. 3, or the budget in its stead.
double choicesOf(const SparseConfig& sparse);

/// Places of an expert in a group of n tokens at a capacity factor: ceil(k · n / E · factor), the fixed capacity, or n without a
/// limit; at most n. The same in contract/consequences.ts.
std::int64_t placesOf(const SparseConfig& sparse, std::int64_t groupTokens, double factor);

}  // namespace switchyard
