#include "routerBias.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace switchyard {

void moveBiases(const std::vector<RoutedLayer>& routed, double rate, const at::Tensor& finite) {
  const at::NoGradGuard noGrad;
  for (const auto& layer : routed) {
    if (!layer.bias.defined()) continue;
    const auto load = layer.routing.load.sum(0);
    at::Tensor(layer.bias).add_((load.mean() - load).sign() * finite * rate);
  }
}

}  // namespace switchyard
