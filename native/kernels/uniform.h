// Uniform random numbers that are a function of (seed, stream, element), like dropout's masks: a resumed run repeats them, and every
// device and thread count draws the same.
#pragma once

#include <torch/types.h>

#include "dropout.h"

namespace switchyard::kernels {

/// Numbers strictly between 0 and 1, multiples of 2^-23 moved by half of one, in the type of `options` (float or double).
at::Tensor uniform(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options);

/// The same by libtorch's ops.
at::Tensor uniformReference(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options);

/// The numbers, int64 (n), that the n elements of a tensor of `sizes` at a site have in the whole (DropoutSite), on the device of `options`.
at::Tensor siteNumbers(at::IntArrayRef sizes, const DropoutSite& site, const at::TensorOptions& options);

/// 32 random bits as int64 of each element's number, int64 of any shape: dropout's mixer by libtorch's ops.
at::Tensor randomWords(const at::Tensor& elements, const DropoutSite& site);

}  // namespace switchyard::kernels
