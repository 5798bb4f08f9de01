#include "switchLayer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/dispatch.h"
#include "../kernels/product.h"
#include "../kernels/uniform.h"
#include "capacity.h"

namespace switchyard {
namespace {

Parameter* routerOf(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model) {
  if (model.sparse->routing == RoutingKind::hash) return nullptr;
  const double deviation = std::sqrt(model.initializationScale / static_cast<double>(model.dModel));
  return &parameters.add(prefix + ".router.classifier.weight", {model.sparse->experts, model.dModel}, {deviation});
}

Parameter* biasOf(ParameterSet& parameters, const std::string& prefix, const SparseConfig& sparse) {
  if (sparse.balancing != Balancing::bias) return nullptr;
  return &parameters.add(prefix + ".router.expert_bias", {sparse.experts}, {0.0, 0.0, /*trained=*/false});
}

/// Groups over which f and P are taken, of a batch in so many capacity groups. All ranks are one.
std::int64_t balanceGroups(AuxiliaryLossGroup by, std::int64_t sequences, std::int64_t capacityGroups) {
  if (by == AuxiliaryLossGroup::capacityGroup) return capacityGroups;
  return by == AuxiliaryLossGroup::sequence ? sequences : 1;
}

}  // namespace

SwitchLayer::SwitchLayer(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model, bool encoder,
                         std::int64_t layer)
    : sparse(*model.sparse), precision(model.precision), encoder(encoder), layer(layer), router(routerOf(parameters, prefix, model)),
      bias(biasOf(parameters, prefix, sparse)), feedForwards(parameters, prefix + ".experts", model) {}

at::Tensor SwitchLayer::logits(Pass& pass, const at::Tensor& tokens) const {
  // Selective precision (§2.4): the router alone works in fp32, and only the dispatched tokens leave it in bf16.
  const auto type = precision == Precision::bf16 ? pass.type : (pass.type == at::kBFloat16 ? at::kFloat : pass.type);
  auto input = tokens.to(type);
  if (pass.training && sparse.exploration == Exploration::jitter) {
    const auto u = kernels::uniform(input.sizes(), pass.dropoutSite(0.0), input.options().dtype(type == at::kDouble ? at::kDouble : at::kFloat));
    input = input * u.mul_(2.0 * sparse.jitter).add_(1.0 - sparse.jitter).to(type);
  } else if (pass.training && sparse.exploration == Exploration::inputDropout) {
    input = kernels::dropout(input, pass.dropoutSite(sparse.inputDropout));
  }
  return kernels::linear(input, router->as(type));
}

Routing SwitchLayer::routing(Pass& pass, const at::Tensor& tokens, const at::Tensor& valid, RouterSettings settings) const {
  if (!router) return routeByHash(pass.ids.reshape(-1), valid, settings);
  if (pass.training && sparse.exploration == Exploration::sampling) settings.sampling = pass.dropoutSite(0.0);
  if (pass.training && sparse.laterChoices == LaterChoices::random) settings.sending = pass.dropoutSite(0.0);
  if (bias) settings.bias = bias->value;
  return route(logits(pass, tokens), valid, settings);
}

at::Tensor SwitchLayer::forward(Pass& pass, const at::Tensor& x, const at::Tensor& valid) const {
  const auto batch = x.size(0), length = x.size(1), d = x.size(2), experts = sparse.experts;
  const auto groups = sparse.capacityGroup == CapacityGroup::sequence ? batch : 1;
  const auto factor = pass.training ? sparse.trainingCapacityFactor : sparse.evaluationCapacityFactor;
  const auto groupTokens = batch * length / groups;
  const auto capacity = pass.dropless ? groupTokens : placesOf(sparse, groupTokens, factor);
  const auto tokens = x.reshape({batch * length, d});  // (T, d)
  const auto counted = (sparse.routePadding ? at::ones_like(valid) : valid).reshape(-1);

  auto routed = routing(pass, tokens, counted, {sparse, groups, balanceGroups(sparse.auxiliaryLossGroup, batch, groups), capacity, pass.training});

  const auto rows = experts * groups * capacity;
  const auto buffer = kernels::dispatch(tokens, routed.slot, rows).view({experts, groups * capacity, d});
  // The rows in use are the first of each group's; where there is one group, those of the whole buffer.
  const auto used = groups == 1 ? routed.kept.select(0, 0) : at::Tensor();
  const auto output = feedForwards.forward(pass, buffer, used).view({rows, d});
  auto y = kernels::combine(output, routed.slot, routed.gate).view_as(x);

  // A frozen router's bias stays as well.
  const auto moved = bias && pass.training && router->value.requires_grad() ? bias->value : at::Tensor();
  const bool limited = sparse.overflow == Overflow::drop && sparse.routing != RoutingKind::expertChoice;
  pass.routed.push_back({encoder, layer, experts, capacity, groups, choicesOf(sparse), limited, std::move(routed), moved});
  return y;
}

}  // namespace switchyard
