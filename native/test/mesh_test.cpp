// A mesh against one rank: the same seed and batches give the same losses, routing and parameters, up to the order of sums.
#include <ATen/detail/CUDAHooksInterface.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "../checkpoint/namedTensors.h"
#include "../devices/devices.h"
#include "../failure.h"
#include "../optim/replicas.h"
#include "../room.h"
#include "meshRanks.h"
#include "slowRouting.h"

namespace {

using namespace switchyard;
using namespace switchyard::testing;

constexpr std::int64_t BATCH = 24, VOCABULARY = 40;

EngineConfig configOf(const SparseConfig& sparse) {
  EngineConfig config;
  config.device = "cpu";
  config.vocabularySize = VOCABULARY;
  config.model.dModel = 16, config.model.dFf = 48, config.model.heads = 12, config.model.dKv = 4;
  config.model.encoderLayers = 2, config.model.decoderLayers = 2;
  config.model.precision = Precision::fp32;
  config.model.dropout = 0.1;
  config.model.sparse = sparse;
  config.training.warmupSteps = 2, config.training.learningRate = 0.01, config.training.threads = 1;
  // AdamW makes a step of full size of the smallest gradient: one that is nothing but the rounding of sums would decide where a weight goes.
  config.training.adamW->epsilon = 1e-5;
  config.capacityFactorGrid = {0.5, 1.0, 2.0};
  return config;
}

SparseConfig switchRouting(std::int64_t experts) {
  SparseConfig sparse;
  sparse.experts = experts;
  sparse.trainingCapacityFactor = 1.0;
  sparse.expertDropout = 0.2;
  sparse.zLoss = 0.001;
  return sparse;
}

/// Sequences of different lengths, so that shares have different numbers of targets.
Batch batchOf(int seed) {
  torch::manual_seed(seed);
  const auto ids = [&](std::int64_t length) {
    const auto values = torch::randint(1, VOCABULARY, {BATCH, length}, torch::kInt);
    for (std::int64_t row = 0; row < BATCH; row += 3) values[row].slice(0, 1 + row % length).fill_(0);
    return std::vector<std::int32_t>(values.const_data_ptr<std::int32_t>(), values.const_data_ptr<std::int32_t>() + values.numel());
  };
  Batch out;
  out.batchSize = BATCH, out.labelLength = 5, out.inputLength = 7;
  out.labels = ids(5);
  out.input = ids(7);
  return out;
}

struct Trained {
  std::vector<StepResult> steps;
  EvaluationResult evaluation;
  TensorsByName model, optimizer;
};

constexpr int STEPS = 3;

Trained train(Engine& engine, int from = 1, const std::string& continued = "") {
  const Folder folder;
  Trained out;
  if (!continued.empty()) engine.load(continued);
  for (int step = from; step < from + STEPS; ++step) out.steps.push_back(engine.step(batchOf(step), true));
  out.evaluation = engine.evaluate(batchOf(100));
  engine.save(folder.path.string());
  for (const auto& [name, tensor] : byName(readSafetensors(folder / "model.safetensors"))) out.model.emplace(name, tensor.clone());
  for (const auto& [name, tensor] : byName(readSafetensors(folder / "optimizer.safetensors"))) out.optimizer.emplace(name, tensor.clone());
  return out;
}

Trained trainOn(const EngineConfig& config, const MeshShape& shape) {
  Trained out;
  onMesh(config, shape, [&](Engine& engine) { out = train(engine); });
  return out;
}

Trained trainAlone(const EngineConfig& config) {
  Engine engine(config);
  return train(engine);
}

void expectSame(const LayerRouting& found, const LayerRouting& expected) {
  const auto near = [](double a, double b) { EXPECT_NEAR(a, b, 1e-4 * std::max(1.0, std::abs(b))); };
  EXPECT_EQ(found.groups, expected.groups);
  EXPECT_EQ(found.capacity, expected.capacity);
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.load, expected.load);
  EXPECT_EQ(found.kept, expected.kept);
  for (std::size_t e = 0; e < expected.probability.size(); ++e) near(found.probability[e], expected.probability[e]);
  near(found.entropy, expected.entropy);
  near(found.confidence, expected.confidence);
  near(found.dropped, expected.dropped);
  near(found.auxiliaryLoss, expected.auxiliaryLoss);
  near(found.zLoss, expected.zLoss);
  ASSERT_EQ(found.dropAtCapacityFactor.size(), expected.dropAtCapacityFactor.size());
  for (std::size_t i = 0; i < expected.dropAtCapacityFactor.size(); ++i) near(found.dropAtCapacityFactor[i].second, expected.dropAtCapacityFactor[i].second);
}

