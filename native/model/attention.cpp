#include "attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/attention.h"
#include "../kernels/product.h"
#include "../mesh/operations.h"

namespace switchyard {

Attention::Attention(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model)
    : heads(model.heads / parameters.place.shape.model), dKv(model.dKv), dropout(model.dropout) {
  const auto inner = model.heads * dKv, d = model.dModel;
  const auto deviation = [&](std::int64_t fanIn) { return std::sqrt(model.initializationScale / static_cast<double>(fanIn)); };
  q = &parameters.add(prefix + ".q.weight", {inner, d}, {deviation(d * dKv)}, {.model = 0});
  k = &parameters.add(prefix + ".k.weight", {inner, d}, {deviation(d)}, {.model = 0});
  v = &parameters.add(prefix + ".v.weight", {inner, d}, {deviation(d)}, {.model = 0});
  o = &parameters.add(prefix + ".o.weight", {d, inner}, {deviation(inner)}, {.model = 1});
}

at::Tensor Attention::forward(Pass& pass, const at::Tensor& x, const at::Tensor& memory, const at::Tensor& bias,
                              const at::Tensor& mask) const {
  // Projections of one input are one product: (B, length, d) to (B, length, n·inner).
  const auto project = [&](const at::Tensor& from, std::initializer_list<const Parameter*> weights) {
    std::vector<at::Tensor> rows;
    for (const auto* weight : weights) rows.push_back(weight->as(pass.type));
    return kernels::linear(from, rows.size() == 1 ? rows[0] : at::cat(rows));
  };
  auto* columns = pass.model();
  const bool self = x.is_same(memory);
  const auto entering = sumGradientOver(columns, x);
  const auto queries = self ? project(entering, {q, k, v}) : project(entering, {q});
  const auto keysAndValues = self ? at::Tensor() : project(sumGradientOver(columns, memory), {k, v});
  const auto context = kernels::attention(queries, keysAndValues, heads, bias, mask, pass.columnSite(dropout));
  return sumOver(columns, kernels::linear(context, o->as(pass.type)));
}

at::Tensor Attention::extend(Pass& pass, const at::Tensor& x, KeyValueCache& cache, std::int64_t past, const at::Tensor& bias,
                             const at::Tensor& mask) const {
  // One product a weight: joining the weights would copy them for every token.
  const auto tokens = x.size(1);
  cache.keys.narrow(2, past, tokens).copy_(project(pass, x, *k));
  cache.values.narrow(2, past, tokens).copy_(project(pass, x, *v));
  return attend(pass, project(pass, x, *q), cache.keys.narrow(2, 0, past + tokens), cache.values.narrow(2, 0, past + tokens), bias, mask);
}

KeyValueCache Attention::remember(Pass& pass, const at::Tensor& memory) const {
  return {project(pass, memory, *k).contiguous(), project(pass, memory, *v).contiguous()};
}

at::Tensor Attention::recall(Pass& pass, const at::Tensor& x, const KeyValueCache& memory, const at::Tensor& mask) const {
  return attend(pass, project(pass, x, *q), memory.keys, memory.values, {}, mask);
}

at::Tensor Attention::project(const Pass& pass, const at::Tensor& x, const Parameter& weight) const {
  return kernels::linear(x, weight.as(pass.type)).view({x.size(0), x.size(1), heads, dKv}).transpose(1, 2);
}

at::Tensor Attention::attend(Pass& pass, const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                             const at::Tensor& bias, const at::Tensor& mask) const {
  return kernels::linear(kernels::attentionOfHeads(query, keys, values, bias, mask, pass.dropoutSite(dropout)), o->as(pass.type));
}

}  // namespace switchyard
