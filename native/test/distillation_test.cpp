// Distillation: the soft loss against a reference of plain loops, what of the step reaches whom, and the mix of both losses.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "../engine.h"
#include "../failure.h"
#include "../model/distillationLoss.h"
#include "../trainingStep.h"

namespace {

using namespace switchyard;

/// −T² Σ p log q of one row in plain loops.
double rowLoss(const torch::Tensor& student, const torch::Tensor& teacher, double temperature) {
  const auto probabilities = [&](const torch::Tensor& logits) {
    std::vector<double> p;
    double sum = 0;
    for (std::int64_t v = 0; v < logits.size(0); v++) p.push_back(std::exp(logits[v].item<double>() / temperature)), sum += p.back();
    for (auto& value : p) value /= sum;
    return p;
  };
  const auto p = probabilities(teacher), q = probabilities(student);
  double loss = 0;
  for (std::size_t v = 0; v < p.size(); v++) loss -= p[v] * std::log(q[v]);
  return temperature * temperature * loss;
}

TEST(DistillationLoss, IsTheReferencesAndItsGradientThatOfDifferences) {
  torch::manual_seed(3);
  for (const double temperature : {0.5, 1.0, 4.0}) {
    auto student = torch::randn({5, 7}, torch::kDouble), teacher = torch::randn({5, 7}, torch::kDouble).requires_grad_(true);
    const auto targets = torch::tensor({3, 0, 6, 1, 0}, torch::kLong);  // 0 is padding
    const auto reference = [&](const torch::Tensor& logits) {
      double sum = 0;
      for (const std::int64_t n : {0, 2, 3}) sum += rowLoss(logits[n], teacher[n], temperature);
      return sum;
    };
    auto leaf = student.clone().requires_grad_(true);
    const auto loss = distillationLossSum(leaf, teacher, targets, 0, temperature);
    EXPECT_NEAR(loss.item<double>(), reference(student), 1e-10);
    (loss * 3.0).backward();
    EXPECT_FALSE(teacher.grad().defined());
    for (std::int64_t n = 0; n < 5; n++)
      for (std::int64_t v = 0; v < 7; v++) {
        auto up = student.clone(), down = student.clone();
        up[n][v] += 1e-5, down[n][v] -= 1e-5;
        EXPECT_NEAR(leaf.grad()[n][v].item<double>(), 3.0 * (reference(up) - reference(down)) / 2e-5, 1e-7);
      }
  }
}

EngineConfig config(bool sparse) {
  EngineConfig config;
  config.device = "cpu";
  config.vocabularySize = 40;
  config.model.dModel = 32, config.model.dFf = 48, config.model.heads = 2, config.model.dKv = 16;
  config.model.encoderLayers = 2, config.model.decoderLayers = 2;
  config.model.precision = Precision::fp32;
  config.model.dropout = 0.0;
  if (sparse) config.model.sparse->experts = 4;
  else config.model.sparse.reset();
  config.training.warmupSteps = 0, config.training.learningRate = 0.003;
  config.capacityFactorGrid = {1.0};
  return config;
}

Batch batch(int seed) {
  torch::manual_seed(seed);
  const auto ids = [&](std::int64_t length) {
    const auto values = torch::randint(1, 40, {4, length}, torch::kInt);
    return std::vector<std::int32_t>(values.const_data_ptr<std::int32_t>(), values.const_data_ptr<std::int32_t>() + values.numel());
  };
  Batch out;
  out.batchSize = 4, out.labelLength = 6, out.inputLength = 10;
  out.labels = ids(6), out.input = ids(10);
  return out;
}

class Distillation : public ::testing::Test {
 protected:
  Distillation() : folder((std::filesystem::temp_directory_path() / ("switchyard-teacher-" + std::to_string(getpid()))).string()) {
    std::filesystem::create_directories(folder);
    Engine teacher(config(true));
    for (int i = 0; i < 5; i++) teacher.step(batch(i), false);
    teacher.save(folder);
    expected = teacher.evaluate(batch(9));
  }
  ~Distillation() override { std::filesystem::remove_all(folder); }
  EngineConfig student(double hardShare, double temperature = 1.0) const {
    auto settings = config(false);
    settings.seed = 7;
    settings.distillation = DistillationConfig{config(true).model, folder + "/model.safetensors", hardShare, temperature};
    return settings;
  }
  std::string folder;
  EvaluationResult expected;
};

TEST_F(Distillation, TheTeacherAnswersAsInEvaluationAndNeverChanges) {
  Engine engine(student(0.0));
  const auto check = [&] {
    const auto result = engine.evaluateTeacher(batch(9));
    EXPECT_EQ(result.lossSum, expected.lossSum);
    EXPECT_EQ(result.correct, expected.correct);
    EXPECT_EQ(result.routing.size(), 2U);
  };
  check();
  const auto before = engine.evaluate(batch(9)).lossSum;
  for (int i = 0; i < 5; i++) engine.step(batch(i), false);
  EXPECT_NE(engine.evaluate(batch(9)).lossSum, before);
  check();
  EXPECT_EQ(engine.parameterCount(), Engine(config(false)).parameterCount());
}

TEST_F(Distillation, TheTotalIsTheMixOfBothLosses) {
  for (const double hardShare : {0.0, 0.25, 1.0}) {
    Engine engine(student(hardShare, 2.0));
    const auto plain = Engine(config(false)).step(batch(1), false);
    const auto result = engine.step(batch(1), false);
    ASSERT_TRUE(result.distillationLoss.has_value());
    EXPECT_NEAR(result.totalLoss, hardShare * result.loss + (1.0 - hardShare) * *result.distillationLoss, 1e-5);
    EXPECT_FALSE(plain.distillationLoss.has_value());
    EXPECT_EQ(plain.totalLoss, plain.loss);
  }
  // The whole of the hard loss is training without a teacher.
  auto alone = student(1.0);
  alone.distillation.reset();
  Engine one(student(1.0)), two(alone);
  for (int i = 0; i < 3; i++) EXPECT_NEAR(one.step(batch(i), false).gradientNorm, two.step(batch(i), false).gradientNorm, 1e-5);
}

/// A student of the teacher's own weights has nothing to learn from it: the soft gradient T·(q − p) vanishes.
TEST_F(Distillation, ATwinOfTheTeacherGetsNoSoftGradient) {
  auto settings = config(true);
  settings.model.sparse->expertDropout = 0.0;
  settings.model.sparse->auxiliaryLoss = 0.0;
  settings.model.sparse->trainingCapacityFactor = settings.model.sparse->evaluationCapacityFactor;
  settings.distillation = DistillationConfig{config(true).model, folder + "/model.safetensors", 0.0, 1.0};
  Engine twin(settings), stranger(settings);
  const auto weights = twin.start(folder + "/model.safetensors");
  EXPECT_EQ(weights.copied, twin.parameterCount());
  EXPECT_LT(twin.step(batch(1), false).gradientNorm, 1e-5);
  EXPECT_GT(stranger.step(batch(1), false).gradientNorm, 1e-2);
  EXPECT_THROW(twin.start(folder + "/model.safetensors"), Failure);
}

TEST_F(Distillation, ATeacherThatDoesNotFitIsRefused) {
  const auto refusal = [](const EngineConfig& settings) -> std::string {
    try {
      Engine engine(settings);
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  };
  auto other = student(0.5);
  other.vocabularySize = 50;
  EXPECT_NE(refusal(other).find("shared.weight"), std::string::npos);
  other = student(0.5);
  other.model.architecture = Architecture::decoderOnly;
  EXPECT_NE(refusal(other).find("same architecture"), std::string::npos);
  other = student(0.5);
  other.distillation->teacherFile = folder + "/nothing";
  EXPECT_EQ(refusal(other), "There is no file " + folder + "/nothing.");
  Engine alone(config(false));
  EXPECT_THROW(alone.evaluateTeacher(batch(1)), Failure);
}

TEST(DistillationStep, ReadsNothingBackToTheHost) {
  for (const auto precision : {Precision::fp32, Precision::selective}) {
    auto settings = config(false);
    settings.model.precision = precision;
    const auto meta = torch::TensorOptions().dtype(torch::kFloat).device(torch::kMeta);
    Transformer model(settings.model, {40, 0, 0}, 1, meta), teacher(config(true).model, {40, 0, 0}, 2, meta);
    const auto optimizer = makeOptimizer(settings.training, model.parameters);
    TokenBatch tokens;
    tokens.labels = torch::empty({4, 6}, meta.dtype(torch::kLong));
    tokens.input = torch::empty({4, 10}, meta.dtype(torch::kLong));
    StepSettings step;
    step.distillation = {&teacher, 0.5, 2.0};
    step.routing = true, step.capacityFactorGrid = {1.0};
    const auto outcome = trainingStep(model, *optimizer, tokens, step, 0);
    EXPECT_TRUE(outcome.facts.is_meta());
    // The teacher's routing is not the student's.
    EXPECT_TRUE(outcome.routed.empty());
    EXPECT_EQ(outcome.facts.numel(), STEP_FACTS);
  }
}

}  // namespace
