// Moving tokens into the experts' buffers and back, by index. T tokens of up to K slots each, R = experts · groups · capacity places.
#pragma once

#include <torch/types.h>

namespace switchyard::kernels {

/// buffer[slot[t, j]] = x[t]; places nobody takes are zero. x [T, d]; slot [T, K] int64, -1 for none, all others different; the
/// result is [places, d].
at::Tensor dispatch(const at::Tensor& x, const at::Tensor& slot, std::int64_t places);

/// y[t] = Σ gate[t, j] · buffer[slot[t, j]] over the slots that are not -1, zero without any (Switch §2.1). buffer [R, d]; slot and
/// gate [T, K], the gates float.
at::Tensor combine(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& gate);

/// The same by libtorch's ops, which take no more memory than the buffer, however many slots a token has.
at::Tensor dispatchReference(const at::Tensor& x, const at::Tensor& slot, std::int64_t places);
at::Tensor combineReference(const at::Tensor& buffer, const at::Tensor& slot, const at::Tensor& gate);

}  // namespace switchyard::kernels
