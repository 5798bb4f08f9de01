// The sparse feed-forward layer: a router and E experts as batched matrix products (Switch, 2101.03961 §2).
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "experts.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

class SwitchLayer {
 public:
  /// Parameters PREFIX.router.classifier.weight (E, d) unless tokens are hashed, PREFIX.router.expert_bias (E) where a bias balances,
  /// and those of PREFIX.experts.
  SwitchLayer(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model, bool encoder, std::int64_t layer);

  /// x (B, S, d), valid (B, S) float; gives Σ gate · expert(x) over the experts that keep a token, zero for dropped tokens, and adds
  /// the routing to the pass. On a mesh B are this rank's rows: tokens travel to the ranks of their experts and back, and where
  /// capacity is counted per batch all ranks' tokens compete for places, in the order that they have on one rank.
  at::Tensor forward(Pass& pass, const at::Tensor& x, const at::Tensor& valid) const;

 private:
  /// Logits (T, E) in the router's type, of tokens (T, d) with the noise that training explores by.
  at::Tensor logits(Pass& pass, const at::Tensor& tokens) const;
  /// Of logits (T, E), or ids (T) where tokens are hashed: those of the whole batch, or of this rank's rows.
  Routing routing(Pass& pass, const at::Tensor& logits, const at::Tensor& ids, const at::Tensor& valid, bool whole, RouterSettings settings) const;
  /// This rank's buffer (E, R, d) through the experts, wherever they are: to be summed along `model`. used (E, 1) or undefined;
  /// numbers (E·R) or undefined, as Experts takes them.
  at::Tensor throughExperts(Pass& pass, const at::Tensor& buffer, const at::Tensor& used, const at::Tensor& numbers) const;

  SparseConfig sparse;
  Precision precision;
  bool encoder;
  std::int64_t layer;
  Parameter *router = nullptr, *bias = nullptr;
  Experts feedForwards;
};

}  // namespace switchyard
