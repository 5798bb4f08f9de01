// Every fused kernel against libtorch's own ops, forward and backward, in float and bfloat16, and its bits for different
// numbers of threads. Tolerances: float 1e-5 relative, bfloat16 one rounding (2^-8) of values of order 1.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>

#include "../kernels/adamW.h"
#include "../kernels/attentionSoftmax.h"
#include "../kernels/crossEntropy.h"
#include "../kernels/dispatch.h"
#include "../kernels/dropout.h"
#include "../kernels/rmsNorm.h"
#include "../kernels/rows.h"
#include "../kernels/smoothActivation.h"
#include "../kernels/uniform.h"

namespace {

using namespace switchyard::kernels;
using Tensors = std::vector<at::Tensor>;

/// Output and the gradients of Σ output · fixed weights with respect to each input that has one.
Tensors run(const std::function<at::Tensor(const Tensors&)>& function, const Tensors& inputs) {
  Tensors leaves;
  for (const auto& input : inputs)
    leaves.push_back(input.is_floating_point() ? input.detach().clone().requires_grad_() : input);
  const auto output = function(leaves);
  const auto weights = torch::cos(torch::arange(output.numel(), torch::kFloat)).view_as(output);
  (output.to(torch::kFloat) * weights).sum().backward();
  Tensors all{output.detach()};
  for (const auto& leaf : leaves)
    if (leaf.requires_grad()) all.push_back(leaf.grad().defined() ? leaf.grad() : torch::zeros_like(leaf));
  return all;
}

void expectClose(const Tensors& ours, const Tensors& reference, double tolerance) {
  ASSERT_EQ(ours.size(), reference.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const auto expected = reference[i].to(torch::kFloat);
    const auto scale = std::max(1.0, expected.abs().max().item<double>());
    const auto difference = (ours[i].to(torch::kFloat) - expected).abs().max().item<double>();
    EXPECT_LE(difference, tolerance * scale) << "tensor " << i;
  }
}

/// `ours` in both precisions equals `reference` on the same values in float, and has the same bits for 1 and 2 threads.
void check(const std::function<at::Tensor(const Tensors&)>& ours, const std::function<at::Tensor(const Tensors&)>& reference,
           const Tensors& inputs, std::size_t stored = 1) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    SCOPED_TRACE(type == torch::kFloat ? "float" : "bfloat16");
    Tensors cast = inputs, wide = inputs;
    for (std::size_t i = 0; i < stored; ++i) {
      cast[i] = inputs[i].to(type);
      wide[i] = cast[i].to(torch::kFloat);
    }
    const auto threads = at::get_num_threads();
    at::set_num_threads(1);
    const auto one = run(ours, cast);
    at::set_num_threads(2);
    const auto two = run(ours, cast);
    at::set_num_threads(threads);
    expectClose(one, run(reference, wide), type == torch::kFloat ? 1e-5 : 8e-3);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(torch::equal(one[i], two[i])) << "tensor " << i;
  }
}

const DropoutSite SITE{7, 3, 0.1};

TEST(KernelDropout, EqualsItsReference) {
  torch::manual_seed(1);
  const auto x = torch::randn({37, 1003});
  const auto factors = dropoutFactors(x.sizes(), SITE, torch::kFloat);
  check([](const Tensors& t) { return dropout(t[0], SITE); }, [&](const Tensors& t) { return t[0] * factors; }, {x});
  check([](const Tensors& t) { return addDropout(t[0], t[1], SITE); },
        [&](const Tensors& t) { return t[0] + t[1] * factors; }, {x, torch::randn_like(x)}, 2);
  check([](const Tensors& t) { return reluDropout(t[0], SITE); },
        [&](const Tensors& t) { return torch::relu(t[0]) * factors; }, {x});
}

