#include "embedding.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace switchyard {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct LookUp : torch::autograd::Function<LookUp> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& table, const at::Tensor& ids) {
    context->save_for_backward({ids});
    context->saved_data["rows"] = table.size(0);
    // libtorch's C++ has no index_select for meta tensors; gather computes the same.
    if (table.is_meta()) return table.gather(0, ids.unsqueeze(1).expand({ids.numel(), table.size(1)}));
    return table.index_select(0, ids);
  }
  static variable_list backward(AutogradContext* context, variable_list gradient) {
    const auto ids = context->get_saved_variables()[0];
    const auto rows = context->saved_data["rows"].toInt();
    if (gradient[0].is_meta()) {
      auto table = at::zeros({rows, gradient[0].size(1)}, gradient[0].options());
      return {table.scatter_add_(0, ids.unsqueeze(1).expand_as(gradient[0]), gradient[0]), {}};
    }
    return {at::embedding_dense_backward(gradient[0].contiguous(), ids, rows, -1, false), {}};
  }
};

}  // namespace

at::Tensor lookUp(const at::Tensor& table, const at::Tensor& ids) { return LookUp::apply(table, ids); }

}  // namespace switchyard
