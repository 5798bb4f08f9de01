// Which experts a token asks for, before it is known whether they have places.
// T tokens, E experts, K choices a token, the best first.
#pragma once

#include <torch/types.h>

#include "routerSettings.h"

namespace switchyard {

struct Choices {
  at::Tensor expert;       // (T, K) int64
  at::Tensor gate;         // (T, K) float, the weight of the expert's output, with gradient
  at::Tensor probability;  // (T, K) float, p of the choice, without gradient
  at::Tensor sent;         // (T, K) float, 1 where the token asks for a place there
  at::Tensor first;        // (T, E) float, 1 at the first choice; all 0 for padding
};

/// 1 at each index, else 0: (..., E) of the type of `like`, from int64 (...).
at::Tensor oneHot(const at::Tensor& index, std::int64_t experts, const at::Tensor& like);

/// The choices by a router's logits and probabilities (T, E), valid (T) float of 0 and 1.
/// Switch (2101.03961): the expert with the highest score, or the first `stages` of them where what overflows is sent on. Top-k
/// (GShard, 2006.16668, algorithm 1): the k highest, gates divided by their sum over all k. The score is the probability; with
/// sampling the logit plus Gumbel noise, whose maximum is a draw from p; with sinkhorn the balanced assignment, in training; with
/// bias p + b (2408.15664). Later choices are sent always, never, or in training with probability min(1, 2·gate); with a
/// probability threshold only while those before them sum to less.
Choices chooseExperts(const at::Tensor& logits, const at::Tensor& probability, const at::Tensor& valid, const RouterSettings& settings);

/// One choice a token by a fixed hash of its id alone (2106.04426): ids (T) int64; gates are 1.
Choices chooseByHash(const at::Tensor& ids, const at::Tensor& valid, std::int64_t experts);

}  // namespace switchyard