/// Largest difference, against the largest value.
double distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1e-12)).item<double>();
}

void expectSame(const Trained& found, const Trained& expected) {
  ASSERT_EQ(found.steps.size(), expected.steps.size());
  for (std::size_t i = 0; i < expected.steps.size(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i + 1));
    const auto &a = found.steps[i], &b = expected.steps[i];
    EXPECT_NEAR(a.loss, b.loss, 2e-5 * b.loss);
    EXPECT_NEAR(a.totalLoss, b.totalLoss, 2e-5 * b.totalLoss);
    EXPECT_NEAR(a.auxiliaryLoss, b.auxiliaryLoss, 1e-5 * std::max(1.0, b.auxiliaryLoss));
    EXPECT_NEAR(a.zLoss, b.zLoss, 1e-5 * std::max(1.0, b.zLoss));
    EXPECT_NEAR(a.gradientNorm, b.gradientNorm, 1e-4 * b.gradientNorm);
    EXPECT_NEAR(a.sparsity.value_or(0), b.sparsity.value_or(0), 1e-9);
    EXPECT_EQ(a.targetTokens, b.targetTokens);
    ASSERT_EQ(a.routing.size(), b.routing.size());
    for (std::size_t layer = 0; layer < b.routing.size(); ++layer) expectSame(a.routing[layer], b.routing[layer]);
  }
  EXPECT_NEAR(found.evaluation.lossSum, expected.evaluation.lossSum, 1e-4 * expected.evaluation.lossSum);
  EXPECT_EQ(found.evaluation.correct, expected.evaluation.correct);
  EXPECT_EQ(found.evaluation.sequences, expected.evaluation.sequences);
  for (std::size_t layer = 0; layer < expected.evaluation.routing.size(); ++layer) expectSame(found.evaluation.routing[layer], expected.evaluation.routing[layer]);
  ASSERT_EQ(found.model.size(), expected.model.size());
  for (const auto& [name, tensor] : expected.model) {
    ASSERT_EQ(found.model.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_LT(distance(found.model.at(name), tensor), 1e-3) << name;
  }
  ASSERT_EQ(found.optimizer.size(), expected.optimizer.size());
  for (const auto& [name, tensor] : expected.optimizer) EXPECT_LT(distance(found.optimizer.at(name), tensor), 1e-3) << name;
}

TEST(Mesh, EveryMeshOfUpToEightRanksTrainsLikeOne) {
  for (const auto& shape : meshes(8)) {
    // What an axis cuts must be a multiple of it.
    if (shape.model == 5 || shape.model == 7 || shape.data * shape.expert == 5 || shape.data * shape.expert == 7) continue;
    SCOPED_TRACE(nameOf(shape));
    const auto config = configOf(switchRouting(shape.expert == 3 || shape.expert == 6 ? 6 : 8));
    if (config.model.heads % shape.model != 0 || BATCH % (shape.data * shape.expert) != 0) continue;
    expectSame(trainOn(config, shape), trainAlone(config));
  }
}

const std::vector<MeshShape> SOME{{2, 1, 1}, {1, 2, 1}, {1, 1, 2}, {2, 2, 2}};

