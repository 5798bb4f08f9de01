// The dense feed-forward layer of T5 1.0: wo · dropout(relu(wi · x)), no biases.
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

class FeedForward {
 public:
  /// Parameters PREFIX.wi.weight (ff, d) and PREFIX.wo.weight (d, ff).
  FeedForward(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model);
  /// x (B, S, d) to (B, S, d).
  at::Tensor forward(Pass& pass, const at::Tensor& x) const;

 private:
  double dropout;
  Parameter *wi, *wo;
};

}  // namespace switchyard
