// Freezing, penalties and pruning, on whole models and against plain loops.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "../checkpoint/safetensors.h"
#include "../engine.h"
#include "../failure.h"
#include "../model/parts.h"
#include "../model/transformer.h"
#include "../optim/penalties.h"
#include "../optim/pruning.h"

namespace {

using namespace switchyard;

EngineConfig config() {
  EngineConfig config;
  config.device = "cpu";
  config.vocabularySize = 40;
  config.model.dModel = 16, config.model.dFf = 24, config.model.heads = 2, config.model.dKv = 8;
  config.model.encoderLayers = 2, config.model.decoderLayers = 2;
  config.model.sparse->experts = 3;
  config.training.warmupSteps = 2, config.training.learningRate = 0.01;
  return config;
}

Batch batch(int seed) {
  Batch out;
  out.batchSize = 2, out.inputLength = 6, out.labelLength = 4;
  for (int i = 0; i < 12; i++) out.input.push_back(1 + (i * 7 + seed * 3) % 39);
  for (int i = 0; i < 8; i++) out.labels.push_back(1 + (i * 5 + seed) % 39);
  return out;
}

/// What a checkpoint of the engine holds.
std::map<std::string, torch::Tensor> saved(const Engine& engine, const std::string& file = "model.safetensors") {
  const auto folder = std::filesystem::temp_directory_path() / ("switchyard-baselines-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  engine.save(folder);
  std::map<std::string, torch::Tensor> all;
  for (const auto& [name, tensor] : readSafetensors(folder / file).tensors) all[name] = tensor.clone();
  std::filesystem::remove_all(folder);
  return all;
}

TEST(Parts, EveryParameterHasOne) {
  const std::vector<std::pair<std::string, ModelPart>> expected{
      {"shared.weight", ModelPart::embeddings},
      {"encoder.embed_tokens.weight", ModelPart::embeddings},
      {"lm_head.weight", ModelPart::embeddings},
      {"encoder.patch_projection.weight", ModelPart::embeddings},
      {"encoder.position_embedding.weight", ModelPart::embeddings},
      {"classifier.weight", ModelPart::embeddings},
      {"encoder.block.0.layer.0.SelfAttention.q.weight", ModelPart::attention},
      {"decoder.block.3.layer.1.EncDecAttention.o.weight", ModelPart::attention},
      {"encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", ModelPart::attention},
      {"encoder.block.0.layer.1.mlp.wi.weight", ModelPart::dense},
      {"encoder.block.0.layer.1.mlp.wi_0.weight", ModelPart::dense},
      {"encoder.block.1.layer.1.mlp.experts.wo", ModelPart::experts},
      {"encoder.block.1.layer.1.mlp.router.classifier.weight", ModelPart::router},
      {"decoder.block.1.layer.2.layer_norm.weight", ModelPart::norms},
      {"decoder.final_layer_norm.weight", ModelPart::norms}};
  for (const auto& [name, part] : expected) EXPECT_EQ(partOf(name), part) << name;
}

TEST(Freezing, LeavesPartsBitEqualAndTheOptimizerWithoutThem) {
  for (const auto part : {ModelPart::embeddings, ModelPart::attention, ModelPart::dense, ModelPart::experts, ModelPart::router, ModelPart::norms})
    for (const bool adafactor : {false, true}) {
      auto frozen = config();
      frozen.training.freeze = {part};
      frozen.training.l2 = 0.1;
      if (adafactor) frozen.training.adamW.reset(), frozen.training.adafactor = AdafactorConfig{};
      Engine engine(frozen);
      const auto before = saved(engine);
      for (int step = 1; step <= 3; step++) EXPECT_TRUE(engine.step(batch(step), false).finite);
      const auto after = saved(engine), state = saved(engine, "optimizer.safetensors");
      for (const auto& [name, value] : before) {
        EXPECT_EQ(torch::equal(value, after.at(name)), partOf(name) == part) << name;
        const bool remembered = std::any_of(state.begin(), state.end(), [&](const auto& entry) { return entry.first.ends_with("." + name); });
        EXPECT_EQ(remembered, partOf(name) != part) << name;
      }
    }
}

TEST(Freezing, RefusesToLeaveNothing) {
  auto all = config();
  all.training.freeze = {ModelPart::embeddings, ModelPart::attention, ModelPart::dense, ModelPart::experts, ModelPart::router, ModelPart::norms};
  EXPECT_THROW(Engine{all}, Failure);
}

TEST(Penalties, AreThoseOfTheirDefinition) {
  ParameterSet parameters(1, torch::kDouble, false);
  parameters.add("matrix", {4, 3}, {0.5});
  parameters.add("stack", {2, 3, 2}, {0.5});
  parameters.add("norm", {3}, {0.0, 1.0});
  parameters.add("frozen", {5, 5}, {0.5}).value.requires_grad_(false);
  const double l1 = 0.3, l2 = 0.7;
  double expected = 0;
  torch::Tensor loss = torch::zeros({}, torch::kDouble);
  for (auto* parameter : parameters.trained()) {
    loss = loss + parameter->value.pow(3).sum();
    if (parameter->value.dim() < 2) continue;
    const auto flat = parameter->value.detach().reshape(-1);
    for (std::int64_t i = 0; i < flat.numel(); i++) expected += l1 * std::abs(flat[i].item<double>()) + l2 / 2 * std::pow(flat[i].item<double>(), 2);
  }
  loss.backward();
  EXPECT_NEAR(addPenalties(parameters, l1, l2).item<double>(), expected, 1e-12);
  for (const auto& parameter : parameters.all()) {
    if (parameter.name == "frozen") { EXPECT_FALSE(parameter.value.grad().defined()); continue; }
    const auto value = parameter.value.detach();
    auto gradient = 3 * value.pow(2);
    if (value.dim() >= 2) gradient = gradient + l1 * value.sign() + l2 * value;
    EXPECT_TRUE(torch::allclose(parameter.gradient(), gradient)) << parameter.name;
  }
}

TEST(Penalties, ShrinkTheWeightsAndCountInTheTotalLoss) {
  const auto size = [](double l1, double l2) {
    auto settings = config();
    settings.training.l1 = l1, settings.training.l2 = l2;
    Engine engine(settings);
    StepResult result;
    for (int step = 1; step <= 20; step++) result = engine.step(batch(step), false);
    double sum = 0;
    for (const auto& [name, value] : saved(engine))
      if (value.dim() >= 2) sum += value.abs().sum().item<double>();
    EXPECT_EQ(result.totalLoss - result.loss - 0.01 * result.auxiliaryLoss > 1e-4, l1 + l2 > 0);
    return sum;
  };
  const auto plain = size(0, 0);
  EXPECT_LT(size(0.01, 0), 0.9 * plain);
  EXPECT_LT(size(0, 0.1), 0.9 * plain);
}

TEST(Pruning, KeepsTheLargestWeightsAndBlocks) {
  torch::manual_seed(3);
  const auto matrix = torch::randn({7, 10});
  const auto kept = keptWeights(matrix, 0.6);
  EXPECT_EQ(kept.sum().item<std::int64_t>(), 28);
  EXPECT_GT(matrix.abs().masked_select(kept).min().item<double>(), matrix.abs().masked_select(~kept).max().item<double>());
  // Blocks of 4: 2 × 3 of them, those at the edges smaller.
  const auto blocks = keptBlocks(matrix, 0.5, 4);
  std::vector<std::pair<double, bool>> found;
  for (std::int64_t top = 0; top < 7; top += 4)
    for (std::int64_t left = 0; left < 10; left += 4) {
      double square = 0, count = 0, keeps = 0;
      for (std::int64_t y = top; y < std::min<std::int64_t>(top + 4, 7); y++)
        for (std::int64_t x = left; x < std::min<std::int64_t>(left + 4, 10); x++) {
          square += std::pow(matrix[y][x].item<double>(), 2);
          count += 1;
          keeps += blocks[y][x].item<bool>();
        }
      EXPECT_TRUE(keeps == 0 || keeps == count);
      found.emplace_back(square / count, keeps > 0);
    }
  std::sort(found.begin(), found.end());
  for (std::size_t i = 0; i < found.size(); i++) EXPECT_EQ(found[i].second, i >= 3) << i;
}

TEST(Pruning, FollowsItsSchedule) {
  PruningConfig pruning;
  pruning.sparsity = 0.8, pruning.beginStep = 100, pruning.endStep = 300;
  EXPECT_EQ(sparsityAt(pruning, 50), 0);
  EXPECT_EQ(sparsityAt(pruning, 100), 0);
  EXPECT_NEAR(sparsityAt(pruning, 200), 0.8 * (1 - 0.125), 1e-12);
  EXPECT_NEAR(sparsityAt(pruning, 300), 0.8, 1e-12);
  EXPECT_NEAR(sparsityAt(pruning, 999), 0.8, 1e-12);
}

TEST(Pruning, ReachesItsSparsityAndGoesOnFromACheckpointBitForBit) {
  for (const bool blocks : {false, true})
    for (const bool adafactor : {false, true}) {
      auto settings = config();
      settings.model.sparse.reset();
      settings.model.precision = Precision::selective;
      settings.training.pruning = PruningConfig{blocks, 0.75, 4, 2, 12, 5};
      if (adafactor) settings.training.adamW.reset(), settings.training.adafactor = AdafactorConfig{};
      Engine engine(settings);
      std::vector<double> sparsity;
      const auto folder = std::filesystem::temp_directory_path() / ("switchyard-pruning-" + std::to_string(::getpid()));
      std::filesystem::create_directories(folder);
      std::vector<double> losses, resumed;
      for (int step = 1; step <= 18; step++) {
        const auto result = engine.step(batch(step), false);
        sparsity.push_back(result.sparsity.value());
        if (step == 9) engine.save(folder);
        if (step > 9) losses.push_back(result.loss);
      }
      EXPECT_EQ(sparsity[5], 0);  // step 6 is before the first at which weights go, step 7
      EXPECT_NEAR(sparsity[6], 0.75 * (1 - 0.125), blocks ? 0.04 : 0.01);  // whole blocks
      EXPECT_NEAR(sparsity[11], 0.75, 0.01);
      for (std::size_t i = 12; i < sparsity.size(); i++) EXPECT_EQ(sparsity[i], sparsity[11]) << "revived at step " << i + 1;
      for (const auto& [name, value] : saved(engine)) {
        const auto zeros = value.eq(0).to(torch::kFloat).mean().item<double>();
        const bool pruned = name.find(".mlp.") != std::string::npos || (name.find("Attention.") != std::string::npos && name.find("bias") == std::string::npos);
        EXPECT_NEAR(zeros, pruned ? 0.75 : 0, 0.01) << name;
      }
      Engine other(settings);
      other.load(folder);
      for (int step = 10; step <= 18; step++) resumed.push_back(other.step(batch(step), false).loss);
      EXPECT_EQ(losses, resumed);
      std::filesystem::remove_all(folder);
    }
}

TEST(Vision, RefusesBatchesThatDoNotFit) {
  auto settings = config();
  settings.model.architecture = Architecture::vision;
  settings.images = {8, 8, 1, 3};
  settings.model.patchSize = 4;
  Engine engine(settings);
  Batch good;
  good.batchSize = 2, good.labelLength = 1, good.labels = {2, -1};
  good.images.assign(128, 9);
  const auto refused = [&](auto change) {
    auto bad = good;
    change(bad);
    try {
      engine.step(bad, false);
    } catch (const Failure& failure) {
      return std::string(failure.what());
    }
    return std::string();
  };
  EXPECT_NE(refused([](Batch& b) { b.images.pop_back(); }).find("127 bytes of images where 2 images of 8 × 8"), std::string::npos);
  EXPECT_NE(refused([](Batch& b) { b.labels = {2, 3}; }).find("label 3, which is none of the 3 classes"), std::string::npos);
  EXPECT_NE(refused([](Batch& b) { b.labels = {2}; }).find("1 labels for 2 images"), std::string::npos);
  EXPECT_NE(refused([](Batch& b) { b.labels = {-1, -1}; }).find("none of its images has a label"), std::string::npos);
  EXPECT_NE(refused([](Batch& b) { b.input = {1}; }).find("does not read"), std::string::npos);
  EXPECT_EQ(engine.step(good, false).targetTokens, 1);
  EXPECT_EQ(engine.evaluate(good).targetTokens, 1);
  settings.model.patchSize = 9;
  EXPECT_THROW(Engine{settings}, Failure);
}

}  // namespace
