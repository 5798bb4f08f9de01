#include "embedding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace switchyard {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct LookUp : torch::autograd::Function<LookUp> {
  /// `read` holds the rows that are read: the values themselves or their rounded copy.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& values, const at::Tensor& read, const at::Tensor& ids) {
    context->save_for_backward({ids});
    context->saved_data["rows"] = values.size(0);
    context->saved_data["type"] = values.scalar_type();
    // libtorch's C++ has no index_select for meta tensors; gather computes the same.
    if (read.is_meta()) return read.gather(0, ids.unsqueeze(1).expand({ids.numel(), read.size(1)}));
    return read.index_select(0, ids);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto ids = context->get_saved_variables()[0];
    const auto rows = context->saved_data["rows"].toInt();
    const auto gradient = gradients[0].to(context->saved_data["type"].toScalarType()).contiguous();
    if (gradient.is_meta()) {
      auto table = at::zeros({rows, gradient.size(1)}, gradient.options());
      return {table.scatter_add_(0, ids.unsqueeze(1).expand_as(gradient), gradient), {}, {}};
    }
    return {at::embedding_dense_backward(gradient, ids, rows, -1, false), {}, {}};
  }
};

}  // namespace

at::Tensor lookUp(const Parameter& table, const at::Tensor& ids, at::ScalarType type) {
  const auto values = table.value;
  if (table.shadow.defined() && table.shadow.scalar_type() == type) return LookUp::apply(values, table.shadow, ids);
  return LookUp::apply(values, values.detach(), ids).to(type);
}

}  // namespace switchyard
