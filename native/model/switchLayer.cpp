#include "switchLayer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "../kernels/dispatch.h"
#include "../kernels/product.h"

namespace switchyard {

SwitchLayer::SwitchLayer(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model, bool encoder,
                         std::int64_t layer)
    : sparse(*model.sparse), precision(model.precision), encoder(encoder), layer(layer),
      router(&parameters.add(prefix + ".router.classifier.weight", {sparse.experts, model.dModel},
                             {std::sqrt(model.initializationScale / static_cast<double>(model.dModel))})),
      feedForwards(parameters, prefix + ".experts", model) {}

at::Tensor SwitchLayer::forward(Pass& pass, const at::Tensor& x, const at::Tensor& valid) const {
  const auto batch = x.size(0), length = x.size(1), d = x.size(2), experts = sparse.experts;
  const auto groups = sparse.capacityGroup == CapacityGroup::sequence ? batch : 1;
  const auto factor = pass.training ? sparse.trainingCapacityFactor : sparse.evaluationCapacityFactor;
  const auto groupTokens = batch * length / groups;
  const auto limit = sparse.fixedCapacity ? std::min(*sparse.fixedCapacity, groupTokens) : expertCapacity(groupTokens, experts, factor);
  const auto capacity = pass.dropless ? groupTokens : limit;
  const auto tokens = x.reshape({batch * length, d});  // (T, d)

  // Selective precision (§2.4): the router alone works in fp32, and only the dispatched tokens leave it in bf16.
  const auto routerType = precision == Precision::bf16 ? pass.type : (pass.type == at::kBFloat16 ? at::kFloat : pass.type);
  const auto logits = kernels::linear(tokens.to(routerType), router->as(routerType));  // (T, E)
  auto routing = route(logits, sparse.routePadding ? at::ones_like(valid).reshape(-1) : valid.reshape(-1), groups, capacity);

  const auto rows = experts * groups * capacity;
  const auto buffer = kernels::dispatch(tokens, routing.slot, rows).view({experts, groups * capacity, d});
  // The kept tokens of an expert are the first rows of its buffer, where there is one group.
  const auto used = groups == 1 ? routing.load.select(0, 0).clamp_max(static_cast<double>(capacity)) : at::Tensor();
  const auto output = feedForwards.forward(pass, buffer, used).view({rows, d});
  auto y = kernels::combine(output, routing.slot, routing.gate).view_as(x);

  pass.routed.push_back({encoder, layer, experts, capacity, groups, std::move(routing)});
  return y;
}

}  // namespace switchyard
