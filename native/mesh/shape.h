// Which rank of a mesh holds what. Axes as in Mesh TensorFlow (Switch, 2101.03961 §5): batch rows are cut along data × expert, experts
// along `expert`, attention heads and feed-forward columns along `model`; everything else every rank holds.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "../kernels/dropout.h"

namespace switchyard {

struct MeshShape {
  std::int64_t data = 1, expert = 1, model = 1;
  std::int64_t ranks() const { return data * expert * model; }
};

/// A rank's coordinates. Ranks count along `model` first and `data` last, so that those that talk most are neighbours.
struct MeshPlace {
  MeshShape shape;
  std::int64_t data = 0, expert = 0, model = 0;

  static MeshPlace of(const MeshShape& shape, std::int64_t rank);
  std::int64_t rank() const { return (data * shape.expert + expert) * shape.model + model; }
  /// The share of the batch's rows.
  kernels::Share batch() const { return {data * shape.expert + expert, shape.data * shape.expert}; }
  kernels::Share experts() const { return {expert, shape.expert}; }
  kernels::Share columns() const { return {model, shape.model}; }
  /// "rank 3 (data 1, expert 0, model 1)".
  std::string name() const;
};

/// The dimensions of a parameter that are cut along an axis; -1 for none.
struct Split {
  std::int64_t expert = -1, model = -1;
};

/// The part (a view) of a whole tensor at a place. Dimensions divide evenly.
at::Tensor partOf(const at::Tensor& whole, const Split& split, const MeshPlace& place);
/// The shape of that part.
std::vector<std::int64_t> partShape(at::IntArrayRef whole, const Split& split, const MeshPlace& place);
/// Ranks that hold the same part.
std::int64_t copiesOf(const Split& split, const MeshShape& shape);

}  // namespace switchyard
