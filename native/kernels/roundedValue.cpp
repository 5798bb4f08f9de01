#include "roundedValue.h"

#include <torch/csrc/autograd/custom_function.h>

namespace switchyard::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct FromRounded : torch::autograd::Function<FromRounded> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& value, const at::Tensor& rounded) {
    context->saved_data["type"] = value.scalar_type();
    return rounded.alias();
  }
  static variable_list backward(AutogradContext* context, variable_list gradient) {
    return {gradient[0].to(context->saved_data["type"].toScalarType()), {}};
  }
};

}  // namespace

at::Tensor inGraph(const RoundedValue& of) { return of.rounded.defined() ? FromRounded::apply(of.value, of.rounded) : of.value; }

}  // namespace switchyard::kernels