TEST(KernelSmoothActivation, EqualsItsReference) {
  torch::manual_seed(9);
  const auto x = torch::randn({37, 1003}) * 4, gate = torch::randn_like(x) * 4;
  const auto factors = dropoutFactors(x.sizes(), SITE, torch::kFloat);
  check([](const Tensors& t) { return activationDropout(SmoothActivation::gelu, t[0], SITE); },
        [&](const Tensors& t) { return torch::gelu(t[0], "tanh") * factors; }, {x});
  check([](const Tensors& t) { return activationDropout(SmoothActivation::silu, t[0], SITE); },
        [&](const Tensors& t) { return torch::silu(t[0]) * factors; }, {x});
  check([](const Tensors& t) { return gatedDropout(SmoothActivation::gelu, t[0], t[1], SITE); },
        [&](const Tensors& t) { return torch::gelu(t[0], "tanh") * t[1] * factors; }, {gate, x}, 2);
  check([](const Tensors& t) { return gatedDropout(SmoothActivation::silu, t[0], t[1], SITE); },
        [&](const Tensors& t) { return torch::silu(t[0]) * t[1] * factors; }, {gate, x}, 2);
  // Far out the curve is 0 or x, never NaN.
  const auto far = torch::tensor({-1e4F, -100.0F, 100.0F, 1e4F});
  EXPECT_TRUE(torch::allclose(activationDropout(SmoothActivation::gelu, far, {7, 3, 0.0}), torch::relu(far)));
}

TEST(KernelDropout, DropsTheAskedFractionIndependently) {
  const std::int64_t n = 1 << 20;
  const auto drops = [&](std::uint64_t seed, std::uint64_t stream) {
    return dropoutFactors({n}, {seed, stream, 0.1}, torch::kDouble).eq(0).to(torch::kDouble);
  };
  const auto base = drops(1, 1);
  // Five standard deviations of a binomial of n and of a product of two.
  EXPECT_NEAR(base.mean().item<double>(), 0.1, 5 * std::sqrt(0.09 / n));
  const auto tolerance = 5 * std::sqrt(0.01 * 0.99 / n);
  EXPECT_NEAR((base * drops(1, 2)).mean().item<double>(), 0.01, tolerance);
  EXPECT_NEAR((base * drops(2, 1)).mean().item<double>(), 0.01, tolerance);
  for (const std::int64_t lag : {1, 2, 256, 1024})
    EXPECT_NEAR((base * base.roll(lag)).mean().item<double>(), 0.01, tolerance) << "lag " << lag;
  EXPECT_TRUE(torch::equal(base, drops(1, 1)));
}

TEST(KernelRmsNorm, EqualsItsReference) {
  torch::manual_seed(2);
  for (const std::int64_t d : {256, 77})
    check([](const Tensors& t) { return rmsNorm(t[0], t[1], 1e-6); },
          [](const Tensors& t) { return rmsNormReference(t[0], t[1], 1e-6); }, {torch::randn({5, 41, d}), torch::rand({d}) + 0.5});
}

TEST(KernelCrossEntropy, EqualsLibtorch) {
  torch::manual_seed(3);
  const auto targets = torch::randint(0, 501, {64}, torch::kLong);
  targets.slice(0, 0, 9).fill_(-100);
  check([&](const Tensors& t) { return crossEntropySum(t[0], targets, -100) / 55; },
        [&](const Tensors& t) { return at::cross_entropy_loss(t[0], targets, {}, at::Reduction::Sum, -100) / 55; },
        {torch::randn({64, 501}) * 4});
}

TEST(KernelCrossEntropy, RefusesATargetOutsideTheVocabulary) {
  EXPECT_THROW(crossEntropySum(torch::zeros({1, 4}), torch::tensor({4}, torch::kLong), -100), c10::Error);
}

TEST(KernelCrossEntropy, NonFiniteLogitsGiveANonFiniteLoss) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    auto logits = torch::zeros({1, 64});
    logits[0][63] = bad;
    EXPECT_FALSE(std::isfinite(crossEntropySum(logits, torch::tensor({1}, torch::kLong), -100).item<float>()));
  }
}

