// Gradual pruning (Zhu & Gupta, 1710.01878): the baseline that sparse models are compared with. The projections of attention
// and the feed-forward matrices are pruned, each to the same share; embeddings, the output matrix and norms are not.
#pragma once

#include <torch/types.h>

#include <vector>

#include "../config.h"
#include "../mesh/group.h"
#include "../model/parameters.h"

namespace switchyard {

/// Share of weights that are to be zero after `step`: sparsity · (1 − (1 − t)³), t from 0 at beginStep to 1 at endStep.
double sparsityAt(const PruningConfig& config, std::int64_t step);

/// 1 for the weights of a matrix (n, m) to keep, bool: all but the round(share · n·m) of least magnitude.
at::Tensor keptWeights(const at::Tensor& matrix, double share);
/// The same by square blocks, counted from the upper left, of which the round(share · blocks) with the least mean square go; at
/// the right and lower edge they are smaller.
at::Tensor keptBlocks(const at::Tensor& matrix, double share, std::int64_t blockSize);

/// A zero of a pruned matrix is its mask: what a checkpoint holds is enough to go on.
class Pruning {
 public:
  /// Of the parameters that are not frozen by now. `columns`: the ranks among which the matrices are cut; null where they are whole. Throws Failure where
  /// none of them can be pruned.
  Pruning(const PruningConfig& config, ParameterSet& parameters, Group* columns = nullptr);

  /// Takes the gradient from weights that are zero, once pruning has begun. Call before the step's update.
  void maskGradients(std::int64_t step);
  /// Makes those weights zero again after the update, and more of them where the schedule says so. `closed` (bool scalar): the
  /// update was not made, and nothing changes.
  void prune(std::int64_t step, const at::Tensor& closed);
  /// Share of zeros among all weights of the pruned matrices, a double scalar.
  at::Tensor sparsity() const;

 private:
  /// What to keep of this rank's part of a matrix, chosen in the whole.
  at::Tensor kept(const Parameter& parameter, double share) const;

  PruningConfig config;
  Group* columns;
  std::vector<Parameter*> matrices;
  /// Of this step, one a matrix, bool; empty before pruning begins.
  std::vector<at::Tensor> masks;
};

}  // namespace switchyard
