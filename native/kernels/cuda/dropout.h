// Starts the kernels of dropout.cu.
#pragma once

#include <torch/types.h>

#include "../dropout.h"
#include "launch.h"

namespace switchyard::kernels::cuda {

/// Whether they take this tensor: float or bfloat16 on a GPU where they can be had.
bool applies(const at::Tensor& x);

// What ../dropout.h and ../uniform.h say, into `y`. All tensors are contiguous, of one shape and type, and on one device. `launch` is that of the
// GPU, or a test's.

/// `residual` may be undefined.
void dropout(const Launch& launch, const at::Tensor& residual, const at::Tensor& x, const at::Tensor& y, const DropoutSite& site);
void reluDropout(const Launch& launch, const at::Tensor& x, const at::Tensor& y, const DropoutSite& site);
void reluDropoutBackward(const Launch& launch, const at::Tensor& dy, const at::Tensor& y, const at::Tensor& dx, float scale);
/// Float alone.
void uniform(const Launch& launch, const at::Tensor& y, const DropoutSite& site);

}  // namespace switchyard::kernels::cuda