TEST(KernelAttention, EqualsItsReference) {
  torch::manual_seed(4);
  const auto scores = torch::randn({3, 4, 19, 45}) * 3;
  const auto bias = torch::randn({4, 19, 45});
  auto padding = torch::zeros({3, 1, 45});
  padding.slice(0, 0, 1).slice(2, 30).fill_(-std::numeric_limits<float>::infinity());
  padding.slice(0, 1, 2).fill_(-std::numeric_limits<float>::infinity());  // every key of this sequence
  const auto causal = torch::full({19, 45}, -std::numeric_limits<float>::infinity()).triu(1).expand({3, 19, 45}).contiguous();
  for (const auto& mask : {at::Tensor(), padding, causal}) {
    // The mask of the reference is applied to probabilities in float; the kernel's to the same indices.
    check([&](const Tensors& t) { return attentionSoftmax(t[0], t[1], mask, SITE); },
          [&](const Tensors& t) { return attentionSoftmaxReference(t[0], t[1], mask, SITE); }, {scores, bias});
    check([&](const Tensors& t) { return attentionSoftmax(t[0], {}, mask, {}); },
          [&](const Tensors& t) { return attentionSoftmaxReference(t[0], {}, mask, {}); }, {scores});
  }
  check([](const Tensors& t) { return attentionSoftmax(t[0], {}, {}, {}); },
        [](const Tensors& t) { return attentionSoftmaxReference(t[0], {}, {}, {}); }, {torch::randn({1, 1, 2, 5000})});
}

TEST(KernelAttention, ARowThatIsNotANumberStaysOne) {
  auto scores = torch::zeros({1, 1, 2, 8});
  scores.select(2, 1).fill_(std::numeric_limits<float>::quiet_NaN());
  const auto weights = attentionSoftmax(scores, {}, {}, {});
  EXPECT_FALSE(weights.select(2, 0).isnan().any().item<bool>());
  EXPECT_TRUE(weights.select(2, 1).isnan().all().item<bool>());
}

TEST(KernelDispatch, EqualsItsReference) {
  torch::manual_seed(5);
  for (const std::int64_t slots : {1, 2, 5}) {
    SCOPED_TRACE(slots);
    const auto tokens = 40 / slots;
    const auto slot = torch::randperm(60).slice(0, 0, tokens * slots).view({tokens, slots}).contiguous();
    slot.reshape(-1).slice(0, 5, 12).fill_(-1);
    slot[tokens - 1].fill_(-1);
    check([&](const Tensors& t) { return dispatch(t[0], slot, 60); }, [&](const Tensors& t) { return dispatchReference(t[0], slot, 60); },
          {torch::randn({tokens, 133})});
    check([&](const Tensors& t) { return combine(t[0], slot, t[1]); }, [&](const Tensors& t) { return combineReference(t[0], slot, t[1]); },
          {torch::randn({60, 133}), torch::rand({tokens, slots})});
  }
}

/// Place by place and token by token.
TEST(KernelDispatch, MovesEachTokenToAllItsSlots) {
  torch::manual_seed(7);
  const auto slot = torch::tensor({{4, -1}, {-1, -1}, {0, 3}}, torch::kLong);
  const auto x = torch::randn({3, 5}), gate = torch::rand({3, 2}), buffer = torch::randn({6, 5});
  for (const bool reference : {false, true}) {
    const auto moved = reference ? dispatchReference(x, slot, 6) : dispatch(x, slot, 6);
    const std::vector<int> token{2, -1, -1, 2, 0, -1};
    for (int place = 0; place < 6; place++) EXPECT_TRUE(torch::equal(moved[place], token[place] < 0 ? torch::zeros({5}) : x[token[place]]));
    const auto y = reference ? combineReference(buffer, slot, gate) : combine(buffer, slot, gate);
    EXPECT_TRUE(torch::allclose(y[0], buffer[4] * gate[0][0]));
    EXPECT_TRUE(torch::equal(y[1], torch::zeros({5})));
    EXPECT_TRUE(torch::allclose(y[2], buffer[0] * gate[2][0] + buffer[3] * gate[2][1]));
  }
}

