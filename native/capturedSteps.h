// Training steps as graphs of the device: a step's some thousands of launches are captured once for each shape of batch and then
// replayed by one call (CUDA graphs), with the same numbers. What differs from step to step is read from memory (StepInputs).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "trainingStep.h"

namespace at {
struct GraphImplInterface;
}

namespace switchyard {

class CapturedSteps {
 public:
  /// Whether this libtorch can capture what the device does.
  static bool possibleOn(at::Device device);

  /// Model and optimizer must outlive it. Steps by these must neither prune nor be shared by ranks: both ask the host in their midst.
  CapturedSteps(Transformer& model, Optimizer& optimizer, std::int64_t padToken);
  ~CapturedSteps();

  /// As trainingStep; the tensors of the outcome hold until the next step. The first steps of a shape are made as they are, the others
  /// by its graph, and all as they are from the first failure to capture on.
  StepOutcome step(const TokenBatch& batch, const StepSettings& settings);

  /// Graphs at hand.
  std::int64_t graphs() const;
  /// Why no more steps are captured; empty where they are.
  const std::string& failure() const { return why; }

 private:
  /// What a graph is made for: the sizes of the batch's tensors, and whether routing is gathered.
  using Shape = std::pair<std::vector<std::vector<std::int64_t>>, bool>;
  struct Graph;

  std::unique_ptr<Graph> capture(const TokenBatch& batch, const StepSettings& settings, std::int64_t dropoutPlaces);

  Transformer& model;
  Optimizer& optimizer;
  std::int64_t padToken;
  std::string why;
  struct Known {
    std::int64_t steps = 0, dropoutPlaces = 0;
    std::unique_ptr<Graph> graph;
  };
  std::map<Shape, Known> shapes;
};

}  // namespace switchyard
