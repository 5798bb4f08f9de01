#include "choice.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "../kernels/uniform.h"
#include "sinkhorn.h"

namespace switchyard {
namespace {

/// Keeps gates finite where every probability of a token is 0, and is too small to be seen elsewhere.
constexpr double SUM_FLOOR = 1e-30;

/// (T, count) columns of the greatest scores of each row, the greatest first, the first of equals first.
at::Tensor best(const at::Tensor& scores, std::int64_t count) {
  if (count == 1) return scores.argmax(1, true);
  return std::get<1>(at::sort(scores, /*stable=*/true, 1, /*descending=*/true)).narrow(1, 0, count).contiguous();
}

/// (T, E) what the choice goes by.
at::Tensor scoresOf(const at::Tensor& logits, const at::Tensor& probability, const at::Tensor& valid, const RouterSettings& settings) {
  const at::NoGradGuard noGrad;
  const auto& sparse = settings.sparse;
  if (settings.training && sparse.exploration == Exploration::sampling) {
    const auto u = kernels::uniform(logits.sizes(), settings.sampling, valid.options());
    return logits.to(valid.scalar_type()) - u.log().neg().log();  // Gumbel noise: -log(-log(u))
  }
  if (settings.training && sparse.balancing == Balancing::sinkhorn) return sinkhorn(logits, valid, settings.groups);
  if (settings.bias.defined()) return probability.to(valid.scalar_type()) + settings.bias;
  return probability;
}

/// (T, K) of 0 and 1: the choices a token makes use of, the first among them always.
at::Tensor sentChoices(const at::Tensor& gate, const at::Tensor& probability, const RouterSettings& settings) {
  const auto& sparse = settings.sparse;
  const auto tokens = gate.size(0), later = gate.size(1) - 1;
  auto sent = at::ones_like(probability);
  if (sparse.laterChoices == LaterChoices::random && settings.training) {
    const auto u = kernels::uniform({tokens, later}, settings.sending, probability.options());
    sent = at::cat({sent.narrow(1, 0, 1), u.lt(gate.detach().narrow(1, 1, later) * 2.0).to(sent.scalar_type())}, 1);
  }
  if (sparse.probabilityThreshold) {
    const auto before = probability.cumsum(1) - probability;
    sent = sent * before.lt(*sparse.probabilityThreshold);
  }
  return sent;
}

}  // namespace

at::Tensor oneHot(const at::Tensor& index, std::int64_t experts, const at::Tensor& like) {
  return index.unsqueeze(-1).eq(at::arange(experts, index.options())).to(like.scalar_type());
}

Choices chooseExperts(const at::Tensor& logits, const at::Tensor& probability, const at::Tensor& valid, const RouterSettings& settings) {
  const auto& sparse = settings.sparse;
  const bool topK = sparse.routing == RoutingKind::topK;
  const auto count = topK ? sparse.choices : sparse.overflow == Overflow::nextChoice ? sparse.stages : 1;
  Choices c;
  c.expert = best(scoresOf(logits, probability.detach(), valid, settings), count);
  c.gate = probability.gather(1, c.expert).to(valid.scalar_type());
  c.probability = c.gate.detach();
  c.first = oneHot(c.expert.select(1, 0), sparse.experts, valid).mul_(valid.unsqueeze(1));
  c.sent = valid.unsqueeze(1);
  if (topK && count > 1) {
    if (sparse.normalizeGates) c.gate = c.gate / (c.gate.sum(1, true) + SUM_FLOOR);
    if (sparse.laterChoices == LaterChoices::none) {
      for (auto* choices : {&c.expert, &c.gate, &c.probability}) *choices = choices->narrow(1, 0, 1).contiguous();
    } else {
      c.sent = sentChoices(c.gate, c.probability, settings) * valid.unsqueeze(1);
    }
  }
  return c;
}

Choices chooseByHash(const at::Tensor& ids, const at::Tensor& valid, std::int64_t experts) {
  Choices c;
  c.expert = kernels::randomWords(ids, {}).remainder(experts).unsqueeze(1);
  c.sent = valid.unsqueeze(1);
  c.gate = at::ones_like(c.sent);
  c.probability = c.gate;
  c.first = oneHot(c.expert.select(1, 0), experts, valid).mul_(valid.unsqueeze(1));
  return c;
}

}  // namespace switchyard
