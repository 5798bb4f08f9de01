// Single-threaded products of float matrices by libtorch's own BLAS, for kernels that share work among threads themselves.
#pragma once

#include <cstdint>

namespace switchyard::kernels {

/// A row-major matrix in memory: `stride` floats from row to row. `transposed` means that it is stored the other way round.
struct FloatMatrix {
  const float* at;
  std::int64_t stride;
  bool transposed = false;
};

/// c (m, n) = a (m, k) · b (k, n), or c plus that with `add`, with `strideC` floats from row to row. Runs on the calling thread alone inside a parallel region.
void floatProduct(std::int64_t m, std::int64_t n, std::int64_t k, FloatMatrix a, FloatMatrix b, float* c, std::int64_t strideC, bool add = false);

}  // namespace switchyard::kernels
