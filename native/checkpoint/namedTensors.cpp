#include "namedTensors.h"

#include <ATen/ATen.h>

#include "../failure.h"

namespace switchyard {

TensorsByName byName(const SafetensorsFile& file) {
  TensorsByName all;
  for (const auto& [name, tensor] : file.tensors) all.emplace(name, tensor);
  return all;
}

std::string shapeText(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

void expectTensors(const std::string& path, const TensorsByName& found, const std::vector<NamedTensor>& expected) {
  for (const auto& [name, tensor] : expected) {
    const auto place = found.find(name);
    if (place == found.end()) throw Failure("The checkpoint file " + path + " has no tensor " + name + "; it belongs to another model.", "", FailureKind::checkpoint);
    if (place->second.sizes() != tensor.sizes())
      throw Failure("The tensor " + name + " of the checkpoint file " + path + " has shape " + shapeText(place->second.sizes()) +
                    " where this model has " + shapeText(tensor.sizes()) + "; it belongs to another model.", "", FailureKind::checkpoint);
    if (place->second.scalar_type() != tensor.scalar_type())
      throw Failure("The tensor " + name + " of the checkpoint file " + path + " has another number type than this model.", "", FailureKind::checkpoint);
  }
  if (found.size() != expected.size())
    throw Failure("The checkpoint file " + path + " holds " + std::to_string(found.size()) + " tensors where this model has " +
                  std::to_string(expected.size()) + "; it belongs to another model.", "", FailureKind::checkpoint);
}

void expectFinite(const std::string& path, const std::string& name, const at::Tensor& tensor) {
  if (!at::isfinite(tensor).all().item<bool>())
    throw Failure("The weight " + name + " of " + path + " holds values that are not finite numbers; use another model or checkpoint.", "", FailureKind::checkpoint);
}

}  // namespace switchyard
