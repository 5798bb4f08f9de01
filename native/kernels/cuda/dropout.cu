// Dropout and uniform numbers on a GPU, each in one pass over memory, with the masks and the rounding of the CPU's loops (rows.cpp) bit by bit.
// Compiled for the GPU at hand where it runs (compiler.h), and as C++ for the tests (test/cudaKernels_test.cpp).
#include "elements.h"
#include "site.h"

namespace switchyard::kernels::cuda {

DropoutKey keyOf(const Site& site) {
  DropoutKey key = site.key;
  if (site.words) {
    key.first = static_cast<std::uint32_t>(site.words[0]);
    key.second = static_cast<std::uint32_t>(site.words[1]);
  }
  return key;
}

/// y = x · factor
template <class T>
void dropout(const T* x, T* y, std::int64_t n, const Site& site) {
  const DropoutKey key = keyOf(site);
  compute(n, site.numbers, [&](std::uint32_t number, float value) { return value * dropoutFactor(key, number); }, y, x);
}

/// y = residual + x · factor, rounded once.
template <class T>
void addDropout(const T* residual, const T* x, T* y, std::int64_t n, const Site& site) {
  const DropoutKey key = keyOf(site);
  compute(n, site.numbers, [&](std::uint32_t number, float added, float value) { return fmaf(value, dropoutFactor(key, number), added); }, y, residual, x);
}

/// y = max(x, 0) · factor
template <class T>
void reluDropout(const T* x, T* y, std::int64_t n, const Site& site) {
  const DropoutKey key = keyOf(site);
  compute(n, site.numbers, [&](std::uint32_t number, float value) { return (value < 0.0F ? 0.0F : value) * dropoutFactor(key, number); }, y, x);
}

/// dx = y > 0 ? dy · scale : 0
template <class T>
void reluDropoutBackward(const T* dy, const T* y, T* dx, std::int64_t n, float scale) {
  compute(n, ElementNumbers{}, [&](std::uint32_t, float gradient, float value) { return value > 0.0F ? gradient * scale : 0.0F; }, dx, dy, y);
}

extern "C" {

__global__ void dropout_f32(const float* x, float* y, std::int64_t n, Site site) { dropout(x, y, n, site); }
__global__ void dropout_bf16(const BFloat16* x, BFloat16* y, std::int64_t n, Site site) { dropout(x, y, n, site); }

__global__ void addDropout_f32(const float* residual, const float* x, float* y, std::int64_t n, Site site) { addDropout(residual, x, y, n, site); }
__global__ void addDropout_bf16(const BFloat16* residual, const BFloat16* x, BFloat16* y, std::int64_t n, Site site) { addDropout(residual, x, y, n, site); }

__global__ void reluDropout_f32(const float* x, float* y, std::int64_t n, Site site) { reluDropout(x, y, n, site); }
__global__ void reluDropout_bf16(const BFloat16* x, BFloat16* y, std::int64_t n, Site site) { reluDropout(x, y, n, site); }

__global__ void reluDropoutBackward_f32(const float* dy, const float* y, float* dx, std::int64_t n, float scale) { reluDropoutBackward(dy, y, dx, n, scale); }
__global__ void reluDropoutBackward_bf16(const BFloat16* dy, const BFloat16* y, BFloat16* dx, std::int64_t n, float scale) { reluDropoutBackward(dy, y, dx, n, scale); }

/// Numbers strictly between 0 and 1 (uniform.h).
__global__ void uniform_f32(float* y, std::int64_t n, Site site) {
  const DropoutKey key = keyOf(site);
  compute(n, site.numbers, [&](std::uint32_t number) { return uniformNumber(randomBits(key.first, key.second, number)); }, y);
}

}  // extern "C"

}  // namespace switchyard::kernels::cuda
