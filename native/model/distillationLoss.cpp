#include "distillationLoss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace switchyard {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Keeps the gradient alone, instead of the several (N, V) tensors that autograd would.
struct DistillationLossSum : torch::autograd::Function<DistillationLossSum> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& counts, double temperature) {
    const auto wide = at::promote_types(student.scalar_type(), at::kFloat);
    const auto p = at::softmax(teacher.to(wide) / temperature, 1);
    auto logQ = at::log_softmax(student.to(wide) / temperature, 1);
    const auto mask = counts.to(wide).unsqueeze(1);
    const auto loss = (p * logQ * mask).sum() * (-temperature * temperature);
    context->save_for_backward({logQ.exp_().sub_(p).mul_(mask * temperature).to(student.scalar_type())});
    return loss;
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto gradient = context->get_saved_variables()[0];
    return {gradient * gradients[0].to(gradient.scalar_type()), {}, {}, {}};
  }
};

}  // namespace

at::Tensor distillationLossSum(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& targets, std::int64_t ignore, double temperature) {
  return DistillationLossSum::apply(student, teacher.detach(), targets.ne(ignore), temperature);
}

}  // namespace switchyard
