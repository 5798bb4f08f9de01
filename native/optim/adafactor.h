// Adafactor (1804.04235) without first moment, as T5 and Switch were trained. On a mesh that cuts a matrix, means are those of the whole.
#pragma once

#include "optimizer.h"

namespace switchyard {

class Adafactor : public Optimizer {
 public:
  Adafactor(const AdafactorConfig& config, ParameterSet& parameters, const Mesh* mesh);
  void update(const at::Tensor& learningRate, const at::Tensor& step, const at::Tensor& gradientScale) override;
  /// row_moment.PARAMETER (..., n) and column_moment.PARAMETER (..., m) of matrices (..., n, m), one for each expert;
  /// second_moment.PARAMETER of vectors.
  std::vector<StateTensor> state() const override;

 private:
  struct Moments {
    at::Tensor row, column;  // of matrices
    at::Tensor full;         // of vectors
  };
  /// The second-moment estimate of a gradient, after taking it in where the gate is 1.
  at::Tensor estimate(const Parameter& parameter, Moments& moments, const at::Tensor& gradient, const at::Tensor& rate, const at::Tensor& gate) const;
  /// Turns the mean over a dimension of this rank's part of a parameter into that of the whole.
  at::Tensor whole(at::Tensor mean, const Parameter& parameter, std::int64_t dimension) const;
  at::Tensor rootMeanSquare(const at::Tensor& part, const Parameter& parameter) const;

  AdafactorConfig config;
  std::vector<Parameter*> parameters;
  std::vector<Moments> moments;
  const Mesh* mesh;
};

}  // namespace switchyard
