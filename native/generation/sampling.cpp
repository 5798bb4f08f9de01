#include "sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "../kernels/splitMix.h"

namespace switchyard {
namespace {

/// Uniform in [0, 1): SplitMix64 at the position-th place of the seed's sequence, twice, so that neighbouring seeds share no draws.
double uniform(std::uint64_t seed, std::int64_t position) {
  using kernels::splitMix64;
  return static_cast<double>(splitMix64(splitMix64(seed) + static_cast<std::uint64_t>(position)) >> 11) * 0x1.0p-53;
}

}  // namespace

std::int32_t mostProbable(std::span<const float> logProbabilities) {
  return static_cast<std::int32_t>(std::max_element(logProbabilities.begin(), logProbabilities.end()) - logProbabilities.begin());
}

std::int32_t sample(std::span<const float> logProbabilities, const GenerationSettings& settings, std::int64_t position) {
  std::vector<std::int32_t> order(logProbabilities.size());
  std::iota(order.begin(), order.end(), 0);
  auto kept = order.size();
  if (settings.topK > 0) kept = std::min(kept, static_cast<std::size_t>(settings.topK));
  const auto before = [&](std::int32_t a, std::int32_t b) {
    return logProbabilities[a] != logProbabilities[b] ? logProbabilities[a] > logProbabilities[b] : a < b;
  };
  if (kept < order.size() || settings.topP < 1.0) std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), before);

  const double greatest = logProbabilities[mostProbable(logProbabilities)];
  std::vector<double> weight(kept);
  double total = 0.0;
  for (std::size_t i = 0; i < kept; ++i) total += weight[i] = std::exp((logProbabilities[order[i]] - greatest) / settings.temperature);
  if (settings.topP < 1.0) {
    // The token that reaches topP is kept, so at least one is.
    double sum = 0.0;
    std::size_t nucleus = 0;
    while (nucleus < kept && sum < settings.topP * total) sum += weight[nucleus++];
    kept = std::max<std::size_t>(1, nucleus);
    total = sum;
  }
  double left = uniform(settings.seed, position) * total;
  for (std::size_t i = 0; i + 1 < kept; ++i)
    if ((left -= weight[i]) < 0.0) return order[i];
  return order[kept - 1];
}

}  // namespace switchyard
