// Every way of routing against the walk of slowRouting.h, token by token: places, gates, loads; gradients against differences.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <set>

#include "../kernels/uniform.h"
#include "../model/capacity.h"
#include "../model/relativePositionBias.h"
#include "../model/router.h"
#include "../model/sinkhorn.h"
#include "slowRouting.h"

namespace {

using namespace switchyard;
using namespace switchyard::testing;

struct Case {
  std::int64_t groups, groupTokens, experts;
  double capacityFactor, padding;
};
const std::vector<Case> CASES{{1, 24, 4, 1.0, 0.2}, {3, 10, 5, 0.5, 0.2}, {2, 33, 2, 1.25, 0.0}, {4, 7, 16, 0.1, 0.4}, {1, 1, 2, 1.0, 0.0}, {1, 65, 3, 0.7, 0.5}, {2, 9, 1, 0.6, 0.1}};

struct Problem {
  torch::Tensor logits, valid, ids;
  RouterSettings settings;

  Problem(const Case& c, const SparseConfig& sparse, bool training) {
    torch::manual_seed(3);
    const auto tokens = c.groups * c.groupTokens;
    logits = torch::randn({tokens, c.experts}, torch::kDouble) * 1.5;
    // Some tokens alike, so that the order of equals counts.
    if (tokens > 4) logits[3] = logits[1].clone(), logits[4] = logits[1].clone();
    valid = torch::rand({tokens}).ge(c.padding).to(torch::kDouble);
    ids = torch::randint(0, 50, {tokens}, torch::kLong);
    settings.sparse = sparse;
    settings.groups = settings.balanceGroups = c.groups;
    settings.capacity = placesOf(sparse, c.groupTokens, c.capacityFactor);
    settings.training = training;
    settings.sampling = {7, 1}, settings.sending = {7, 2};
    if (sparse.balancing == Balancing::bias) settings.bias = torch::randn({c.experts}, torch::kDouble) * 0.2;
  }
  Routing fast() const { return settings.sparse.routing == RoutingKind::hash ? routeByHash(ids, valid, settings) : route(logits, valid, settings); }
  SlowInput slow() const {
    SlowInput in;
    in.logits = rowsOf(logits);
    for (std::int64_t i = 0; i < valid.size(0); i++) in.valid.push_back(valid[i].item<double>() == 1.0);
    const auto tokens = logits.size(0);
    in.sampling = rowsOf(kernels::uniform(logits.sizes(), settings.sampling, torch::kDouble));
    in.sending = rowsOf(kernels::uniform({tokens, std::max<std::int64_t>(1, settings.sparse.choices - 1)}, settings.sending, torch::kDouble));
    if (settings.bias.defined()) in.bias = rowsOf(settings.bias.unsqueeze(0))[0];
    const auto words = kernels::randomWords(ids, {});
    for (std::int64_t i = 0; i < tokens; i++) in.hashed.push_back(words[i].item<std::int64_t>() % settings.sparse.experts);
    return in;
  }
};

/// Calls check(name, problem) for every routing, size and phase.
template <class Check>
void forAll(Check check) {
  for (const auto& c : CASES)
    for (const auto& [name, sparse] : routings(c.experts))
      for (const bool training : {true, false}) {
        SCOPED_TRACE(name + (training ? ", training, " : ", evaluation, ") + std::to_string(c.groups) + " groups of " + std::to_string(c.groupTokens) + ", " + std::to_string(c.experts) + " experts");
        check(Problem(c, sparse, training));
      }
}

TEST(Router, MatchesATokenByTokenWalk) {
  forAll([](const Problem& problem) {
    const auto fast = problem.fast();
    const auto slow = routeSlowly(problem.slow(), problem.settings);
    const auto capacity = problem.settings.capacity, groups = problem.settings.groups;
    for (std::int64_t t = 0; t < problem.logits.size(0); t++) {
      std::map<std::int64_t, double> places;
      for (std::int64_t j = 0; j < fast.slot.size(1); j++) {
        const auto slot = fast.slot[t][j].item<std::int64_t>();
        if (slot < 0) continue;
        places[slot] = fast.gate[t][j].item<double>();
        EXPECT_EQ(fast.expert[t][j].item<std::int64_t>(), slot / (groups * capacity));
      }
      const auto& expected = slow.places[static_cast<std::size_t>(t)];
      ASSERT_EQ(places.size(), expected.size()) << "token " << t;
      for (const auto& [slot, gate] : expected) {
        ASSERT_TRUE(places.contains(slot)) << "token " << t << " place " << slot;
        EXPECT_NEAR(places[slot], gate, 1e-12);
      }
      EXPECT_EQ(fast.chosen[t].sum().item<double>(), problem.valid[t].item<double>());
    }
    for (std::int64_t g = 0; g < groups; g++)
      for (std::int64_t e = 0; e < problem.settings.sparse.experts; e++) {
        EXPECT_EQ(fast.load[g][e].item<double>(), slow.load[static_cast<std::size_t>(g)][static_cast<std::size_t>(e)]);
        EXPECT_EQ(fast.kept[g][e].item<double>(), slow.kept[static_cast<std::size_t>(g)][static_cast<std::size_t>(e)]);
      }
  });
}

TEST(Router, RowsInUseAreTheFirstOfEachGroup) {
  forAll([](const Problem& problem) {
    const auto fast = problem.fast();
    const auto capacity = problem.settings.capacity, groups = problem.settings.groups, experts = problem.settings.sparse.experts;
    std::set<std::int64_t> taken;
    for (std::int64_t i = 0; i < fast.slot.numel(); i++)
      if (const auto slot = fast.slot.reshape(-1)[i].item<std::int64_t>(); slot >= 0) {
        EXPECT_TRUE(taken.insert(slot).second) << "place " << slot << " is taken twice";
      }
    for (std::int64_t e = 0; e < experts; e++)
      for (std::int64_t g = 0; g < groups; g++)
        for (std::int64_t c = 0; c < capacity; c++)
          EXPECT_EQ(taken.contains((e * groups + g) * capacity + c), static_cast<double>(c) < fast.kept[g][e].item<double>());
  });
}

TEST(Router, GradientsOfGatesAndLossesMatchDifferences) {
  const Case c{2, 8, 4, 0.7, 0.2};
  for (const auto& [name, sparse] : routings(c.experts)) {
    if (sparse.routing == RoutingKind::hash) continue;  // has no router
    SCOPED_TRACE(name);
    Problem problem(c, sparse, true);
    const auto weights = torch::cos(torch::arange(c.experts * c.groups * problem.settings.capacity, torch::kDouble));
    const auto value = [&] {
      const auto r = problem.fast();
      const auto weight = weights.index_select(0, r.slot.clamp_min(0).reshape(-1)).view_as(r.gate) * r.slot.ge(0);
      return (r.gate * weight).sum() + auxiliaryLoss(r.balance) * 0.3 + zLoss(r.balance) * 0.2;
    };
    problem.logits.requires_grad_(true);
    const auto gradient = torch::autograd::grad({value()}, {problem.logits})[0];
    const torch::NoGradGuard noGrad;
    problem.logits.requires_grad_(false);
    // Rows 1, 3 and 4 are alike: a difference there would change who is first of equals.
    for (const std::int64_t t : {0, 2, 5, 9, 15})
      for (std::int64_t e = 0; e < c.experts; e++) {
        const double before = problem.logits[t][e].item<double>(), h = 1e-6;
        problem.logits[t][e] = before + h;
        const double more = value().item<double>();
        problem.logits[t][e] = before - h;
        const double less = value().item<double>();
        problem.logits[t][e] = before;
        EXPECT_NEAR(gradient[t][e].item<double>(), (more - less) / (2 * h), 1e-7) << t << ", " << e;
      }
  }
}

TEST(Router, RandomChoicesAreThoseOfTheirSite) {
  const Case c{1, 200, 4, 4.0, 0.0};
  for (const auto& [name, sparse] : routings(c.experts)) {
    if (sparse.exploration != Exploration::sampling && sparse.laterChoices != LaterChoices::random) continue;
    SCOPED_TRACE(name);
    Problem one(c, sparse, true), two(c, sparse, true), other(c, sparse, true), evaluated(c, sparse, false);
    other.settings.sampling.stream = other.settings.sending.stream = 99;
    EXPECT_TRUE(torch::equal(one.fast().slot, two.fast().slot));
    EXPECT_FALSE(torch::equal(one.fast().slot, other.fast().slot));
    EXPECT_FALSE(torch::equal(one.fast().slot, evaluated.fast().slot));
  }
}

TEST(Router, SamplingDrawsFromTheRoutersProbabilities) {
  SparseConfig sparse;
  sparse.experts = 3, sparse.exploration = Exploration::sampling;
  const std::int64_t tokens = 20000;
  Problem problem({1, tokens, 3, 3.0, 0.0}, sparse, true);
  problem.logits = torch::tensor({0.5, -1.0, 1.0}, torch::kDouble).expand({tokens, 3}).contiguous();
  const auto share = problem.fast().load[0] / static_cast<double>(tokens), p = torch::softmax(problem.logits[0], 0);
  for (int e = 0; e < 3; e++) EXPECT_NEAR(share[e].item<double>(), p[e].item<double>(), 0.015);
}

TEST(Router, SinkhornBalancesWhatArgmaxDoesNot) {
  torch::manual_seed(4);
  const auto logits = torch::randn({256, 8}, torch::kDouble) + torch::arange(8, torch::kDouble) * 0.7;
  const auto valid = torch::ones({256}, torch::kDouble);
  const auto most = [](const torch::Tensor& scores) { return torch::bincount(scores.argmax(1), {}, 8).max().item<std::int64_t>(); };
  EXPECT_GT(most(logits), 100);
  const auto balanced = sinkhorn(logits, valid, 1);
  EXPECT_LT(most(balanced), 48);
  for (int e = 0; e < 8; e++) EXPECT_NEAR(balanced.sum(0)[e].item<double>(), 1.0 / 8, 1e-6);
}

TEST(Router, EqualLogitsGoToTheFirstExpert) {
  RouterSettings settings;
  settings.sparse.experts = 4, settings.capacity = 2;
  const auto routed = route(torch::zeros({6, 4}), torch::ones({6}), settings);
  EXPECT_TRUE(torch::equal(routed.slot.squeeze(1), torch::tensor({0, 1, -1, -1, -1, -1}, torch::kLong)));
}

TEST(Router, PaddingTakesNoPlaceAndCountsNowhere) {
  for (const auto& [name, sparse] : routings(3)) {
    SCOPED_TRACE(name);
    Problem problem({1, 12, 3, 4.0, 1.0}, sparse, true);
    const auto routed = problem.fast();
    EXPECT_TRUE(routed.slot.eq(-1).all().item<bool>());
    EXPECT_EQ(routed.load.sum().item<double>(), 0.0);
    EXPECT_EQ(routed.kept.sum().item<double>(), 0.0);
    EXPECT_EQ(zLoss(routed.balance).item<double>(), 0.0);
    EXPECT_EQ(auxiliaryLoss(routed.balance).item<double>(), 0.0);
  }
}

TEST(Capacity, IsThatOfEquation3) {
  EXPECT_EQ(expertCapacity(2048, 8, 1.25), 320);
  EXPECT_EQ(expertCapacity(100, 8, 1.2), 15);
  EXPECT_EQ(expertCapacity(100, 2, 1.1), 55);
  EXPECT_EQ(expertCapacity(10, 3, 1.0), 4);
  EXPECT_EQ(expertCapacity(10, 64, 0.1), 1);
  EXPECT_EQ(expertCapacity(10, 2, 16.0), 10);
}

/// The same figures as in contract/consequences.test.ts.
TEST(Capacity, FollowsTheRouting) {
  const auto places = [](const std::function<void(SparseConfig&)>& change) {
    SparseConfig sparse;
    change(sparse);
    return placesOf(sparse, 2048, 1.25);
  };
  EXPECT_EQ(places([](auto&) {}), 320);
  EXPECT_EQ(places([](auto& s) { s.routing = RoutingKind::topK; }), 640);
  EXPECT_EQ(places([](auto& s) { s.routing = RoutingKind::topK, s.laterChoices = LaterChoices::none; }), 320);
  EXPECT_EQ(places([](auto& s) { s.routing = RoutingKind::topK, s.choices = 4, s.budget = 1.5; }), 480);
  EXPECT_EQ(places([](auto& s) { s.routing = RoutingKind::expertChoice; }), 320);
  EXPECT_EQ(places([](auto& s) { s.overflow = Overflow::dropless; }), 2048);
  EXPECT_EQ(places([](auto& s) { s.fixedCapacity = 64; }), 64);
  EXPECT_EQ(places([](auto& s) { s.fixedCapacity = 5000; }), 2048);
  EXPECT_EQ(places([](auto& s) { s.routing = RoutingKind::topK, s.choices = 8, s.experts = 4; }), 2048);
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
