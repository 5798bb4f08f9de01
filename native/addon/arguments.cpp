#include "arguments.h"

#include <cmath>
#include <utility>

#include "../failure.h"

namespace switchyard::addon {
namespace {

/// A field of an object, with its path for messages: "model.dModel".
class Field {
 public:
  Field(Napi::Value value, std::string path) : value(value), path(std::move(path)) {}

  Field operator[](const char* name) const {
    if (!value.IsObject()) fail("an object");
    return {value.As<Napi::Object>().Get(name), path.empty() ? name : path + "." + name};
  }
  bool absent() const { return value.IsUndefined() || value.IsNull(); }

  double number() const {
    if (!value.IsNumber() || !std::isfinite(value.As<Napi::Number>().DoubleValue())) fail("a number");
    return value.As<Napi::Number>().DoubleValue();
  }
  std::int64_t whole() const {
    const double found = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0.5;
    if (std::trunc(found) != found || std::abs(found) > 9007199254740991.0) fail("a whole number");
    return static_cast<std::int64_t>(found);
  }
  bool boolean() const {
    if (!value.IsBoolean()) fail("true or false");
    return value.As<Napi::Boolean>().Value();
  }
  std::string text() const {
    if (!value.IsString()) fail("text");
    return value.As<Napi::String>().Utf8Value();
  }
  template <typename Choice>
  Choice choice(std::initializer_list<std::pair<const char*, Choice>> choices) const {
    const auto found = text();
    std::string known;
    for (const auto& [name, meaning] : choices) {
      if (found == name) return meaning;
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    fail("one of " + known);
  }
  std::vector<double> numbers() const {
    if (!value.IsArray()) fail("a list of numbers");
    const auto list = value.As<Napi::Array>();
    std::vector<double> all;
    for (std::uint32_t i = 0; i < list.Length(); i++) all.push_back(Field(list.Get(i), path + "[" + std::to_string(i) + "]").number());
    return all;
  }
  std::vector<std::int32_t> tokens() const {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) fail("an Int32Array");
    const auto array = value.As<Napi::Int32Array>();
    return {array.Data(), array.Data() + array.ElementLength()};
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const { throw Failure((path.empty() ? "The argument" : "\"" + path + "\"") + " must be " + expected + "."); }

  Napi::Value value;
  std::string path;
};

SparseConfig readSparse(const Field& spec) {
  SparseConfig sparse;
  sparse.experts = spec["experts"].whole();
  sparse.every = spec["every"].whole();
  sparse.trainingCapacityFactor = spec["capacityFactor"]["training"].number();
  sparse.evaluationCapacityFactor = spec["capacityFactor"]["evaluation"].number();
  sparse.capacityGroup = spec["capacityGroup"].choice<CapacityGroup>({{"batch", CapacityGroup::batch}, {"sequence", CapacityGroup::sequence}});
  sparse.auxiliaryLoss = spec["auxiliaryLoss"].number();
  sparse.zLoss = spec["zLoss"].number();
  sparse.expertDropout = spec["expertDropout"].number();
  return sparse;
}

ModelConfig readModel(const Field& spec) {
  ModelConfig model;
  model.encoderDecoder = spec["architecture"].choice<bool>({{"encoder-decoder", true}, {"decoder-only", false}});
  model.dModel = spec["dModel"].whole();
  model.dFf = spec["dFf"].whole();
  model.heads = spec["heads"].whole();
  model.dKv = spec["dKv"].whole();
  model.encoderLayers = spec["encoderLayers"].whole();
  model.decoderLayers = spec["decoderLayers"].whole();
  model.dropout = spec["dropout"].number();
  model.relativePositionBuckets = spec["relativePositionBuckets"].whole();
  model.relativePositionMaxDistance = spec["relativePositionMaxDistance"].whole();
  model.tiedEmbeddings = spec["tiedEmbeddings"].boolean();
  model.initializationScale = spec["initializationScale"].number();
  model.precision = spec["precision"].choice<Precision>({{"fp32", Precision::fp32}, {"bf16", Precision::bf16}, {"selective", Precision::selective}});
  model.sparse = spec["sparse"].absent() ? std::nullopt : std::optional(readSparse(spec["sparse"]));
  return model;
}

TrainingConfig readTraining(const Field& spec) {
  TrainingConfig training;
  training.learningRate = spec["learningRate"].number();
  training.schedule = spec["schedule"].choice<Schedule>({{"inverse-square-root", Schedule::inverseSquareRoot}, {"linear", Schedule::linear}, {"cosine", Schedule::cosine}, {"constant", Schedule::constant}});
  training.warmupSteps = spec["warmupSteps"].whole();
  training.steps = spec["steps"].whole();
  training.gradientClip = spec["gradientClip"].number();
  training.threads = spec["threads"].whole();
  const auto optimizer = spec["optimizer"];
  if (optimizer["kind"].choice<bool>({{"adamw", true}, {"adafactor", false}})) {
    training.adamW = AdamWConfig{optimizer["beta1"].number(), optimizer["beta2"].number(), optimizer["epsilon"].number(), optimizer["weightDecay"].number()};
  } else {
    training.adamW.reset();
    training.adafactor = AdafactorConfig{optimizer["decayRate"].number(), optimizer["clippingThreshold"].number(), optimizer["scaleParameter"].boolean(), optimizer["weightDecay"].number()};
  }
  return training;
}

}  // namespace

EngineConfig readConfig(const Napi::Value& value) {
  const Field spec(value, "");
  EngineConfig config;
  config.seed = spec["seed"].whole();
  config.device = spec["device"].text();
  config.model = readModel(spec["model"]);
  config.training = readTraining(spec["training"]);
  config.vocabularySize = spec["vocabularySize"].whole();
  config.padToken = spec["padToken"].whole();
  config.startToken = spec["startToken"].whole();
  config.capacityFactorGrid = spec["capacityFactorGrid"].numbers();
  return config;
}

Batch readBatch(const Napi::Value& value) {
  const Field given(value, "");
  Batch batch;
  batch.batchSize = given["batchSize"].whole();
  batch.labels = given["labels"].tokens();
  batch.labelLength = given["labelLength"].whole();
  if (!given["input"].absent()) {
    batch.input = given["input"].tokens();
    batch.inputLength = given["inputLength"].whole();
  }
  return batch;
}

std::string readText(const Napi::Value& value, const std::string& name) { return Field(value, name).text(); }

}  // namespace switchyard::addon
