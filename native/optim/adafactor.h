// Adafactor (1804.04235) without first moment, as T5 and Switch were trained.
#pragma once

#include "optimizer.h"

namespace switchyard {

class Adafactor : public Optimizer {
 public:
  Adafactor(const AdafactorConfig& config, ParameterSet& parameters);
  void update(double learningRate, std::int64_t step, const at::Tensor& gradientScale) override;
  /// row_moment.PARAMETER (..., n) and column_moment.PARAMETER (..., m) of matrices (..., n, m), one for each expert;
  /// second_moment.PARAMETER of vectors.
  std::vector<NamedTensor> state() const override;

 private:
  struct Moments {
    at::Tensor row, column;  // of matrices
    at::Tensor full;         // of vectors
  };
  /// The second-moment estimate of a gradient, after taking it in where the gate is 1.
  static at::Tensor estimate(Moments& moments, const at::Tensor& gradient, double rate, const at::Tensor& gate);

  AdafactorConfig config;
  std::vector<Parameter*> parameters;
  std::vector<Moments> moments;
};

}  // namespace switchyard
