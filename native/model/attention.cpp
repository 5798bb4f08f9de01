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
  const auto batch = x.size(0), queries = x.size(1), keys = memory.size(1);
  const auto project = [&](const at::Tensor& from, const Parameter* weight, std::int64_t length) {
    return kernels::linear(from, weight->as(pass.type)).view({batch, length, heads, dKv}).transpose(1, 2);  // (B, H, length, d_kv)
  };
  const auto scores = kernels::matmul(project(x, q, queries), project(memory, k, keys).transpose(2, 3));  // (B, H, Q, K)
  const auto weights = kernels::attentionSoftmax(scores, bias, mask, pass.dropoutSite(dropout));
  const auto context = kernels::matmul(weights, project(memory, v, keys)).transpose(1, 2).reshape({batch, queries, heads * dKv});
  return kernels::linear(context, o->as(pass.type));
}

}  // namespace switchyard
