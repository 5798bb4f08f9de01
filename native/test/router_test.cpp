// Routing against the definitions written out token by token: choice, places, drops, losses, and the facts of the panels.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "../model/relativePositionBias.h"
#include "../model/router.h"
#include "../model/routingFacts.h"

namespace {

using namespace switchyard;

struct SlowRouting {
  std::vector<std::int64_t> choice, slot;
  std::vector<double> gate;
  std::vector<std::vector<double>> load;  // [group][expert]
  double auxiliary = 0, z = 0;
};

/// Walks the tokens one by one.
SlowRouting routeSlowly(const torch::Tensor& logits, const torch::Tensor& valid, std::int64_t groups, std::int64_t capacity) {
  const auto tokens = logits.size(0), experts = logits.size(1), groupTokens = tokens / groups;
  const auto l = logits.accessor<double, 2>();
  const auto v = valid.accessor<double, 1>();
  SlowRouting out;
  double zSum = 0, counted = 0;
  for (std::int64_t g = 0; g < groups; g++) {
    std::vector<double> load(experts, 0.0), mass(experts, 0.0);
    std::vector<std::int64_t> taken(experts, 0);
    double n = 0;
    for (std::int64_t i = g * groupTokens; i < (g + 1) * groupTokens; i++) {
      double top = -1e300, sum = 0;
      for (std::int64_t e = 0; e < experts; e++) top = std::max(top, l[i][e]);
      for (std::int64_t e = 0; e < experts; e++) sum += std::exp(l[i][e] - top);
      std::int64_t best = 0;
      for (std::int64_t e = 1; e < experts; e++)
        if (l[i][e] > l[i][best]) best = e;
      out.choice.push_back(best);
      out.gate.push_back(std::exp(l[i][best] - top) / sum);
      if (v[i] == 0.0) {
        out.slot.push_back(-1);
        continue;
      }
      n += 1;
      load[best] += 1;
      for (std::int64_t e = 0; e < experts; e++) mass[e] += std::exp(l[i][e] - top) / sum;
      zSum += std::pow(top + std::log(sum), 2);
      out.slot.push_back(taken[best] < capacity ? best * groups * capacity + g * capacity + taken[best] : -1);
      taken[best]++;
    }
    counted += n;
    for (std::int64_t e = 0; e < experts; e++)
      if (n > 0) out.auxiliary += static_cast<double>(experts) * (load[e] / n) * (mass[e] / n) / static_cast<double>(groups);
    out.load.push_back(load);
  }
  out.z = counted > 0 ? zSum / counted : 0;
  return out;
}

TEST(Router, MatchesATokenByTokenWalk) {
  torch::manual_seed(3);
  for (const auto& [groups, groupTokens, experts, capacity] : std::vector<std::tuple<int, int, int, int>>{
           {1, 24, 4, 8}, {3, 10, 5, 1}, {2, 33, 2, 33}, {4, 7, 16, 2}, {1, 1, 2, 1}, {1, 64, 3, 5}}) {
    const auto logits = torch::randn({groups * groupTokens, experts}, torch::kDouble) * 2;
    const auto valid = torch::rand({groups * groupTokens}).gt(0.2).to(torch::kDouble);
    const auto fast = route(logits, valid, groups, capacity);
    const auto slow = routeSlowly(logits, valid, groups, capacity);
    for (std::int64_t i = 0; i < logits.size(0); i++) {
      EXPECT_EQ(fast.slot[i].item<std::int64_t>(), slow.slot[i]);
      EXPECT_NEAR(fast.gate[i].item<double>(), slow.gate[i], 1e-12);
      EXPECT_EQ(fast.chosen[i].sum().item<double>(), valid[i].item<double>());
      if (valid[i].item<double>() == 1.0) {
        EXPECT_EQ(fast.chosen[i].argmax().item<std::int64_t>(), slow.choice[i]);
      }
    }
    for (int g = 0; g < groups; g++)
      for (int e = 0; e < experts; e++) EXPECT_EQ(fast.load[g][e].item<double>(), slow.load[g][e]);
    EXPECT_NEAR(fast.auxiliaryLoss.item<double>(), slow.auxiliary, 1e-9);
    EXPECT_NEAR(fast.zLoss.item<double>(), slow.z, 1e-9);
  }
}

TEST(Router, UniformRoutingHasAnAuxiliaryLossOfOne) {
  // Tokens in turn prefer each expert, by so little that the probabilities stay uniform.
  const auto logits = torch::zeros({40, 8}, torch::kDouble);
  for (int i = 0; i < 40; i++) logits[i][i % 8] = 1e-9;
  EXPECT_NEAR(route(logits, torch::ones({40}, torch::kDouble), 1, 40).auxiliaryLoss.item<double>(), 1.0, 1e-6);
}

TEST(Router, EqualLogitsGoToTheFirstExpert) {
  const auto routed = route(torch::zeros({6, 4}), torch::ones({6}), 1, 2);
  EXPECT_TRUE(torch::equal(routed.slot, torch::tensor({0, 1, -1, -1, -1, -1}, torch::kLong)));
}

TEST(Router, PaddingTakesNoPlaceAndCountsNowhere) {
  const auto logits = torch::randn({12, 3});
  const auto routed = route(logits, torch::zeros({12}), 1, 12);
  EXPECT_TRUE(routed.slot.eq(-1).all().item<bool>());
  EXPECT_EQ(routed.load.sum().item<float>(), 0.0F);
  EXPECT_EQ(routed.zLoss.item<float>(), 0.0F);
  EXPECT_EQ(routed.auxiliaryLoss.item<float>(), 0.0F);
}

TEST(Router, CapacityIsThatOfEquation3) {
  EXPECT_EQ(expertCapacity(2048, 8, 1.25), 320);
  EXPECT_EQ(expertCapacity(100, 8, 1.2), 15);
  EXPECT_EQ(expertCapacity(100, 2, 1.1), 55);
  EXPECT_EQ(expertCapacity(10, 3, 1.0), 4);
  EXPECT_EQ(expertCapacity(10, 64, 0.1), 1);
  EXPECT_EQ(expertCapacity(10, 2, 16.0), 10);
}

TEST(RoutingFacts, AreThoseOfTheTokens) {
  torch::manual_seed(5);
  const std::int64_t groups = 2, groupTokens = 20, experts = 4;
  const auto logits = torch::randn({groups * groupTokens, experts}, torch::kDouble) * 3;
  const auto valid = torch::rand({groups * groupTokens}).gt(0.15).to(torch::kDouble);
  const std::vector<double> grid{0.5, 1.0, 1.5, 4.0};
  const auto capacity = expertCapacity(groupTokens, experts, 1.0);
  const RoutedLayer layer{false, 3, experts, capacity, groups, route(logits, valid, groups, capacity)};
  const auto packed = packRoutingFacts(layer, grid);
  ASSERT_EQ(packed.numel(), routingFactsSize(experts, grid.size()));
  const auto facts = unpackRoutingFacts(layer, grid, packed.const_data_ptr<double>());

  const auto slow = routeSlowly(logits, valid, groups, capacity);
  double entropy = 0, confidence = 0, tokens = 0, kept = 0;
  const auto p = torch::softmax(logits, 1);
  for (std::int64_t i = 0; i < groups * groupTokens; i++) {
    if (valid[i].item<double>() == 0.0) continue;
    tokens += 1;
    kept += slow.slot[i] >= 0 ? 1 : 0;
    confidence += slow.gate[i];
    for (std::int64_t e = 0; e < experts; e++) entropy -= p[i][e].item<double>() * std::log(p[i][e].item<double>());
  }
  EXPECT_EQ(facts.tokens, static_cast<std::int64_t>(tokens));
  EXPECT_NEAR(facts.entropy, entropy / tokens, 1e-9);
  EXPECT_NEAR(facts.confidence, confidence / tokens, 1e-9);
  EXPECT_NEAR(facts.dropped, 1.0 - kept / tokens, 1e-12);
  double load = 0, keptFacts = 0;
  for (std::int64_t e = 0; e < experts; e++) {
    load += facts.load[e];
    keptFacts += facts.kept[e];
    EXPECT_LE(facts.kept[e], static_cast<double>(capacity * groups));
    EXPECT_LE(facts.kept[e], facts.load[e]);
  }
  EXPECT_EQ(load, tokens);
  EXPECT_EQ(keptFacts, kept);
  // What-if: routing again with that capacity drops just as many.
  for (const auto& [factor, dropped] : facts.dropAtCapacityFactor) {
    const auto again = routeSlowly(logits, valid, groups, expertCapacity(groupTokens, experts, factor));
    double lost = 0;
    for (std::int64_t i = 0; i < groups * groupTokens; i++) lost += valid[i].item<double>() == 1.0 && again.slot[i] < 0 ? 1 : 0;
    EXPECT_NEAR(dropped, lost / tokens, 1e-12) << factor;
  }
}

TEST(RelativePositionBucket, IsT5s) {
  const auto both = [](std::int64_t distance) { return relativePositionBucket(distance, true, 32, 128); };
  EXPECT_EQ(both(0), 0);
  EXPECT_EQ(both(-1), 1);
  EXPECT_EQ(both(1), 17);
  EXPECT_EQ(both(-7), 7);
  EXPECT_EQ(both(-8), 8);
  EXPECT_EQ(both(-11), 8);
  EXPECT_EQ(both(-12), 9);
  EXPECT_EQ(both(-127), 15);
  EXPECT_EQ(both(-100000), 15);
  EXPECT_EQ(both(100000), 31);
  const auto past = [](std::int64_t distance) { return relativePositionBucket(distance, false, 32, 128); };
  EXPECT_EQ(past(5), 0);
  EXPECT_EQ(past(-1), 1);
  EXPECT_EQ(past(-15), 15);
  EXPECT_EQ(past(-16), 16);
  EXPECT_EQ(past(-128), 31);
  EXPECT_EQ(past(-100000), 31);
  // Buckets never fall as the distance grows.
  for (std::int64_t distance = 1; distance < 300; distance++) EXPECT_LE(past(-distance + 1), past(-distance));
}

}  // namespace
