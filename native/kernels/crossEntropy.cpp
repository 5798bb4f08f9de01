#include "crossEntropy.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/functional/loss.h>

#include "tensors.h"

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct CrossEntropySum : torch::autograd::Function<CrossEntropySum> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& targetInput, std::int64_t ignore) {
    const auto logits = input.contiguous();
    const auto targets = targetInput.contiguous();
    const auto count = logits.size(0);
    const auto vocabulary = logits.size(1);
    auto logSumExp = at::zeros({count}, logits.options().dtype(at::kFloat));
    auto losses = at::zeros({count}, logits.options().dtype(at::kFloat));
    forStorage(logits, [&]<class T>(T) {
      at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto row = begin; row < end; ++row) {
          const auto target = data<std::int64_t>(targets)[row];
          if (target == ignore) continue;
          TORCH_CHECK(target >= 0 && target < vocabulary, "Target token ", target, " is outside the vocabulary of ", vocabulary, ".");
          const T* x = data<T>(logits) + row * vocabulary;
          data<float>(logSumExp)[row] = rows<T>().logSumExp(x, vocabulary);
          data<float>(losses)[row] = data<float>(logSumExp)[row] - toFloat(x[target]);
        }
      });
    });
    context->save_for_backward({logits, targets, logSumExp});
    context->saved_data["ignore"] = ignore;
    return losses.sum();
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& logits = saved[0];
    const auto& targets = saved[1];
    const auto& logSumExp = saved[2];
    const auto ignore = context->saved_data["ignore"].toInt();
    const auto scale = gradients[0].item<float>();
    const auto vocabulary = logits.size(1);
    auto dx = at::empty_like(logits);
    forStorage(logits, [&]<class T>(T) {
      at::parallel_for(0, logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto row = begin; row < end; ++row) {
          const auto target = data<std::int64_t>(targets)[row];
          T* gradient = data<T>(dx) + row * vocabulary;
          if (target == ignore) std::fill_n(gradient, vocabulary, T{});
          else rows<T>().crossEntropyBackward(data<T>(logits) + row * vocabulary, data<float>(logSumExp)[row], target, scale, gradient, vocabulary);
        }
      });
    });
    return {dx, {}, {}};
  }
};

}  // namespace

at::Tensor crossEntropySum(const at::Tensor& logits, const at::Tensor& targets, std::int64_t ignore) {
  if (applies(logits)) return CrossEntropySum::apply(logits, targets, ignore);
  const auto wide = logits.to(at::promote_types(logits.scalar_type(), at::kFloat));
  return at::cross_entropy_loss(wide, targets, {}, at::Reduction::Sum, ignore);
}

}  // namespace switchyard::kernels
