#include "attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/attention.h"
#include "../kernels/product.h"

namespace switchyard {

Attention::Attention(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model)
    : heads(model.heads), dKv(model.dKv), dropout(model.dropout) {
  const auto inner = heads * dKv, d = model.dModel;
  const auto deviation = [&](std::int64_t fanIn) { return std::sqrt(model.initializationScale / static_cast<double>(fanIn)); };
  q = &parameters.add(prefix + ".q.weight", {inner, d}, {deviation(d * dKv)});
  k = &parameters.add(prefix + ".k.weight", {inner, d}, {deviation(d)});
  v = &parameters.add(prefix + ".v.weight", {inner, d}, {deviation(d)});
  o = &parameters.add(prefix + ".o.weight", {d, inner}, {deviation(inner)});
}

at::Tensor Attention::forward(Pass& pass, const at::Tensor& x, const at::Tensor& memory, const at::Tensor& bias,
                              const at::Tensor& mask) const {
  // Projections of one input are one product: (B, length, d) to (B, length, n·inner).
  const auto project = [&](const at::Tensor& from, std::initializer_list<const Parameter*> weights) {
    std::vector<at::Tensor> rows;
    for (const auto* weight : weights) rows.push_back(weight->as(pass.type));
    return kernels::linear(from, rows.size() == 1 ? rows[0] : at::cat(rows));
  };
  const bool self = x.is_same(memory);
  const auto queries = self ? project(x, {q, k, v}) : project(x, {q}), keysAndValues = self ? at::Tensor() : project(memory, {k, v});
  return kernels::linear(kernels::attention(queries, keysAndValues, heads, bias, mask, pass.dropoutSite(dropout)), o->as(pass.type));
}

}  // namespace switchyard
