#include "wholeTensors.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>

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

std::vector<TensorPart> partsOf(const std::vector<NamedTensor>& state, const ParameterSet& parameters, const Mesh* mesh) {
  std::map<std::string, const Parameter*> byName;
  for (const auto& parameter : parameters.all()) byName.emplace(parameter.name, &parameter);
  std::vector<TensorPart> parts;
  for (const auto& [name, tensor] : state) {
    const auto* parameter = byName.at(name.substr(name.find('.') + 1));
    if (parameter->share.of > 1) parts.push_back({name, tensor, parameter->shape, parameter->split, parameter->value.sizes().vec(), mesh->replicasOf(parameter->split)});
    else if (tensor.sizes() == parameter->value.sizes()) parts.push_back({name, tensor, parameter->shape, parameter->split});
    else parts.push_back({name, tensor, tensor.sizes().vec(), {}});
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
