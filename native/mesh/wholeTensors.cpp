#include "wholeTensors.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>

namespace switchyard {
namespace {

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

std::vector<TensorPart> partsOf(const std::vector<NamedTensor>& state, const ParameterSet& parameters) {
  std::map<std::string, const Parameter*> byName;
  for (const auto& parameter : parameters.all()) byName.emplace(parameter.name, &parameter);
  std::vector<TensorPart> parts;
  for (const auto& [name, tensor] : state) {
    const auto* parameter = byName.at(name.substr(name.find('.') + 1));
    if (tensor.sizes() == parameter->value.sizes()) parts.push_back({name, tensor, parameter->shape, parameter->split});
    else parts.push_back({name, tensor, tensor.sizes().vec(), {}});
  }
  return parts;
}

std::vector<NamedTensor> wholeOf(const std::vector<TensorPart>& parts, const Mesh* mesh) {
  std::vector<NamedTensor> whole;
  for (const auto& [name, tensor, shape, split] : parts)
    whole.push_back({name, mesh ? gathered(gathered(tensor, split.expert, mesh->expert()), split.model, mesh->model()) : tensor});
  return whole;
}

std::vector<NamedTensor> expectedOf(const std::vector<TensorPart>& parts) {
  std::vector<NamedTensor> expected;
  for (const auto& [name, tensor, shape, split] : parts) expected.push_back({name, at::empty(shape, tensor.options().device(at::kMeta))});
  return expected;
}

void fillParts(const std::vector<TensorPart>& parts, const TensorsByName& whole, const MeshPlace& place) {
  const at::NoGradGuard noGrad;
  for (const auto& [name, tensor, shape, split] : parts) at::Tensor(tensor).copy_(partOf(whole.at(name), split, place));
}

}  // namespace switchyard
