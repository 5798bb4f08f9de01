// The experts' matrix products, over the rows in use alone. With a capacity factor of 1.25 at least a fifth of the places in the
// experts' buffers is empty; a CPU need not multiply them.
#pragma once

#include <torch/types.h>

#include "roundedValue.h"

namespace switchyard::kernels {

/// rows[e] · weight[e] for each expert: (E, R, k) and (E, k, n) to (E, R, n). An expert's rows are B blocks of R / B. `used` (E, B) float:
/// of block b expert e uses the first used[e, b] rows; all others count as zero, in the result and in the gradients. The work is shared
/// among threads by rows in use, however uneven the experts are; the bits do not depend on their number. Undefined `used` takes all rows.
/// On devices other than the CPU all rows are multiplied, which gives the same where unused rows are zero.
at::Tensor expertProduct(const at::Tensor& rows, const RoundedValue& weight, const at::Tensor& used);

}  // namespace switchyard::kernels
