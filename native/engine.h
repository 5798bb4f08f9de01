// The engine: one model on one device, with its optimizer unless it is for inference. The C++ side of `Engine` in switchyard.d.ts, which documents
// every figure's unit. Not thread-safe: the addon runs the calls on one engine in the order they were made.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/savedFile.h"
#include "config.h"
#include "generation/request.h"
#include "mesh/traffic.h"
#include "startingWeights.h"

namespace switchyard {

/// Row-major token ids on the host. input is empty for a decoder-only model, decoderInput where the labels shifted right are it.
struct Batch {
  std::vector<std::int32_t> input;   // [batchSize, inputLength]
  std::vector<std::int32_t> labels;  // [batchSize, labelLength]
  std::vector<std::int32_t> decoderInput;  // [batchSize, labelLength]
  std::vector<std::uint8_t> images;  // [batchSize, height·width·channels], of a vision model, whose labels are [batchSize, 1]
  std::int64_t batchSize = 0, inputLength = 0, labelLength = 0;
};

struct LayerRouting {
  bool encoder = true;
  std::int64_t layer = 0, experts = 0, capacity = 0, groups = 0, tokens = 0;
  std::vector<double> load, kept, probability;
  double entropy = 0, confidence = 0, dropped = 0, auxiliaryLoss = 0, zLoss = 0;
  std::vector<std::pair<double, double>> dropAtCapacityFactor;
};

/// What one rank did in a step.
struct RankUse {
  /// From the batch to the update.
  double seconds = 0;
  /// By kind (traffic.h).
  std::array<TrafficUse, TRAFFIC_KINDS> traffic{};
};

struct StepResult {
  std::int64_t step = 0;
  double loss = 0, totalLoss = 0, auxiliaryLoss = 0, zLoss = 0, gradientNorm = 0, learningRate = 0;
  std::int64_t targetTokens = 0;
  /// Absent without a teacher.
  std::optional<double> distillationLoss;
  /// Share of zeros among the weights that are pruned; absent without pruning.
  std::optional<double> sparsity;
  /// Empty unless asked for.
  std::vector<LayerRouting> routing;
  /// Of each rank, with routing; empty on one rank.
  std::vector<RankUse> ranks;
  bool finite = true;
  /// What else a person should know of this step; empty for most.
  std::string note;
};

struct EvaluationResult {
  double lossSum = 0;
  std::int64_t targetTokens = 0, correct = 0;
  /// Rows with a target, and those of them whose every target was predicted.
  std::int64_t sequences = 0, exact = 0;
  std::vector<LayerRouting> routing;
};

struct GenerationState {
  bool done = false;
  std::vector<GeneratedSequence> sequences;
};

struct ParameterInfo {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t elements = 0;
};

struct MemoryUse {
  std::int64_t parameterBytes = 0, optimizerBytes = 0, peakBytes = 0;
};

class Engine {
 public:
  /// Throws Failure when the device is not there or does not have the memory. On a mesh it returns when all ranks are there; what is
  /// asked of rank 0 then is done by all of them together, the others being in `follow`.
  explicit Engine(const EngineConfig& config);
  ~Engine();

  /// "cpu" or "cuda:N": the device really used.
  std::string device() const;
  std::int64_t stepsDone() const;
  std::vector<ParameterInfo> parameters() const;
  std::int64_t parameterCount() const;
  MemoryUse memory() const;

  /// Throws Failure on a batch whose shapes or token ids don't fit the model; nothing has changed then.
  StepResult step(const Batch& batch, bool routing);
  EvaluationResult evaluate(const Batch& batch);
  /// The same of the teacher; throws Failure where there is none.
  EvaluationResult evaluateTeacher(const Batch& batch);
  /// [batchSize, labelLength, vocabulary] of what follows each token of decoderInput, as in an evaluation; labels are not read.
  std::vector<float> logits(const Batch& batch);

  /// Reads encoder input and prompts; a generation that was going is dropped. Throws Failure on tokens or settings that don't fit.
  void startGeneration(const GenerationRequest& request);
  /// Up to `steps` more tokens for each sequence.
  GenerationState continueGeneration(std::int64_t steps);
  /// Drops the generation and its cache.
  void stopGeneration();

  /// Takes the weights of another model's file, before the first step; startingWeights.h says which.
  StartingWeights start(const std::string& modelFile);
  /// Ranks but 0: does what rank 0 does until that engine is destroyed.
  void follow();
  /// Writes model.safetensors and optimizer.safetensors into an existing directory and fsyncs them.
  std::vector<SavedFile> save(const std::string& directory) const;
  /// All or nothing: throws Failure and changes nothing when a file is missing, corrupt or of another model. An inference engine
  /// reads model.safetensors alone.
  void load(const std::string& directory);

 private:
  struct State;
  std::unique_ptr<State> state;
};

}  // namespace switchyard
