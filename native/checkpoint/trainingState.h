// What a run goes on from: parameters and the optimizer's state, in a folder of two files that hold whole tensors, whatever the mesh.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../mesh/mesh.h"
#include "../model/parameters.h"
#include "../optim/optimizer.h"
#include "savedFile.h"

namespace switchyard {

/// All that is saved of a training engine. On a mesh all ranks make the same calls; null is one rank.
struct TrainingState {
  ParameterSet& parameters;
  const Optimizer& optimizer;
  Mesh* mesh;
};

/// Writes the files, on the first rank alone, which gets their list. Throws Failure.
std::vector<SavedFile> save(const TrainingState& state, const std::string& directory, std::int64_t step);
/// Becomes what the folder holds; returns its step. Throws Failure, on all ranks, with nothing changed, where a file is damaged or of another model.
std::int64_t load(const TrainingState& state, const std::string& directory);
/// Parameters alone, for inference; 0 where the file comes from elsewhere and has no step.
std::int64_t loadParameters(ParameterSet& parameters, const std::string& path);

}  // namespace switchyard
