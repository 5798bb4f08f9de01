// What a step's phases take, a sparse model beside its dense twin of equal FLOPs a token (capacity factor 1.0), step by step in turn: forward and
// backward, which tokens pay for, and what every parameter pays for, the gradient's norm and the optimizer. Beside them the memory bandwidth of the
// same minutes, and the memory that a step takes at most beside what it needs. The reference model of bench/shapes.ts.
//   phases_bench EXPERTS fp32|selective [STEPS]
// Prints one JSON line. Times are medians in milliseconds.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "../devices/cpuMemory.h"
#include "../optim/gradients.h"
#include "../optim/optimizer.h"
#include "../trainingStep.h"
#include "median.h"

namespace {

using namespace switchyard;
using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from) { return std::chrono::duration<double, std::milli>(Clock::now() - from).count(); }

constexpr std::int64_t VOCABULARY = 8192, BATCH = 16, INPUT = 128, TARGET = 32;

/// Times what it passes on, and the norm by itself, which the step has taken before.
struct TimedOptimizer : Optimizer {
  TimedOptimizer(std::unique_ptr<Optimizer> optimizer, std::vector<Parameter*> trained) : optimizer(std::move(optimizer)), trained(std::move(trained)) {}
  void update(const at::Tensor& learningRate, const at::Tensor& step, const at::Tensor& gradientScale) override {
    auto start = Clock::now();
    gradientNorm(trained, nullptr);
    norm = milliseconds(start);
    start = Clock::now();
    optimizer->update(learningRate, step, gradientScale);
    taken = milliseconds(start);
  }
  std::vector<StateTensor> state() const override { return optimizer->state(); }

  std::unique_ptr<Optimizer> optimizer;
  std::vector<Parameter*> trained;
  double norm = 0, taken = 0;
};

struct Bench {
  Bench(const ModelConfig& config, const TokenBatch& batch)
      : model(config, {VOCABULARY, 0, 0}, 1, at::TensorOptions().dtype(at::kFloat)), optimizer(makeOptimizer({}, model.parameters), model.parameters.trained()), batch(batch) {}

  void step() {
    StepSettings settings;
    settings.step = ++steps;
    settings.learningRate = 1e-3, settings.auxiliaryLoss = 0.01, settings.targetTokens = BATCH * TARGET;
    const auto start = Clock::now();
    trainingStep(model, optimizer, batch, settings, 0);
    const double total = milliseconds(start);
    if (steps <= 3) return;
    forwardBackward.push_back(total - optimizer.taken - 2 * optimizer.norm);
    norm.push_back(optimizer.norm);
    update.push_back(optimizer.taken);
  }

  /// What the forward pass leaves for the backward pass, the logits included.
  std::int64_t activationBytes() {
    const auto before = keepCpuMemory().use().live;
    Pass pass;
    pass.type = model.computeType(), pass.training = true, pass.seed = 1, pass.step = 1;
    const auto logits = model.forward(pass, batch);
    return static_cast<std::int64_t>(keepCpuMemory().use().live - before);
  }

  Transformer model;
  TimedOptimizer optimizer;
  const TokenBatch& batch;
  std::int64_t steps = 0;
  std::vector<double> forwardBackward, norm, update;
};

/// Bytes a second of reading and writing 256 MiB in place, the best of four.
double bandwidth() {
  static auto numbers = at::ones({64 << 20});
  double best = 1e9;
  for (int round = 0; round < 4; ++round) {
    const auto start = Clock::now();
    numbers.mul_(1.0001);
    best = std::min(best, milliseconds(start));
  }
  return 2.0 * static_cast<double>(numbers.nbytes()) / (best / 1e3);
}

}  // namespace

int main(int count, char** arguments) {
  keepCpuMemory();
  ModelConfig config;
  config.dModel = 256, config.dFf = 1024, config.heads = 4, config.dKv = 64, config.encoderLayers = 4, config.decoderLayers = 4, config.dropout = 0.1;
  config.precision = count > 2 && std::strcmp(arguments[2], "fp32") == 0 ? Precision::fp32 : Precision::selective;
  config.sparse->experts = count > 1 ? std::atoi(arguments[1]) : 8;
  config.sparse->trainingCapacityFactor = 1.0;
  auto twin = config;
  twin.sparse.reset();
  torch::manual_seed(1);
  TokenBatch batch;
  batch.input = torch::randint(1, VOCABULARY, {BATCH, INPUT}), batch.labels = torch::randint(1, VOCABULARY, {BATCH, TARGET});

  auto sparse = std::make_unique<Bench>(config, batch);
  sparse->step();
  const auto held = keepCpuMemory().use().live;
  const auto parameters = sparse->model.parameters.count();
  const auto activations = sparse->activationBytes();
  keepCpuMemory().release();
  sparse->step();
  const auto peak = keepCpuMemory().use().peak;
  const auto needed = static_cast<std::int64_t>(held) + activations + parameters * 4;

  auto dense = std::make_unique<Bench>(twin, batch);
  std::vector<double> rates;
  const int steps = 3 + (count > 3 ? std::atoi(arguments[3]) : 15);
  for (int i = 0; i < steps; ++i) {
    sparse->step();
    dense->step();
    rates.push_back(bandwidth());
  }
  // Weight, both moments and, where there is one, the rounded copy are written; all but that copy are read, and the gradient.
  const double bytes = static_cast<double>(parameters) * (config.precision == Precision::fp32 ? 28 : 30);
  std::printf("{\"parameters\":%lld,\"sparse\":{\"forwardBackward\":%.2f,\"norm\":%.2f,\"optimizer\":%.2f},\"dense\":{\"forwardBackward\":%.2f,\"norm\":%.2f,\"optimizer\":%.2f},"
              "\"optimizerBandwidth\":%.4g,\"memoryBandwidth\":%.4g,\"peakBytes\":%zu,\"neededBytes\":%lld}\n",
              static_cast<long long>(parameters), median(sparse->forwardBackward), median(sparse->norm), median(sparse->update), median(dense->forwardBackward),
              median(dense->norm), median(dense->update), bytes / (median(sparse->update) / 1e3), median(rates), peak, static_cast<long long>(needed));
}
