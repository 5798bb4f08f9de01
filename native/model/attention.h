// T5's attention: no biases and no 1/√d scale, which the initialisation of q carries instead (1910.10683).
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

class Attention {
 public:
  /// Parameters PREFIX.{q,k,v}.weight (heads·d_kv, d) and PREFIX.o.weight (d, heads·d_kv).
  Attention(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model);

  /// Queries from x (B, Q, d), keys and values from memory (B, K, d). bias (H, Q, K) or undefined; mask (B, 1 or Q, K) of 0
  /// and -inf or undefined. Gives (B, Q, d).
  at::Tensor forward(Pass& pass, const at::Tensor& x, const at::Tensor& memory, const at::Tensor& bias, const at::Tensor& mask) const;

 private:
  std::int64_t heads, dKv;
  double dropout;
  Parameter *q, *k, *v, *o;
};

}  // namespace switchyard
