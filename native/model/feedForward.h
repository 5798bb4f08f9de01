// The dense feed-forward layer of T5: wo · dropout(relu(wi · x)) in 1.0, wo · dropout(gelu(wi_0 · x) · (wi_1 · x)) in 1.1; no
// biases.
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "activation.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

class FeedForward {
 public:
  /// Parameters PREFIX.wi.weight (ff, d), or PREFIX.wi_0.weight and PREFIX.wi_1.weight of a gated layer, and PREFIX.wo.weight (d, ff).
  FeedForward(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model);
  /// x (B, S, d) to (B, S, d). On a mesh the columns (ff) are cut along `model`.
  at::Tensor forward(Pass& pass, const at::Tensor& x) const;

 private:
  Activation activation;
  double dropout;
  Parameter* wi;
  Parameter* gate = nullptr;
  Parameter* wo;
};

}  // namespace switchyard
