// From logits, or token ids, to the experts' places: choice, placement and the sums of the balance in one result.
// T tokens in order, padding included; G capacity groups of n = T / G neighbouring tokens; E experts; S slots a token.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "placement.h"
#include "routerLosses.h"
#include "routerSettings.h"

namespace switchyard {

/// S is 1, k, or E of expert choice; the load of expert choice is what an expert took.
struct Routing : Placement {
  at::Tensor probability;  // (T, E) softmax over all experts, in the router's type
  at::Tensor chosen;       // (T, E) float, 1 at a token's first choice, or its most probable expert where experts choose; 0 for padding
  at::Tensor valid;        // (T) float, 0 for padding
  BalanceSums balance;
};

/// Routes by logits (T, E) in the router's type. valid (T) float of 0 and 1: padding takes no place and counts nowhere. Nothing is
/// read back to the host.
Routing route(const at::Tensor& logits, const at::Tensor& valid, const RouterSettings& settings);

/// Routes by token ids (T) int64 alone: probabilities are 1 at the expert of the hash.
Routing routeByHash(const at::Tensor& ids, const at::Tensor& valid, const RouterSettings& settings);

/// A sparse layer's routing as the diagnostics need it.
struct RoutedLayer {
  bool encoder = true;
  /// groups: of the whole batch; groupTokens: of each.
  std::int64_t layer = 0, experts = 0, capacity = 0, groups = 0, groupTokens = 0;
  /// Choices of a token that places are made for: k of eq. 3.
  double choices = 1.0;
  /// What the layer would drop at other capacity factors is known: its capacity is a limit, and positions do not depend on it.
  bool dropsByPosition = true;
  Routing routing;
  /// The routing is of this rank's rows alone, until `gatherRouting`; otherwise it is of the whole batch on every rank.
  bool ownRows = false;
  /// (E) the router's bias where it is to follow the load; undefined otherwise.
  at::Tensor bias;
};

}  // namespace switchyard
