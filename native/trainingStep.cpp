#include "trainingStep.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <optional>

#include "kernels/crossEntropy.h"
#include "model/distillationLoss.h"
#include "model/gatherRouting.h"
#include "model/routerBias.h"
#include "model/routerLosses.h"
#include "model/routingFacts.h"
#include "optim/gradients.h"
#include "optim/penalties.h"

namespace switchyard {
namespace {

/// Factor of the gradient: the clip, and NaN where a loss or the norm is not finite, which closes the optimizer's gate.
at::Tensor gradientScale(const at::Tensor& norm, const at::Tensor& total, double clip) {
  auto scale = clip > 0.0 ? at::reciprocal(norm + 1e-6).mul_(clip).clamp_max_(1.0) : at::ones_like(norm);
  return scale.add_(norm * 0.0).add_(total.to(norm.scalar_type()) * 0.0);
}

/// Nats a target token; zero without a teacher. The teacher works as in evaluation and gets no gradient.
at::Tensor distillationLoss(const at::Tensor& logits, const TokenBatch& batch, const StepSettings& settings, const at::Tensor& targetTokens, std::int64_t padToken,
                            std::vector<at::Tensor>& tables) {
  const auto& [teacher, hardShare, temperature] = settings.distillation;
  if (!teacher) return at::zeros({}, logits.options().dtype(at::promote_types(logits.scalar_type(), at::kFloat)));
  at::Tensor taught;
  {
    const at::NoGradGuard noGrad;
    Pass pass;
    pass.type = teacher->computeType();
    pass.mesh = settings.mesh;
    taught = teacher->forward(pass, batch);
    tables.insert(tables.end(), pass.tables.begin(), pass.tables.end());
  }
  return distillationLossSum(logits.flatten(0, 1), taught.flatten(0, 1), batch.labels.reshape(-1), padToken, temperature) / targetTokens;
}

}  // namespace

at::Tensor numbersOf(const StepSettings& settings) {
  std::array<double, STEP_NUMBERS> numbers{};
  numbers[STEP] = static_cast<double>(settings.step);
  numbers[LEARNING_RATE] = settings.learningRate;
  numbers[AUXILIARY_LOSS_WEIGHT] = settings.auxiliaryLoss;
  numbers[Z_LOSS_WEIGHT] = settings.zLoss;
  numbers[TARGET_TOKENS] = static_cast<double>(settings.targetTokens);
  return at::tensor(at::ArrayRef<double>(numbers), at::kDouble);
}

StepOutcome trainingStep(Transformer& model, Optimizer& optimizer, const TokenBatch& batch, const StepSettings& settings,
                         std::int64_t padToken) {
  auto* mesh = settings.mesh;
  Pass pass;
  pass.type = model.computeType();
  pass.training = true;
  pass.seed = settings.seed;
  pass.step = settings.step;
  pass.mesh = mesh;
  if (settings.inputs) pass.words = settings.inputs->dropoutWords;
  const auto numbers = settings.inputs ? settings.inputs->numbers : numbersOf(settings);

  // What a step that failed half way has left must not be added to.
  for (auto& parameter : model.parameters.all()) parameter.value.mutable_grad().reset();
  const auto logits = model.forward(pass, batch);
  gatherRouting(pass.routed, settings.auxiliaryLossGroup, pass.batch());
  const auto sum = kernels::crossEntropySum(logits.flatten(0, 1), batch.labels.reshape(-1), padToken);
  // Of this rank's rows; the router's losses are those of the whole batch, whose gradients each rank takes for its rows.
  const auto number = [&](StepNumber i) { return numbers.select(0, i).to(sum.scalar_type()); };
  auto loss = sum / number(TARGET_TOKENS);
  const auto [auxiliary, z] = routerLosses(pass.routed, settings.auxiliaryLossForm, loss.options());
  auto soft = distillationLoss(logits, batch, settings, number(TARGET_TOKENS), padToken, pass.tables);
  const auto totalOf = [&, auxiliary = auxiliary, z = z] {
    const auto hardShare = settings.distillation.hardShare;
    const auto task = settings.distillation.teacher ? loss * hardShare + soft * (1.0 - hardShare) : loss;
    return task + auxiliary * number(AUXILIARY_LOSS_WEIGHT) + z * number(Z_LOSS_WEIGHT);
  };
  const auto trained = model.parameters.trained();
  std::optional<GradientSums> sums;
  if (mesh) sums.emplace(trained, *mesh);
  totalOf().backward();

  const at::NoGradGuard noGrad;
  if (sums) sums->finish();
  if (auto* rows = pass.batch()) {
    auto both = at::stack({loss.detach(), soft.detach().to(loss.scalar_type())});
    rows->sum(both, Traffic::control);
    loss = both.select(0, 0), soft = both.select(0, 1);
  }
  auto total = totalOf();
  if (settings.l1 > 0.0 || settings.l2 > 0.0) total = total + addPenalties(model.parameters, settings.l1, settings.l2, mesh);
  if (settings.pruning) settings.pruning->maskGradients(settings.step);
  const auto norm = gradientNorm(trained, mesh);
  const auto scale = gradientScale(norm, total, settings.gradientClip);
  optimizer.update(numbers.select(0, LEARNING_RATE), numbers.select(0, STEP), scale);
  const auto finite = scale.mul(0.0).eq(0.0);
  if (settings.pruning) settings.pruning->prune(settings.step, finite.eq(false));
  moveBiases(pass.routed, settings.biasRate, finite);
  for (auto& parameter : model.parameters.all()) parameter.value.mutable_grad().reset();

  std::vector<at::Tensor> scalars;
  const auto sparsity = settings.pruning ? settings.pruning->sparsity() : at::zeros({}, loss.options());
  for (const auto& scalar : {loss, total, auxiliary, z, soft, norm, sparsity}) scalars.push_back(scalar.detach().to(at::kDouble));
  auto facts = at::stack(scalars);
  if (settings.routing) facts = at::cat({facts, packAllRoutingFacts(pass.routed, settings.capacityFactorGrid, facts.options(), pass.batch())});
  return {facts, std::move(pass.routed), pass.places, std::move(pass.tables)};
}

}  // namespace switchyard
