#include "product.h"

#include "rows.h"

namespace switchyard::kernels {

bool isWidened(const at::Tensor& x) {
  static const bool multipliesBFloat16 = hasWideVectors();
  return !multipliesBFloat16 && x.device().is_cpu() && x.scalar_type() == at::kBFloat16;
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& w) {
  if (isWidened(x)) return at::linear(x.to(at::kFloat), w.to(at::kFloat)).to(at::kBFloat16);
  return at::linear(x, w);
}

at::Tensor matmul(const at::Tensor& a, const at::Tensor& b) {
  if (isWidened(a)) return at::matmul(a.to(at::kFloat), b.to(at::kFloat)).to(at::kBFloat16);
  return at::matmul(a, b);
}

}  // namespace switchyard::kernels
