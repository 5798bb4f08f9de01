// Rows of a table by number.
#pragma once

#include <torch/types.h>

namespace switchyard {

/// table (V, d), ids (N) int64 in 0..V-1; gives (N, d). The gradient is dense.
at::Tensor lookUp(const at::Tensor& table, const at::Tensor& ids);

}  // namespace switchyard
