#include "results.h"

#include <array>

namespace switchyard::addon {
namespace {

Napi::Value number(Napi::Env env, std::int64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }
Napi::Value number(Napi::Env env, std::optional<double> value) { return value ? Napi::Number::New(env, *value) : env.Null(); }

template <typename Items, typename Convert>
Napi::Array list(Napi::Env env, const Items& items, Convert convert) {
  auto array = Napi::Array::New(env, items.size());
  std::uint32_t index = 0;
  for (const auto& item : items) array.Set(index++, convert(item));
  return array;
}

Napi::Array numbers(Napi::Env env, const std::vector<double>& values) {
  return list(env, values, [&](double value) { return Napi::Number::New(env, value); });
}

Napi::Array texts(Napi::Env env, const std::vector<std::string>& values) {
  return list(env, values, [&](const std::string& value) { return Napi::String::New(env, value); });
}

Napi::Object routingValue(Napi::Env env, const LayerRouting& routing) {
  auto value = Napi::Object::New(env);
  value.Set("stack", routing.encoder ? "encoder" : "decoder");
  value.Set("layer", number(env, routing.layer));
  value.Set("experts", number(env, routing.experts));
  value.Set("capacity", number(env, routing.capacity));
  value.Set("groups", number(env, routing.groups));
  value.Set("tokens", number(env, routing.tokens));
  value.Set("load", numbers(env, routing.load));
  value.Set("kept", numbers(env, routing.kept));
  value.Set("probability", numbers(env, routing.probability));
  value.Set("entropy", routing.entropy);
  value.Set("confidence", routing.confidence);
  value.Set("dropped", routing.dropped);
  value.Set("auxiliaryLoss", routing.auxiliaryLoss);
  value.Set("zLoss", routing.zLoss);
  value.Set("dropAtCapacityFactor", list(env, routing.dropAtCapacityFactor, [&](const auto& pair) { return numbers(env, {pair.first, pair.second}); }));
  return value;
}

Napi::Array routingValues(Napi::Env env, const std::vector<LayerRouting>& routing) {
  return list(env, routing, [&](const auto& layer) { return routingValue(env, layer); });
}

}  // namespace

Napi::Value toValue(Napi::Env env, const RankUse& rank) {
  auto value = Napi::Object::New(env), traffic = Napi::Object::New(env);
  for (std::size_t kind = 0; kind < TRAFFIC_KINDS; ++kind) {
    auto use = Napi::Object::New(env);
    use.Set("calls", number(env, rank.traffic[kind].calls));
    use.Set("bytes", rank.traffic[kind].bytes);
    use.Set("seconds", rank.traffic[kind].seconds);
    traffic.Set(TRAFFIC_NAMES[kind], use);
  }
  value.Set("seconds", rank.seconds);
  value.Set("traffic", traffic);
  return value;
}

Napi::Value toValue(Napi::Env env, const StepResult& result, bool withRouting) {
  auto value = Napi::Object::New(env);
  value.Set("step", number(env, result.step));
  value.Set("loss", result.loss);
  value.Set("totalLoss", result.totalLoss);
  value.Set("auxiliaryLoss", result.auxiliaryLoss);
  value.Set("zLoss", result.zLoss);
  if (result.sparsity) value.Set("sparsity", *result.sparsity);
  if (!result.note.empty()) value.Set("note", result.note);
  if (result.distillationLoss) value.Set("distillationLoss", *result.distillationLoss);
  value.Set("gradientNorm", result.gradientNorm);
  value.Set("learningRate", result.learningRate);
  value.Set("targetTokens", number(env, result.targetTokens));
  value.Set("finite", Napi::Boolean::New(env, result.finite));
  if (withRouting) value.Set("routing", routingValues(env, result.routing));
  if (!result.ranks.empty()) value.Set("ranks", list(env, result.ranks, [&](const RankUse& rank) { return toValue(env, rank); }));
  return value;
}

Napi::Value toValue(Napi::Env env, const EvaluationResult& result) {
  auto value = Napi::Object::New(env);
  value.Set("lossSum", result.lossSum);
  value.Set("targetTokens", number(env, result.targetTokens));
  value.Set("correct", number(env, result.correct));
  value.Set("sequences", number(env, result.sequences));
  value.Set("exact", number(env, result.exact));
  value.Set("routing", routingValues(env, result.routing));
  return value;
}

Napi::Value toValue(Napi::Env env, const GenerationState& state) {
  const auto wholes = [&](const auto& values) { return list(env, values, [&](std::int64_t value) { return number(env, value); }); };
  auto value = Napi::Object::New(env);
  value.Set("done", Napi::Boolean::New(env, state.done));
  value.Set("sequences", list(env, state.sequences, [&](const GeneratedSequence& sequence) {
    auto one = Napi::Object::New(env);
    one.Set("tokens", wholes(sequence.tokens));
    one.Set("logProbabilities", numbers(env, sequence.logProbabilities));
    one.Set("score", sequence.score);
    one.Set("ended", Napi::Boolean::New(env, sequence.ended));
    one.Set("routing", list(env, sequence.routing, [&](const TokenRouting& routing) {
      auto layer = Napi::Object::New(env);
      layer.Set("stack", routing.encoder ? "encoder" : "decoder");
      layer.Set("layer", number(env, routing.layer));
      layer.Set("experts", number(env, routing.experts));
      layer.Set("chosen", list(env, routing.chosen, wholes));
      layer.Set("dropped", wholes(routing.dropped));
      return layer;
    }));
    return one;
  }));
  return value;
}

Napi::Value toValue(Napi::Env env, const std::vector<ParameterInfo>& parameters) {
  return list(env, parameters, [&](const auto& parameter) {
    auto value = Napi::Object::New(env);
    value.Set("name", parameter.name);
    value.Set("shape", list(env, parameter.shape, [&](auto size) { return number(env, size); }));
    value.Set("elements", number(env, parameter.elements));
    return value;
  });
}

Napi::Value toValue(Napi::Env env, const MemoryUse& memory) {
  auto value = Napi::Object::New(env);
  value.Set("parameterBytes", number(env, memory.parameterBytes));
  value.Set("optimizerBytes", number(env, memory.optimizerBytes));
  value.Set("peakBytes", number(env, memory.peakBytes));
  return value;
}

Napi::Value toValue(Napi::Env env, const StartingWeights& weights) {
  auto value = Napi::Object::New(env);
  value.Set("copied", number(env, weights.copied));
  value.Set("upcycled", number(env, weights.upcycled));
  value.Set("fresh", number(env, weights.fresh));
  return value;
}

Napi::Value toValue(Napi::Env env, const SavedFile& file) {
  auto value = Napi::Object::New(env);
  value.Set("name", file.name);
  value.Set("bytes", number(env, file.bytes));
  value.Set("sha256", file.sha256);
  return value;
}

Napi::Value toValue(Napi::Env env, const std::vector<SavedFile>& files) {
  auto value = Napi::Object::New(env);
  value.Set("files", list(env, files, [&](const auto& file) { return toValue(env, file); }));
  return value;
}

Napi::Value toValue(Napi::Env env, const std::vector<TensorEntry>& entries) {
  return list(env, entries, [&](const auto& entry) {
    auto value = Napi::Object::New(env);
    value.Set("name", entry.name);
    value.Set("type", c10::toString(entry.type));
    value.Set("shape", list(env, entry.shape, [&](auto size) { return number(env, size); }));
    return value;
  });
}

Napi::Value toValue(Napi::Env env, const Devices& devices) {
  auto cpu = Napi::Object::New(env);
  cpu.Set("name", devices.cpu.name);
  cpu.Set("physicalCores", number(env, devices.cpu.physicalCores));
  cpu.Set("logicalCores", number(env, devices.cpu.logicalCores));
  cpu.Set("memoryBytes", number(env, devices.cpu.memoryBytes));
  cpu.Set("memoryAvailableBytes", number(env, devices.cpu.memoryAvailableBytes));
  cpu.Set("instructionSets", texts(env, devices.cpu.instructionSets));
  auto cuda = Napi::Object::New(env);
  cuda.Set("available", Napi::Boolean::New(env, devices.cuda.available));
  cuda.Set("reason", devices.cuda.available ? env.Null() : Napi::Value(Napi::String::New(env, devices.cuda.reason)));
  cuda.Set("libtorch", devices.cuda.libtorch);
  auto value = Napi::Object::New(env);
  value.Set("cpu", cpu);
  value.Set("cuda", cuda);
  value.Set("gpus", list(env, devices.gpus, [&](const auto& gpu) {
    auto entry = Napi::Object::New(env);
    entry.Set("index", number(env, gpu.index));
    entry.Set("uuid", gpu.uuid);
    entry.Set("name", gpu.name);
    entry.Set("memoryBytes", number(env, gpu.memoryBytes));
    entry.Set("memoryUsedBytes", number(env, gpu.memoryUsedBytes));
    entry.Set("utilization", number(env, gpu.utilization));
    entry.Set("temperature", number(env, gpu.temperature));
    entry.Set("power", number(env, gpu.power));
    entry.Set("usable", Napi::Boolean::New(env, gpu.usable));
    entry.Set("peers", list(env, gpu.peers, [&](const auto& peer) {
      static constexpr std::array<const char*, 3> LINKS{"nvlink", "pcie", "host"};
      auto reached = Napi::Object::New(env);
      reached.Set("index", number(env, peer.index));
      reached.Set("link", LINKS[static_cast<std::size_t>(peer.link)]);
      return reached;
    }));
    return entry;
  }));
  return value;
}

Napi::Value toValue(Napi::Env env, const CpuRates& rates) {
  auto value = Napi::Object::New(env);
  value.Set("fp32", number(env, rates.fp32));
  value.Set("bf16", number(env, rates.bf16));
  value.Set("memoryBandwidth", number(env, rates.memoryBandwidth));
  return value;
}

}  // namespace switchyard::addon
