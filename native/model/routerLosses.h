// The router's losses: sums over the tokens of each layer, and what a whole pass makes of them.
// A groups over which the balance is counted, E experts.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "../config.h"

namespace switchyard {

struct RoutedLayer;

/// Sums over the tokens of each group, padding left out.
struct BalanceSums {
  at::Tensor first;              // (A, E) tokens whose first choice is the expert
  at::Tensor importance;         // (A, E) router probability, with gradient
  at::Tensor tokens;             // (A, 1)
  at::Tensor squaredNormalizer;  // scalar, logsumexp(logits)² over all tokens, with gradient
};

/// first (T, E) float, probability (T, E), valid (T) float; logits (T, E), or undefined where there is no router.
BalanceSums balanceSums(const at::Tensor& first, const at::Tensor& probability, const at::Tensor& logits, const at::Tensor& valid, std::int64_t groups);

/// E·Σ f·P, the mean over groups: 1 when uniform (eq. 4 without α). A group without tokens counts as 0.
at::Tensor auxiliaryLoss(const BalanceSums& sums);
/// Mean of logsumexp(logits)² (ST-MoE 2202.08906), nats².
at::Tensor zLoss(const BalanceSums& sums);

struct RouterLosses {
  at::Tensor auxiliary, z;  // scalars, unscaled
};
/// The losses of all sparse layers. Paper: one of each a layer, summed. Hugging Face (SwitchTransformers of transformers 5.23): one of
/// each a stack, f, P and the mean of z over the tokens of all its sparse layers together, summed over stacks. (Its `forward` leaves out
/// a stack whose every layer is sparse; here that stack counts.) Zeros for a dense model.
RouterLosses routerLosses(const std::vector<RoutedLayer>& routed, AuxiliaryLossForm form, const at::TensorOptions& options);

/// What the losses are multiplied by at a step, from 1: 0 behind `auxiliaryLossSteps`, without a router, and for the auxiliary loss
/// where something else balances.
struct RouterLossWeights {
  double auxiliary = 0.0, z = 0.0;
};
RouterLossWeights routerLossWeights(const SparseConfig& sparse, std::int64_t step);

}  // namespace switchyard
