// What every rank of a mesh spent a step on.
#pragma once

#include <vector>

#include "../engine.h"
#include "mesh.h"

namespace switchyard {

/// Of each rank, what it sent since `before` and the seconds it took, which each brings along; all ranks call it.
std::vector<RankUse> usesSince(const Mesh& mesh, const TrafficMeter& before, double seconds);

}  // namespace switchyard
