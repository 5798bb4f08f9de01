// What the training step asks of an optimizer.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "../checkpoint/safetensors.h"
#include "../config.h"
#include "../mesh/mesh.h"
#include "../model/parameters.h"

namespace switchyard {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update from the parameters' gradients times gradientScale (a float scalar on their device; NaN or infinite:
  /// nothing changes), the shadows included. Step counts from 1.
  virtual void update(double learningRate, std::int64_t step, const at::Tensor& gradientScale) = 0;

  /// Everything it remembers, by the names a checkpoint uses: KIND.PARAMETER. The tensors are the state itself.
  virtual std::vector<NamedTensor> state() const = 0;
};

/// The optimizer that the configuration names, over the parameters that are not frozen by now, which must outlive it, as must
/// the mesh; null is one rank. Weight decay spares vectors.
std::unique_ptr<Optimizer> makeOptimizer(const TrainingConfig& training, ParameterSet& parameters, const Mesh* mesh = nullptr);

}  // namespace switchyard
