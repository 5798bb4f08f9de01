// Captured steps against the same steps as they are: to the last bit, whatever changes from step to step. In double, since the CPU's own kernels
// for float are loops over memory and no ops; what a GPU runs are the same ops as double does here.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "../capturedSteps.h"
#include "../devices/devices.h"
#include "../engine.h"
#include "../optim/schedule.h"
#include "slowRouting.h"

namespace {

using namespace switchyard;
using namespace switchyard::testing;

EngineConfig smallModel() {
  EngineConfig config;
  config.vocabularySize = 40, config.padToken = 0, config.startToken = 0;
  config.model.dModel = 16, config.model.dFf = 24, config.model.dKv = 4, config.model.heads = 4, config.model.encoderLayers = 2, config.model.decoderLayers = 2;
  config.model.dropout = 0.1, config.model.precision = Precision::fp32;
  config.training.learningRate = 0.01, config.training.warmupSteps = 3;
  SparseConfig sparse;
  sparse.experts = 4, sparse.expertDropout = 0.3;
  config.model.sparse = sparse;
  return config;
}

struct Trained {
  explicit Trained(const EngineConfig& config) : config(config), model(config.model, {40, 0, 0}, 1, torch::kDouble, config.images), optimizer(makeOptimizer(config.training, model.parameters)) {}

  StepSettings settings(std::int64_t step, bool routing) const {
    StepSettings settings;
    settings.seed = 5, settings.step = step, settings.learningRate = learningRate(config.training, step);
    // As if they followed a schedule.
    settings.auxiliaryLoss = 0.01 * static_cast<double>(step), settings.zLoss = 0.001 * static_cast<double>(step % 3);
    settings.biasRate = 0.01, settings.routing = routing, settings.capacityFactorGrid = {1.0, 2.0};
    if (config.model.sparse) settings.auxiliaryLossForm = config.model.sparse->auxiliaryLossForm, settings.auxiliaryLossGroup = config.model.sparse->auxiliaryLossGroup;
    settings.distillation = distillation;
    return settings;
  }

