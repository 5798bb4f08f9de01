// AdamW (1711.05101) by the fused kernel.
#pragma once

#include "../kernels/adamW.h"
#include "optimizer.h"

namespace switchyard {

class AdamW : public Optimizer {
 public:
  AdamW(const AdamWConfig& config, ParameterSet& parameters, const Mesh* mesh);
  void update(const at::Tensor& learningRate, const at::Tensor& step, const at::Tensor& gradientScale) override;
  /// first_moment.PARAMETER and second_moment.PARAMETER, each of the parameter's shape, or flat of this rank's share of it.
  std::vector<StateTensor> state() const override;

 private:
  AdamWConfig config;
  std::vector<Parameter*> parameters;
  /// Null where this rank updates all that it holds.
  const Mesh* sharing;
  std::vector<at::Tensor> firstMoments, secondMoments;
};

}  // namespace switchyard
