// What an engine is built from: the C++ side of EngineConfig in switchyard.d.ts. Values are already checked against
// contract/runSpec.ts. Defaults are the contract's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace switchyard {

enum class Precision { fp32, bf16, selective };
enum class Schedule { inverseSquareRoot, linear, cosine, constant };
enum class CapacityGroup { batch, sequence };

struct SparseConfig {
  std::int64_t experts = 8;
  /// Layer i of a stack is sparse when i mod every = every - 1.
  std::int64_t every = 2;
  double trainingCapacityFactor = 1.25;
  double evaluationCapacityFactor = 2.0;
  CapacityGroup capacityGroup = CapacityGroup::batch;
  /// α of eq. 4.
  double auxiliaryLoss = 0.01;
  double zLoss = 0.0;
  double expertDropout = 0.1;
};

struct ModelConfig {
  /// False for a decoder-only model; encoderLayers is then not used.
  bool encoderDecoder = true;
  std::int64_t dModel = 256, dFf = 1024, heads = 4, dKv = 64;
  std::int64_t encoderLayers = 4, decoderLayers = 4;
  double dropout = 0.1;
  std::int64_t relativePositionBuckets = 32, relativePositionMaxDistance = 128;
  bool tiedEmbeddings = true;
  double initializationScale = 0.1;
  Precision precision = Precision::selective;
  /// Absent: the dense model of the same sizes.
  std::optional<SparseConfig> sparse = SparseConfig{};
};

struct AdamWConfig {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.0;
};

/// Adafactor (1804.04235) without first moment.
struct AdafactorConfig {
  /// β2(t) = 1 - t^-decayRate.
  double decayRate = 0.8;
  double clippingThreshold = 1.0;
  bool scaleParameter = true;
  double weightDecay = 0.0;
};

struct TrainingConfig {
  double learningRate = 0.001;
  Schedule schedule = Schedule::inverseSquareRoot;
  std::int64_t warmupSteps = 100, steps = 2000;
  /// Exactly one is set.
  std::optional<AdamWConfig> adamW = AdamWConfig{};
  std::optional<AdafactorConfig> adafactor;
  /// Largest global norm; 0 turns clipping off.
  double gradientClip = 1.0;
  /// 0 takes every core.
  std::int64_t threads = 0;
};

struct EngineConfig {
  std::int64_t seed = 1;
  /// "auto", "cpu" or "cuda:N".
  std::string device = "auto";
  ModelConfig model;
  TrainingConfig training;
  std::int64_t vocabularySize = 384, padToken = 0, startToken = 0;
  std::vector<double> capacityFactorGrid;
};

}  // namespace switchyard
