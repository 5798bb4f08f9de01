// Balanced assignment of tokens to experts, for choosing in training (S-BASE, 2202.01169 §3.2; Megatron-LM's `sinkhorn`).
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace switchyard {

/// exp(logits), its rows and columns scaled in turn so that in each of the groups of neighbouring tokens every token weighs as much as
/// any other and every expert as well. logits (T, E); valid (T) float, whose type the work is done in: padding weighs nothing. A fixed
/// number of rounds, so that nothing is read back; gives (T, E).
at::Tensor sinkhorn(const at::Tensor& logits, const at::Tensor& valid, std::int64_t groups);

}  // namespace switchyard
