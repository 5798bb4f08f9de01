// Ranks that hold the same part of a parameter, and who of them updates what: each a share of its elements, whose moments it alone keeps (ZeRO
// stage 1, 1910.02054 §5.1). Gradients are then summed to those who need them, and updated values sent to the others: as many bytes as a whole sum.
#pragma once

#include <vector>

#include "../mesh/mesh.h"
#include "../model/parameters.h"

namespace switchyard {

/// Gives each rank its share of every trained parameter whose elements divide evenly among its replicas.
void shareUpdates(ParameterSet& parameters, const Mesh& mesh);

/// After an update by shares: each rank's values, and shadows, become those that their ranks have updated.
void gatherUpdates(const std::vector<Parameter*>& trained, const Mesh& mesh);

/// Elements that small tensors are sent together in. One of so many travels by itself.
constexpr std::int64_t BUCKET = 1 << 18;

}  // namespace switchyard
