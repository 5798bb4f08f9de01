// Gradients of all trained parameters: their sums over a mesh, and their norm.
#pragma once

#include <torch/types.h>

#include <vector>

#include "../mesh/mesh.h"
#include "../model/parameters.h"

namespace switchyard {

/// Each gathered gradient becomes the sum over the ranks that hold the same part of the parameter and other rows of the batch. Small
/// ones travel together, large ones where they lie.
void sumGradients(const std::vector<Parameter*>& trained, const Mesh& mesh);

/// √Σ g² over all whole parameters, a float scalar; a null mesh is one rank.
at::Tensor gradientNorm(const std::vector<Parameter*>& trained, Mesh* mesh);

}  // namespace switchyard
