// What the training step asks of an optimizer.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../config.h"
#include "../mesh/mesh.h"
#include "../model/parameters.h"

namespace switchyard {

/// What an optimizer remembers of a parameter; the tensor is the state itself.
struct StateTensor {
  /// KIND.PARAMETER, as in a checkpoint.
  std::string name;
  at::Tensor tensor;
  const Parameter* parameter;
  /// Those of the parameter's dimensions that it has, in order. Where updates are shared it is flat, this rank's share.
  std::vector<std::int64_t> dimensions;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update from the parameters' gradients times gradientScale (a float scalar on their device; NaN or infinite:
  /// nothing changes), the shadows included. The rate and the step, which counts from 1, are double scalars on the host or that device.
  virtual void update(const at::Tensor& learningRate, const at::Tensor& step, const at::Tensor& gradientScale) = 0;

  /// Everything it remembers.
  virtual std::vector<StateTensor> state() const = 0;
};

/// The optimizer that the configuration names, over the parameters that are not frozen by now, which must outlive it, as must
/// the mesh; null is one rank. Weight decay spares vectors.
std::unique_ptr<Optimizer> makeOptimizer(const TrainingConfig& training, ParameterSet& parameters, const Mesh* mesh = nullptr);

}  // namespace switchyard
