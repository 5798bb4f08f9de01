// One training step as device work alone: forward, losses, backward, clipping, update. Nothing is read back to the host, so
// the step runs on the meta device too, which is the test of it.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "config.h"
#include "mesh/mesh.h"
#include "model/transformer.h"
#include "optim/optimizer.h"
#include "optim/pruning.h"

namespace switchyard {

/// A loss with a teacher's probabilities in part of the loss with the labels; both nats a target token.
struct DistillationSettings {
  /// Null: the labels alone.
  const Transformer* teacher = nullptr;
  double hardShare = 1.0, temperature = 1.0;
};

/// What differs from step to step of one shape, beside the batch: double scalars that the step's ops read.
enum StepNumber : std::int64_t { STEP, LEARNING_RATE, AUXILIARY_LOSS_WEIGHT, Z_LOSS_WEIGHT, TARGET_TOKENS, STEP_NUMBERS };

/// The same in memory of the model's device that a captured step reads again at each replay (capturedSteps.h).
struct StepInputs {
  at::Tensor numbers;       // double (STEP_NUMBERS)
  at::Tensor dropoutWords;  // int64 (places, 2)
};

struct StepSettings {
  std::uint64_t seed = 0;
  /// The step to make, from 1.
  std::int64_t step = 1;
  double learningRate = 0.0;
  /// Largest global norm of the gradient; 0 turns clipping off.
  double gradientClip = 1.0;
  /// α of eq. 4, and the factor of the z-loss, at this step.
  double auxiliaryLoss = 0.0, zLoss = 0.0;
  AuxiliaryLossForm auxiliaryLossForm = AuxiliaryLossForm::paper;
  AuxiliaryLossGroup auxiliaryLossGroup = AuxiliaryLossGroup::capacityGroup;
  /// How far a router's bias moves where it follows the load.
  double biasRate = 0.0;
  DistillationSettings distillation;
  /// Factors of the penalties; 0 for none.
  double l1 = 0.0, l2 = 0.0;
  /// Null where nothing is pruned.
  Pruning* pruning = nullptr;
  /// Labels that are not padding; counted on the host, which has them.
  std::int64_t targetTokens = 1;
  /// The ranks that the step is shared by; null on one. The batch then holds this rank's rows, the target tokens are those of all.
  Mesh* mesh = nullptr;
  /// Null: the numbers above, and dropout by the seed. Otherwise they are read from there.
  const StepInputs* inputs = nullptr;
  /// Capacity factors of the routing facts; without `routing` no facts are gathered.
  bool routing = false;
  std::vector<double> capacityFactorGrid;
};

/// Scalars at the head of StepOutcome::facts.
enum StepFact : std::int64_t { LOSS, TOTAL_LOSS, AUXILIARY_LOSS, Z_LOSS, DISTILLATION_LOSS, GRADIENT_NORM, SPARSITY, STEP_FACTS };

/// The numbers of these settings, on the host.
at::Tensor numbersOf(const StepSettings& settings);

struct StepOutcome {
  /// double on the model's device: the scalars of StepFact, then each layer's routing facts.
  at::Tensor facts;
  std::vector<RoutedLayer> routed;
  /// Places of dropout, and what the step read besides batch, parameters and inputs (model/pass.h).
  std::int64_t dropoutPlaces = 0;
  std::vector<at::Tensor> tables;
  /// What else a person should know of this step; empty for most.
  std::string note = {};
};

/// Leaves parameters and optimizer as they were when a loss or the gradient is not finite; the facts then show it.
StepOutcome trainingStep(Transformer& model, Optimizer& optimizer, const TokenBatch& batch, const StepSettings& settings,
                         std::int64_t padToken);

}  // namespace switchyard
