#include "experts.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/expertProduct.h"

namespace switchyard {

Experts::Experts(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model)
    : activation(model.feedForward), dropout(model.sparse->expertDropout) {
  const auto experts = model.sparse->experts, d = model.dModel, ff = model.dFf;
  const auto deviation = [&](std::int64_t fanIn) { return std::sqrt(model.initializationScale / static_cast<double>(fanIn)); };
  if (isGated(activation)) gate = &parameters.add(prefix + ".wi_0", {experts, d, ff}, {deviation(d)}, {.expert = 0, .model = 2});
  wi = &parameters.add(prefix + (gate ? ".wi_1" : ".wi"), {experts, d, ff}, {deviation(d)}, {.expert = 0, .model = 2});
  wo = &parameters.add(prefix + ".wo", {experts, ff, d}, {deviation(ff)}, {.expert = 0, .model = 1});
}

at::Tensor Experts::forward(Pass& pass, const at::Tensor& buffer, const at::Tensor& used, const at::Tensor& rowNumbers) const {
  auto site = pass.columnSite(dropout);
  site.rowNumbers = rowNumbers;
  const auto opened = gate ? kernels::expertProduct(buffer, gate->rounded(pass.type), used) : at::Tensor();
  const auto hidden = activate(activation, kernels::expertProduct(buffer, wi->rounded(pass.type), used), opened, site);
  return kernels::expertProduct(hidden, wo->rounded(pass.type), used);
}

}  // namespace switchyard
