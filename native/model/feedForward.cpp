#include "feedForward.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/product.h"
#include "../mesh/operations.h"

namespace switchyard {

FeedForward::FeedForward(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model)
    : activation(model.feedForward), dropout(model.dropout) {
  const auto deviation = [&](std::int64_t fanIn) { return std::sqrt(model.initializationScale / static_cast<double>(fanIn)); };
  if (isGated(activation)) gate = &parameters.add(prefix + ".wi_0.weight", {model.dFf, model.dModel}, {deviation(model.dModel)}, {.model = 0});
  wi = &parameters.add(prefix + (gate ? ".wi_1.weight" : ".wi.weight"), {model.dFf, model.dModel}, {deviation(model.dModel)}, {.model = 0});
  wo = &parameters.add(prefix + ".wo.weight", {model.dModel, model.dFf}, {deviation(model.dFf)}, {.model = 1});
}

at::Tensor FeedForward::forward(Pass& pass, const at::Tensor& x) const {
  const auto entering = sumGradientOver(pass.model(), x);
  const auto opened = gate ? kernels::linear(entering, gate->as(pass.type)) : at::Tensor();
  const auto hidden = activate(activation, kernels::linear(entering, wi->as(pass.type)), opened, pass.columnSite(dropout));
  return sumOver(pass.model(), kernels::linear(hidden, wo->as(pass.type)));
}

}  // namespace switchyard
