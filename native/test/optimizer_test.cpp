// Optimizers and schedules against the published update rules, number by number.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "../optim/optimizer.h"
#include "../optim/schedule.h"

namespace {

using namespace switchyard;

at::Tensor number(double value) { return torch::tensor(value, torch::kDouble); }

/// A set of one matrix, one stack of matrices and one vector, with the same gradients on each call.
struct Problem {
  Problem() : parameters(3, torch::kFloat, false) {
    parameters.add("matrix", {4, 6}, {0.5});
    parameters.add("stack", {2, 3, 5}, {0.5});
    parameters.add("vector", {7}, {0.0, 1.0});
  }
  void gradients(int step) {
    torch::manual_seed(100 + step);
    for (auto& parameter : parameters.all()) parameter.value.mutable_grad() = torch::randn(parameter.value.sizes());
  }
  ParameterSet parameters;
};

TEST(AdamWUpdate, IsAlgorithm2OfThePaper) {
  Problem problem;
  TrainingConfig training;
  training.adamW = AdamWConfig{0.8, 0.95, 1e-6, 0.1};
  const auto optimizer = makeOptimizer(training, problem.parameters);
  std::vector<std::vector<double>> value, first, second;
  for (const auto& parameter : problem.parameters.all()) {
    const auto flat = parameter.value.detach().reshape(-1).to(torch::kDouble).contiguous();
    value.emplace_back(flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel());
    first.emplace_back(flat.numel(), 0.0);
    second.emplace_back(flat.numel(), 0.0);
  }
  for (int step = 1; step <= 5; step++) {
    problem.gradients(step);
    const double rate = 0.01 * step, scale = 0.5;
    std::size_t p = 0;
    for (const auto& parameter : problem.parameters.all()) {
      const auto gradient = parameter.gradient().reshape(-1);
      for (std::size_t i = 0; i < value[p].size(); i++) {
        const double g = gradient[static_cast<std::int64_t>(i)].item<double>() * scale;
        first[p][i] = 0.8 * first[p][i] + 0.2 * g;
        second[p][i] = 0.95 * second[p][i] + 0.05 * g * g;
        const double m = first[p][i] / (1 - std::pow(0.8, step)), v = second[p][i] / (1 - std::pow(0.95, step));
        const double decay = parameter.value.dim() >= 2 ? 0.1 : 0.0;  // vectors are spared
        value[p][i] -= rate * (m / (std::sqrt(v) + 1e-6) + decay * value[p][i]);
      }
      p++;
    }
    optimizer->update(number(rate), number(step), torch::scalar_tensor(scale));
  }
  std::size_t p = 0;
  for (const auto& parameter : problem.parameters.all()) {
    const auto flat = parameter.value.detach().reshape(-1);
    for (std::size_t i = 0; i < value[p].size(); i++) EXPECT_NEAR(flat[static_cast<std::int64_t>(i)].item<double>(), value[p][i], 2e-5) << parameter.name;
    p++;
  }
}

TEST(AdafactorUpdate, IsAlgorithm4OfThePaper) {
  Problem problem;
  TrainingConfig training;
  training.adamW.reset();
  training.adafactor = AdafactorConfig{0.8, 0.7, true, 0.05};
  const auto optimizer = makeOptimizer(training, problem.parameters);
  struct Slow { std::vector<double> value, row, column, full; std::int64_t stacks, rows, columns; bool matrix; };
  std::vector<Slow> slow;
  for (const auto& parameter : problem.parameters.all()) {
    const auto flat = parameter.value.detach().reshape(-1).to(torch::kDouble).contiguous();
    const bool matrix = parameter.value.dim() >= 2;
    const auto rows = matrix ? parameter.value.size(-2) : 1, columns = parameter.value.size(-1), stacks = flat.numel() / (rows * columns);
    slow.push_back({{flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()}, std::vector<double>(stacks * rows, 0.0),
                    std::vector<double>(stacks * columns, 0.0), std::vector<double>(flat.numel(), 0.0), stacks, rows, columns, matrix});
  }
  for (int step = 1; step <= 4; step++) {
    problem.gradients(step);
    const double rate = 0.02, beta = 1 - std::pow(step, -0.8);
    std::size_t p = 0;
    for (const auto& parameter : problem.parameters.all()) {
      auto& s = slow[p++];
      const auto gradient = parameter.gradient().reshape(-1);
      const auto g = [&](std::int64_t k, std::int64_t r, std::int64_t c) { return gradient[(k * s.rows + r) * s.columns + c].item<double>(); };
      std::vector<double> update(s.value.size());
      for (std::int64_t k = 0; k < s.stacks; k++) {
        if (s.matrix) {
          for (std::int64_t r = 0; r < s.rows; r++) {
            double mean = 0;
            for (std::int64_t c = 0; c < s.columns; c++) mean += (g(k, r, c) * g(k, r, c) + 1e-30) / static_cast<double>(s.columns);
            s.row[k * s.rows + r] = beta * s.row[k * s.rows + r] + (1 - beta) * mean;
          }
          double rowMean = 0;
          for (std::int64_t r = 0; r < s.rows; r++) rowMean += s.row[k * s.rows + r] / static_cast<double>(s.rows);
          for (std::int64_t c = 0; c < s.columns; c++) {
            double mean = 0;
            for (std::int64_t r = 0; r < s.rows; r++) mean += (g(k, r, c) * g(k, r, c) + 1e-30) / static_cast<double>(s.rows);
            s.column[k * s.columns + c] = beta * s.column[k * s.columns + c] + (1 - beta) * mean;
          }
          for (std::int64_t r = 0; r < s.rows; r++)
            for (std::int64_t c = 0; c < s.columns; c++)
              update[(k * s.rows + r) * s.columns + c] = g(k, r, c) / std::sqrt(s.row[k * s.rows + r] * s.column[k * s.columns + c] / rowMean);
        } else {
          for (std::int64_t c = 0; c < s.columns; c++) {
            const auto i = k * s.columns + c;
            s.full[i] = beta * s.full[i] + (1 - beta) * (g(k, 0, c) * g(k, 0, c) + 1e-30);
            update[i] = g(k, 0, c) / std::sqrt(s.full[i]);
          }
        }
      }
      double updateSquare = 0, valueSquare = 0;
      for (std::size_t i = 0; i < update.size(); i++) updateSquare += update[i] * update[i], valueSquare += s.value[i] * s.value[i];
      const double n = static_cast<double>(update.size()), clip = std::max(1.0, std::sqrt(updateSquare / n) / 0.7), scale = std::max(1e-3, std::sqrt(valueSquare / n));
      for (std::size_t i = 0; i < update.size(); i++) s.value[i] -= rate * (update[i] / clip * scale + (s.matrix ? 0.05 * s.value[i] : 0.0));
    }
    optimizer->update(number(rate), number(step), torch::scalar_tensor(1.0F));
  }
  std::size_t p = 0;
  for (const auto& parameter : problem.parameters.all()) {
    const auto flat = parameter.value.detach().reshape(-1);
    for (std::size_t i = 0; i < slow[p].value.size(); i++) EXPECT_NEAR(flat[static_cast<std::int64_t>(i)].item<double>(), slow[p].value[i], 2e-5) << parameter.name;
    p++;
  }
}

TEST(Optimizers, LeaveEverythingAsItWasForAGradientThatIsNotFinite) {
  for (const bool adafactor : {false, true}) {
    Problem problem;
    TrainingConfig training;
    if (adafactor) training.adamW.reset(), training.adafactor = AdafactorConfig{};
    const auto optimizer = makeOptimizer(training, problem.parameters);
    problem.gradients(1);
    optimizer->update(number(0.1), number(1), torch::scalar_tensor(1.0F));
    std::vector<torch::Tensor> before;
    for (const auto& parameter : problem.parameters.all()) before.push_back(parameter.value.detach().clone());
    for (const auto& moment : optimizer->state()) before.push_back(moment.tensor.clone());
    problem.gradients(2);
    problem.parameters.all()[0].value.mutable_grad()[0][0] = std::numeric_limits<float>::quiet_NaN();
    optimizer->update(number(0.1), number(2), torch::scalar_tensor(std::numeric_limits<float>::quiet_NaN()));
    std::size_t i = 0;
    for (const auto& parameter : problem.parameters.all()) EXPECT_TRUE(torch::equal(parameter.value.detach(), before[i++]));
    for (const auto& moment : optimizer->state()) EXPECT_TRUE(torch::equal(moment.tensor, before[i++])) << moment.name;
  }
}

TEST(Schedule, ClimbsThenFallsAsNamed) {
  TrainingConfig training;
  training.learningRate = 1.0, training.warmupSteps = 10, training.steps = 110;
  training.schedule = Schedule::inverseSquareRoot;
  EXPECT_DOUBLE_EQ(learningRate(training, 1), 0.1);
  EXPECT_DOUBLE_EQ(learningRate(training, 10), 1.0);
  EXPECT_DOUBLE_EQ(learningRate(training, 40), 0.5);
  training.schedule = Schedule::linear;
  EXPECT_DOUBLE_EQ(learningRate(training, 10), 1.0);
  EXPECT_NEAR(learningRate(training, 60), 0.5, 0.01);
  EXPECT_GT(learningRate(training, 110), 0.0);
  EXPECT_DOUBLE_EQ(learningRate(training, 200), 0.0);
  training.schedule = Schedule::cosine;
  EXPECT_NEAR(learningRate(training, 60), 0.5, 0.01);
  EXPECT_GT(learningRate(training, 35), 0.8);
  training.schedule = Schedule::constant;
  EXPECT_DOUBLE_EQ(learningRate(training, 100), 1.0);
  training.warmupSteps = 0;
  EXPECT_DOUBLE_EQ(learningRate(training, 1), 1.0);
}

TEST(Optimizers, LeaveWhatIsNotTrainedAlone) {
  for (const bool adafactor : {false, true}) {
    ParameterSet parameters(3, torch::kFloat, true);
    parameters.add("matrix", {4, 6}, {0.5});
    const auto& state = parameters.add("state", {4}, {0.0, 2.0, false});
    auto& frozen = parameters.add("frozen", {3, 3}, {0.5});
    frozen.value.requires_grad_(false);
    const auto before = frozen.value.clone();
    TrainingConfig training;
    training.adamW = AdamWConfig{0.9, 0.99, 1e-8, 0.1};
    if (adafactor) training.adamW.reset(), training.adafactor = AdafactorConfig{};
    const auto optimizer = makeOptimizer(training, parameters);
    for (const auto& moment : optimizer->state()) EXPECT_TRUE(moment.name.ends_with(".matrix")) << moment.name;
    (parameters.all()[0].as(torch::kBFloat16).sum() + frozen.as(torch::kBFloat16).sum() * state.value.sum()).backward();
    optimizer->update(number(0.1), number(1), torch::scalar_tensor(1.0));
    EXPECT_EQ(parameters.trained().size(), 1U);
    EXPECT_TRUE(torch::equal(frozen.value, before));
    EXPECT_TRUE(torch::equal(state.value, torch::full({4}, 2.0)));
  }
}

}  // namespace
