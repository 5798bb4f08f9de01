#include "feedForward.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/product.h"

namespace switchyard {

FeedForward::FeedForward(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model) : dropout(model.dropout) {
  const auto deviation = [&](std::int64_t fanIn) { return std::sqrt(model.initializationScale / static_cast<double>(fanIn)); };
  wi = &parameters.add(prefix + ".wi.weight", {model.dFf, model.dModel}, {deviation(model.dModel)});
  wo = &parameters.add(prefix + ".wo.weight", {model.dModel, model.dFf}, {deviation(model.dFf)});
}

at::Tensor FeedForward::forward(Pass& pass, const at::Tensor& x) const {
  const auto hidden = kernels::reluDropout(kernels::linear(x, wi->as(pass.type)), pass.dropoutSite(dropout));
  return kernels::linear(hidden, wo->as(pass.type));
}

}  // namespace switchyard
