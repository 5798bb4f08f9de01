// The parts of a model that its parameters belong to, by their names: what can be frozen, and what is pruned.
#pragma once

#include <string>
#include <vector>

#include "../config.h"
#include "parameters.h"

namespace switchyard {

/// - embeddings: token tables, the output matrix, patch projection, positions and classifier;
/// - attention: projections, and the table of the relative position bias;
/// - dense: feed-forward layers without experts; experts: those with; router: all that chooses them;
/// - norms: RMSNorm's weights.
ModelPart partOf(const std::string& parameter);

/// Whether it is a projection of attention or a matrix of a feed-forward layer: what pruning works on.
bool isPrunable(const Parameter& parameter);

/// Leaves these parts as they are from here on: no gradient, no update, nothing in the optimizer made afterwards.
void freeze(ParameterSet& parameters, const std::vector<ModelPart>& parts);

}  // namespace switchyard
