#include "switchLayer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/dispatch.h"
#include "../kernels/product.h"
#include "../kernels/uniform.h"
#include "../mesh/operations.h"
#include "capacity.h"
#include "ownPlaces.h"

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

/// The batch's rows that a rank routes: its own, or those of all ranks together.
struct RoutedRows {
  std::int64_t sequences, length;
  /// Shares of ranks that the sequences are made of.
  std::int64_t shares;

  std::int64_t tokens() const { return sequences * length; }
  std::int64_t groups(CapacityGroup by) const {
    if (by == CapacityGroup::sequence) return sequences;
    return by == CapacityGroup::rank ? shares : 1;
  }
  /// Groups over which f and P are taken.
  std::int64_t balanceGroups(const SparseConfig& sparse) const {
    switch (sparse.auxiliaryLossGroup) {
      case AuxiliaryLossGroup::capacityGroup: return groups(sparse.capacityGroup);
      case AuxiliaryLossGroup::sequence: return sequences;
      case AuxiliaryLossGroup::batch: return shares;
      case AuxiliaryLossGroup::ranks: break;
    }
    return 1;
  }
};

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

Routing SwitchLayer::routing(Pass& pass, const at::Tensor& logits, const at::Tensor& ids, const at::Tensor& valid, bool whole, RouterSettings settings) const {
  if (!router) return routeByHash(ids, valid, settings);
  const auto site = [&] { return whole ? pass.wholeSite(0.0) : pass.dropoutSite(0.0); };
  if (pass.training && sparse.exploration == Exploration::sampling) settings.sampling = site();
  if (pass.training && sparse.laterChoices == LaterChoices::random) settings.sending = site();
  if (bias) settings.bias = bias->value;
  return route(logits, valid, settings);
}

at::Tensor SwitchLayer::throughExperts(Pass& pass, const at::Tensor& buffer, const at::Tensor& used, const at::Tensor& numbers) const {
  auto* group = pass.mesh ? pass.mesh->expert() : nullptr;
  if (!group) return feedForwards.forward(pass, buffer, used, numbers);
  const auto ranks = group->size(), own = sparse.experts / ranks, places = buffer.size(1), d = buffer.size(2);
  // (E, R, ...) here is (ranks, E/ranks, R, ...); what comes from all ranks is put together for each expert.
  const auto toExperts = [&](const at::Tensor& received) { return received.transpose(0, 1).flatten(1, 2); };
  const auto arrived = toExperts(exchangeOver(group, buffer.view({ranks, own, places, d})));
  at::Tensor arrivedUsed, arrivedNumbers;
  if (used.defined()) arrivedUsed = toExperts(group->exchange(used.view({ranks, own, 1}), Traffic::experts));
  if (numbers.defined()) arrivedNumbers = toExperts(group->exchange(numbers.view({ranks, own, places}), Traffic::experts)).reshape(-1);
  const auto output = feedForwards.forward(pass, arrived, arrivedUsed, arrivedNumbers);
  return exchangeOver(group, output.view({own, ranks, places, d}).transpose(0, 1)).view({sparse.experts, places, d});
}

at::Tensor SwitchLayer::forward(Pass& pass, const at::Tensor& x, const at::Tensor& valid) const {
  const auto batch = x.size(0), length = x.size(1), d = x.size(2), experts = sparse.experts;
  const auto share = pass.batch() ? pass.mesh->place.batch() : kernels::Share{};
  // Tokens that compete across ranks are routed together, on every rank alike.
  const bool whole = share.of > 1 && sparse.capacityGroup == CapacityGroup::batch;
  const RoutedRows rows{whole ? batch * share.of : batch, length, whole ? share.of : 1};
  const auto groups = rows.groups(sparse.capacityGroup), groupTokens = rows.tokens() / groups;
  const auto factor = pass.training ? sparse.trainingCapacityFactor : sparse.evaluationCapacityFactor;
  const auto capacity = pass.dropless ? groupTokens : placesOf(sparse, groupTokens, factor);
  const auto tokens = x.reshape({batch * length, d});  // (T, d)
  const auto ofAll = [&](const at::Tensor& own) { return whole ? gatherRows(pass.batch(), own) : own; };
  const auto counted = ofAll((sparse.routePadding ? at::ones_like(valid) : valid).reshape(-1));

  const auto scores = router ? ofAll(logits(pass, tokens)) : at::Tensor(), ids = router ? at::Tensor() : ofAll(pass.ids.reshape(-1));
  auto routed = routing(pass, scores, ids, counted, whole, {sparse, groups, rows.balanceGroups(sparse), capacity, pass.training, {}, {}, {}});

  const auto ownRows = [&](const at::Tensor& all) { return whole ? all.narrow(0, share.index * tokens.size(0), tokens.size(0)) : all; };
  const auto own = whole ? closedUp(ownRows(routed.slot), experts, capacity) : ownGroups(routed, share, groups, capacity);
  const auto numbers = pass.training && sparse.expertDropout > 0.0 && share.of > 1 ? rowNumbers(own, experts) : at::Tensor();
  const auto buffer = kernels::dispatch(sumGradientOver(pass.model(), tokens), own.slot, experts * own.places).view({experts, own.places, d});
  const auto output = throughExperts(pass, buffer, own.used, numbers).view({experts * own.places, d});
  auto y = sumOver(pass.model(), kernels::combine(output, own.slot, sumGradientOver(pass.model(), ownRows(routed.gate)))).view_as(x);

  // A frozen router's bias stays as well.
  const auto moved = bias && pass.training && router->value.requires_grad() ? bias->value : at::Tensor();
  const bool limited = sparse.overflow == Overflow::drop && sparse.routing != RoutingKind::expertChoice;
  pass.routed.push_back({encoder, layer, experts, capacity, whole ? groups : groups * share.of, groupTokens, choicesOf(sparse), limited, std::move(routed),
                         share.of > 1 && !whole, moved});
  return y;
}

}  // namespace switchyard
