// Moving tokens into the experts' buffers and back, by index. T tokens, R = groups · experts · capacity places.
#pragma once

#include <torch/types.h>

namespace switchyard::kernels {

/// buffer[slot[t]] = x[t]; places nobody takes are zero. x [T, d]; slot [T] int64, -1 for a dropped token, all others
/// different; the result is [places, d].
at::Tensor dispatch(const at::Tensor& x, const at::Tensor& slot, std::int64_t places);

/// y[t] = probability[t] · buffer[slot[t]], zero for a dropped token (Switch §2.1). buffer [R, d]; probability [T] float.
at::Tensor combine(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& probability);

/// The same by libtorch's ops.
at::Tensor dispatchReference(const at::Tensor& x, const at::Tensor& slot, std::int64_t places);
at::Tensor combineReference(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& probability);

}  // namespace switchyard::kernels
