#include "shape.h"

#include <ATen/ATen.h>

namespace switchyard {

MeshPlace MeshPlace::of(const MeshShape& shape, std::int64_t rank) {
  return {shape, rank / (shape.expert * shape.model), rank / shape.model % shape.expert, rank % shape.model};
}

std::string MeshPlace::name() const {
  return "rank " + std::to_string(rank()) + " (data " + std::to_string(data) + ", expert " + std::to_string(expert) + ", model " + std::to_string(model) + ")";
}

at::Tensor partOf(const at::Tensor& whole, const Split& split, const MeshPlace& place) {
  const auto cut = [](const at::Tensor& x, std::int64_t dimension, const kernels::Share& share) {
    if (dimension < 0 || share.of == 1) return x;
    TORCH_CHECK(x.size(dimension) % share.of == 0, "A dimension of ", x.size(dimension), " can't be cut into ", share.of, " equal parts.");
    const auto size = x.size(dimension) / share.of;
    return x.narrow(dimension, share.index * size, size);
  };
  return cut(cut(whole, split.expert, place.experts()), split.model, place.columns());
}

std::vector<std::int64_t> partShape(at::IntArrayRef whole, const Split& split, const MeshPlace& place) {
  auto shape = whole.vec();
  if (split.expert >= 0) shape[static_cast<std::size_t>(split.expert)] /= place.shape.expert;
  if (split.model >= 0) shape[static_cast<std::size_t>(split.model)] /= place.shape.model;
  return shape;
}

std::int64_t copiesOf(const Split& split, const MeshShape& shape) {
  return shape.data * (split.expert >= 0 ? 1 : shape.expert) * (split.model >= 0 ? 1 : shape.model);
}

}  // namespace switchyard
