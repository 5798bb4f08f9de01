// Cross-entropy from logits without a float copy of [N, V].
#pragma once

#include <torch/types.h>

namespace switchyard::kernels {

/// Σ over n with targets[n] != ignore of logsumexp(logits[n]) - logits[n, targets[n]], in nats: a float scalar.
/// logits [N, V] float or bfloat16; targets [N] int64, each `ignore` or in 0..V-1. The gradient has the type of the logits.
at::Tensor crossEntropySum(const at::Tensor& logits, const at::Tensor& targets, std::int64_t ignore);

}  // namespace switchyard::kernels