TEST(Mesh, EveryRoutingTrainsLikeOnOneRank) {
  for (auto [name, sparse] : routings(4)) {
    SCOPED_TRACE(name);
    // Two tokens that stand so near each other that the order of sums decides which comes first may change places, and with those their
    // masks; that is no error. EveryMeshOfUpToEightRanksTrainsLikeOne is the test of the masks.
    sparse.expertDropout = 0.0;
    auto config = configOf(sparse);
    config.model.encoderLayers = config.model.decoderLayers = 1;
    const auto expected = trainAlone(config);
    for (const MeshShape& shape : {MeshShape{1, 2, 1}, MeshShape{2, 2, 2}}) {
      SCOPED_TRACE(nameOf(shape));
      expectSame(trainOn(config, shape), expected);
    }
  }
}

TEST(Mesh, CapacityOfSequencesAndEveryBalanceTrainLikeOnOneRank) {
  for (const auto capacity : {CapacityGroup::batch, CapacityGroup::sequence})
    for (const auto balance : {AuxiliaryLossGroup::capacityGroup, AuxiliaryLossGroup::sequence, AuxiliaryLossGroup::ranks})
      for (const auto form : {AuxiliaryLossForm::paper, AuxiliaryLossForm::huggingFace}) {
        auto sparse = switchRouting(4);
        sparse.capacityGroup = capacity, sparse.auxiliaryLossGroup = balance, sparse.auxiliaryLossForm = form;
        const auto config = configOf(sparse);
        for (const auto& shape : {MeshShape{2, 1, 1}, MeshShape{1, 2, 2}}) {
          SCOPED_TRACE(nameOf(shape) + ", capacity " + std::to_string(static_cast<int>(capacity)) + ", balance " + std::to_string(static_cast<int>(balance)));
          expectSame(trainOn(config, shape), trainAlone(config));
        }
      }
}

TEST(Mesh, GpusTrainLikeOne) {
  if (const int gpus = at::detail::getCUDAHooks().deviceCount(); !cudaFacts().available || gpus < 2) GTEST_SKIP() << "It takes two GPUs; this machine shows " << gpus << ".";
  auto config = configOf(switchRouting(4));
  config.device = "cuda";
  for (const auto& shape : {MeshShape{2, 1, 1}, MeshShape{1, 2, 1}, MeshShape{1, 1, 2}}) {
    SCOPED_TRACE(nameOf(shape));
    expectSame(trainOn(config, shape), trainAlone(config));
  }
}

TEST(Mesh, CapacityOfRanksIsCountedInEachShare) {
  auto sparse = switchRouting(4);
  sparse.capacityGroup = CapacityGroup::rank;
  const auto result = trainOn(configOf(sparse), {2, 2, 1});
  for (const auto& layer : result.steps[0].routing) {
    const std::int64_t tokens = BATCH * (layer.encoder ? 7 : 5);
    EXPECT_EQ(layer.groups, 4);
    EXPECT_EQ(layer.capacity, (tokens / 4 + 3) / 4);
    double load = 0;
    for (std::size_t e = 0; e < 4; ++e) {
      load += layer.load[e];
      EXPECT_LE(layer.kept[e], 4.0 * static_cast<double>(layer.capacity));
    }
    EXPECT_EQ(load, static_cast<double>(layer.tokens));
  }
  EXPECT_LT(result.steps.back().loss, result.steps[0].loss);
}

