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
    std::vector<double> all;
    for (const auto& entry : entries()) all.push_back(entry.number());
    return all;
  }
  /// Each entry of a list, with its place in the path.
  std::vector<Field> entries() const {
    if (!value.IsArray()) fail("a list");
    const auto list = value.As<Napi::Array>();
    std::vector<Field> all;
    for (std::uint32_t i = 0; i < list.Length(); i++) all.emplace_back(list.Get(i), path + "[" + std::to_string(i) + "]");
    return all;
  }
  std::vector<std::int64_t> wholes() const {
    std::vector<std::int64_t> all;
    for (const auto& entry : entries()) all.push_back(entry.whole());
    return all;
  }
  std::vector<std::uint8_t> bytes() const {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) fail("a Uint8Array");
    const auto array = value.As<Napi::Uint8Array>();
    return {array.Data(), array.Data() + array.ElementLength()};
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

/// The field as `read` takes it, or nothing where it is null.
template <typename Read>
auto optional(const Field& field, Read read) -> std::optional<decltype(read(field))> {
  if (field.absent()) return std::nullopt;
  return read(field);
}
double asNumber(const Field& field) { return field.number(); }
std::int64_t asWhole(const Field& field) { return field.whole(); }

SparseConfig readSparse(const Field& spec) {
  SparseConfig sparse;
  sparse.experts = spec["experts"].whole();
  sparse.every = spec["every"].whole();
  sparse.layers = optional(spec["layers"], [](const Field& layers) { return SparseLayers{layers["encoder"].wholes(), layers["decoder"].wholes()}; });
  sparse.routing = spec["routing"].choice<RoutingKind>({{"switch", RoutingKind::switchTop1}, {"top-k", RoutingKind::topK}, {"expert-choice", RoutingKind::expertChoice}, {"hash", RoutingKind::hash}});
  sparse.choices = spec["choices"].whole();
  sparse.laterChoices = spec["laterChoices"].choice<LaterChoices>({{"all", LaterChoices::all}, {"random", LaterChoices::random}, {"none", LaterChoices::none}});
  sparse.normalizeGates = spec["normalizeGates"].boolean();
  sparse.probabilityThreshold = optional(spec["probabilityThreshold"], asNumber);
  sparse.budget = optional(spec["budget"], asNumber);
  sparse.exploration = spec["exploration"].choice<Exploration>({{"none", Exploration::none}, {"sampling", Exploration::sampling}, {"jitter", Exploration::jitter}, {"input-dropout", Exploration::inputDropout}});
  sparse.jitter = spec["jitter"].number();
  sparse.inputDropout = spec["inputDropout"].number();
  sparse.trainingCapacityFactor = spec["capacityFactor"]["training"].number();
  sparse.evaluationCapacityFactor = spec["capacityFactor"]["evaluation"].number();
  sparse.fixedCapacity = optional(spec["fixedCapacity"], asWhole);
  sparse.capacityGroup = spec["capacityGroup"].choice<CapacityGroup>({{"batch", CapacityGroup::batch}, {"sequence", CapacityGroup::sequence}, {"rank", CapacityGroup::rank}});
  sparse.overflow = spec["overflow"].choice<Overflow>({{"drop", Overflow::drop}, {"next-choice", Overflow::nextChoice}, {"dropless", Overflow::dropless}});
  sparse.stages = spec["stages"].whole();
  sparse.priority = spec["priority"].choice<Priority>({{"sequence", Priority::sequence}, {"probability", Priority::probability}});
  sparse.balancing = spec["balancing"].choice<Balancing>({{"auxiliary-loss", Balancing::auxiliaryLoss}, {"sinkhorn", Balancing::sinkhorn}, {"bias", Balancing::bias}, {"none", Balancing::none}});
  sparse.biasRate = spec["biasRate"].number();
  sparse.auxiliaryLoss = spec["auxiliaryLoss"].number();
  sparse.auxiliaryLossGroup = spec["auxiliaryLossGroup"].choice<AuxiliaryLossGroup>({{"capacity-group", AuxiliaryLossGroup::capacityGroup}, {"sequence", AuxiliaryLossGroup::sequence}, {"batch", AuxiliaryLossGroup::batch}, {"ranks", AuxiliaryLossGroup::ranks}});
  sparse.auxiliaryLossForm = spec["auxiliaryLossForm"].choice<AuxiliaryLossForm>({{"paper", AuxiliaryLossForm::paper}, {"hugging-face", AuxiliaryLossForm::huggingFace}});
  sparse.auxiliaryLossSteps = optional(spec["auxiliaryLossSteps"], asWhole);
  sparse.zLoss = spec["zLoss"].number();
  sparse.routePadding = spec["routePadding"].boolean();
  sparse.expertDropout = spec["expertDropout"].number();
  return sparse;
}

