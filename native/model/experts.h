// The feed-forward layers of a sparse layer's experts, all in batched matrix products.
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "activation.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

class Experts {
 public:
  /// Parameters PREFIX.wi (E, d, ff), or PREFIX.wi_0 and PREFIX.wi_1 of gated ones, and PREFIX.wo (E, ff, d).
  Experts(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model);
  /// Each expert's P places of a buffer (E, P, d) through its layer: gives (E, P, d). used (E) float: an expert's tokens are its
  /// first used[e] places and the others give zero; undefined for all places.
  at::Tensor forward(Pass& pass, const at::Tensor& buffer, const at::Tensor& used) const;

 private:
  Activation activation;
  double dropout;
  Parameter* wi;
  Parameter* gate = nullptr;
  Parameter* wo;
};

}  // namespace switchyard
