#include "feedForward.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/product.h"

namespace switchyard {

FeedForward::FeedForward(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model)
    : activation(model.feedForward), dropout(model.dropout) {
  const auto deviation = [&](std::int64_t fanIn) { return std::sqrt(model.initializationScale / static_cast<double>(fanIn)); };
  if (isGated(activation)) gate = &parameters.add(prefix + ".wi_0.weight", {model.dFf, model.dModel}, {deviation(model.dModel)});
  wi = &parameters.add(prefix + (gate ? ".wi_1.weight" : ".wi.weight"), {model.dFf, model.dModel}, {deviation(model.dModel)});
  wo = &parameters.add(prefix + ".wo.weight", {model.dModel, model.dFf}, {deviation(model.dFf)});
}

at::Tensor FeedForward::forward(Pass& pass, const at::Tensor& x) const {
  const auto opened = gate ? kernels::linear(x, gate->as(pass.type)) : at::Tensor();
  const auto hidden = activate(activation, kernels::linear(x, wi->as(pass.type)), opened, pass.dropoutSite(dropout));
  return kernels::linear(hidden, wo->as(pass.type));
}

}  // namespace switchyard
