// The engine as the addon drives it: equal seeds, resume, precision, bad input, and the step without reading back.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "../devices/devices.h"
#include "../engine.h"
#include "../failure.h"
#include "../trainingStep.h"

namespace {

using namespace switchyard;

EngineConfig config(Precision precision = Precision::fp32) {
  EngineConfig config;
  config.device = "cpu";
  config.vocabularySize = 40;
  config.model.dModel = 32, config.model.dFf = 48, config.model.heads = 2, config.model.dKv = 16;
  config.model.encoderLayers = 2, config.model.decoderLayers = 2;
  config.model.precision = precision;
  config.model.sparse->experts = 4;
  config.training.warmupSteps = 2, config.training.learningRate = 0.01;
  config.capacityFactorGrid = {0.5, 1.0, 2.0};
  return config;
}

Batch batch(int seed, bool encoder = true) {
  torch::manual_seed(seed);
  const auto ids = [&](std::int64_t length) {
    const auto values = torch::randint(1, 40, {4, length}, torch::kInt);
    return std::vector<std::int32_t>(values.const_data_ptr<std::int32_t>(), values.const_data_ptr<std::int32_t>() + values.numel());
  };
  Batch out;
  out.batchSize = 4, out.labelLength = 6;
  out.labels = ids(6);
  if (encoder) out.inputLength = 10, out.input = ids(10);
  return out;
}

std::vector<double> losses(Engine& engine, int from, int to) {
  std::vector<double> all;
  for (int step = from; step <= to; step++) all.push_back(engine.step(batch(step), false).loss);
  return all;
}

std::string sentence(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

TEST(EngineSteps, EqualSeedsGiveEqualBits) {
  for (const auto precision : {Precision::fp32, Precision::bf16, Precision::selective}) {
    Engine one(config(precision)), two(config(precision));
    auto different = config(precision);
    different.seed = 2;
    Engine three(different);
    const auto a = losses(one, 1, 5), b = losses(two, 1, 5), c = losses(three, 1, 5);
    EXPECT_EQ(a, b);
    EXPECT_NE(a, c);
  }
}

TEST(EngineSteps, LossesDoNotDependOnTheNumberOfThreads) {
  auto few = config(), many = config();
  // Wide enough that the kernels' loops are really cut in pieces of their grain.
  for (auto* settings : {&few, &many}) settings->model.dModel = 512, settings->model.dFf = 1024;
  few.training.threads = 1;
  many.training.threads = 2;
  Engine one(few), two(many);
  const auto a = losses(one, 1, 3), b = losses(two, 1, 3);
  // Our loops give the same bits (each has its test); libtorch's products sum in another order on some CPUs.
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5 * a[i]);
}

TEST(EngineSteps, LossFallsOnABatchSeenAgain) {
  for (const auto precision : {Precision::fp32, Precision::bf16, Precision::selective})
    for (const bool adafactor : {false, true}) {
      auto settings = config(precision);
      settings.model.dropout = 0.0;
      settings.model.sparse->expertDropout = 0.0;
      if (adafactor) settings.training.adamW.reset(), settings.training.adafactor = AdafactorConfig{}, settings.training.learningRate = 0.05;
      Engine engine(settings);
      const double first = engine.step(batch(1), false).loss;
      double last = first;
      for (int i = 0; i < 60; i++) last = engine.step(batch(1), false).loss;
      EXPECT_LT(last, 0.6 * first);
    }
}

TEST(EngineSteps, ARestoredEngineContinuesBitForBit) {
  const auto folder = std::filesystem::temp_directory_path() / ("switchyard-engine-" + std::to_string(getpid()));
  for (const auto precision : {Precision::fp32, Precision::selective})
    for (const bool adafactor : {false, true}) {
      auto settings = config(precision);
      if (adafactor) settings.training.adamW.reset(), settings.training.adafactor = AdafactorConfig{};
      std::filesystem::create_directories(folder);
      Engine one(settings);
      losses(one, 1, 3);
      EXPECT_EQ(one.save(folder.string()).size(), 2U);
      const auto expected = losses(one, 4, 6);
      settings.seed = 1;
      Engine two(settings);
      two.load(folder.string());
      EXPECT_EQ(two.stepsDone(), 3);
      EXPECT_EQ(losses(two, 4, 6), expected);
      std::filesystem::remove_all(folder);
    }
}

TEST(EngineSteps, AnotherModelsCheckpointIsRefusedAndNothingChanges) {
  const auto folder = std::filesystem::temp_directory_path() / ("switchyard-other-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  auto wider = config();
  wider.model.dFf = 64;
  Engine other(wider), engine(config()), untouched(config());
  other.save(folder.string());
  EXPECT_NE(sentence([&] { engine.load(folder.string()); }).find("belongs to another model"), std::string::npos);
  EXPECT_EQ(engine.stepsDone(), 0);
  std::ofstream(folder / "model.safetensors") << "garbage";
  EXPECT_NE(sentence([&] { engine.load(folder.string()); }), "");
  EXPECT_EQ(losses(engine, 1, 2), losses(untouched, 1, 2));
  std::filesystem::remove_all(folder);
}

TEST(EngineSteps, RoutingIsReportedForEverySparseLayer) {
  auto settings = config();
  settings.model.sparse->every = 1;
  Engine engine(settings);
  const auto result = engine.step(batch(1), true);
  ASSERT_EQ(result.routing.size(), 4U);
  EXPECT_TRUE(result.routing[0].encoder && result.routing[1].encoder && !result.routing[2].encoder);
  EXPECT_EQ(result.routing[1].layer, 1);
  for (const auto& layer : result.routing) {
    double load = 0;
    for (const double count : layer.load) load += count;
    EXPECT_EQ(load, static_cast<double>(layer.tokens));
    EXPECT_EQ(layer.tokens, layer.encoder ? 40 : 24);
    for (const double kept : layer.kept) EXPECT_LE(kept, static_cast<double>(layer.capacity));
    EXPECT_GE(layer.entropy, 0);
    EXPECT_LE(layer.entropy, std::log(4.0) + 1e-6);
  }
  EXPECT_TRUE(engine.step(batch(2), false).routing.empty());
}

TEST(EngineSteps, DenseAndDecoderOnlyModelsTrain) {
  auto dense = config();
  dense.model.sparse.reset();
  Engine one(dense);
  EXPECT_TRUE(one.step(batch(1), true).routing.empty());
  auto decoder = config();
  decoder.model.architecture = Architecture::decoderOnly;
  Engine two(decoder);
  EXPECT_TRUE(two.step(batch(1, false), true).finite);
  EXPECT_NE(sentence([&] { two.step(batch(1), false); }).find("encoder input"), std::string::npos);
}

TEST(EngineSteps, BadBatchesAreRefusedAndNothingChanges) {
  Engine engine(config()), untouched(config());
  auto wrong = batch(1);
  wrong.labels[3] = 40;
  EXPECT_NE(sentence([&] { engine.step(wrong, false); }).find("outside the vocabulary"), std::string::npos);
  wrong = batch(1);
  wrong.labels.pop_back();
  EXPECT_NE(sentence([&] { engine.step(wrong, false); }).find("were promised"), std::string::npos);
  wrong = batch(1);
  wrong.labels.assign(wrong.labels.size(), 0);
  EXPECT_NE(sentence([&] { engine.step(wrong, false); }).find("no token to predict"), std::string::npos);
  wrong = batch(1);
  wrong.input.clear();
  EXPECT_NE(sentence([&] { engine.step(wrong, false); }), "");
  EXPECT_EQ(losses(engine, 1, 2), losses(untouched, 1, 2));
}

TEST(EngineSteps, AnUnknownDeviceIsNamed) {
  auto settings = config();
  for (const auto* device : {"tpu", "cuda:", "cuda:x", "cuda:99999", ""}) {
    settings.device = device;
    EXPECT_NE(sentence([&] { Engine engine(settings); }), "") << device;
  }
  settings.device = "auto";
  EXPECT_FALSE(Engine(settings).device().empty());
}

TEST(EngineSteps, ASequenceIsExactWhenEveryTargetIsPredicted) {
  auto settings = config();
  settings.model.dropout = 0.0;
  settings.model.sparse->expertDropout = 0.0;
  Engine engine(settings);
  auto seen = batch(1);
  for (int i = 0; i < 6; i++) seen.labels[18 + i] = 0;  // the last row is no example
  EXPECT_EQ(engine.evaluate(seen).exact, 0);
  for (int i = 0; i < 150; i++) engine.step(seen, false);
  const auto learned = engine.evaluate(seen);
  EXPECT_EQ(learned.sequences, 3);
  EXPECT_EQ(learned.correct, 18);
  EXPECT_EQ(learned.exact, 3);
  // One wrong target in a row, and the row is no longer exact.
  auto changed = seen;
  changed.labels[5] = changed.labels[5] == 39 ? 1 : changed.labels[5] + 1;
  const auto after = engine.evaluate(changed);
  EXPECT_EQ(after.correct, 17);
  EXPECT_EQ(after.exact, 2);
}

TEST(EngineSteps, EvaluationDoesNotTrain) {
  Engine engine(config()), untouched(config());
  const auto first = engine.evaluate(batch(1)), second = engine.evaluate(batch(1));
  EXPECT_EQ(first.lossSum, second.lossSum);
  EXPECT_EQ(first.targetTokens, 24);
  EXPECT_GE(first.correct, 0);
  EXPECT_EQ(losses(engine, 1, 2), losses(untouched, 1, 2));
}

/// On the meta device a tensor has a shape and no values: any read-back to the host would throw.
TEST(TrainingStep, ReadsNothingBackToTheHost) {
  for (const auto precision : {Precision::fp32, Precision::bf16, Precision::selective})
    for (const bool encoder : {true, false})
      for (const bool adafactor : {false, true}) {
        auto settings = config(precision);
        settings.model.architecture = encoder ? Architecture::encoderDecoder : Architecture::decoderOnly;
        if (adafactor) settings.training.adamW.reset(), settings.training.adafactor = AdafactorConfig{};
        Transformer model(settings.model, {40, 0, 0}, 1, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
        const auto optimizer = makeOptimizer(settings.training, model.parameters);
        TokenBatch tokens;
        tokens.labels = torch::empty({4, 6}, at::TensorOptions().dtype(at::kLong).device(at::kMeta));
        if (encoder) tokens.input = torch::empty({4, 10}, tokens.labels.options());
        StepSettings step;
        step.seed = 1, step.routing = true, step.capacityFactorGrid = {1.0, 2.0}, step.auxiliaryLoss = 0.01, step.zLoss = 0.001;
        const auto outcome = trainingStep(model, *optimizer, tokens, step, 0);
        EXPECT_TRUE(outcome.facts.is_meta());
        EXPECT_EQ(outcome.routed.size(), encoder ? 2U : 1U);
      }
}

TEST(TrainingStep, OfAVisionModelReadsNothingBackEither) {
  for (const bool sparse : {true, false}) {
    auto settings = config(Precision::selective);
    settings.model.architecture = Architecture::vision;
    settings.model.feedForward = Activation::gatedGelu;
    if (!sparse) settings.model.sparse.reset();
    Transformer model(settings.model, {}, 1, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
    const auto optimizer = makeOptimizer(settings.training, model.parameters);
    TokenBatch batch;
    batch.images = torch::empty({4, 784}, at::TensorOptions().dtype(at::kByte).device(at::kMeta));
    batch.labels = torch::empty({4, 1}, at::TensorOptions().dtype(at::kLong).device(at::kMeta));
    PruningConfig pruningConfig;
    pruningConfig.beginStep = 0, pruningConfig.endStep = 1;
    for (const bool blocks : {false, true}) {
      pruningConfig.blocks = blocks;
      Pruning pruning(pruningConfig, model.parameters);
      StepSettings step;
      step.routing = true, step.capacityFactorGrid = {1.0, 2.0}, step.l1 = 0.1, step.l2 = 0.1;
      if (!sparse) step.pruning = &pruning;
      EXPECT_TRUE(trainingStep(model, *optimizer, batch, step, -1).facts.is_meta());
    }
  }
}

TEST(DeviceFacts, DescribeThisMachine) {
  const auto devices = readDevices();
  EXPECT_GE(devices.cpu.logicalCores, 1);
  EXPECT_LE(devices.cpu.physicalCores, devices.cpu.logicalCores);
  EXPECT_GT(devices.cpu.memoryBytes, devices.cpu.memoryAvailableBytes);
  EXPECT_GT(devices.cpu.memoryAvailableBytes, 0);
  EXPECT_FALSE(devices.cpu.name.empty());
  EXPECT_FALSE(devices.cuda.libtorch.empty());
  EXPECT_EQ(devices.cuda.available, devices.cuda.reason.empty());
  for (const auto& gpu : devices.gpus) EXPECT_GT(gpu.memoryBytes, 0) << gpu.name;
}

}  // namespace
