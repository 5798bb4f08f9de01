// Balancing without a loss: a bias of each expert, added to its probability for the choice alone, follows its load (2408.15664).
#pragma once

#include <torch/types.h>

#include <vector>

#include "router.h"

namespace switchyard {

/// After a training step (algorithm 1): b[e] += rate · sign(mean load − load[e]) in each layer that has a bias to move. finite: a
/// scalar of 0 or 1; nothing moves at 0.
void moveBiases(const std::vector<RoutedLayer>& routed, double rate, const at::Tensor& finite);

}  // namespace switchyard
