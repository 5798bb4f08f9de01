#include "adafactor.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace switchyard {
namespace {

// ε1 keeps the estimate positive; ε2 is the smallest scale a parameter is given (1804.04235, algorithm 4).
constexpr double SQUARE_FLOOR = 1e-30;
constexpr double SCALE_FLOOR = 1e-3;

at::Tensor rootMeanSquare(const at::Tensor& x) { return x.square().mean().sqrt(); }

}  // namespace

Adafactor::Adafactor(const AdafactorConfig& config, ParameterSet& all) : config(config), parameters(all.trained()) {
  for (const auto* parameter : parameters) {
    const auto value = parameter->value.detach();
    Moments m;
    if (value.dim() >= 2) {
      m.row = at::zeros_like(value.select(-1, 0), at::MemoryFormat::Contiguous);
      m.column = at::zeros_like(value.select(-2, 0), at::MemoryFormat::Contiguous);
    } else {
      m.full = at::zeros_like(value);
    }
    moments.push_back(std::move(m));
  }
}

at::Tensor Adafactor::estimate(Moments& m, const at::Tensor& gradient, double rate, const at::Tensor& gate) {
  const auto square = gradient.square().add_(SQUARE_FLOOR);
  const auto weight = gate * rate;
  if (m.full.defined()) {
    m.full.lerp_(square, weight);
    return m.full;
  }
  m.row.lerp_(square.mean(-1), weight);
  m.column.lerp_(square.mean(-2), weight);
  const auto rows = m.row / m.row.mean(-1, true);
  return rows.unsqueeze(-1) * m.column.unsqueeze(-2);
}

void Adafactor::update(double learningRate, std::int64_t step, const at::Tensor& gradientScale) {
  const at::NoGradGuard noGrad;
  const auto gate = gradientScale.mul(0.0).eq(0.0).to(gradientScale.scalar_type());
  const auto closed = gate.eq(0.0);
  const double rate = std::pow(static_cast<double>(step), -config.decayRate);  // 1 - β2 of this step
  std::size_t i = 0;
  for (auto* parameter : parameters) {
    auto value = parameter->value.detach();
    const auto gradient = (parameter->gradient() * gradientScale).masked_fill(closed, 0.0);
    auto update = gradient * (estimate(moments[i++], gradient, rate, gate) + SQUARE_FLOOR).rsqrt();
    update = update / (rootMeanSquare(update) / config.clippingThreshold).clamp_min(1.0);
    if (config.scaleParameter) update = update * rootMeanSquare(value).clamp_min(SCALE_FLOOR);
    if (config.weightDecay > 0.0 && value.dim() >= 2) update = update + value * config.weightDecay;
    value.sub_(update * (gate * learningRate));
    parameter->refreshShadow();
  }
}

std::vector<NamedTensor> Adafactor::state() const {
  std::vector<NamedTensor> all;
  std::size_t i = 0;
  for (const auto* parameter : parameters) {
    const auto& m = moments[i++];
    if (m.full.defined()) {
      all.push_back({"second_moment." + parameter->name, m.full});
    } else {
      all.push_back({"row_moment." + parameter->name, m.row});
      all.push_back({"column_moment." + parameter->name, m.column});
    }
  }
  return all;
}

}  // namespace switchyard