ModelConfig readModel(const Field& spec) {
  ModelConfig model;
  model.architecture = spec["architecture"].choice<Architecture>({{"encoder-decoder", Architecture::encoderDecoder}, {"decoder-only", Architecture::decoderOnly}, {"vision", Architecture::vision}});
  model.dModel = spec["dModel"].whole();
  model.dFf = spec["dFf"].whole();
  model.heads = spec["heads"].whole();
  model.dKv = spec["dKv"].whole();
  model.encoderLayers = spec["encoderLayers"].whole();
  model.decoderLayers = spec["decoderLayers"].whole();
  model.feedForward = spec["feedForward"].choice<Activation>({{"relu", Activation::relu}, {"gelu", Activation::gelu}, {"gated-gelu", Activation::gatedGelu}, {"gated-silu", Activation::gatedSilu}});
  model.patchSize = spec["patchSize"].whole();
  model.dropout = spec["dropout"].number();
  model.relativePositionBuckets = spec["relativePositionBuckets"].whole();
  model.relativePositionMaxDistance = spec["relativePositionMaxDistance"].whole();
  model.normEpsilon = spec["normEpsilon"].number();
  model.tiedEmbeddings = spec["tiedEmbeddings"].boolean();
  model.rescaledHead = spec["rescaledHead"].boolean();
  model.sharedEmbeddings = spec["sharedEmbeddings"].boolean();
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
  for (const auto& part : spec["freeze"].entries())
    training.freeze.push_back(part.choice<ModelPart>({{"embeddings", ModelPart::embeddings}, {"attention", ModelPart::attention}, {"dense", ModelPart::dense}, {"experts", ModelPart::experts}, {"router", ModelPart::router}, {"norms", ModelPart::norms}}));
  training.l1 = spec["l1"].number();
  training.l2 = spec["l2"].number();
  training.pruning = optional(spec["pruning"], [](const Field& pruning) {
    return PruningConfig{pruning["kind"].choice<bool>({{"block", true}, {"magnitude", false}}), pruning["sparsity"].number(), pruning["blockSize"].whole(),
                         pruning["beginStep"].whole(), pruning["endStep"].whole(), pruning["everySteps"].whole()};
  });
  training.threads = spec["threads"].whole();
  training.captureSteps = spec["captureSteps"].boolean();
  const auto optimizer = spec["optimizer"];
  if (optimizer["kind"].choice<bool>({{"adamw", true}, {"adafactor", false}})) {
    training.adamW = AdamWConfig{optimizer["beta1"].number(), optimizer["beta2"].number(), optimizer["epsilon"].number(), optimizer["weightDecay"].number(),
                                 optimizer["shareUpdates"].boolean()};
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
  config.distillation = optional(spec["distillation"], [](const Field& distillation) {
    const auto teacher = distillation["teacher"];
    return DistillationConfig{readModel(teacher["model"]), teacher["file"].text(), distillation["hardShare"].number(), distillation["temperature"].number()};
  });
  config.mesh = optional(spec["mesh"], [](const Field& mesh) {
    return MeshConfig{{mesh["data"].whole(), mesh["expert"].whole(), mesh["model"].whole()}, mesh["rank"].whole(), mesh["storeFile"].text()};
  });
  config.inference = !spec["inference"].absent() && spec["inference"].boolean();
  config.vocabularySize = spec["vocabularySize"].whole();
  config.padToken = spec["padToken"].whole();
  config.startToken = spec["startToken"].whole();
  if (const auto images = spec["images"]; !images.absent())
    config.images = {images["height"].whole(), images["width"].whole(), images["channels"].whole(), images["classes"].whole()};
  config.capacityFactorGrid = spec["capacityFactorGrid"].numbers();
  return config;
}

namespace {

void readInput(const Field& given, Batch& batch) {
  batch.batchSize = given["batchSize"].whole();
  if (given["input"].absent()) return;
  batch.input = given["input"].tokens();
  batch.inputLength = given["inputLength"].whole();
}

}  // namespace

Batch readBatch(const Napi::Value& value) {
  const Field given(value, "");
  Batch batch;
  readInput(given, batch);
  batch.labels = given["labels"].tokens();
  batch.labelLength = given["labelLength"].whole();
  if (!given["decoderInput"].absent()) batch.decoderInput = given["decoderInput"].tokens();
  if (!given["images"].absent()) batch.images = given["images"].bytes();
  return batch;
}

Batch readReading(const Napi::Value& value) {
  const Field given(value, "");
  Batch batch;
  readInput(given, batch);
  batch.decoderInput = given["decoderInput"].tokens();
  batch.labelLength = given["decoderLength"].whole();
  return batch;
}

HuggingFaceModel readHuggingFaceModel(const Napi::Value& value) {
  const Field given(value, "");
  return {given["family"].choice<HuggingFaceFamily>({{"switch-transformers", HuggingFaceFamily::switchTransformers}, {"t5", HuggingFaceFamily::t5}}),
          readModel(given["model"]), given["vocabularySize"].whole()};
}

GenerationRequest readGeneration(const Napi::Value& value) {
  const Field given(value, "");
  const auto sequences = [](const Field& field) {
    std::vector<std::vector<std::int32_t>> all;
    if (field.absent()) return all;
    for (const auto& entry : field.entries()) all.push_back(entry.tokens());
    return all;
  };
  GenerationRequest request{sequences(given["input"]), sequences(given["prompt"]), {}};
  auto& settings = request.settings;
  settings.method = given["method"].choice<GenerationMethod>({{"greedy", GenerationMethod::greedy}, {"sampling", GenerationMethod::sampling}, {"beam", GenerationMethod::beam}});
  settings.maxTokens = given["maxTokens"].whole();
  settings.endToken = static_cast<std::int32_t>(given["endToken"].whole());
  settings.temperature = given["temperature"].number();
  settings.topK = given["topK"].whole();
  settings.topP = given["topP"].number();
  settings.seed = static_cast<std::uint64_t>(given["seed"].whole());
  settings.beams = given["beams"].whole();
  settings.lengthPenalty = given["lengthPenalty"].number();
  return request;
}

std::string readText(const Napi::Value& value, const std::string& name) { return Field(value, name).text(); }
std::int64_t readWhole(const Napi::Value& value, const std::string& name) { return Field(value, name).whole(); }
std::vector<std::string> readTexts(const Napi::Value& value, const std::string& name) {
  std::vector<std::string> all;
  for (const auto& entry : Field(value, name).entries()) all.push_back(entry.text());
  return all;
}

}  // namespace switchyard::addon
