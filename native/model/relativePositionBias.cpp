#include "relativePositionBias.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "embedding.h"

namespace switchyard {

std::int64_t relativePositionBucket(std::int64_t distance, bool bidirectional, std::int64_t buckets, std::int64_t maxDistance) {
  std::int64_t bucket = 0;
  if (bidirectional) {
    buckets /= 2;
    if (distance > 0) bucket += buckets;
    distance = std::abs(distance);
  } else {
    distance = std::max<std::int64_t>(0, -distance);
  }
  const auto exact = buckets / 2;
  if (distance < exact) return bucket + distance;
  // In float, as the published implementations do: the edges between buckets depend on it.
  const auto ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                     std::log(static_cast<float>(maxDistance) / static_cast<float>(exact));
  const auto logarithmic = exact + static_cast<std::int64_t>(ratio * static_cast<float>(buckets - exact));
  return bucket + std::clamp(logarithmic, exact, buckets - 1);
}

RelativePositionBias::RelativePositionBias(ParameterSet& parameters, const std::string& prefix, const ModelConfig& model,
                                           bool bidirectional)
    : bidirectional(bidirectional), buckets(model.relativePositionBuckets), maxDistance(model.relativePositionMaxDistance) {
  const double deviation = std::sqrt(model.initializationScale / static_cast<double>(model.dModel));
  weight = &parameters.add(prefix + ".relative_attention_bias.weight", {buckets, model.heads}, {deviation}, {.model = 1});
}

at::Tensor RelativePositionBias::forward(Pass& pass, std::int64_t queries, std::int64_t keys, std::int64_t firstQuery) const {
  if (queries != cachedQueries || keys != cachedKeys || firstQuery != cachedFirst) {
    std::vector<std::int64_t> ids;
    ids.reserve(static_cast<std::size_t>(queries * keys));
    for (std::int64_t q = 0; q < queries; ++q)
      for (std::int64_t k = 0; k < keys; ++k) ids.push_back(relativePositionBucket(k - firstQuery - q, bidirectional, buckets, maxDistance));
    cached = at::tensor(ids, at::kLong).to(weight->value.device());
    cachedQueries = queries;
    cachedKeys = keys;
    cachedFirst = firstQuery;
  }
  pass.tables.push_back(cached);
  const auto heads = weight->value.size(1);
  return lookUp(*weight, cached, weight->value.scalar_type()).view({queries, keys, heads}).permute({2, 0, 1}).contiguous();
}

}  // namespace switchyard
