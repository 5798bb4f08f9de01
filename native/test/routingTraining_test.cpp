// Engines with every way of routing: they learn, repeat their bits, go on from a checkpoint, and read nothing back.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <filesystem>

#include "../engine.h"
#include "../trainingStep.h"
#include "slowRouting.h"

namespace {

using namespace switchyard;
using namespace switchyard::testing;

EngineConfig configOf(const SparseConfig& sparse, Precision precision = Precision::fp32) {
  EngineConfig config;
  config.device = "cpu";
  config.vocabularySize = 40;
  config.model.dModel = 16, config.model.dFf = 24, config.model.heads = 2, config.model.dKv = 8;
  config.model.encoderLayers = 1, config.model.decoderLayers = 1;
  config.model.precision = precision;
  config.model.dropout = 0.0;
  config.model.sparse = sparse;
  config.training.warmupSteps = 2, config.training.learningRate = 0.02;
  config.capacityFactorGrid = {0.5, 1.0, 2.0};
  return config;
}

Batch batchOf(int seed) {
  torch::manual_seed(seed);
  const auto ids = [&](std::int64_t length) {
    const auto values = torch::randint(1, 40, {4, length}, torch::kInt);
    values[3].slice(0, length - 3).fill_(0);
    return std::vector<std::int32_t>(values.const_data_ptr<std::int32_t>(), values.const_data_ptr<std::int32_t>() + values.numel());
  };
  Batch out;
  out.batchSize = 4, out.labelLength = 7, out.inputLength = 11;
  out.labels = ids(7);
  out.input = ids(11);
  return out;
}

std::vector<double> losses(Engine& engine, int from, int to) {
  std::vector<double> all;
  for (int step = from; step <= to; step++) all.push_back(engine.step(batchOf(step), false).loss);
  return all;
}

TEST(RoutingTraining, LossFallsOnABatchSeenAgain) {
  for (const auto& [name, sparse] : routings(4)) {
    SCOPED_TRACE(name);
    Engine engine(configOf(sparse));
    const double first = engine.step(batchOf(1), false).loss;
    double last = first;
    for (int i = 0; i < 40; i++) {
      const auto result = engine.step(batchOf(1), i % 10 == 0);
      last = result.loss;
      EXPECT_TRUE(result.finite);
      for (const auto& layer : result.routing)
        for (const double kept : layer.kept) EXPECT_LE(kept, static_cast<double>(layer.capacity * layer.groups));
    }
    EXPECT_LT(last, 0.7 * first);
  }
}

TEST(RoutingTraining, ARestoredEngineContinuesBitForBit) {
  const auto folder = std::filesystem::temp_directory_path() / ("switchyard-routing-" + std::to_string(getpid()));
  for (const auto& [name, sparse] : routings(4)) {
    SCOPED_TRACE(name);
    std::filesystem::create_directories(folder);
    auto config = configOf(sparse, Precision::selective);
    Engine one(config);
    losses(one, 1, 3);
    one.save(folder.string());
    const auto expected = losses(one, 4, 6);
    Engine two(config);
    two.load(folder.string());
    EXPECT_EQ(losses(two, 4, 6), expected);
    std::filesystem::remove_all(folder);
  }
}

TEST(RoutingTraining, CapacityCountsPerSequenceAndPaddingCanBeRouted) {
  SparseConfig sparse;
  sparse.experts = 4, sparse.every = 1, sparse.capacityGroup = CapacityGroup::sequence;
  for (const bool padding : {false, true}) {
    sparse.routePadding = padding;
    Engine engine(configOf(sparse));
    const auto routing = engine.step(batchOf(1), true).routing;
    EXPECT_EQ(routing[0].groups, 4);
    EXPECT_EQ(routing[0].capacity, 4);  // ceil(11 / 4 · 1.25)
    EXPECT_EQ(routing[0].tokens, padding ? 44 : 41);
    EXPECT_EQ(engine.evaluate(batchOf(1)).routing[0].capacity, 6);  // ceil(11 / 4 · 2)
  }
}

TEST(RoutingTraining, TokensOfOneIdMeetOneExpertWhenHashed) {
  SparseConfig sparse;
  sparse.experts = 4, sparse.every = 1, sparse.routing = RoutingKind::hash;
  Engine engine(configOf(sparse));
  auto batch = batchOf(1);
  std::fill(batch.input.begin(), batch.input.end(), 17);
  const auto encoder = engine.step(batch, true).routing[0];
  EXPECT_EQ(*std::max_element(encoder.load.begin(), encoder.load.end()), 44.0);
  for (const auto& parameter : engine.parameters()) EXPECT_EQ(parameter.name.find("router"), std::string::npos);
}

TEST(RoutingTraining, ABiasIsTrainedByNoOptimizerAndStaysWithAFrozenRouter) {
  SparseConfig sparse;
  sparse.experts = 4, sparse.every = 1, sparse.balancing = Balancing::bias, sparse.biasRate = 0.25;
  for (const bool frozen : {false, true}) {
    const auto config = configOf(sparse);
    Transformer model(config.model, {40, 0, 0}, 1, torch::kFloat);
    Parameter* bias = nullptr;
    for (auto& parameter : model.parameters.all()) {
      if (parameter.name.ends_with("encoder.block.0.layer.1.mlp.router.expert_bias")) bias = &parameter;
      if (frozen && parameter.name.ends_with("router.classifier.weight")) parameter.value.requires_grad_(false);
    }
    ASSERT_NE(bias, nullptr);
    const auto optimizer = makeOptimizer(config.training, model.parameters);
    for (const auto& state : optimizer->state()) EXPECT_EQ(state.name.find("expert_bias"), std::string::npos);
    StepSettings settings;
    settings.biasRate = sparse.biasRate, settings.learningRate = 0.1;
    const TokenBatch tokens{torch::full({2, 5}, 3, torch::kLong), torch::full({2, 5}, 4, torch::kLong), {}, {}};
    settings.targetTokens = 10;
    trainingStep(model, *optimizer, tokens, settings, 0);
    // All tokens are alike: one expert is over the mean, three are under it.
    EXPECT_NEAR(bias->value.sum().item<double>(), frozen ? 0.0 : 0.5, 1e-6);
    EXPECT_NEAR(bias->value.abs().sum().item<double>(), frozen ? 0.0 : 1.0, 1e-6);
  }
}

/// On the meta device a tensor has a shape and no values: any read-back to the host would throw.
TEST(RoutingTraining, ReadsNothingBackToTheHost) {
  for (const auto& [name, sparse] : routings(4))
    for (const auto precision : {Precision::fp32, Precision::selective}) {
      SCOPED_TRACE(name);
      const auto config = configOf(sparse, precision);
      Transformer model(config.model, {40, 0, 0}, 1, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
      const auto optimizer = makeOptimizer(config.training, model.parameters);
      TokenBatch tokens;
      tokens.labels = torch::empty({4, 6}, at::TensorOptions().dtype(at::kLong).device(at::kMeta));
      tokens.input = torch::empty({4, 10}, tokens.labels.options());
      StepSettings step;
      step.seed = 1, step.routing = true, step.capacityFactorGrid = {1.0, 2.0};
      step.auxiliaryLoss = 0.01, step.zLoss = 0.001, step.auxiliaryLossForm = sparse.auxiliaryLossForm, step.biasRate = 0.001;
      EXPECT_TRUE(trainingStep(model, *optimizer, tokens, step, 0).facts.is_meta());
    }
}

}  // namespace
