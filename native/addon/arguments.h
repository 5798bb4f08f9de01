// JavaScript values into the engine's arguments. The callers have checked them against contract/; what does not fit all the
// same is answered with a Failure that names the field.
#pragma once

#include <napi.h>

#include "../checkpoint/huggingFace.h"
#include "../config.h"
#include "../engine.h"

namespace switchyard::addon {

EngineConfig readConfig(const Napi::Value& value);
Batch readBatch(const Napi::Value& value);
GenerationRequest readGeneration(const Napi::Value& value);
/// A batch without labels.
Batch readReading(const Napi::Value& value);
HuggingFaceModel readHuggingFaceModel(const Napi::Value& value);
std::int64_t readWhole(const Napi::Value& value, const std::string& name);
std::vector<std::string> readTexts(const Napi::Value& value, const std::string& name);
std::string readText(const Napi::Value& value, const std::string& name);

}  // namespace switchyard::addon
