// The facts of the panels and the losses of the router against sums over tokens.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "../kernels/uniform.h"
#include "../model/capacity.h"
#include "../model/routerBias.h"
#include "../model/routingFacts.h"
#include "slowRouting.h"

namespace {

using namespace switchyard;
using namespace switchyard::testing;

TEST(RoutingFacts, AreThoseOfTheTokens) {
  torch::manual_seed(5);
  const std::int64_t groups = 2, groupTokens = 20, experts = 4, tokens = groups * groupTokens;
  const auto logits = torch::randn({tokens, experts}, torch::kDouble) * 3;
  const auto valid = torch::rand({tokens}).gt(0.15).to(torch::kDouble);
  const auto ids = torch::randint(0, 30, {tokens}, torch::kLong);
  const std::vector<double> grid{0.25, 0.5, 1.0, 1.5, 4.0};
  for (const auto& [name, sparse] : routings(experts)) {
    SCOPED_TRACE(name);
    RouterSettings settings{sparse, groups, groups, placesOf(sparse, groupTokens, 0.5), true, {7, 1}, {7, 2}, {}};
    const bool known = sparse.overflow == Overflow::drop && sparse.routing != RoutingKind::expertChoice;
    const auto routing = sparse.routing == RoutingKind::hash ? routeByHash(ids, valid, settings) : route(logits, valid, settings);
    const RoutedLayer layer{false, 3, experts, settings.capacity, groups, groupTokens, choicesOf(sparse), known, routing, false, {}};
    const auto packed = packRoutingFacts(layer, grid);
    ASSERT_EQ(packed.numel(), routingFactsSize(layer, grid.size()));
    const auto facts = unpackRoutingFacts(layer, grid, packed.const_data_ptr<double>());

    SlowInput in;
    in.logits = rowsOf(logits);
    for (std::int64_t i = 0; i < tokens; i++) in.valid.push_back(valid[i].item<double>() == 1.0);
    in.sampling = rowsOf(kernels::uniform(logits.sizes(), settings.sampling, torch::kDouble));
    in.sending = rowsOf(kernels::uniform({tokens, std::max<std::int64_t>(1, sparse.choices - 1)}, settings.sending, torch::kDouble));
    const auto words = kernels::randomWords(ids, {});
    for (std::int64_t i = 0; i < tokens; i++) in.hashed.push_back(words[i].item<std::int64_t>() % experts);
    const auto slow = routeSlowly(in, settings);
    EXPECT_EQ(facts.tokens, static_cast<std::int64_t>(slow.tokens));
    EXPECT_NEAR(facts.entropy, slow.entropy / slow.tokens, 1e-9);
    EXPECT_NEAR(facts.confidence, slow.confidence / slow.tokens, 1e-9);
    EXPECT_NEAR(facts.dropped, slow.dropped / slow.tokens, 1e-12);
    double probability = 0;
    for (std::int64_t e = 0; e < experts; e++) {
      const auto i = static_cast<std::size_t>(e);
      EXPECT_EQ(facts.load[i], slow.load[0][i] + slow.load[1][i]);
      EXPECT_EQ(facts.kept[i], slow.kept[0][i] + slow.kept[1][i]);
      EXPECT_LE(facts.kept[i], static_cast<double>(settings.capacity * groups));
      probability += facts.probability[i];
    }
    EXPECT_NEAR(probability, slow.tokens, 1e-9);
    // What-if: routing again with that capacity drops just as many.
    EXPECT_EQ(facts.dropAtCapacityFactor.size(), known ? grid.size() : 0U);
    for (const auto& [factor, dropped] : facts.dropAtCapacityFactor) {
      auto other = settings;
      other.capacity = expertCapacity(groupTokens, experts, factor * choicesOf(sparse));
      EXPECT_NEAR(dropped, routeSlowly(in, other).dropped / slow.tokens, 1e-12) << factor;
    }
  }
}

/// Two layers of two sequences of 5 tokens for 3 experts, routed by the first choice.
struct Layers {
  std::vector<RoutedLayer> routed;
  std::vector<torch::Tensor> probability, logits;

  Layers(std::int64_t groups, bool bothInOneStack) {
    torch::manual_seed(9);
    for (int layer = 0; layer < 2; layer++) {
      logits.push_back(torch::randn({10, 3}, torch::kDouble) * 2);
      probability.push_back(torch::softmax(logits.back(), 1));
      RouterSettings settings;
      settings.sparse.experts = 3, settings.balanceGroups = groups, settings.capacity = 10;
      RoutedLayer routedLayer;
      routedLayer.encoder = bothInOneStack || layer == 0;
      routedLayer.routing = route(logits.back(), torch::ones({10}, torch::kDouble), settings);
      routed.push_back(routedLayer);
    }
  }

