// Collectives as steps of a graph, with their gradients. A null group is this rank alone: the input comes back.
#pragma once

#include <torch/types.h>

#include "group.h"

namespace switchyard {

/// Σ over ranks of x; the gradient is each rank's own. Closes a region whose ranks hold parts of a product (Megatron-LM's g, 1909.08053 §3).
at::Tensor sumOver(Group* group, const at::Tensor& x);

/// x itself; the gradient is the sum over ranks. Opens such a region (Megatron-LM's f).
at::Tensor sumGradientOver(Group* group, const at::Tensor& x);

/// All-to-all of rows (n, ...), in both directions.
at::Tensor exchangeOver(Group* group, const at::Tensor& x);

/// (m, ...) to (n·m, ...), the ranks' rows in order. The gradient is this rank's rows of it: for what every rank goes on to compute
/// alike, or for its own rows alone.
at::Tensor gatherRows(Group* group, const at::Tensor& x);

}  // namespace switchyard
