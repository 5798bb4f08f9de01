// A new model's first weights, taken from another model's file: fine-tuning, upcycling, and a distilled student's beginning.
#pragma once

#include <cstdint>
#include <string>

#include "model/parameters.h"

namespace switchyard {

/// Numbers of single weights, by where they came from.
struct StartingWeights {
  /// As they stand in the file.
  std::int64_t copied = 0;
  /// Experts that began as copies of a dense feed-forward layer.
  std::int64_t upcycled = 0;
  /// As they were initialised.
  std::int64_t fresh = 0;
};

/// Overwrites the parameters with those of the model.safetensors at `path`, of any floating type, by name and shape:
/// - equal names are copied;
/// - where this model has experts and the file a dense feed-forward, each expert gets a copy of that (upcycling, 2212.05055),
///   and the router stays as it was initialised;
/// - where this model is dense and the file has experts, the feed-forward stays as it was initialised (Switch §4.2).
/// All or nothing: anything else that is missing, left over or of another shape, and weights that are not finite, throw Failure.
StartingWeights startFrom(const std::string& path, ParameterSet& parameters);

/// Overwrites the parameters with exactly those of the file. Throws Failure as above where they are others.
void loadExactly(const std::string& path, ParameterSet& parameters);

}  // namespace switchyard
