// Top-1 routing with capacity: which expert each token goes to, and which place there (Switch, 2101.03961 §2.1, §2.2).
// T tokens in order, padding included; G capacity groups of n = T / G neighbouring tokens; E experts; C places.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace switchyard {

/// ceil(n / E · factor) of eq. 3, at least 1 and at most n.
std::int64_t expertCapacity(std::int64_t groupTokens, std::int64_t experts, double factor);

struct Routing {
  at::Tensor probability;  // (T, E) softmax over all experts, in the router's type
  at::Tensor chosen;       // (T, E) float, 1 at a token's first choice; all 0 for padding
  at::Tensor gate;         // (T) float, probability of the first choice, with gradient
  at::Tensor slot;         // (T) int64, row of the experts' buffer (E, G·C); -1 for dropped and padding tokens
  at::Tensor load;         // (G, E) float, tokens that chose the expert, before capacity
  at::Tensor valid;        // (T) float, 0 for padding
  at::Tensor fraction;     // (G, E) float, f of eq. 5
  at::Tensor importance;   // (G, E) float, P of eq. 6, with gradient
  at::Tensor auxiliaryLoss;  // scalar, E·Σ f·P, mean over groups: 1 when uniform (eq. 4 without α)
  at::Tensor zLoss;          // scalar, mean of logsumexp(logits)² (ST-MoE 2202.08906)
};

/// Routes by logits (T, E) in the router's type. valid (T) float of 0 and 1: padding takes no place and counts nowhere.
/// Priority is sequence order. Nothing is read back to the host.
Routing route(const at::Tensor& logits, const at::Tensor& valid, std::int64_t groups, std::int64_t capacity);

/// A sparse layer's routing as the diagnostics need it.
struct RoutedLayer {
  bool encoder = true;
  std::int64_t layer = 0, experts = 0, capacity = 0, groups = 0;
  Routing routing;
};

}  // namespace switchyard
