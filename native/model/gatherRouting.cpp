#include "gatherRouting.h"

#include <ATen/ATen.h>

#include "../mesh/operations.h"

namespace switchyard {
namespace {

/// What is gathered of a layer, matrices of groups by experts but for the last.
std::vector<at::Tensor*> partsOf(Routing& routing) {
  auto& balance = routing.balance;
  return {&balance.first, &balance.importance, &balance.tokens, &routing.load, &routing.kept, &balance.squaredNormalizer};
}

}  // namespace

void gatherRouting(std::vector<RoutedLayer>& routed, AuxiliaryLossGroup balance, Group* batch) {
  std::vector<at::Tensor> flat;
  for (auto& layer : routed)
    if (layer.ownRows)
      for (const auto* part : partsOf(layer.routing)) flat.push_back(part->reshape(-1));
  if (!batch || flat.empty()) return;
  const auto all = gatherRows(batch, at::cat(flat).unsqueeze(0));  // (ranks, entries)
  std::int64_t at = 0;
  for (auto& layer : routed) {
    if (!layer.ownRows) continue;
    const auto parts = partsOf(layer.routing);
    for (auto* part : parts) {
      const auto found = all.narrow(1, at, part->numel());
      at += part->numel();
      const bool counts = part == &layer.routing.load || part == &layer.routing.kept;
      if (part == parts.back()) *part = found.sum();
      else if (balance == AuxiliaryLossGroup::ranks && !counts) *part = found.sum(0).view(part->sizes());
      else *part = found.reshape({-1, part->size(1)});
    }
  }
}

}  // namespace switchyard
