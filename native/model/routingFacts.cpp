#include "routingFacts.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace switchyard {

std::int64_t routingFactsSize(std::int64_t experts, std::size_t gridSize) {
  return 3 * experts + 5 + static_cast<std::int64_t>(gridSize);
}

at::Tensor packRoutingFacts(const RoutedLayer& layer, const std::vector<double>& capacityFactorGrid) {
  const at::NoGradGuard noGrad;
  const auto& r = layer.routing;
  const auto floats = r.valid.scalar_type();
  const auto probability = r.probability.to(floats);
  const auto groupTokens = r.valid.numel() / layer.groups;

  const auto kept = r.load.clamp_max(static_cast<double>(layer.capacity)).sum(0);
  const auto importance = (probability * r.valid.unsqueeze(1)).sum(0);
  // p·log p is 0 at p = 0: the least float keeps the logarithm finite.
  const auto entropy = -(probability * probability.clamp_min(1e-30).log()).sum(1).mul(r.valid).sum();
  const auto confidence = r.gate.to(floats).mul(r.valid).sum();
  const auto scalars = at::stack({entropy, confidence, r.auxiliaryLoss.to(floats), r.zLoss.to(floats), r.valid.sum()});

  std::vector<at::Tensor> parts{r.load.sum(0), kept, importance, scalars};
  for (const double factor : capacityFactorGrid) {
    const auto capacity = expertCapacity(groupTokens, layer.experts, factor);
    parts.push_back((r.load - static_cast<double>(capacity)).clamp_min(0.0).sum().reshape({1}));
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
  double kept = 0.0;
  for (const double count : out.kept) kept += count;
  out.dropped = tokens > 0.0 ? 1.0 - kept / tokens : 0.0;
  for (std::size_t i = 0; i < capacityFactorGrid.size(); ++i)
    out.dropAtCapacityFactor.emplace_back(capacityFactorGrid[i], scalars[5 + i] / divisor);
  return out;
}

}  // namespace switchyard
