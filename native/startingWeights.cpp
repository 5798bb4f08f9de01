#include "startingWeights.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/namedTensors.h"
#include "failure.h"
#include "mesh/wholeTensors.h"

namespace switchyard {
namespace {

constexpr std::string_view LAYER = ".mlp.", EXPERTS = ".mlp.experts.", ROUTER = ".mlp.router.";

bool has(const std::string& name, std::string_view part) { return name.find(part) != std::string::npos; }
/// The block's feed-forward layer that a weight belongs to; empty for other weights.
std::string layerOf(const std::string& name) {
  const auto at = name.find(LAYER);
  return at == std::string::npos ? "" : name.substr(0, at);
}
/// The dense twin of an expert's weight: LAYER.mlp.experts.wi is LAYER.mlp.wi.weight.
std::string denseTwin(const std::string& expert) {
  const auto at = expert.find(EXPERTS);
  return expert.substr(0, at) + std::string(LAYER) + expert.substr(at + EXPERTS.size()) + ".weight";
}

class Start {
 public:
  Start(const std::string& path, ParameterSet& parameters) : path(path), parameters(parameters), found(byName(readSafetensors(path))) {
    for (const auto& [name, tensor] : found)
      if (has(name, EXPERTS)) sparseLayers.insert(layerOf(name));
    for (const auto& parameter : parameters.all())
      if (has(parameter.name, LAYER) && !has(parameter.name, EXPERTS) && !has(parameter.name, ROUTER)) ownDenseLayers.insert(layerOf(parameter.name));
  }

  StartingWeights run() {
    // Everything is decided before anything is changed.
    for (auto& parameter : parameters.all()) plan(parameter);
    for (const auto& [name, tensor] : found)
      if (!used.contains(name) && !mayBeLeft(name))
        throw Failure("The model " + path + " has the weight " + name + " of shape " + shapeText(tensor.sizes()) +
                      ", which this model has not; choose a model of the same kind.", "", FailureKind::checkpoint);
    const at::NoGradGuard noGrad;
    for (auto& [parameter, source] : sources) {
      parameter->value.detach().copy_(parameters.part(*parameter, source));
      parameter->refreshShadow();
    }
    return result;
  }

 private:
  void plan(Parameter& parameter) {
    const auto& name = parameter.name;
    const at::IntArrayRef shape = parameter.shape;
    const auto count = c10::multiply_integers(shape);
    if (found.contains(name)) {
      sources.emplace_back(&parameter, take(name, shape, shape));
      result.copied += count;
    } else if (has(name, EXPERTS) && found.contains(denseTwin(name))) {
      // Experts hold (E, in, out), a linear layer (out, in).
      const auto dense = take(denseTwin(name), {shape[2], shape[1]}, shape);
      sources.emplace_back(&parameter, dense.t().unsqueeze(0).expand(shape));
      result.upcycled += count;
    } else if (has(name, ROUTER) || (!layerOf(name).empty() && !has(name, EXPERTS) && sparseLayers.contains(layerOf(name)))) {
      result.fresh += count;
    } else {
      throw Failure("The model " + path + " has no weight " + name + ", of shape " + shapeText(shape) + " here; choose a model of the same kind.",
                    "", FailureKind::checkpoint);
    }
  }

  at::Tensor take(const std::string& name, at::IntArrayRef expected, at::IntArrayRef shape) {
    const auto& tensor = found.at(name);
    if (tensor.sizes() != expected)
      throw Failure("The weight " + name + " of the model " + path + " has shape " + shapeText(tensor.sizes()) + ", which does not fit shape " +
                    shapeText(shape) + " here; choose a model of the same sizes and vocabulary.", "", FailureKind::checkpoint);
    expectFinite(path, name, tensor);
    used.insert(name);
    return tensor;
  }

  /// Routers and experts of a layer that is dense here, and the router of one without.
  bool mayBeLeft(const std::string& name) const {
    return has(name, ROUTER) || (has(name, EXPERTS) && ownDenseLayers.contains(layerOf(name)));
  }

  const std::string& path;
  ParameterSet& parameters;
  TensorsByName found;
  std::set<std::string> sparseLayers, ownDenseLayers, used;
  std::vector<std::pair<Parameter*, at::Tensor>> sources;
  StartingWeights result;
};

}  // namespace

StartingWeights startFrom(const std::string& path, ParameterSet& parameters) { return Start(path, parameters).run(); }

void loadExactly(const std::string& path, ParameterSet& parameters) {
  const auto found = byName(readSafetensors(path));
  const auto parts = partsOf(parameters);
  expectTensors(path, found, expectedOf(parts));
  for (const auto& [name, tensor] : found) expectFinite(path, name, tensor);
  fillParts(parts, found, parameters.place);
  for (auto& parameter : parameters.all()) parameter.refreshShadow();
}

}  // namespace switchyard
