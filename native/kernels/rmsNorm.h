// T5's layer norm (RMSNorm, 1910.07467): no mean, no bias, statistics in fp32 whatever the storage.
#pragma once

#include <torch/types.h>

namespace switchyard::kernels {

/// y = x / sqrt(mean(x²) + epsilon) · weight over the last dimension.
/// x [..., d] float or bfloat16; weight [d] float; y as x.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon);

/// The same by libtorch's ops.
at::Tensor rmsNormReference(const at::Tensor& x, const at::Tensor& weight, double epsilon);

}  // namespace switchyard::kernels
