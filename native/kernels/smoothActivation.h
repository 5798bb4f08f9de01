// GELU and SiLU with dropout, alone or as the gate of a second input (2002.05202).
#pragma once

#include <torch/types.h>

#include "dropout.h"

namespace switchyard::kernels {

/// GELU is the tanh approximation (1606.08415), transformers' gelu_new. Both are a · σ(s(a)): s(a) = a of SiLU, and
/// s(a) = 2√(2/π)·(a + 0.044715·a³) of GELU, because (1 + tanh u) / 2 = σ(2u).
enum class SmoothActivation { gelu, silu };

/// y = dropout(activation(x)). Any shape.
at::Tensor activationDropout(SmoothActivation kind, const at::Tensor& x, const DropoutSite& site);

/// y = dropout(activation(gate) · x). Both of one shape and type.
at::Tensor gatedDropout(SmoothActivation kind, const at::Tensor& gate, const at::Tensor& x, const DropoutSite& site);

}  // namespace switchyard::kernels
