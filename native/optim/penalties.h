// L1 and L2 penalties: the sum of absolute values, and half the sum of squares, of all trained matrices. Norms are spared.
#pragma once

#include <torch/types.h>

#include "../mesh/mesh.h"
#include "../model/parameters.h"

namespace switchyard {

/// Adds l1·sign(w) + l2·w to the gathered gradients of the matrices, and gives l1·Σ|w| + l2·Σw²/2, a double scalar on their
/// device; of the whole matrices on a mesh. One pass outside the graph: nothing of it is kept for a backward pass.
at::Tensor addPenalties(ParameterSet& parameters, double l1, double l2, Mesh* mesh = nullptr);

}  // namespace switchyard
