// The switch feed-forward layer: a router and E experts as two batched matrix products (Switch, 2101.03961 §2).
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "experts.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

class SwitchLayer {
 public:
  /// Parameters PREFIX.router.classifier.weight (E, d), and those of PREFIX.experts.
  SwitchLayer(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model, bool encoder, std::int64_t layer);

  /// x (B, S, d), valid (B, S) float; gives p · expert(x), zero for dropped tokens, and adds the routing to the pass.
  at::Tensor forward(Pass& pass, const at::Tensor& x, const at::Tensor& valid) const;

 private:
  SparseConfig sparse;
  Precision precision;
  bool encoder;
  std::int64_t layer;
  Parameter* router;
  Experts feedForwards;
};

}  // namespace switchyard
