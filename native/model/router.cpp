#include "router.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace switchyard {

std::int64_t expertCapacity(std::int64_t groupTokens, std::int64_t experts, double factor) {
  // The small subtraction keeps 100 / 8 · 1.2 = 15.000000000000002 from taking a sixteenth place.
  const double exact = static_cast<double>(groupTokens) / static_cast<double>(experts) * factor;
  const auto capacity = static_cast<std::int64_t>(std::ceil(exact - 1e-9));
  return std::clamp<std::int64_t>(capacity, 1, groupTokens);
}

Routing route(const at::Tensor& logits, const at::Tensor& valid, std::int64_t groups, std::int64_t capacity) {
  const auto tokens = logits.size(0), experts = logits.size(1), groupTokens = tokens / groups;
  const auto places = groups * capacity;
  Routing r;
  r.valid = valid;
  r.probability = at::softmax(logits, 1);

  const auto choice = r.probability.detach().argmax(1);  // (T); the first of equals
  r.gate = r.probability.gather(1, choice.unsqueeze(1)).squeeze(1);
  if (r.gate.scalar_type() != at::kDouble) r.gate = r.gate.to(at::kFloat);
  r.chosen = choice.unsqueeze(1).eq(at::arange(experts, choice.options())).to(valid.scalar_type()).mul_(valid.unsqueeze(1));

  // A token's position is the number of earlier tokens of its group with the same choice. Floats count exactly to 2^24.
  const auto grouped = r.chosen.view({groups, groupTokens, experts});
  const auto position = grouped.cumsum(1).view({tokens, experts}).mul(r.chosen).sum(1).sub_(1.0);  // (T), -1 for padding
  const auto left = position.ge(capacity).bitwise_or_(position.lt(0.0));
  const auto group = at::arange(groups, choice.options()).unsqueeze(1).expand({groups, groupTokens}).reshape(-1);
  r.slot = (choice * places + group * capacity + position.to(at::kLong)).masked_fill_(left, -1);

  r.load = grouped.sum(1);
  const auto counted = valid.view({groups, groupTokens}).sum(1, true).clamp_min(1.0);  // (G, 1)
  r.fraction = r.load / counted;
  r.importance =
      (r.probability.to(valid.scalar_type()) * valid.unsqueeze(1)).view({groups, groupTokens, experts}).sum(1) / counted;
  r.auxiliaryLoss = (r.fraction * r.importance).sum(1).mean() * static_cast<double>(experts);
  // logsumexp, which libtorch's C++ lacks for meta tensors: any logit less its logarithm of the softmax.
  const auto normalizer = logits.select(1, 0) - at::log_softmax(logits, 1).select(1, 0);
  r.zLoss = (normalizer.to(valid.scalar_type()).square() * valid).sum() / valid.sum().clamp_min(1.0);
  return r;
}

}  // namespace switchyard
