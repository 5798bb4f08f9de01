// Matrix products in float, bfloat16 and double. Where the CPU has no instructions that multiply bfloat16 in numbers (AVX-512),
// libtorch's own bfloat16 products take 50 times as long as float ones; there both sides are widened first. Numbers are those
// of bfloat16 units either way: products of rounded values, summed in float and rounded once.
#pragma once

#include <torch/types.h>

namespace switchyard::kernels {

/// Whether products of `x` are computed in float for want of such instructions.
bool isWidened(const at::Tensor& x);

/// x · wᵀ: (..., K) and (N, K) to (..., N).
at::Tensor linear(const at::Tensor& x, const at::Tensor& w);
/// a · b, matrix by matrix: (..., M, K) and (..., K, N) of the same leading sizes to (..., M, N).
at::Tensor matmul(const at::Tensor& a, const at::Tensor& b);

}  // namespace switchyard::kernels
