// The engine's results as the JavaScript objects of switchyard.d.ts.
#pragma once

#include <napi.h>

#include "../checkpoint/safetensors.h"
#include "../devices/cpuRates.h"
#include "../devices/devices.h"
#include "../engine.h"

namespace switchyard::addon {

Napi::Value toValue(Napi::Env env, const StepResult& result, bool withRouting);
Napi::Value toValue(Napi::Env env, const EvaluationResult& result);
Napi::Value toValue(Napi::Env env, const GenerationState& state);
Napi::Value toValue(Napi::Env env, const std::vector<ParameterInfo>& parameters);
Napi::Value toValue(Napi::Env env, const MemoryUse& memory);
Napi::Value toValue(Napi::Env env, const StartingWeights& weights);
Napi::Value toValue(Napi::Env env, const SavedFile& file);
Napi::Value toValue(Napi::Env env, const std::vector<SavedFile>& files);
Napi::Value toValue(Napi::Env env, const std::vector<TensorEntry>& entries);
Napi::Value toValue(Napi::Env env, const Devices& devices);
Napi::Value toValue(Napi::Env env, const CpuRates& rates);

}  // namespace switchyard::addon
