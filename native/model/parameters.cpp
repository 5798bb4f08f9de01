#include "parameters.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace switchyard {
namespace {

/// Normal values of deviation 1 without those beyond two, by the inverse of the cumulative distribution.
at::Tensor truncatedNormal(at::IntArrayRef shape, std::uint64_t seed) {
  const double edge = std::erf(2.0 / std::sqrt(2.0));
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::empty(shape, at::kFloat).uniform_(-edge, edge, generator).erfinv_().mul_(std::sqrt(2.0)).clamp_(-2.0, 2.0);
}

}  // namespace

kernels::RoundedValue Parameter::rounded(at::ScalarType type) const {
  if (value.scalar_type() == type) return {value};
  if (shadow.defined() && shadow.scalar_type() == type) return {value, shadow};
  return {value.to(type)};
}

at::Tensor Parameter::as(at::ScalarType type) const { return kernels::inGraph(rounded(type)); }

at::Tensor Parameter::gradient() const { return value.grad().defined() ? value.grad() : at::zeros_like(value.detach()); }

at::Tensor Parameter::updated(const at::Tensor& x) const {
  if (share.of == 1) return x;
  const auto count = x.numel() / share.of;
  return x.view(-1).narrow(0, share.index * count, count);
}

void Parameter::refreshShadow() {
  const at::NoGradGuard noGrad;
  if (shadow.defined()) shadow.copy_(value);
}

ParameterSet::ParameterSet(std::int64_t seed, const at::TensorOptions& options, bool shadows, const MeshPlace& place)
    : place(place), seed(seed), options(options), shadows(shadows) {}

Parameter& ParameterSet::add(const std::string& name, at::IntArrayRef shape, const Initialization& initialization, const Split& split) {
  const at::NoGradGuard noGrad;
  at::Tensor value;
  if (initialization.deviation > 0.0 && options.device().is_meta()) {
    value = at::empty(partShape(shape, split, place), options);
  } else if (initialization.deviation > 0.0) {
    const auto stream = static_cast<std::uint64_t>(seed) * 1'000'003ULL + parameters.size();
    const auto whole = truncatedNormal(shape, stream).mul_(initialization.deviation);
    value = copiesOf(split, place.shape) == place.shape.ranks() ? whole.to(options) : partOf(whole, split, place).clone(at::MemoryFormat::Contiguous).to(options);
  } else {
    value = at::full(partShape(shape, split, place), initialization.constant, options);
  }
  parameters.push_back({name, value.detach().requires_grad_(initialization.trained), shadows ? value.to(at::kBFloat16) : at::Tensor(), shape.vec(), split});
  return parameters.back();
}

std::vector<Parameter*> ParameterSet::trained() {
  std::vector<Parameter*> some;
  for (auto& parameter : parameters)
    if (parameter.value.requires_grad()) some.push_back(&parameter);
  return some;
}

std::int64_t ParameterSet::count() const {
  std::int64_t total = 0;
  for (const auto& parameter : parameters) total += c10::multiply_integers(parameter.shape);
  return total;
}

}  // namespace switchyard