TEST(Mesh, OtherFamiliesAndTrainingsTrainLikeOnOneRank) {
  std::vector<std::pair<std::string, EngineConfig>> all;
  const auto add = [&](const std::string& name, auto change) {
    auto config = configOf(switchRouting(4));
    change(config);
    all.emplace_back(name, config);
  };
  add("dense, gated, untied", [](auto& c) { c.model.sparse.reset(), c.model.feedForward = Activation::gatedGelu, c.model.tiedEmbeddings = false; });
  add("gated experts in every layer", [](auto& c) { c.model.sparse->every = 1, c.model.feedForward = Activation::gatedSilu; });
  add("penalties", [](auto& c) { c.training.l1 = 1e-4, c.training.l2 = 1e-3; });
  add("updates that are not shared", [](auto& c) { c.training.adamW->shareUpdates = false; });
  // Means, and the least weights, of whole matrices.
  add("Adafactor", [](auto& c) { c.training.adamW.reset(), c.training.adafactor = AdafactorConfig{}, c.training.adafactor->weightDecay = 0.01; });
  for (const bool blocks : {false, true})
    add(blocks ? "pruned by blocks" : "pruned", [&](auto& c) {
      c.model.sparse.reset();
      c.training.pruning = PruningConfig{blocks, 0.6, 4, 0, STEPS, 1};
    });
  add("frozen attention", [](auto& c) { c.training.freeze = {ModelPart::attention, ModelPart::router}; });
  for (const auto& [name, config] : all) {
    SCOPED_TRACE(name);
    const auto expected = trainAlone(config);
    for (const auto& shape : SOME) {
      SCOPED_TRACE(nameOf(shape));
      expectSame(trainOn(config, shape), expected);
    }
  }
}

TEST(Mesh, RoomIsThatOfAllRanksTogether) {
  auto config = configOf(switchRouting(4));
  for (const auto precision : {Precision::fp32, Precision::selective})
    for (const bool share : {true, false})
      for (const auto& shape : {MeshShape{1, 1, 1}, MeshShape{2, 1, 1}, MeshShape{2, 2, 1}, MeshShape{1, 2, 2}}) {
        SCOPED_TRACE(nameOf(shape));
        config.model.precision = precision, config.training.adamW->shareUpdates = share;
        double held = 0.0;
        onMesh(config, shape, [&](Engine& engine) {
          const auto use = engine.memory();
          const double values = static_cast<double>(use.parameterBytes) * (precision == Precision::fp32 ? 1.0 : 4.0 / 6.0);
          held = static_cast<double>(use.parameterBytes + use.optimizerBytes) + values;
        });
        auto asked = config;
        asked.mesh = MeshConfig{shape, 0, ""};
        EXPECT_NEAR(bytesToBuild(asked), held * static_cast<double>(shape.ranks()), 1.0);
      }
}

TEST(Mesh, RanksShareTheUpdatesOfWhatTheyHoldAlike) {
  auto config = configOf(switchRouting(4));
  // Embeddings that travel by themselves, beside all else that travels together.
  config.vocabularySize = 2 * BUCKET / config.model.dModel;
  const auto bytesOn = [&](const MeshShape& shape, bool share) {
    config.training.adamW->shareUpdates = share;
    std::int64_t bytes = 0;
    onMesh(config, shape, [&](Engine& engine) { bytes = engine.memory().optimizerBytes; });
    return bytes;
  };
  EXPECT_NEAR(static_cast<double>(bytesOn({4, 1, 1}, true)), static_cast<double>(bytesOn({4, 1, 1}, false)) / 4.0, 1000.0);
  EXPECT_EQ(bytesOn({1, 1, 2}, true), bytesOn({1, 1, 2}, false));

  config.training.adamW->shareUpdates = true;
  const auto expected = trainAlone(config);
  for (const auto& shape : {MeshShape{2, 1, 1}, MeshShape{2, 2, 2}}) {
    SCOPED_TRACE(nameOf(shape));
    expectSame(trainOn(config, shape), expected);
  }
}

