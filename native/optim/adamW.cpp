#include "adamW.h"

#include <ATen/ATen.h>

#include <numeric>

#include "replicas.h"

namespace switchyard {

AdamW::AdamW(const AdamWConfig& config, ParameterSet& all, const Mesh* mesh) : config(config), parameters(all.trained()), sharing(config.shareUpdates ? mesh : nullptr) {
  if (sharing) shareUpdates(all, *sharing);
  for (const auto* parameter : parameters) {
    const auto shape = parameter->updated(parameter->value.detach());
    firstMoments.push_back(at::zeros_like(shape));
    secondMoments.push_back(at::zeros_like(shape));
  }
}

void AdamW::update(const at::Tensor& learningRate, const at::Tensor& step, const at::Tensor& gradientScale) {
  std::vector<kernels::AdamWParameter> all;
  all.reserve(firstMoments.size());
  for (const auto* parameter : parameters) {
    const auto i = all.size();
    // The shadow of what is shared is made when all of it is there.
    all.push_back({parameter->updated(parameter->value.detach()), parameter->updated(parameter->gradient()), firstMoments[i], secondMoments[i],
                   parameter->share.of > 1 ? at::Tensor() : parameter->shadow, parameter->value.dim() >= 2});
  }
  kernels::adamW(all, {config.beta1, config.beta2, config.epsilon, config.weightDecay, learningRate, step}, gradientScale);
  if (sharing) gatherUpdates(parameters, *sharing);
}

std::vector<StateTensor> AdamW::state() const {
  std::vector<StateTensor> all;
  std::size_t i = 0;
  for (const auto* parameter : parameters) {
    std::vector<std::int64_t> dimensions(parameter->shape.size());
    std::iota(dimensions.begin(), dimensions.end(), 0);
    all.push_back({"first_moment." + parameter->name, firstMoments[i], parameter, dimensions});
    all.push_back({"second_moment." + parameter->name, secondMoments[i], parameter, dimensions});
    ++i;
  }
  return all;
}

}  // namespace switchyard
