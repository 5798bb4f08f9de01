#include "routerLosses.h"

#include <ATen/ATen.h>

namespace switchyard {
namespace {

RouterLosses lossesOfStack(const std::vector<RoutedLayer>& routed, bool encoder, const at::TensorOptions& options) {
  std::vector<at::Tensor> fraction, importance, z;
  for (const auto& layer : routed) {
    if (layer.encoder != encoder) continue;
    fraction.push_back(layer.routing.fraction);
    importance.push_back(layer.routing.importance);
    z.push_back(layer.routing.zLoss);
  }
  if (z.empty()) return {at::zeros({}, options), at::zeros({}, options)};
  // A stack's layers have the same tokens, so means over layers are means over all their tokens.
  const auto f = at::stack(fraction).mean(0), p = at::stack(importance).mean(0);  // (G, E)
  return {(f * p).sum(1).mean() * static_cast<double>(f.size(1)), at::stack(z).mean()};
}

}  // namespace

RouterLosses routerLosses(const std::vector<RoutedLayer>& routed, AuxiliaryLossForm form, const at::TensorOptions& options) {
  RouterLosses sum{at::zeros({}, options), at::zeros({}, options)};
  const auto add = [&](const at::Tensor& auxiliary, const at::Tensor& z) {
    sum.auxiliary = sum.auxiliary + auxiliary;
    sum.z = sum.z + z;
  };
  if (form == AuxiliaryLossForm::paper) {
    for (const auto& layer : routed) add(layer.routing.auxiliaryLoss, layer.routing.zLoss);
    return sum;
  }
  for (const bool encoder : {true, false}) {
    const auto [auxiliary, z] = lossesOfStack(routed, encoder, options);
    add(auxiliary, z);
  }
  return sum;
}

}  // namespace switchyard
