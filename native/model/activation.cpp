#include "activation.h"

#include "../kernels/smoothActivation.h"

namespace switchyard {

bool isGated(Activation activation) { return activation == Activation::gatedGelu || activation == Activation::gatedSilu; }

at::Tensor activate(Activation activation, const at::Tensor& x, const at::Tensor& gate, const kernels::DropoutSite& site) {
  using kernels::SmoothActivation;
  switch (activation) {
    case Activation::gelu: return kernels::activationDropout(SmoothActivation::gelu, x, site);
    case Activation::gatedGelu: return kernels::gatedDropout(SmoothActivation::gelu, gate, x, site);
    case Activation::gatedSilu: return kernels::gatedDropout(SmoothActivation::silu, gate, x, site);
    case Activation::relu: break;
  }
  return kernels::reluDropout(x, site);
}

}  // namespace switchyard
