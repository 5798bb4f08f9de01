// Single-threaded matrix products with results in float, by libtorch's own BLAS, for kernels that share work among threads themselves.
#pragma once

#include <cstdint>

#include "number.h"

namespace switchyard::kernels {

/// A row-major matrix of T in memory: `stride` numbers from row to row. `transposed` means that it is stored the other way round.
template <class T>
struct Matrix {
  const T* at;
  std::int64_t stride;
  bool transposed = false;
};

/// c (m, n) = a (m, k) · b (k, n), or c plus that with `add`, with `strideC` floats from row to row. Sums are float whatever is multiplied. Runs on
/// the calling thread alone inside a parallel region.
void floatProduct(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<float> a, Matrix<float> b, float* c, std::int64_t strideC, bool add = false);
void floatProduct(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<BFloat16> a, Matrix<BFloat16> b, float* c, std::int64_t strideC, bool add = false);

/// Whether that of bfloat16 is faster here than of float. On other CPUs it gives the same, but slowly; kernels then choose another way.
bool multipliesBFloat16();
/// Makes kernels choose the one way or the other, whatever the CPU: for tests.
void chooseBFloat16Products(bool chosen);

}  // namespace switchyard::kernels
