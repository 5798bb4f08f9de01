#include "penalties.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace switchyard {

at::Tensor addPenalties(ParameterSet& parameters, double l1, double l2, Mesh* mesh) {
  const at::NoGradGuard noGrad;
  auto penalty = at::zeros({}, parameters.all().front().value.options().dtype(at::kDouble).requires_grad(false));
  for (auto* parameter : parameters.trained()) {
    const auto value = parameter->value.detach();
    if (value.dim() < 2) continue;
    auto gradient = parameter->gradient();
    // A part that several ranks hold counts once.
    const auto copies = mesh ? static_cast<double>(copiesOf(parameter->split, mesh->place.shape)) : 1.0;
    if (l1 > 0.0) {
      const auto sign = value.sign();  // libtorch's C++ has no absolute value for meta tensors
      penalty = penalty + (value * sign).sum(at::kDouble) * (l1 / copies);
      gradient = gradient.add(sign, l1);
    }
    if (l2 > 0.0) {
      penalty = penalty + value.square().sum(at::kDouble) * (l2 / 2.0 / copies);
      gradient = gradient.add(value, l2);
    }
    parameter->value.mutable_grad() = gradient;
  }
  if (mesh && mesh->all()) mesh->all()->sum(penalty, Traffic::control);
  return penalty;
}

}  // namespace switchyard
