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
  /// Each expert's P places of a buffer (E, P, d) through its layer: gives (E, P, d). On a mesh E are the rank's own experts, and the
  /// result is to be summed along `model`. used (E, B) float: the P places are B blocks, of each of which the first used[e, b] hold
  /// tokens and the others give zero; undefined for all places. rowNumbers (E·P) int64: the places' numbers in the buffer of one rank,
  /// for dropout; undefined where this is that buffer.
  at::Tensor forward(Pass& pass, const at::Tensor& buffer, const at::Tensor& used, const at::Tensor& rowNumbers) const;

 private:
  Activation activation;
  double dropout;
  Parameter* wi;
  Parameter* gate = nullptr;
  Parameter* wo;
};

}  // namespace switchyard
