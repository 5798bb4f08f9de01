// A rank's model as the engine's configuration describes it.
#pragma once

#include "config.h"
#include "model/transformer.h"

namespace switchyard {

MeshPlace placeOf(const EngineConfig& config);

/// `model` is the configuration's own or its teacher's. On the meta device it has shapes and no values.
Transformer makeModel(const EngineConfig& config, const ModelConfig& model, at::Device device);

}  // namespace switchyard
