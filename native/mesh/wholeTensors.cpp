#include "wholeTensors.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace switchyard {
namespace {

/// The part that a rank's share is of.
at::Tensor partOf(const TensorPart& part) {
  return part.replicas ? part.replicas->gather(part.tensor, Traffic::control).view(part.partShape) : part.tensor;
}

at::Tensor gathered(const at::Tensor& part, std::int64_t dimension, Group* group) {
  if (!group || dimension < 0) return part;
  const auto all = group->gather(part, Traffic::control);
  return at::cat(all.unbind(0), dimension);
}

}  // namespace

std::vector<TensorPart> partsOf(const ParameterSet& parameters) {
  std::vector<TensorPart> parts;
  for (const auto& parameter : parameters.all()) parts.push_back({parameter.name, parameter.value.detach(), parameter.shape, parameter.split});
  return parts;
}

std::vector<TensorPart> partsOf(const std::vector<StateTensor>& state, const Mesh* mesh) {
  std::vector<TensorPart> parts;
  for (const auto& [name, tensor, parameter, dimensions] : state) {
    TensorPart part{name, tensor, {}, {}};
    for (const auto dimension : dimensions) {
      const auto at = static_cast<std::int64_t>(part.shape.size());
      if (dimension == parameter->split.expert) part.split.expert = at;
      if (dimension == parameter->split.model) part.split.model = at;
      part.shape.push_back(parameter->shape[static_cast<std::size_t>(dimension)]);
    }
    if (parameter->share.of > 1) part.partShape = parameter->value.sizes().vec(), part.replicas = mesh->replicasOf(parameter->split);
    parts.push_back(part);
  }
  return parts;
}

std::vector<NamedTensor> wholeOf(const std::vector<TensorPart>& parts, const Mesh* mesh) {
  std::vector<NamedTensor> whole;
  for (const auto& part : parts)
    whole.push_back({part.name, mesh ? gathered(gathered(partOf(part), part.split.expert, mesh->expert()), part.split.model, mesh->model()) : part.tensor});
  return whole;
}

std::vector<NamedTensor> expectedOf(const std::vector<TensorPart>& parts) {
  std::vector<NamedTensor> expected;
  for (const auto& part : parts) expected.push_back({part.name, at::empty(part.shape, part.tensor.options().device(at::kMeta))});
  return expected;
}

void fillParts(const std::vector<TensorPart>& parts, const TensorsByName& whole, const MeshPlace& place) {
  const at::NoGradGuard noGrad;
  for (const auto& part : parts) {
    const auto value = partOf(whole.at(part.name), part.split, place);
    at::Tensor(part.tensor).copy_(part.replicas ? value.reshape({part.replicas->size(), -1})[part.replicas->rank()] : value);
  }
}

}  // namespace switchyard