  /// E·Σ f·P over some tokens of some layers.
  double balance(const std::vector<std::size_t>& layers, std::int64_t begin, std::int64_t end) const {
    std::vector<double> f(3, 0.0), p(3, 0.0);
    const double count = static_cast<double>(layers.size()) * static_cast<double>(end - begin);
    for (const auto layer : layers)
      for (auto t = begin; t < end; t++) {
        f[probability[layer][t].argmax().item<std::int64_t>()] += 1 / count;
        for (int e = 0; e < 3; e++) p[e] += probability[layer][t][e].item<double>() / count;
      }
    return 3 * (f[0] * p[0] + f[1] * p[1] + f[2] * p[2]);
  }
  double z(std::size_t layer) const { return torch::logsumexp(logits[layer], {1}).square().mean().item<double>(); }
};

TEST(RouterLosses, OfThePaperAreSummedOverLayers) {
  const Layers whole(1, true), bySequence(2, true);
  const auto loss = [](const Layers& layers) { return routerLosses(layers.routed, AuxiliaryLossForm::paper, torch::kDouble); };
  EXPECT_NEAR(loss(whole).auxiliary.item<double>(), whole.balance({0}, 0, 10) + whole.balance({1}, 0, 10), 1e-12);
  EXPECT_NEAR(loss(whole).z.item<double>(), whole.z(0) + whole.z(1), 1e-12);
  double expected = 0;
  for (const std::size_t layer : {0, 1}) expected += (bySequence.balance({layer}, 0, 5) + bySequence.balance({layer}, 5, 10)) / 2;
  EXPECT_NEAR(loss(bySequence).auxiliary.item<double>(), expected, 1e-12);
}

/// transformers 5.23: f and P of each sequence over the tokens of all layers of a stack, the mean over sequences; z-loss the mean.
TEST(RouterLosses, OfHuggingFaceAreTakenOverAllLayersOfAStackAtOnce) {
  const Layers one(2, true), two(2, false);
  const auto loss = [](const Layers& layers) { return routerLosses(layers.routed, AuxiliaryLossForm::huggingFace, torch::kDouble); };
  EXPECT_NEAR(loss(one).auxiliary.item<double>(), (one.balance({0, 1}, 0, 5) + one.balance({0, 1}, 5, 10)) / 2, 1e-12);
  EXPECT_NEAR(loss(one).z.item<double>(), (one.z(0) + one.z(1)) / 2, 1e-12);
  EXPECT_NEAR(loss(two).auxiliary.item<double>(), (two.balance({0}, 0, 5) + two.balance({0}, 5, 10) + two.balance({1}, 0, 5) + two.balance({1}, 5, 10)) / 2, 1e-12);
  EXPECT_NEAR(loss(two).z.item<double>(), two.z(0) + two.z(1), 1e-12);
}

TEST(RouterLosses, UniformRoutingHasAnAuxiliaryLossOfOne) {
  // Tokens in turn prefer each expert, by so little that the probabilities stay uniform.
  const auto logits = torch::zeros({40, 8}, torch::kDouble);
  for (int i = 0; i < 40; i++) logits[i][i % 8] = 1e-9;
  RouterSettings settings;
  settings.capacity = 40;
  EXPECT_NEAR(auxiliaryLoss(route(logits, torch::ones({40}, torch::kDouble), settings).balance).item<double>(), 1.0, 1e-6);
}

TEST(RouterLosses, CountUntilTheirLastStepAndOnlyWhereTheyBalance) {
  SparseConfig sparse;
  sparse.auxiliaryLoss = 0.01, sparse.zLoss = 0.002, sparse.auxiliaryLossSteps = 5;
  EXPECT_EQ(routerLossWeights(sparse, 5).auxiliary, 0.01);
  EXPECT_EQ(routerLossWeights(sparse, 5).z, 0.002);
  EXPECT_EQ(routerLossWeights(sparse, 6).auxiliary, 0.0);
  EXPECT_EQ(routerLossWeights(sparse, 6).z, 0.0);
  for (const auto other : {Balancing::sinkhorn, Balancing::bias, Balancing::none}) {
    sparse.balancing = other;
    EXPECT_EQ(routerLossWeights(sparse, 1).auxiliary, 0.0);
    EXPECT_EQ(routerLossWeights(sparse, 1).z, 0.002);
  }
}

TEST(RouterBias, FollowsTheLoad) {
  Layers layers(1, true);
  auto& layer = layers.routed[0];
  layer.routing.load = torch::tensor({{1.0, 5.0, 3.0}, {2.0, 4.0, 3.0}}, torch::kDouble);
  layer.bias = torch::tensor({0.5, 0.5, 0.5}, torch::kDouble);
  moveBiases(layers.routed, 0.1, torch::zeros({}, torch::kDouble));
  EXPECT_TRUE(torch::allclose(layer.bias, torch::full({3}, 0.5, torch::kDouble)));
  moveBiases(layers.routed, 0.1, torch::ones({}, torch::kDouble));
  EXPECT_TRUE(torch::allclose(layer.bias, torch::tensor({0.6, 0.4, 0.5}, torch::kDouble)));
}

}  // namespace
