// A training step by the libtorch ops it calls: own time of each op (without the ops it calls itself), forward and backward, on the
// reference model of bench/shapes.ts. What no op accounts for is "outside of ops": the engine's own kernels and the glue.
//   profile_bench EXPERTS PRECISION(fp32|selective) [STEPS] [THREADS]
#ifndef NDEBUG
#define NDEBUG  // libtorch is built so; its check of inputs() fails otherwise
#endif
#include <ATen/record_function.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "../engine.h"

namespace {

using namespace switchyard;
using Clock = std::chrono::steady_clock;

struct Use {
  double milliseconds = 0;
  std::int64_t calls = 0;
};
struct Frame {
  std::string name;
  Clock::time_point start;
  double inner = 0;
};

std::mutex mutex;
std::map<std::string, Use> uses;
thread_local std::vector<Frame> frames;

bool shapes = true;
struct Observed : at::ObserverContext {};

std::string nameOf(const at::RecordFunction& function) {
  std::string name = function.name();
  if (!shapes) return name;
  for (const auto& input : function.inputs())
    if (input.isTensor() && input.toTensor().defined()) {
      name += " ";
      name += c10::toString(input.toTensor().scalar_type());
      for (const auto size : input.toTensor().sizes()) name += "," + std::to_string(size);
    }
  return name;
}

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  frames.push_back({nameOf(function), Clock::now(), 0});
  return std::make_unique<Observed>();
}

void leave(const at::RecordFunction&, at::ObserverContext*) {
  const auto frame = frames.back();
  frames.pop_back();
  const double taken = std::chrono::duration<double, std::milli>(Clock::now() - frame.start).count();
  if (!frames.empty()) frames.back().inner += taken;
  const std::lock_guard lock(mutex);
  auto& use = uses[frame.name];
  use.milliseconds += taken - frame.inner;
  use.calls++;
}

}  // namespace

int main(int count, char** arguments) {
  EngineConfig config;
  config.device = "cpu";
  config.vocabularySize = 8192;
  config.model.dModel = 256, config.model.dFf = 1024, config.model.heads = 4, config.model.dKv = 64;
  config.model.encoderLayers = 4, config.model.decoderLayers = 4, config.model.dropout = 0.1;
  config.model.sparse->experts = count > 1 ? std::atoi(arguments[1]) : 8;
  config.model.precision = count > 2 && std::strcmp(arguments[2], "fp32") == 0 ? Precision::fp32 : Precision::selective;
  const int steps = count > 3 ? std::atoi(arguments[3]) : 10;
  config.training.threads = count > 4 ? std::atoi(arguments[4]) : 0;
  config.capacityFactorGrid = {1.0};
  shapes = count <= 5;
  Engine engine(config);
  torch::manual_seed(1);
  const auto ids = [](std::int64_t length) {
    const auto values = torch::randint(1, 8192, {16, length}, torch::kInt);
    return std::vector<std::int32_t>(values.const_data_ptr<std::int32_t>(), values.const_data_ptr<std::int32_t>() + values.numel());
  };
  Batch batch;
  batch.batchSize = 16, batch.inputLength = 128, batch.labelLength = 32;
  batch.input = ids(128), batch.labels = ids(32);
  for (int i = 0; i < 3; ++i) engine.step(batch, false);
  at::addGlobalCallback(at::RecordFunctionCallback(enter, leave).needsInputs(true));
  const auto start = Clock::now();
  for (int i = 0; i < steps; ++i) engine.step(batch, false);
  const double total = std::chrono::duration<double, std::milli>(Clock::now() - start).count() / steps;
  std::vector<std::pair<double, std::string>> sorted;
  double named = 0;
  for (const auto& [name, use] : uses) {
    sorted.emplace_back(use.milliseconds / steps, name);
    named += use.milliseconds / steps;
  }
  std::sort(sorted.rbegin(), sorted.rend());
  std::printf("step %.1f ms, in ops %.1f ms\n", total, named);
  for (std::size_t i = 0; i < std::min<std::size_t>(60, sorted.size()); ++i)
    std::printf("%8.2f ms %5.1f calls  %s\n", sorted[i].first, static_cast<double>(uses[sorted[i].second].calls) / steps, sorted[i].second.c_str());
}
