// T5's attention: no biases and no 1/√d scale, which the initialisation of q carries instead (1910.10683).
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

/// Keys and values of past tokens, (B, H, L, d_kv) each with room for L tokens, so that a new token computes its own alone.
struct KeyValueCache {
  at::Tensor keys, values;
};

class Attention {
 public:
  /// Parameters PREFIX.{q,k,v}.weight (heads·d_kv, d) and PREFIX.o.weight (d, heads·d_kv).
  Attention(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model);

  /// On a mesh the heads are cut along `model`.
  /// Queries from x (B, Q, d), keys and values from memory (B, K, d). bias (H, Q, K) or undefined; mask (B, 1 or Q, K) of 0
  /// and -inf or undefined. Gives (B, Q, d).
  at::Tensor forward(Pass& pass, const at::Tensor& x, const at::Tensor& memory, const at::Tensor& bias, const at::Tensor& mask) const;

  /// Self-attention of the N newest tokens x (B, N, d), which follow `past` cached ones. Their keys and values are added to the
  /// cache. bias (H, N, past + N); mask (B, 1 or N, past + N) or undefined. Gives (B, N, d).
  at::Tensor extend(Pass& pass, const at::Tensor& x, KeyValueCache& cache, std::int64_t past, const at::Tensor& bias, const at::Tensor& mask) const;
  /// Keys and values of a memory (B, K, d), for `recall`.
  KeyValueCache remember(Pass& pass, const at::Tensor& memory) const;
  /// Attention of x (B, N, d) to a memory of K tokens; mask (B, 1, K). Gives (B, N, d).
  at::Tensor recall(Pass& pass, const at::Tensor& x, const KeyValueCache& memory, const at::Tensor& mask) const;

 private:
  /// (B, length, d) to (B, H, length, d_kv).
  at::Tensor project(const Pass& pass, const at::Tensor& x, const Parameter& weight) const;
  /// softmax(q kᵀ + bias + mask) v through the output projection.
  at::Tensor attend(Pass& pass, const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values, const at::Tensor& bias,
                    const at::Tensor& mask) const;

  /// Heads of this rank.
  std::int64_t heads, dKv;
  double dropout;
  Parameter *q, *k, *v, *o;
};

}  // namespace switchyard
