#include "sinkhorn.h"

#include <ATen/ATen.h>

namespace switchyard {
namespace {

constexpr int ROUNDS = 20;
constexpr double FLOOR = 1e-8;

}  // namespace

at::Tensor sinkhorn(const at::Tensor& logits, const at::Tensor& valid, std::int64_t groups) {
  const auto tokens = logits.size(0), experts = logits.size(1);
  // A row's greatest is 1: what a row is multiplied by falls out in the first round.
  const auto scaled = logits.to(valid.scalar_type());
  const auto weight = ((scaled - scaled.amax(1, true)).exp() * valid.unsqueeze(1)).view({groups, tokens / groups, experts});
  auto column = at::ones({groups, 1, experts}, weight.options());
  at::Tensor row;
  for (int round = 0; round < ROUNDS; ++round) {
    row = at::reciprocal((weight * column).sum(2, true).add_(FLOOR)).mul_(static_cast<double>(groups) / static_cast<double>(tokens));
    column = at::reciprocal((weight * row).sum(1, true).add_(FLOOR)).mul_(1.0 / static_cast<double>(experts));
  }
  return (weight * row * column).view({tokens, experts});
}

}  // namespace switchyard
