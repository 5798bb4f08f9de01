#include "floatProduct.h"

// Column-major; a row-major matrix is the transpose of a column-major one in the same memory.
extern "C" void sgemm_(const char* transposeA, const char* transposeB, const int* m, const int* n, const int* k, const float* alpha,
                       const float* a, const int* lda, const float* b, const int* ldb, const float* beta, float* c, const int* ldc);
// Of MKL, which libtorch has on x86-64 alone.
extern "C" __attribute__((weak)) void gemm_bf16bf16f32_(const char* transposeA, const char* transposeB, const int* m, const int* n, const int* k, const float* alpha,
                                  const std::uint16_t* a, const int* lda, const std::uint16_t* b, const int* ldb, const float* beta, float* c, const int* ldc);

namespace switchyard::kernels {
namespace {

template <class T, class Gemm, class Stored>
void multiply(Gemm gemm, Stored stored, std::int64_t m, std::int64_t n, std::int64_t k, Matrix<T> a, Matrix<T> b, float* c, std::int64_t strideC, bool add) {
  const float one = 1.0F, kept = add ? 1.0F : 0.0F;
  const int rows = static_cast<int>(m), columns = static_cast<int>(n), inner = static_cast<int>(k);
  const int lda = static_cast<int>(a.stride), ldb = static_cast<int>(b.stride), ldc = static_cast<int>(strideC);
  gemm(b.transposed ? "T" : "N", a.transposed ? "T" : "N", &columns, &rows, &inner, &one, stored(b.at), &ldb, stored(a.at), &lda, &kept, c, &ldc);
}

/// Intel's, since libtorch's BLAS does not use other makers' instructions for this product.
bool& chosen() {
#ifdef KERNELS_X86
  static bool value = __builtin_cpu_is("intel") && __builtin_cpu_supports("avx512bf16");
#else
  static bool value = false;
#endif
  return value;
}

}  // namespace

void floatProduct(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<float> a, Matrix<float> b, float* c, std::int64_t strideC, bool add) {
  multiply(sgemm_, [](const float* at) { return at; }, m, n, k, a, b, c, strideC, add);
}

void floatProduct(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<BFloat16> a, Matrix<BFloat16> b, float* c, std::int64_t strideC, bool add) {
  multiply(gemm_bf16bf16f32_, [](const BFloat16* at) { return &at->bits; }, m, n, k, a, b, c, strideC, add);
}

bool multipliesBFloat16() { return chosen(); }
void chooseBFloat16Products(bool wanted) { chosen() = wanted; }

}  // namespace switchyard::kernels
