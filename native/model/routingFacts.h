// What a routing event reports, packed into one tensor so that a step reads back once.
#pragma once

#include <torch/types.h>

#include <vector>

#include "../engine.h"
#include "router.h"

namespace switchyard {

/// Facts of one layer as a double vector on its device: load (E), kept (E), probability (E), sums of entropy and
/// confidence, auxiliary loss, z-loss, tokens, and for each capacity factor of the grid the tokens it would drop.
at::Tensor packRoutingFacts(const RoutedLayer& layer, const std::vector<double>& capacityFactorGrid);

/// Entries that packRoutingFacts gives.
std::int64_t routingFactsSize(std::int64_t experts, std::size_t gridSize);

/// Reads them from the host copy at `facts`.
LayerRouting unpackRoutingFacts(const RoutedLayer& layer, const std::vector<double>& capacityFactorGrid, const double* facts);

}  // namespace switchyard
