#include "adafactor.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <numeric>

namespace switchyard {
namespace {

// ε1 keeps the estimate positive; ε2 is the smallest scale a parameter is given (1804.04235, algorithm 4).
constexpr double SQUARE_FLOOR = 1e-30;
constexpr double SCALE_FLOOR = 1e-3;

}  // namespace

Adafactor::Adafactor(const AdafactorConfig& config, ParameterSet& all, const Mesh* mesh) : config(config), parameters(all.trained()), mesh(mesh) {
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

at::Tensor Adafactor::whole(at::Tensor mean, const Parameter& parameter, std::int64_t dimension) const {
  if (!mesh || dimension < 0) return mean;
  auto* group = dimension == parameter.split.model ? mesh->model() : dimension == parameter.split.expert ? mesh->expert() : nullptr;
  if (!group) return mean;
  mean = mean.contiguous();
  group->sum(mean, Traffic::control);
  return mean.div_(static_cast<double>(group->size()));
}

at::Tensor Adafactor::rootMeanSquare(const at::Tensor& part, const Parameter& parameter) const {
  return whole(whole(part.square().mean(), parameter, parameter.split.model), parameter, parameter.split.expert).sqrt();
}

at::Tensor Adafactor::estimate(const Parameter& parameter, Moments& m, const at::Tensor& gradient, const at::Tensor& rate, const at::Tensor& gate) const {
  const auto square = gradient.square().add_(SQUARE_FLOOR);
  const auto weight = gate * rate;
  if (m.full.defined()) {
    m.full.lerp_(square, weight);
    return m.full;
  }
  const auto last = square.dim() - 1;
  m.row.lerp_(whole(square.mean(-1), parameter, last), weight);
  m.column.lerp_(whole(square.mean(-2), parameter, last - 1), weight);
  const auto rows = m.row / whole(m.row.mean(-1, true), parameter, last - 1);
  return rows.unsqueeze(-1) * m.column.unsqueeze(-2);
}

void Adafactor::update(const at::Tensor& learningRate, const at::Tensor& step, const at::Tensor& gradientScale) {
  const at::NoGradGuard noGrad;
  const auto gate = gradientScale.mul(0.0).eq(0.0).to(gradientScale.scalar_type());
  const auto closed = gate.eq(0.0);
  const auto rate = step.pow(-config.decayRate).to(gate.scalar_type());  // 1 - β2 of this step
  std::size_t i = 0;
  for (auto* parameter : parameters) {
    auto value = parameter->value.detach();
    const auto gradient = (parameter->gradient() * gradientScale).masked_fill(closed, 0.0);
    auto update = gradient * (estimate(*parameter, moments[i++], gradient, rate, gate) + SQUARE_FLOOR).rsqrt();
    update = update / (rootMeanSquare(update, *parameter) / config.clippingThreshold).clamp_min(1.0);
    if (config.scaleParameter) update = update * rootMeanSquare(value, *parameter).clamp_min(SCALE_FLOOR);
    if (config.weightDecay > 0.0 && value.dim() >= 2) update = update + value * config.weightDecay;
    value.sub_(update * (gate * learningRate.to(gate.scalar_type())));
    parameter->refreshShadow();
  }
}

std::vector<StateTensor> Adafactor::state() const {
  std::vector<StateTensor> all;
  std::size_t i = 0;
  for (const auto* parameter : parameters) {
    const auto& m = moments[i++];
    if (m.full.defined()) {
      all.push_back({"second_moment." + parameter->name, m.full, parameter, {0}});
      continue;
    }
    // Rows have all dimensions but the last, columns all but the one before.
    std::vector<std::int64_t> rows(parameter->shape.size() - 1);
    std::iota(rows.begin(), rows.end(), 0);
    auto columns = rows;
    ++columns.back();
    all.push_back({"row_moment." + parameter->name, m.row, parameter, rows});
    all.push_back({"column_moment." + parameter->name, m.column, parameter, columns});
  }
  return all;
}

}  // namespace switchyard