TEST(KernelUniform, EqualsItsReferenceAndFillsTheUnitInterval) {
  const DropoutSite site{11, 5};
  const auto u = uniform({3, 7000}, site, torch::kFloat);
  EXPECT_TRUE(torch::equal(u, uniformReference({3, 7000}, site, torch::kFloat)));
  EXPECT_TRUE(torch::equal(u.to(torch::kDouble), uniform({3, 7000}, site, torch::kDouble)));
  EXPECT_GT(u.min().item<double>(), 0.0);
  EXPECT_LT(u.max().item<double>(), 1.0);
  EXPECT_NEAR(u.mean().item<double>(), 0.5, 0.01);
  EXPECT_NEAR(u.var().item<double>(), 1.0 / 12, 0.002);
  EXPECT_FALSE(torch::equal(u, uniform({3, 7000}, {11, 6}, torch::kFloat)));
}

std::vector<AdamWParameter> parameters(bool shadow) {
  torch::manual_seed(6);
  std::vector<AdamWParameter> all;
  for (const std::int64_t n : {7, 40000})
    all.push_back({torch::randn({n}), torch::randn({n}), torch::randn({n}) * 0.1, torch::rand({n}),
                   shadow ? torch::zeros({n}, torch::kBFloat16) : at::Tensor(), n > 100});
  return all;
}

AdamWStep adamWStep(double weightDecay, double step) {
  return {0.9, 0.999, 1e-8, weightDecay, torch::tensor(1e-3, torch::kDouble), torch::tensor(step, torch::kDouble)};
}

TEST(KernelAdamW, EqualsItsReference) {
  const auto step = adamWStep(0.01, 5);
  auto ours = parameters(true), reference = parameters(true);
  adamW(ours, step, torch::tensor(0.5F));
  adamWReference(reference, step, torch::tensor(0.5F));
  for (std::size_t i = 0; i < ours.size(); ++i) {
    expectClose({ours[i].weight, ours[i].firstMoment, ours[i].secondMoment},
                {reference[i].weight, reference[i].firstMoment, reference[i].secondMoment}, 1e-6);
    EXPECT_TRUE(torch::equal(ours[i].shadow, ours[i].weight.to(torch::kBFloat16)));
  }
}

TEST(KernelAdamW, OfLibtorchEqualsTheReference) {
  for (const auto type : {torch::kFloat, torch::kDouble}) {
    const auto of = [&] {
      auto all = parameters(true);
      for (auto& p : all)
        for (auto* tensor : {&p.weight, &p.gradient, &p.firstMoment, &p.secondMoment}) *tensor = tensor->to(type);
      return all;
    };
    auto libtorchs = of(), reference = of();
    adamWByLibtorch(libtorchs, adamWStep(0.01, 5), torch::tensor(0.5F));
    adamWReference(reference, adamWStep(0.01, 5), torch::tensor(0.5F));
    for (std::size_t i = 0; i < libtorchs.size(); ++i) {
      expectClose({libtorchs[i].weight, libtorchs[i].firstMoment, libtorchs[i].secondMoment},
                  {reference[i].weight, reference[i].firstMoment, reference[i].secondMoment}, 1e-6);
      EXPECT_TRUE(torch::equal(libtorchs[i].shadow, libtorchs[i].weight.to(torch::kBFloat16)));
    }
  }
}

