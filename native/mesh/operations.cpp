#include "operations.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace switchyard {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void keep(AutogradContext* context, Group* group) { context->saved_data["group"] = reinterpret_cast<std::int64_t>(group); }
Group* kept(AutogradContext* context) { return reinterpret_cast<Group*>(context->saved_data["group"].toInt()); }

at::Tensor summed(Group* group, const at::Tensor& x) {
  auto y = x.clone(at::MemoryFormat::Contiguous);
  group->sum(y, Traffic::activations);
  return y;
}

struct SumOver : torch::autograd::Function<SumOver> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x, Group* group) { return summed(group, x); }
  static variable_list backward(AutogradContext*, variable_list dy) { return {dy[0], {}}; }
};

struct SumGradientOver : torch::autograd::Function<SumGradientOver> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, Group* group) {
    keep(context, group);
    return x.alias();
  }
  static variable_list backward(AutogradContext* context, variable_list dy) { return {summed(kept(context), dy[0]), {}}; }
};

struct ExchangeOver : torch::autograd::Function<ExchangeOver> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, Group* group) {
    keep(context, group);
    return group->exchange(x, Traffic::experts);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) { return {kept(context)->exchange(dy[0], Traffic::experts), {}}; }
};

struct GatherRows : torch::autograd::Function<GatherRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, Group* group) {
    keep(context, group);
    context->saved_data["rows"] = x.size(0);
    return group->gather(x, Traffic::routing).flatten(0, 1);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto rows = context->saved_data["rows"].toInt();
    return {dy[0].narrow(0, kept(context)->rank() * rows, rows), {}};
  }
};

}  // namespace

at::Tensor sumOver(Group* group, const at::Tensor& x) { return group ? SumOver::apply(x, group) : x; }
at::Tensor sumGradientOver(Group* group, const at::Tensor& x) { return group ? SumGradientOver::apply(x, group) : x; }
at::Tensor exchangeOver(Group* group, const at::Tensor& x) { return group ? ExchangeOver::apply(x, group) : x; }
at::Tensor gatherRows(Group* group, const at::Tensor& x) { return group ? GatherRows::apply(x, group) : x; }

}  // namespace switchyard