  EngineConfig config;
  DistillationSettings distillation;
  Transformer model;
  std::unique_ptr<Optimizer> optimizer;
};

/// Differs from step to step in tokens, padding and so in targets.
std::pair<TokenBatch, std::int64_t> batchOf(std::int64_t step, const EngineConfig& config, std::int64_t length = 10) {
  torch::manual_seed(static_cast<std::uint64_t>(step));
  TokenBatch batch;
  if (config.model.architecture == Architecture::vision) {
    batch.images = torch::randint(0, 255, {4, 784}, torch::kLong).to(torch::kByte);
    batch.labels = torch::randint(0, 10, {4, 1}, torch::kLong);
    return {batch, 4};
  }
  batch.labels = torch::randint(1, 40, {4, 6}, torch::kLong);
  batch.labels.narrow(1, 6 - step % 3, step % 3).fill_(0);
  if (config.model.encoderDecoder()) batch.input = torch::randint(1, 40, {4, length}, torch::kLong);
  return {batch, batch.labels.ne(0).sum().item<std::int64_t>()};
}

/// Of each of two shapes, of which the last two are replayed.
constexpr std::int64_t STEPS = 5;

/// Every second step with routing, so there are two graphs.
void expectTheSame(const EngineConfig& config, const DistillationSettings& distillation = {}) {
  at::set_num_threads(1);
  Trained plain(config), replayed(config);
  plain.distillation = replayed.distillation = distillation;
  const auto ignored = config.model.architecture == Architecture::vision ? -1 : 0;
  CapturedSteps captured(replayed.model, *replayed.optimizer, ignored);
  for (std::int64_t step = 1; step <= 2 * STEPS; ++step) {
    SCOPED_TRACE(step);
    const auto [batch, targets] = batchOf(step, config);
    auto settings = plain.settings(step, step % 2 == 0);
    settings.targetTokens = targets;
    const auto expected = trainingStep(plain.model, *plain.optimizer, batch, settings, ignored);
    const auto found = captured.step(batch, settings);
    ASSERT_EQ(captured.failure(), "");
    ASSERT_TRUE(torch::equal(found.facts, expected.facts)) << found.facts.narrow(0, 0, STEP_FACTS) << expected.facts.narrow(0, 0, STEP_FACTS);
    // Another shape in between changes what the model has cached.
    const auto [other, otherTargets] = batchOf(step, config, 12);
    const at::NoGradGuard noGrad;
    Pass pass;
    pass.type = torch::kDouble;
    replayed.model.forward(pass, other);
  }
  EXPECT_EQ(captured.graphs(), 2);
  for (std::size_t i = 0; i < plain.model.parameters.all().size(); ++i)
    ASSERT_TRUE(torch::equal(plain.model.parameters.all()[i].value, replayed.model.parameters.all()[i].value)) << plain.model.parameters.all()[i].name;
}

TEST(CapturedSteps, TrainEveryRoutingAsStepsDo) {
  for (const auto& [name, sparse] : routings(4)) {
    SCOPED_TRACE(name);
    auto config = smallModel();
    config.model.sparse = sparse;
    expectTheSame(config);
  }
}

TEST(CapturedSteps, TrainEveryModelAndOptimizerAsStepsDo) {
  for (const auto architecture : {Architecture::encoderDecoder, Architecture::decoderOnly, Architecture::vision})
    for (const bool sparse : {true, false})
      for (const bool adafactor : {false, true}) {
        SCOPED_TRACE(::testing::Message() << "architecture " << static_cast<int>(architecture) << " sparse " << sparse << " adafactor " << adafactor);
        auto config = smallModel();
        config.model.architecture = architecture, config.images = {28, 28, 1, 10};
        config.model.feedForward = sparse ? Activation::relu : Activation::gatedGelu;
        if (!sparse) config.model.sparse.reset();
        if (adafactor) config.training.adamW.reset(), config.training.adafactor = AdafactorConfig{};
        expectTheSame(config);
      }
}

TEST(CapturedSteps, LearnFromATeacherAsStepsDo) {
  auto larger = smallModel();
  larger.model.dFf = 32;
  const Transformer teacher(larger.model, {40, 0, 0}, 9, torch::kDouble);
  expectTheSame(smallModel(), {&teacher, 0.5, 2.0});
}

TEST(CapturedSteps, LeaveEverythingWhereALossIsNotFinite) {
  Trained trained(smallModel());
  CapturedSteps captured(trained.model, *trained.optimizer, 0);
  const auto make = [&](std::int64_t step, double auxiliary) {
    const auto [batch, targets] = batchOf(step, trained.config);
    auto settings = trained.settings(step, false);
    settings.targetTokens = targets, settings.auxiliaryLoss = auxiliary;
    return captured.step(batch, settings).facts.clone();
  };
  for (std::int64_t step = 1; step <= 5; ++step) make(step, 0.01);
  ASSERT_EQ(captured.graphs(), 1);
  std::vector<at::Tensor> before;
  for (const auto& parameter : trained.model.parameters.all()) before.push_back(parameter.value.detach().clone());
  EXPECT_FALSE(std::isfinite(make(6, std::nan(""))[TOTAL_LOSS].item<double>()));
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(torch::equal(before[i], trained.model.parameters.all()[i].value));
  EXPECT_TRUE(std::isfinite(make(6, 0.01)[TOTAL_LOSS].item<double>()));
}

/// The float kernels of the CPU read numbers on the host, which no graph can hold: the step is then made as it is.
TEST(CapturedSteps, FallBackToStepsWhereTheyCannotBeCaptured) {
  const auto config = smallModel();
  Transformer model(config.model, {40, 0, 0}, 1, torch::kFloat), alike(config.model, {40, 0, 0}, 1, torch::kFloat);
  const auto optimizer = makeOptimizer(config.training, model.parameters), other = makeOptimizer(config.training, alike.parameters);
  CapturedSteps captured(model, *optimizer, 0);
  const Trained trained(config);
  for (std::int64_t step = 1; step <= 6; ++step) {
    const auto [batch, targets] = batchOf(step, config);
    auto settings = trained.settings(step, false);
    settings.targetTokens = targets;
    const auto expected = trainingStep(alike, *other, batch, settings, 0);
    EXPECT_TRUE(torch::equal(captured.step(batch, settings).facts, expected.facts));
  }
  EXPECT_EQ(captured.graphs(), 0);
  EXPECT_NE(captured.failure().find("read back"), std::string::npos);
}

TEST(CapturedSteps, TrainOnAGpuAsStepsDo) {
  if (!cudaFacts().available) GTEST_SKIP() << "It takes a GPU: " << cudaFacts().reason;
  auto config = smallModel();
  config.device = "cuda", config.model.precision = Precision::selective;
  const auto losses = [&](bool capture) {
    config.training.captureSteps = capture;
    Engine engine(config);
    std::vector<double> all;
    std::string notes;
    for (std::int64_t step = 1; step <= 12; ++step) {
      Batch batch;
      batch.batchSize = 4, batch.inputLength = 10, batch.labelLength = 6;
      for (std::int32_t i = 0; i < 40; ++i) batch.input.push_back(static_cast<std::int32_t>(1 + (i * 7 + step) % 39));
      for (std::int32_t i = 0; i < 24; ++i) batch.labels.push_back(static_cast<std::int32_t>(1 + (i * 5 + step) % 39));
      const auto result = engine.step(batch, step % 3 == 0);
      all.push_back(result.totalLoss), notes += result.note;
    }
    EXPECT_EQ(notes, capture ? "Steps are captured as graphs from here on." : "");
    return all;
  };
  const auto captured = losses(true), plain = losses(false);
  // Sums of a GPU may go another way each time.
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(captured[i], plain[i], 1e-3 * plain[i]);
}

}  // namespace
