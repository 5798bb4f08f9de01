// AdamW over all parameters in one pass over memory, and the global norm that its clipping needs.
#pragma once

#include <torch/types.h>

#include <vector>

namespace switchyard::kernels {

/// sqrt(Σ g²) over all tensors (float), a float scalar. Its bits don't depend on the number of threads.
at::Tensor gradientNorm(const std::vector<at::Tensor>& gradients);

struct AdamWStep {
  double beta1, beta2, epsilon, weightDecay;
  /// Double scalars on the host or the parameters' device. The step is the updates made, this one included: 1 at the first.
  at::Tensor learningRate, step;
};

/// One parameter and its state: float tensors of one shape. `shadow` may be undefined, or bfloat16 of the same shape; it
/// receives the rounded weight in the same pass. `decays` is false where weight decay does not apply.
struct AdamWParameter {
  at::Tensor weight, gradient, firstMoment, secondMoment, shadow;
  bool decays = true;
};

/// Decoupled weight decay (1711.05101): m ← β1·m + (1-β1)·g, v ← β2·v + (1-β2)·g², w ← w·(1 - lr·wd) - lr·m̂ / (√v̂ + ε),
/// with g = gradientScale · gradient. gradientScale: a float scalar tensor, the clip factor; when it is NaN or infinite
/// nothing is changed, which is the gate of a step whose loss or gradient was not finite.
void adamW(const std::vector<AdamWParameter>& parameters, const AdamWStep& step, const at::Tensor& gradientScale);

/// The same by libtorch's own fused kernel, which GPUs have as well; leaves the gradients scaled.
void adamWByLibtorch(const std::vector<AdamWParameter>& parameters, const AdamWStep& step, const at::Tensor& gradientScale);

/// The same op by op.
void adamWReference(const std::vector<AdamWParameter>& parameters, const AdamWStep& step, const at::Tensor& gradientScale);

}  // namespace switchyard::kernels
