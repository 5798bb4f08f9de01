// Sums of parts of tensors that lie in several ranks' memory.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <vector>

namespace switchyard {

/// out[i] = own[i] + Σ others[i], i < count, in the order of `others`; narrow floating types are added in float and rounded once. `out` may be `own`.
/// Throws std::invalid_argument for types that no collective sums.
void addParts(at::ScalarType type, void* out, const void* own, const std::vector<const char*>& others, std::size_t count);

}  // namespace switchyard
