// Between a rank's parts and the whole tensors that files hold: a checkpoint does not know the mesh that wrote it.
#pragma once

#include <torch/types.h>

#include <vector>

#include "../checkpoint/namedTensors.h"
#include "../model/parameters.h"
#include "../optim/optimizer.h"
#include "mesh.h"

namespace switchyard {

/// A rank's part of a parameter, or of what an optimizer keeps of one; `tensor` is the part itself.
struct TensorPart {
  std::string name;
  at::Tensor tensor;
  /// Of the whole, and how it is cut.
  std::vector<std::int64_t> shape;
  Split split;
  /// Where `tensor` is a rank's share of the part, flat: the part's shape, and the ranks that share it.
  std::vector<std::int64_t> partShape = {};
  Group* replicas = nullptr;
};

std::vector<TensorPart> partsOf(const ParameterSet& parameters);
std::vector<TensorPart> partsOf(const std::vector<StateTensor>& state, const Mesh* mesh);

/// The whole tensors, on each rank; all ranks call it. A null mesh gives the tensors themselves.
std::vector<NamedTensor> wholeOf(const std::vector<TensorPart>& parts, const Mesh* mesh);
/// Shapes and types alone, to hold a file against.
std::vector<NamedTensor> expectedOf(const std::vector<TensorPart>& parts);
/// Each part becomes its part of the whole tensor of its name.
void fillParts(const std::vector<TensorPart>& parts, const TensorsByName& whole, const MeshPlace& place);

}  // namespace switchyard
