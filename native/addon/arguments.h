// JavaScript values into the engine's arguments. The callers have checked them against contract/; what does not fit all the
// same is answered with a Failure that names the field.
#pragma once

#include <napi.h>

#include "../config.h"
#include "../engine.h"

namespace switchyard::addon {

EngineConfig readConfig(const Napi::Value& value);
Batch readBatch(const Napi::Value& value);
std::string readText(const Napi::Value& value, const std::string& name);

}  // namespace switchyard::addon
