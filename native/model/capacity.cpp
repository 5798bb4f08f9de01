#include "capacity.h"

#include <algorithm>
#include <cmath>

namespace switchyard {

std::int64_t expertCapacity(std::int64_t groupTokens, std::int64_t experts, double factor) {
  // The small subtraction keeps 100 / 8 · 1.2 = 15.000000000000002 from taking a sixteenth place.
  const double exact = static_cast<double>(groupTokens) / static_cast<double>(experts) * factor;
  const auto capacity = static_cast<std::int64_t>(std::ceil(exact - 1e-9));
  return std::clamp<std::int64_t>(capacity, 1, groupTokens);
}

double choicesOf(const SparseConfig& sparse) {
  if (sparse.routing != RoutingKind::topK) return 1.0;
  if (sparse.budget) return *sparse.budget;
  return sparse.laterChoices == LaterChoices::none ? 1.0 : static_cast<double>(sparse.choices);
}

std::int64_t placesOf(const SparseConfig& sparse, std::int64_t groupTokens, double factor) {
  if (sparse.overflow == Overflow::dropless) return groupTokens;
  if (sparse.fixedCapacity) return std::min(*sparse.fixedCapacity, groupTokens);
  return expertCapacity(groupTokens, sparse.experts, factor * choicesOf(sparse));
}

}  // namespace switchyard