TEST(KernelAdamW, ChangesNothingWhenTheGradientIsNotFinite) {
  for (const auto& update : {adamW, adamWByLibtorch, adamWReference})
    for (const auto scale : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
      auto changed = parameters(false);
      const auto before = parameters(false);
      update(changed, adamWStep(0.01, 5), torch::tensor(scale));
      for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_TRUE(torch::equal(changed[i].weight, before[i].weight));
        EXPECT_TRUE(torch::equal(changed[i].secondMoment, before[i].secondMoment));
      }
    }
}

TEST(KernelGradientNorm, EqualsLibtorch) {
  torch::manual_seed(7);
  const Tensors gradients{torch::randn({3, 5}), torch::randn({70000}), torch::randn({1})};
  double squares = 0.0;
  for (const auto& gradient : gradients) squares += gradient.to(torch::kDouble).square().sum().item<double>();
  EXPECT_NEAR(gradientNorm(gradients).item<double>(), std::sqrt(squares), 1e-5 * std::sqrt(squares));
  gradients[2].fill_(std::nanf(""));
  EXPECT_FALSE(std::isfinite(gradientNorm(gradients).item<float>()));
}

TEST(KernelMeta, EveryKernelRunsWithoutReadingBack) {
  const auto meta = torch::TensorOptions().device(torch::kMeta);
  const auto x = torch::empty({8, 16}, meta);
  const auto slot = torch::empty({8}, meta.dtype(torch::kLong));
  EXPECT_EQ(addDropout(x, reluDropout(x, SITE), SITE).sizes(), x.sizes());
  EXPECT_EQ(rmsNorm(x, torch::empty({16}, meta), 1e-6).sizes(), x.sizes());
  EXPECT_EQ(gatedDropout(SmoothActivation::gelu, activationDropout(SmoothActivation::silu, x, SITE), x, SITE).sizes(), x.sizes());
  EXPECT_EQ(crossEntropySum(x, slot, -100).dim(), 0);
  EXPECT_EQ(attentionSoftmax(torch::empty({2, 4, 8, 8}, meta), torch::empty({4, 8, 8}, meta), torch::empty({2, 1, 8}, meta), SITE).dim(), 4);
  EXPECT_EQ(combine(dispatch(x, slot.unsqueeze(1), 12), slot.unsqueeze(1), torch::empty({8, 1}, meta)).sizes(), x.sizes());
  adamW({{x, x, x, x, {}, true}}, adamWStep(0.0, 1), torch::reciprocal(gradientNorm({x})));
}

/// All builds of the loops agree up to rounding, so a run moved to an older CPU goes on as it was.
TEST(KernelInstructionSets, AgreeUpToRounding) {
  torch::manual_seed(8);
  const auto x = torch::randn({1000}), w = torch::rand({1000});
  const auto& baseline = *instructionSets().front();
  for (const auto* wide : instructionSets()) {
    SCOPED_TRACE(wide->name);
    auto a = torch::empty({1000}), b = torch::empty({1000});
    EXPECT_NEAR(baseline.f32.rmsNorm(x.data_ptr<float>(), w.data_ptr<float>(), a.data_ptr<float>(), 1000, 1e-6F),
                wide->f32.rmsNorm(x.data_ptr<float>(), w.data_ptr<float>(), b.data_ptr<float>(), 1000, 1e-6F), 1e-6);
    EXPECT_TRUE(torch::allclose(a, b, 1e-5, 1e-6));
    EXPECT_NEAR(baseline.f32.logSumExp(x.data_ptr<float>(), 1000), wide->f32.logSumExp(x.data_ptr<float>(), 1000), 1e-5);
    const DropoutKey key{11, 13, 1U << 29, 1.0F / 0.875F};
    baseline.f32.dropout(x.data_ptr<float>(), nullptr, a.data_ptr<float>(), 1000, 5, key);
    wide->f32.dropout(x.data_ptr<float>(), nullptr, b.data_ptr<float>(), 1000, 5, key);
    EXPECT_TRUE(torch::equal(a, b));
  }
}

}  // namespace
