#include "adamW.h"

#include <ATen/core/grad_mode.h>
#include <algorithm>
#include <cmath>

#include "tensors.h"

namespace switchyard::kernels {
namespace {

/// A stretch of one tensor that one thread takes.
struct Piece {
  std::size_t tensor;
  std::int64_t begin, size;
};

template <class Tensors, class Numel>
std::vector<Piece> pieces(const Tensors& tensors, Numel numel) {
  std::vector<Piece> all;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    for (std::int64_t begin = 0; begin < numel(tensors[i]); begin += GRAIN)
      all.push_back({i, begin, std::min(GRAIN, numel(tensors[i]) - begin)});
  return all;
}

bool isPlain(const at::Tensor& t) { return t.device().is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous(); }

}  // namespace

at::Tensor gradientNorm(const std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard noGrad;
  TORCH_CHECK(!gradients.empty(), "There are no gradients to take the norm of.");
  const bool plain = std::all_of(gradients.begin(), gradients.end(), isPlain);
  if (!plain) return at::stack(at::_foreach_norm(gradients)).square().sum().sqrt();
  const auto all = pieces(gradients, [](const at::Tensor& t) { return t.numel(); });
  std::vector<double> sums(all.size());
  at::parallel_for(0, static_cast<std::int64_t>(all.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const float* g = data<float>(gradients[all[i].tensor]) + all[i].begin;
      sums[i] = rows<float>().dot(g, g, all[i].size);
    }
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return at::full({}, std::sqrt(total), gradients[0].options());
}

void adamW(const std::vector<AdamWParameter>& parameters, const AdamWStep& step, const at::Tensor& gradientScale) {
  const at::NoGradGuard noGrad;
  const bool plain = std::all_of(parameters.begin(), parameters.end(), [](const AdamWParameter& p) {
    return isPlain(p.weight) && isPlain(p.gradient) && isPlain(p.firstMoment) && isPlain(p.secondMoment) &&
           (!p.shadow.defined() || (p.shadow.scalar_type() == at::kBFloat16 && p.shadow.is_contiguous()));
  });
  // The fused kernel has no meta implementation in C++.
  if (!plain) return gradientScale.is_meta() ? adamWReference(parameters, step, gradientScale) : adamWByLibtorch(parameters, step, gradientScale);
  const auto scale = gradientScale.item<float>();
  if (!std::isfinite(scale)) return;
  const auto updates = step.step.item<double>(), learningRate = step.learningRate.item<double>();
  const auto correction1 = 1.0 - std::pow(step.beta1, updates);
  const auto correction2 = 1.0 - std::pow(step.beta2, updates);
  const AdamWFactors decaying{
      static_cast<float>(step.beta1), static_cast<float>(step.beta2), static_cast<float>(step.epsilon),
      static_cast<float>(1.0 - learningRate * step.weightDecay), static_cast<float>(learningRate / correction1),
      static_cast<float>(1.0 / std::sqrt(correction2)), scale};
  AdamWFactors still = decaying;
  still.decay = 1.0F;
  const auto all = pieces(parameters, [](const AdamWParameter& p) { return p.weight.numel(); });
  at::parallel_for(0, static_cast<std::int64_t>(all.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const auto& p = parameters[all[i].tensor];
      const auto at = all[i].begin;
      instructionSet().adamW(data<float>(p.weight) + at, data<float>(p.gradient) + at, data<float>(p.firstMoment) + at,
                             data<float>(p.secondMoment) + at, p.shadow.defined() ? data<BFloat16>(p.shadow) + at : nullptr,
                             all[i].size, p.decays ? decaying : still);
    }
  });
}

void adamWByLibtorch(const std::vector<AdamWParameter>& parameters, const AdamWStep& step, const at::Tensor& gradientScale) {
  const at::NoGradGuard noGrad;
  // It divides by its scale, and changes nothing where something infinite was found. It reads floats.
  const auto float32 = [&](const at::Tensor& scalar) { return scalar.to(gradientScale.device(), at::kFloat); };
  const auto scale = float32(gradientScale), found = scale.mul(0.0).eq(0.0).logical_not().to(at::kFloat), divisor = scale.reciprocal();
  const auto learningRate = float32(step.learningRate), updates = float32(step.step);
  for (const bool decays : {true, false}) {
    std::vector<at::Tensor> weights, gradients, first, second, shadowed, shadows;
    for (const auto& p : parameters) {
      if (p.decays != decays) continue;
      weights.push_back(p.weight), gradients.push_back(p.gradient), first.push_back(p.firstMoment), second.push_back(p.secondMoment);
      if (p.shadow.defined()) shadowed.push_back(p.weight), shadows.push_back(p.shadow);
    }
    if (weights.empty()) continue;
    const std::vector<at::Tensor> steps(weights.size(), updates);
    at::_fused_adamw_(weights, gradients, first, second, {}, steps, learningRate, step.beta1, step.beta2, decays ? step.weightDecay : 0.0, step.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false, divisor, found);
    if (!shadows.empty()) at::_foreach_copy_(shadows, shadowed);
  }
}

void adamWReference(const std::vector<AdamWParameter>& parameters, const AdamWStep& step, const at::Tensor& gradientScale) {
  const at::NoGradGuard noGrad;
  // Gated by lerp, not `where` or a branch: the first has no meta implementation in C++, the second would read back.
  const auto finite = gradientScale.mul(0.0).eq(0.0);
  const auto gate = finite.to(at::kFloat);
  const auto correction = [&](double beta) { return at::pow(beta, step.step).neg().add(1.0); };
  const auto correction1 = correction(step.beta1), correction2 = correction(step.beta2);
  for (const auto& p : parameters) {
    const auto gradient = (p.gradient * gradientScale).masked_fill(gate.eq(0.0), 0.0);
    const auto first = p.firstMoment + (gradient - p.firstMoment) * (1.0 - step.beta1);
    const auto second = p.secondMoment * step.beta2 + gradient.square() * (1.0 - step.beta2);
    const auto decayed = p.decays ? p.weight - p.weight * (step.learningRate * step.weightDecay) : p.weight;
    const auto denominator = (second / correction2).sqrt() + step.epsilon;
    p.weight.lerp_(decayed - first / denominator * (step.learningRate / correction1), gate);
    p.firstMoment.lerp_(first, gate);
    p.secondMoment.lerp_(second, gate);
    if (p.shadow.defined()) p.shadow.copy_(p.weight);
  }
}

}  // namespace switchyard::kernels
