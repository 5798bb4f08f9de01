// Models in the layout that transformers reads and writes: its names and shapes against the engine's own.
// The engine keeps a layer's experts in one tensor, wi (E, d, ff) and wo (E, ff, d); transformers keeps a linear layer for each,
// experts.expert_e.wi.weight (ff, d) and wo.weight (d, ff). All other weights have the same shape in both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../config.h"
#include "../engine.h"
#include "safetensors.h"

namespace switchyard {

/// Names of feed-forward layers: mlp in SwitchTransformers, DenseReluDense in T5.
enum class HuggingFaceFamily { switchTransformers, t5 };

struct HuggingFaceModel {
  HuggingFaceFamily family = HuggingFaceFamily::switchTransformers;
  ModelConfig model;
  std::int64_t vocabularySize = 0;
};

/// Reads the weights of a model from one or several safetensors files, of float32, bfloat16, float16 or float64, and writes them
/// in fp32 under the engine's names to `target`, a layer's tensor at a time. Throws Failure with one sentence: a weight is missing,
/// is there twice, is not the model's, has another shape, or holds values that are not finite.
WrittenFile importHuggingFace(const std::vector<std::string>& files, const std::string& target, const HuggingFaceModel& model);

/// Writes the fp32 weights of a model.safetensors under transformers' names into an existing folder: model.safetensors, or files
/// model-00001-of-N.safetensors of at most `maxShardBytes` each, unless a weight alone is larger.
/// Throws Failure where the file does not hold exactly the model's weights.
std::vector<SavedFile> exportHuggingFace(const std::string& source, const std::string& folder, const HuggingFaceModel& model, std::int64_t maxShardBytes);

}  // namespace switchyard
