// What stands between the two matrix products of a feed-forward layer, dense or of an expert.
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "../kernels/dropout.h"

namespace switchyard {

/// Whether the layer has a second input matrix, whose product the activation is taken of (2002.05202).
bool isGated(Activation activation);

/// dropout(activation(x)), or dropout(activation(gate) · x) of a gated one; gate is undefined for others. All of one shape.
at::Tensor activate(Activation activation, const at::Tensor& x, const at::Tensor& gate, const kernels::DropoutSite& site);

}  // namespace switchyard
