// Rows of a table by number.
#pragma once

#include <torch/types.h>

#include "parameters.h"

namespace switchyard {

/// ids (N) int64 in 0..V-1 into a table (V, d); gives (N, d) in `type`. The gradient is summed in the table's own type: in
/// bfloat16 the many tokens that share a row would lose it.
at::Tensor lookUp(const Parameter& table, const at::Tensor& ids, at::ScalarType type);

}  // namespace switchyard
