// Which places of the experts' buffer the chosen tokens take. The buffer has E · G · C rows: expert e's places of group g begin at
// row (e · G + g) · C, and those in use are the first ones. T tokens, G groups of n, K choices, E experts, C places.
#pragma once

#include <torch/types.h>

#include "choice.h"

namespace switchyard {

struct Placement {
  at::Tensor slot;    // (T, S) int64, rows of the buffer; -1 for none
  at::Tensor expert;  // (T, S) int64, the expert asked for, where it had no place too; -1 where none was
  at::Tensor gate;    // (T, S) float, with gradient
  at::Tensor load;    // (G, E) float, choices of the expert before capacity
  at::Tensor kept;    // (G, E) float, places in use
  /// (T, S) float, choices for the same expert that are served before this one, whatever the capacity; -1 where none is made.
  /// Undefined where it depends on the capacity.
  at::Tensor position;
};

/// A choice is kept while fewer than C of its group were served before it. S = K. All tokens' first choices are served before any
/// second choice (GShard), each in sequence order, or by descending probability (batch priority, V-MoE 2106.05974); with a budget all
/// choices together by descending probability. The earlier of equals first.
Placement placeByPosition(const Choices& choices, const RouterSettings& settings);

/// No-Token-Left-Behind (Switch, appendix B): what overflows at its first choice is sent to its second and so on; K stages, S = 1.
Placement placeInStages(const Choices& choices, const RouterSettings& settings);

/// Expert choice (2202.09368): of each group an expert takes the C tokens with its highest probability; S = E, gates are p, and the
/// load is what was taken. probability (T, E) with gradient, valid (T) float.
Placement placeByExperts(const at::Tensor& probability, const at::Tensor& valid, const RouterSettings& settings);

}  // namespace switchyard
