#include "routingFacts.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "capacity.h"

namespace switchyard {
namespace {

/// Entropy, confidence, auxiliary loss, z-loss, tokens, dropped tokens.
constexpr std::int64_t SCALARS = 6, LOSSES_AT = 2, LOSSES = 2;

/// 1 at facts that are sums over a rank's own rows, 0 at those of the whole batch.
at::Tensor ownShare(const RoutedLayer& layer, const at::Tensor& facts) {
  if (!layer.ownRows) return at::zeros_like(facts);
  auto own = at::ones_like(facts);
  own.narrow(0, 0, 3 * layer.experts).zero_();
  own.narrow(0, 3 * layer.experts + LOSSES_AT, LOSSES).zero_();
  return own;
}

}  // namespace

std::int64_t routingFactsSize(const RoutedLayer& layer, std::size_t gridSize) {
  return 3 * layer.experts + SCALARS + (layer.dropsByPosition ? static_cast<std::int64_t>(gridSize) : 0);
}

at::Tensor packRoutingFacts(const RoutedLayer& layer, const std::vector<double>& capacityFactorGrid) {
  const at::NoGradGuard noGrad;
  const auto& r = layer.routing;
  const auto floats = r.valid.scalar_type();
  const auto probability = r.probability.to(floats);

  // p·log p is 0 at p = 0: the least float keeps the logarithm finite.
  const auto entropy = -(probability * probability.clamp_min(1e-30).log()).sum(1).mul(r.valid).sum();
  const auto confidence = (probability * r.chosen).sum();
  const auto tokens = r.valid.sum();
  const auto sent = r.slot.ge(0).any(1).to(floats).sum();
  const auto scalars = at::stack({entropy, confidence, auxiliaryLoss(r.balance).to(floats), zLoss(r.balance).to(floats), tokens, tokens - sent});

  std::vector<at::Tensor> parts{r.load.sum(0), r.kept.sum(0), r.balance.importance.sum(0).to(floats), scalars};
  if (layer.dropsByPosition) {
    // A token is dropped where none of its choices is served early enough.
    const auto none = r.position.lt(0.0);
    const auto earliest = r.position.masked_fill(none, static_cast<double>(r.position.numel())).amin(1);
    for (const double factor : capacityFactorGrid) {
      const auto capacity = expertCapacity(layer.groupTokens, layer.experts, factor * layer.choices);
      parts.push_back((earliest.ge(static_cast<double>(capacity)) * r.valid).sum().reshape({1}));
    }
  }
  return at::cat(parts).to(at::kDouble);
}

LayerRouting unpackRoutingFacts(const RoutedLayer& layer, const std::vector<double>& capacityFactorGrid, const double* facts) {
  const auto experts = static_cast<std::ptrdiff_t>(layer.experts);
  LayerRouting out;
  out.encoder = layer.encoder;
  out.layer = layer.layer;
  out.experts = layer.experts;
  out.capacity = layer.capacity;
  out.groups = layer.groups;
  out.load.assign(facts, facts + experts);
  out.kept.assign(facts + experts, facts + 2 * experts);
  out.probability.assign(facts + 2 * experts, facts + 3 * experts);
  const double* scalars = facts + 3 * experts;
  const double tokens = scalars[4];
  const double divisor = tokens > 0.0 ? tokens : 1.0;
  out.tokens = static_cast<std::int64_t>(tokens);
  out.entropy = scalars[0] / divisor;
  out.confidence = scalars[1] / divisor;
  out.auxiliaryLoss = scalars[2];
  out.zLoss = scalars[3];
  out.dropped = scalars[5] / divisor;
  if (layer.dropsByPosition)
    for (std::size_t i = 0; i < capacityFactorGrid.size(); ++i)
      out.dropAtCapacityFactor.emplace_back(capacityFactorGrid[i], scalars[SCALARS + static_cast<std::int64_t>(i)] / divisor);
  return out;
}

at::Tensor packAllRoutingFacts(const std::vector<RoutedLayer>& routed, const std::vector<double>& capacityFactorGrid, const at::TensorOptions& options, Group* batch) {
  std::vector<at::Tensor> parts{at::empty({0}, options.dtype(at::kDouble))};
  bool partial = false;
  for (const auto& layer : routed) {
    parts.push_back(packRoutingFacts(layer, capacityFactorGrid));
    partial = partial || layer.ownRows;
    // What all ranks know is counted once.
    if (batch && batch->rank() > 0) parts.back().mul_(ownShare(layer, parts.back()));
  }
  auto all = at::cat(parts);
  if (partial) batch->sum(all, Traffic::routing);
  return all;
}

std::vector<LayerRouting> unpackAllRoutingFacts(const std::vector<RoutedLayer>& routed, const std::vector<double>& capacityFactorGrid, const double* facts) {
  std::vector<LayerRouting> all;
  for (const auto& layer : routed) {
    all.push_back(unpackRoutingFacts(layer, capacityFactorGrid, facts));
    facts += routingFactsSize(layer, capacityFactorGrid.size());
  }
  return all;
}

}  // namespace switchyard
