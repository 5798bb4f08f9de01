#include "placement.h"

#include <ATen/ATen.h>

namespace switchyard {
namespace {

/// Indices (G, m) that put p (G, m) in descending order, the earlier of equals first.
at::Tensor descending(const at::Tensor& p) { return std::get<1>(at::sort(p, /*stable=*/true, -1, /*descending=*/true)); }

/// Number of earlier marks of the same expert, -1 where there is no mark. marks (G, m, E) of 0 and 1; order (G, m) of service, or
/// undefined for that of the marks; gives (G, m). Floats count exactly to 2^24.
at::Tensor positions(const at::Tensor& marks, const at::Tensor& order) {
  if (!order.defined()) return marks.cumsum(1).mul_(marks).sum(2).sub_(1.0);
  const auto sorted = marks.gather(1, order.unsqueeze(2).expand_as(marks));
  const auto ranked = sorted.cumsum(1).mul_(sorted).sum(2).sub_(1.0);
  return at::empty_like(ranked).scatter_(1, order, ranked);
}

/// Rows of the buffer for experts (G, m) at positions (G, m); -1 where the position is none or beyond the capacity.
at::Tensor slotsOf(const at::Tensor& expert, const at::Tensor& position, const RouterSettings& settings) {
  const auto groups = settings.groups, capacity = settings.capacity;
  const auto left = position.ge(static_cast<double>(capacity)).bitwise_or_(position.lt(0.0));
  const auto begin = at::arange(groups, expert.options()).mul_(capacity).unsqueeze(1);
  return (expert * (groups * capacity) + begin + position.to(at::kLong)).masked_fill_(left, -1);
}

bool byProbability(const SparseConfig& sparse) { return sparse.priority == Priority::probability; }

}  // namespace

Placement placeByPosition(const Choices& choices, const RouterSettings& settings) {
  const auto& sparse = settings.sparse;
  const auto groups = settings.groups, tokens = choices.expert.size(0), count = choices.expert.size(1), n = tokens / groups;
  // (T, K) to (G, K·n): a group's first choices, then its second ones.
  const auto inTurn = [&](const at::Tensor& x) { return x.reshape({groups, n, count}).transpose(1, 2).reshape({groups, count * n}); };
  const auto byToken = [&](const at::Tensor& x) { return x.view({groups, count, n}).transpose(1, 2).reshape({tokens, count}); };

  const auto expert = inTurn(choices.expert);
  const auto marks = count == 1 ? choices.first.view({groups, n, sparse.experts})
                                : oneHot(expert, sparse.experts, choices.sent) * inTurn(choices.sent).unsqueeze(2);
  at::Tensor order;
  if (sparse.budget && count > 1) {
    order = descending(inTurn(choices.probability));
  } else if (byProbability(sparse)) {
    const auto turn = at::arange(count, expert.options()).mul_(n).view({1, count, 1});
    order = (descending(inTurn(choices.probability).view({groups, count, n})) + turn).view({groups, count * n});
  }
  const auto position = positions(marks, order);

  Placement out;
  out.slot = byToken(slotsOf(expert, position, settings));
  out.expert = choices.expert.masked_fill(choices.sent.eq(0.0), -1);
  out.gate = choices.gate;
  out.load = marks.sum(1);
  out.kept = out.load.clamp_max(static_cast<double>(settings.capacity));
  out.position = byToken(position);
  return out;
}

Placement placeInStages(const Choices& choices, const RouterSettings& settings) {
  const auto groups = settings.groups, tokens = choices.expert.size(0), stages = choices.expert.size(1), n = tokens / groups;
  const auto grouped = [&](const at::Tensor& x) { return x.reshape({groups, n}); };
  auto waiting = grouped(choices.sent.select(1, 0)).clone();
  auto slot = at::full({groups, n}, -1, choices.expert.options());
  auto found = grouped(choices.expert.select(1, 0)).masked_fill(waiting.eq(0.0), -1);
  Placement out;
  for (std::int64_t stage = 0; stage < stages; ++stage) {
    const auto expert = grouped(choices.expert.select(1, stage));
    const auto marks = oneHot(expert, settings.sparse.experts, waiting) * waiting.unsqueeze(2);
    const auto asked = marks.sum(1);
    if (stage == 0) out.load = asked, out.kept = at::zeros_like(asked), out.gate = at::zeros({tokens}, waiting.options());
    const auto order = byProbability(settings.sparse) ? descending(grouped(choices.probability.select(1, stage))) : at::Tensor();
    const auto position = positions(marks, order) + (marks * out.kept.unsqueeze(1)).sum(2);
    const auto taken = slotsOf(expert, position, settings);
    const auto placed = taken.ge(0).to(waiting.scalar_type());
    slot = at::maximum(slot, taken);
    found = found + (expert - found) * taken.ge(0);
    out.gate = out.gate + choices.gate.select(1, stage) * placed.view({tokens});
    out.kept = (out.kept + asked).clamp_max(static_cast<double>(settings.capacity));
    waiting = waiting * (1.0 - placed);
  }
  out.slot = slot.view({tokens, 1});
  out.expert = found.view({tokens, 1});
  out.gate = out.gate.unsqueeze(1);
  return out;
}

Placement placeByExperts(const at::Tensor& probability, const at::Tensor& valid, const RouterSettings& settings) {
  const auto groups = settings.groups, tokens = probability.size(0), experts = probability.size(1), n = tokens / groups;
  const auto padding = valid.eq(0.0).unsqueeze(1);
  const auto scores = probability.detach().masked_fill(padding, -1.0).view({groups, n, experts});
  const auto order = std::get<1>(at::sort(scores, /*stable=*/true, 1, /*descending=*/true));  // (G, n, E), each column by itself
  const auto rank = at::empty_like(order).scatter_(1, order, at::arange(n, order.options()).view({1, n, 1}).expand_as(order));
  const auto left = rank.ge(settings.capacity).bitwise_or_(padding.view({groups, n, 1}));
  const auto begin = at::arange(experts, order.options()).mul_(groups).unsqueeze(0).add(at::arange(groups, order.options()).unsqueeze(1)).mul_(settings.capacity);
  Placement out;
  out.slot = (rank + begin.unsqueeze(1)).masked_fill_(left, -1).view({tokens, experts});
  out.expert = at::arange(experts, order.options()).expand({groups, n, experts}).masked_fill(left, -1).view({tokens, experts});
  out.gate = probability.to(valid.scalar_type());
  out.kept = left.eq(false).to(valid.scalar_type()).sum(1);
  out.load = out.kept;
  return out;
}

}  // namespace switchyard
