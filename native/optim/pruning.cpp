#include "pruning.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "../failure.h"
#include "../model/parts.h"

namespace switchyard {
namespace {

/// True for all entries of `scores` but the `drop` lowest, in its shape.
at::Tensor highest(const at::Tensor& scores, std::int64_t drop) {
  const auto flat = scores.reshape(-1);
  const auto kept = std::get<1>(flat.topk(flat.numel() - drop));
  return at::zeros(flat.sizes(), flat.options().dtype(at::kBool)).scatter(0, kept, true).view(scores.sizes());
}

std::int64_t shareOf(std::int64_t count, double share) { return static_cast<std::int64_t>(std::llround(share * static_cast<double>(count))); }

}  // namespace

double sparsityAt(const PruningConfig& config, std::int64_t step) {
  const auto length = static_cast<double>(config.endStep - config.beginStep);
  const double t = std::clamp(static_cast<double>(step - config.beginStep) / length, 0.0, 1.0);
  return config.sparsity * (1.0 - std::pow(1.0 - t, 3));
}

at::Tensor keptWeights(const at::Tensor& matrix, double share) { return highest(at::maximum(matrix, matrix.neg()), shareOf(matrix.numel(), share)); }

at::Tensor keptBlocks(const at::Tensor& matrix, double share, std::int64_t blockSize) {
  const auto n = matrix.size(0), m = matrix.size(1);
  const auto rows = (n + blockSize - 1) / blockSize, columns = (m + blockSize - 1) / blockSize;
  const auto sums = [&](const at::Tensor& values) {  // (n, m) to (rows, columns)
    return at::constant_pad_nd(values, {0, columns * blockSize - m, 0, rows * blockSize - n})
        .view({rows, blockSize, columns, blockSize}).sum({1, 3});
  };
  const auto meanSquares = sums(matrix.square()) / sums(at::ones_like(matrix));
  const auto blocks = highest(meanSquares, shareOf(rows * columns, share));
  return blocks.view({rows, 1, columns, 1}).expand({rows, blockSize, columns, blockSize})
      .reshape({rows * blockSize, columns * blockSize}).narrow(0, 0, n).narrow(1, 0, m);
}

Pruning::Pruning(const PruningConfig& config, ParameterSet& parameters, Group* columns) : config(config), columns(columns) {
  for (auto* parameter : parameters.trained())
    if (isPrunable(*parameter)) matrices.push_back(parameter);
  if (matrices.empty()) throw Failure("There is nothing to prune: attention and feed-forward layers are frozen.");
}

void Pruning::maskGradients(std::int64_t step) {
  const at::NoGradGuard noGrad;
  masks.clear();
  if (step <= config.beginStep) return;
  for (auto* parameter : matrices) {
    masks.push_back(parameter->value.detach().ne(0.0));
    parameter->value.mutable_grad() = parameter->gradient() * masks.back();
  }
}

void Pruning::prune(std::int64_t step, const at::Tensor& closed) {
  const at::NoGradGuard noGrad;
  const bool more = step > config.beginStep && step <= config.endStep &&
                    ((step - config.beginStep) % config.everySteps == 0 || step == config.endStep);
  const double share = sparsityAt(config, step);
  for (std::size_t i = 0; i < masks.size(); ++i) {
    auto value = matrices[i]->value.detach();
    value.mul_(masks[i].bitwise_or(closed));
    if (more) value.mul_(kept(*matrices[i], share).bitwise_or(closed));
    matrices[i]->refreshShadow();
  }
}

at::Tensor Pruning::kept(const Parameter& parameter, double share) const {
  const auto dimension = parameter.split.model;
  const bool cut = columns && dimension >= 0;
  const auto part = parameter.value.detach();
  const auto matrix = cut ? at::cat(columns->gather(part, Traffic::control).unbind(0), dimension) : part;
  const auto whole = config.blocks ? keptBlocks(matrix, share, config.blockSize) : keptWeights(matrix, share);
  return cut ? whole.narrow(dimension, columns->rank() * part.size(dimension), part.size(dimension)) : whole;
}

at::Tensor Pruning::sparsity() const {
  const at::NoGradGuard noGrad;
  std::int64_t weights = 0;
  at::Tensor zeros;
  // All that is pruned is cut alike, so the zeros of all parts are those of all matrices.
  for (const auto* parameter : matrices) {
    const auto count = parameter->value.detach().eq(0.0).sum();
    zeros = zeros.defined() ? zeros + count : count;
    weights += parameter->value.numel();
  }
  if (columns) columns->sum(zeros, Traffic::control), weights *= columns->size();
  return zeros.to(at::kDouble) / static_cast<double>(weights);
}

}  // namespace switchyard