TEST(Mesh, BFloat16StaysNearOneRank) {
  for (const auto precision : {Precision::selective, Precision::bf16}) {
    auto config = configOf(switchRouting(4));
    config.model.precision = precision;
    config.model.dropout = 0.0, config.model.sparse->expertDropout = 0.0;
    const auto expected = trainAlone(config);
    for (const auto& shape : SOME) {
      SCOPED_TRACE(nameOf(shape));
      const auto found = trainOn(config, shape);
      for (std::size_t i = 0; i < expected.steps.size(); ++i) EXPECT_NEAR(found.steps[i].loss, expected.steps[i].loss, 0.02 * expected.steps[i].loss);
    }
  }
}

TEST(Mesh, ACheckpointGoesOnOnAnyOtherMesh) {
  const auto config = configOf(switchRouting(4));
  const Folder folder;
  onMesh(config, {2, 2, 1}, [&](Engine& engine) {
    for (int step = 1; step <= 2; ++step) engine.step(batchOf(step), false);
    engine.save(folder.path.string());
  });
  Engine alone(config);
  const auto expected = train(alone, 3, folder.path.string());
  for (const auto& shape : {MeshShape{1, 4, 1}, MeshShape{1, 1, 2}, MeshShape{2, 2, 2}}) {
    SCOPED_TRACE(nameOf(shape));
    onMesh(config, shape, [&](Engine& engine) {
      expectSame(train(engine, 3, folder.path.string()), expected);
      EXPECT_EQ(engine.stepsDone(), 5);
    });
  }
}

TEST(Mesh, ADamagedCheckpointIsRefusedAndTheRanksGoOn) {
  const auto config = configOf(switchRouting(4));
  const Folder folder;
  onMesh(config, {2, 2, 1}, [&](Engine& engine) {
    const auto first = engine.step(batchOf(1), false).loss;
    EXPECT_THROW(engine.load(folder.path.string()), Failure);
    EXPECT_EQ(engine.stepsDone(), 1);
    EXPECT_NE(engine.step(batchOf(2), false).loss, first);
  });
}

TEST(Mesh, TellsWhatEachRankSent) {
  onMesh(configOf(switchRouting(4)), {1, 2, 2}, [&](Engine& engine) {
    const auto result = engine.step(batchOf(1), true);
    ASSERT_EQ(result.ranks.size(), 4U);
    for (const auto& rank : result.ranks) {
      const auto& experts = rank.traffic[static_cast<std::size_t>(Traffic::experts)];
      EXPECT_GT(experts.bytes, 0.0);
      EXPECT_GT(rank.traffic[static_cast<std::size_t>(Traffic::gradients)].bytes, 0.0);
      EXPECT_GT(rank.traffic[static_cast<std::size_t>(Traffic::activations)].bytes, 0.0);
      EXPECT_GE(rank.seconds, experts.seconds);
    }
  });
  // One sparse layer of each stack, forward and backward, there and back: half of E·R·d floats leave a rank of two. No token can be
  // dropped, so R is the rank's own number of tokens.
  auto config = configOf(switchRouting(4));
  config.model.sparse->expertDropout = 0.0;
  config.model.sparse->overflow = Overflow::dropless;
  onMesh(config, {1, 2, 1}, [&](Engine& engine) {
    const double places = 4.0 * (BATCH / 2) * (7 + 5), counts = 2 * 4;
    EXPECT_EQ(engine.step(batchOf(1), true).ranks[1].traffic[static_cast<std::size_t>(Traffic::experts)].bytes, (4 * places * 16 + counts) * 4 / 2);
  });
}

TEST(Mesh, RefusesWhatItCannotCut) {
  onMesh(configOf(switchRouting(4)), {2, 1, 1}, [&](Engine& engine) {
    auto batch = batchOf(1);
    batch.batchSize = 1, batch.input.resize(7), batch.labels = std::vector<std::int32_t>(5, 3);
    EXPECT_THROW(engine.step(batch, false), Failure);
    EXPECT_TRUE(engine.step(batchOf(1), false).finite);
    EXPECT_THROW(engine.logits(batchOf(1)), Failure);
  });
}

}  // namespace
