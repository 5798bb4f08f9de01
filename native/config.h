// What an engine is built from: the C++ side of EngineConfig in switchyard.d.ts. Values are already checked against
// contract/runSpec.ts. Defaults are the contract's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mesh/shape.h"

namespace switchyard {

enum class Precision { fp32, bf16, selective };
enum class Schedule { inverseSquareRoot, linear, cosine, constant };
enum class Architecture { encoderDecoder, decoderOnly, vision };
enum class Activation { relu, gelu, gatedGelu, gatedSilu };
/// How a token's experts are chosen.
enum class RoutingKind { switchTop1, topK, expertChoice, hash };
enum class LaterChoices { all, random, none };
enum class Exploration { none, sampling, jitter, inputDropout };
/// Tokens that compete for an expert's places: of the whole batch, of a sequence, or of a rank's share of the batch.
enum class CapacityGroup { batch, sequence, rank };
enum class Overflow { drop, nextChoice, dropless };
enum class Priority { sequence, probability };
enum class Balancing { auxiliaryLoss, sinkhorn, bias, none };
/// Tokens over which the balance is taken: those that compete for places, a sequence, a rank's share of the batch (`batch`), or all.
enum class AuxiliaryLossGroup { capacityGroup, sequence, batch, ranks };
enum class AuxiliaryLossForm { paper, huggingFace };
enum class ModelPart { embeddings, attention, dense, experts, router, norms };

/// Blocks of each stack that are sparse, from 0.
struct SparseLayers {
  std::vector<std::int64_t> encoder, decoder;
};

/// contract/sparseSpec.ts says what each field does and where it comes from.
struct SparseConfig {
  std::int64_t experts = 8;
  /// Layer i of a stack is sparse when i mod every = every - 1, unless `layers` names them.
  std::int64_t every = 2;
  std::optional<SparseLayers> layers;
  RoutingKind routing = RoutingKind::switchTop1;
  std::int64_t choices = 2;
  LaterChoices laterChoices = LaterChoices::all;
  bool normalizeGates = true;
  std::optional<double> probabilityThreshold;
  std::optional<double> budget;
  Exploration exploration = Exploration::none;
  double jitter = 0.01, inputDropout = 0.1;
  double trainingCapacityFactor = 1.25;
  double evaluationCapacityFactor = 2.0;
  std::optional<std::int64_t> fixedCapacity;
  CapacityGroup capacityGroup = CapacityGroup::batch;
  Overflow overflow = Overflow::drop;
  std::int64_t stages = 2;
  Priority priority = Priority::sequence;
  Balancing balancing = Balancing::auxiliaryLoss;
  double biasRate = 0.001;
  /// α of eq. 4.
  double auxiliaryLoss = 0.01;
  AuxiliaryLossGroup auxiliaryLossGroup = AuxiliaryLossGroup::capacityGroup;
  AuxiliaryLossForm auxiliaryLossForm = AuxiliaryLossForm::paper;
  std::optional<std::int64_t> auxiliaryLossSteps;
  double zLoss = 0.0;
  bool routePadding = false;
  double expertDropout = 0.1;
};

struct ModelConfig {
  Architecture architecture = Architecture::encoderDecoder;
  std::int64_t dModel = 256, dFf = 1024, heads = 4, dKv = 64;
  /// encoderLayers is not used by a decoder-only model, decoderLayers not by a vision model.
  std::int64_t encoderLayers = 4, decoderLayers = 4;
  Activation feedForward = Activation::relu;
  /// Pixels, of a vision model.
  std::int64_t patchSize = 7;
  double dropout = 0.1;
  std::int64_t relativePositionBuckets = 32, relativePositionMaxDistance = 128;
  double normEpsilon = 1e-6;
  bool tiedEmbeddings = true;
  /// A tied head's input is multiplied by d_model^-0.5.
  bool rescaledHead = true;
  /// Encoder and decoder read one embedding; false needs a head of its own.
  bool sharedEmbeddings = true;
  double initializationScale = 0.1;
  Precision precision = Precision::selective;
  /// Absent: the dense model of the same sizes.
  std::optional<SparseConfig> sparse = SparseConfig{};

  bool encoderDecoder() const { return architecture == Architecture::encoderDecoder; }
  /// Whether block `layer` of a stack has experts.
  bool isSparse(bool encoder, std::int64_t layer) const {
    if (!sparse) return false;
    if (!sparse->layers) return layer % sparse->every == sparse->every - 1;
    const auto& listed = encoder ? sparse->layers->encoder : sparse->layers->decoder;
    return std::find(listed.begin(), listed.end(), layer) != listed.end();
  }
};

struct AdamWConfig {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.0;
  /// Whether the ranks that hold the same weights each update, and remember, a share of them.
  bool shareUpdates = true;
};

/// Adafactor (1804.04235) without first moment.
struct AdafactorConfig {
  /// β2(t) = 1 - t^-decayRate.
  double decayRate = 0.8;
  double clippingThreshold = 1.0;
  bool scaleParameter = true;
  double weightDecay = 0.0;
};

/// Weights that become zero and stay so (1710.01878).
struct PruningConfig {
  /// Square blocks instead of single weights.
  bool blocks = false;
  double sparsity = 0.8;
  std::int64_t blockSize = 16, beginStep = 100, endStep = 1000, everySteps = 50;
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
  std::vector<ModelPart> freeze;
  /// Penalties on all matrices: l1 · Σ|w| and l2 · Σw² / 2.
  double l1 = 0.0, l2 = 0.0;
  std::optional<PruningConfig> pruning;
  /// 0 takes every core.
  std::int64_t threads = 0;
  /// Whether a GPU's steps are captured as graphs (capturedSteps.h).
  bool captureSteps = true;
};

/// A trained model whose probabilities this one learns too.
struct DistillationConfig {
  ModelConfig teacher;
  /// Its model.safetensors.
  std::string teacherFile;
  /// Weight of the cross-entropy with the labels; the rest is that with the teacher's probabilities.
  double hardShare = 0.75;
  double temperature = 1.0;
};

/// What a vision model sees.
struct ImageConfig {
  std::int64_t height = 28, width = 28, channels = 1, classes = 10;
};

/// This process among the ranks that train one model together.
struct MeshConfig {
  MeshShape shape;
  std::int64_t rank = 0;
  /// A file through which the ranks find each other; it does not exist before the first of them begins.
  std::string storeFile;
};

struct EngineConfig {
  std::int64_t seed = 1;
  /// "auto", "cpu" or "cuda:N".
  std::string device = "auto";
  ModelConfig model;
  TrainingConfig training;
  std::optional<DistillationConfig> distillation;
  /// Absent: this process alone.
  std::optional<MeshConfig> mesh;
  /// Without gradients and optimizer, which take three quarters of the memory: for evaluation and generation.
  bool inference = false;
  std::int64_t vocabularySize = 384, padToken = 0, startToken = 0;
  /// Of a vision model, which has no vocabulary.
  ImageConfig images;
  std::vector<double> capacityFactorGrid;

  /// What a label is where there is nothing to predict.
  std::int64_t noLabel() const { return model.architecture == Architecture::vision ? -1 : padToken; }
};

}  // namespace switchyard
