// T5's relative position bias: a learned number for each head and bucket of distance (1910.10683 §2.1).
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "parameters.h"
#include "pass.h"

namespace switchyard {

/// Bucket of `distance` = key position - query position, 0..buckets-1: half exact, half logarithmic up to maxDistance;
/// a bidirectional bias gives each sign half of the buckets, a causal one sees the past alone.
std::int64_t relativePositionBucket(std::int64_t distance, bool bidirectional, std::int64_t buckets, std::int64_t maxDistance);

class RelativePositionBias {
 public:
  /// Parameter PREFIX.relative_attention_bias.weight (buckets, heads).
  RelativePositionBias(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model, bool bidirectional);
  /// (H, Q, K) for queries from position `firstQuery` on and keys from position 0 on.
  at::Tensor forward(Pass& pass, std::int64_t queries, std::int64_t keys, std::int64_t firstQuery = 0) const;

 private:
  bool bidirectional;
  std::int64_t buckets, maxDistance;
  Parameter* weight;
  /// Buckets of the last shape asked for, (Q · K) on the model's device: every batch has the same one.
  mutable at::Tensor cached;
  mutable std::int64_t cachedQueries = -1, cachedKeys = -1, cachedFirst = -1;
};

}  // namespace switchyard
