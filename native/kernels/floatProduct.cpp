#include "floatProduct.h"

// Column-major; a row-major matrix is the transpose of a column-major one in the same memory.
extern "C" void sgemm_(const char* transposeA, const char* transposeB, const int* m, const int* n, const int* k, const float* alpha,
                       const float* a, const int* lda, const float* b, const int* ldb, const float* beta, float* c, const int* ldc);

namespace switchyard::kernels {

void floatProduct(std::int64_t m, std::int64_t n, std::int64_t k, FloatMatrix a, FloatMatrix b, float* c, std::int64_t strideC, bool add) {
  const float one = 1.0F, kept = add ? 1.0F : 0.0F;
  const int rows = static_cast<int>(m), columns = static_cast<int>(n), inner = static_cast<int>(k);
  const int lda = static_cast<int>(a.stride), ldb = static_cast<int>(b.stride), ldc = static_cast<int>(strideC);
  sgemm_(b.transposed ? "T" : "N", a.transposed ? "T" : "N", &columns, &rows, &inner, &one, b.at, &ldb, a.at, &lda, &kept, c, &ldc);
}

}  // namespace switchyard::kernels
