#include "routerLosses.h"

#include <ATen/ATen.h>

#include <optional>

#include "router.h"

namespace switchyard {
namespace {

BalanceSums together(const BalanceSums& a, const BalanceSums& b) {
  return {a.first + b.first, a.importance + b.importance, a.tokens + b.tokens, a.squaredNormalizer + b.squaredNormalizer};
}

}  // namespace

BalanceSums balanceSums(const at::Tensor& first, const at::Tensor& probability, const at::Tensor& logits, const at::Tensor& valid, std::int64_t groups) {
  const auto grouped = [&](const at::Tensor& x) { return x.view({groups, x.size(0) / groups, x.size(1)}).sum(1); };
  BalanceSums sums;
  sums.first = grouped(first);
  sums.importance = grouped(probability.to(valid.scalar_type()) * valid.unsqueeze(1));
  sums.tokens = grouped(valid.unsqueeze(1));
  if (!logits.defined()) {
    sums.squaredNormalizer = at::zeros({}, valid.options());
    return sums;
  }
  // logsumexp, which libtorch's C++ lacks for meta tensors: any logit less its logarithm of the softmax.
  const auto normalizer = logits.select(1, 0) - at::log_softmax(logits, 1).select(1, 0);
  sums.squaredNormalizer = (normalizer.to(valid.scalar_type()).square() * valid).sum();
  return sums;
}

at::Tensor auxiliaryLoss(const BalanceSums& sums) {
  const auto counted = sums.tokens.clamp_min(1.0);
  const auto fraction = sums.first / counted;         // f of eq. 5
  const auto importance = sums.importance / counted;  // P of eq. 6
  return (fraction * importance).sum(1).mean() * static_cast<double>(sums.first.size(1));
}

at::Tensor zLoss(const BalanceSums& sums) { return sums.squaredNormalizer / sums.tokens.sum().clamp_min(1.0); }

RouterLosses routerLosses(const std::vector<RoutedLayer>& routed, AuxiliaryLossForm form, const at::TensorOptions& options) {
  RouterLosses losses{at::zeros({}, options), at::zeros({}, options)};
  const auto add = [&](const BalanceSums& sums) { losses = {losses.auxiliary + auxiliaryLoss(sums), losses.z + zLoss(sums)}; };
  if (form == AuxiliaryLossForm::paper) {
    for (const auto& layer : routed) add(layer.routing.balance);
    return losses;
  }
  for (const bool encoder : {true, false}) {
    std::optional<BalanceSums> stack;
    for (const auto& layer : routed)
      if (layer.encoder == encoder) stack = stack ? together(*stack, layer.routing.balance) : layer.routing.balance;
    if (stack) add(*stack);
  }
  return losses;
}

RouterLossWeights routerLossWeights(const SparseConfig& sparse, std::int64_t step) {
  if (sparse.routing == RoutingKind::hash) return {};
  if (sparse.auxiliaryLossSteps && step > *sparse.auxiliaryLossSteps) return {};
  return {sparse.balancing == Balancing::auxiliaryLoss ? sparse.auxiliaryLoss : 0.0, sparse.zLoss};
}

}  // namespace switchyard
