#include "makeModel.h"

namespace switchyard {

MeshPlace placeOf(const EngineConfig& config) { return config.mesh ? MeshPlace::of(config.mesh->shape, config.mesh->rank) : MeshPlace{}; }

Transformer makeModel(const EngineConfig& config, const ModelConfig& model, at::Device device) {
  return Transformer(model, {config.vocabularySize, config.padToken, config.startToken}, config.seed, at::TensorOptions().dtype(at::kFloat).device(device),
                     config.images, placeOf(config));
}

}  // namespace switchyard
