#include "router.h"

#include <ATen/ATen.h>

#include <utility>

namespace switchyard {
namespace {

Routing result(Placement placement, const at::Tensor& probability, const at::Tensor& first, const at::Tensor& logits, const at::Tensor& valid,
               const RouterSettings& settings) {
  return {std::move(placement), probability, first, valid, balanceSums(first, probability, logits, valid, settings.balanceGroups)};
}

}  // namespace

Routing route(const at::Tensor& logits, const at::Tensor& valid, const RouterSettings& settings) {
  const auto probability = at::softmax(logits, 1);
  if (settings.sparse.routing == RoutingKind::expertChoice) {
    const auto first = oneHot(probability.detach().argmax(1), settings.sparse.experts, valid).mul_(valid.unsqueeze(1));
    return result(placeByExperts(probability, valid, settings), probability, first, logits, valid, settings);
  }
  const auto choices = chooseExperts(logits, probability, valid, settings);
  const bool inStages = settings.sparse.overflow == Overflow::nextChoice;
  return result(inStages ? placeInStages(choices, settings) : placeByPosition(choices, settings), probability, choices.first, logits, valid, settings);
}

Routing routeByHash(const at::Tensor& ids, const at::Tensor& valid, const RouterSettings& settings) {
  const auto choices = chooseByHash(ids, valid, settings.sparse.experts);
  const auto probability = oneHot(choices.expert.select(1, 0), settings.sparse.experts, valid);
  return result(placeByPosition(choices, settings), probability, choices.first, {}, valid, settings);
}

}  // namespace switchyard
