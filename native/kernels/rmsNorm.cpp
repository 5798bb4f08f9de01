#include "rmsNorm.h"

#include <torch/csrc/autograd/custom_function.h>

#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The weight's gradient is summed within each of these blocks of rows and then over them, so its bits don't depend on the
/// number of threads.
constexpr std::int64_t BLOCKS = 32;

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weightInput, double epsilon) {
    const auto x = input.contiguous();
    const auto weight = weightInput.contiguous();
    const auto d = x.size(-1);
    const auto count = x.numel() / d;
    auto y = at::empty_like(x);
    auto r = at::empty({count}, x.options().dtype(at::kFloat));
    forStorage(x, [&]<class T>(T) {
      at::parallel_for(0, count, std::max<std::int64_t>(1, GRAIN / d), [&](std::int64_t begin, std::int64_t end) {
        for (auto row = begin; row < end; ++row)
          data<float>(r)[row] = rows<T>().rmsNorm(data<T>(x) + row * d, data<float>(weight), data<T>(y) + row * d, d,
                                                 static_cast<float>(epsilon));
      });
    });
    context->save_for_backward({x, weight, r});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto& r = saved[2];
    const auto dy = gradients[0].contiguous();
    const auto d = x.size(-1);
    const auto count = x.numel() / d;
    const auto perBlock = (count + BLOCKS - 1) / BLOCKS;
    auto dx = at::empty_like(x);
    auto dw = at::zeros({BLOCKS, d}, weight.options());
    forStorage(x, [&]<class T>(T) {
      at::parallel_for(0, BLOCKS, 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto block = begin; block < end; ++block)
          for (auto row = block * perBlock; row < std::min(count, (block + 1) * perBlock); ++row)
            rows<T>().rmsNormBackward(data<T>(dy) + row * d, data<T>(x) + row * d, data<float>(weight), data<float>(r)[row],
                                      data<T>(dx) + row * d, data<float>(dw) + block * d, d);
      });
    });
    return {dx, dw.sum(0), {}};
  }
};

}  // namespace

at::Tensor rmsNormReference(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const auto wide = x.to(at::promote_types(x.scalar_type(), at::kFloat));
  return (wide * at::rsqrt(wide.square().mean(-1, true) + epsilon) * weight).to(x.scalar_type());
}

at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  if (applies(x) && weight.scalar_type() == at::kFloat && x.numel() > 0) return RmsNorm::apply(x, weight, epsilon);
  return rmsNormReference(x, weight, epsilon);
}

}  // namespace switchyard::kernels
