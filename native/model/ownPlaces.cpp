#include "ownPlaces.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace switchyard {

OwnPlaces closedUp(const at::Tensor& wholeSlot, std::int64_t experts, std::int64_t capacity) {
  const auto places = std::min(capacity, wholeSlot.size(0)), none = experts * capacity;
  const auto left = wholeSlot.lt(0);
  const auto at = wholeSlot.masked_fill(left, none).view(-1);
  const auto taken = at::zeros({none + 1}, wholeSlot.options()).scatter_(0, at, 1).narrow(0, 0, none).view({experts, capacity});
  const auto earlier = taken.cumsum(1).sub_(1);
  const auto begin = at::arange(experts, wholeSlot.options()).mul_(places).unsqueeze(1);
  const auto row = at::cat({(earlier + begin).view(-1), at::full({1}, -1, wholeSlot.options())}).index_select(0, at).view_as(wholeSlot);
  return {places, row, taken.sum(1, true).to(at::kFloat), wholeSlot};
}

OwnPlaces ownGroups(const Routing& routed, const kernels::Share& share, std::int64_t groups, std::int64_t capacity) {
  const auto places = groups * capacity;
  const auto& slot = routed.slot;
  OwnPlaces own{places, slot, groups == 1 ? routed.kept.select(0, 0).unsqueeze(1) : at::Tensor(), slot};
  // On one rank an expert's places of the shares before this one come first.
  if (share.of > 1) own.wholeSlot = at::where(slot.lt(0), slot, slot + slot.div(places, "floor") * (places * (share.of - 1)) + places * share.index);
  return own;
}

at::Tensor rowNumbers(const OwnPlaces& own, std::int64_t experts) {
  const auto rows = experts * own.places;
  const auto at = own.slot.masked_fill(own.slot.lt(0), rows).view(-1);
  return at::zeros({rows + 1}, own.slot.options()).scatter_(0, at, own.wholeSlot.reshape(-1)).narrow(0, 0, rows);
}

}  // namespace switchyard
