// The router's losses of a whole pass, from those of its sparse layers.
#pragma once

#include <torch/types.h>

#include <vector>

#include "../config.h"
#include "router.h"

namespace switchyard {

/// Unscaled scalars, with gradient.
struct RouterLosses {
  at::Tensor auxiliary, z;
};

/// The paper's form sums each layer's (eq. 4). That of transformers' modeling_switch_transformers.py takes them of the tokens of all
/// layers of a stack together: E·Σ f·P with f and P averaged over layers, the z-loss the mean over layers, one of each a stack.
/// (Its `forward` leaves out a stack whose every layer is sparse; here that stack counts.) Zeros for a dense model.
RouterLosses routerLosses(const std::vector<RoutedLayer>& routed, AuxiliaryLossForm form, const at::TensorOptions& options);

}  // namespace switchyard
