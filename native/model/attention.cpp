#include "attention.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../kernels/attentionSoftmax.h"
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
  const auto batch = x.size(0), queries = x.size(1);
  // Projections of one input are one product: (B, length, d) to n times (B, H, length, d_kv).
  const auto project = [&](const at::Tensor& from, std::initializer_list<const Parameter*> weights) {
    std::vector<at::Tensor> rows;
    for (const auto* weight : weights) rows.push_back(weight->as(pass.type));
    const auto n = static_cast<std::int64_t>(rows.size()), length = from.size(1);
    auto parts = kernels::linear(from, n == 1 ? rows[0] : at::cat(rows)).view({batch, length, n, heads, dKv}).unbind(2);
    for (auto& part : parts) part = part.transpose(1, 2);
    return parts;
  };
  std::vector<at::Tensor> qkv;
  if (x.is_same(memory)) {
    qkv = project(x, {q, k, v});
  } else {
    const auto kv = project(memory, {k, v});
    qkv = {project(x, {q})[0], kv[0], kv[1]};
  }
  const auto scores = kernels::matmul(qkv[0], qkv[1].transpose(2, 3));  // (B, H, Q, K)
  const auto weights = kernels::attentionSoftmax(scores, bias, mask, pass.dropoutSite(dropout));
  const auto context = kernels::matmul(weights, qkv[2]).transpose(1, 2).reshape({batch, queries, heads * dKv});
  return kernels::linear(context, o->as(pass.type));
}

}  // namespace switchyard
