// What a routing event reports, packed into one tensor so that a step reads back once.
#pragma once

#include <torch/types.h>

#include <vector>

#include "../engine.h"
#include "../mesh/group.h"
#include "router.h"

namespace switchyard {

/// Facts of one layer as a double vector on its device: load (E), kept (E), probability (E), sums of entropy and confidence,
/// auxiliary loss, z-loss, tokens, dropped tokens, and for each capacity factor of the grid the tokens it would drop, where that
/// is known (RoutedLayer::dropsByPosition).
at::Tensor packRoutingFacts(const RoutedLayer& layer, const std::vector<double>& capacityFactorGrid);

/// Entries that packRoutingFacts gives.
std::int64_t routingFactsSize(const RoutedLayer& layer, std::size_t gridSize);

/// Reads them from the host copy at `facts`.
LayerRouting unpackRoutingFacts(const RoutedLayer& layer, const std::vector<double>& capacityFactorGrid, const double* facts);

/// Facts of all sparse layers of a pass in one vector; empty for a dense model. On a mesh those of the whole batch, after `gatherRouting`.
at::Tensor packAllRoutingFacts(const std::vector<RoutedLayer>& routed, const std::vector<double>& capacityFactorGrid, const at::TensorOptions& options,
                               Group* batch = nullptr);
/// Reads them from the host copy at `facts`.
std::vector<LayerRouting> unpackAllRoutingFacts(const std::vector<RoutedLayer>& routed, const std::vector<double>& capacityFactorGrid, const double* facts);

}  // namespace switchyard
