#include "huggingFace.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "../failure.h"
#include "../model/transformer.h"
#include "namedTensors.h"

namespace switchyard {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Failure(sentence, "", FailureKind::checkpoint); }

/// A weight of the engine and those it is made of in transformers: itself, or one a expert, each transposed.
struct Counterpart {
  TensorEntry own;
  std::vector<TensorEntry> theirs;
  bool transposed = false;
};

constexpr std::string_view LAYER = ".mlp.", EXPERTS = ".mlp.experts.", DENSE = ".DenseReluDense.";

Counterpart counterpart(const Parameter& parameter, HuggingFaceFamily family) {
  const auto& name = parameter.name;
  const auto shape = parameter.value.sizes();
  Counterpart found{{name, at::kFloat, shape.vec()}, {}, false};
  if (const auto experts = name.find(EXPERTS); experts != std::string::npos) {
    const auto after = experts + EXPERTS.size();
    for (std::int64_t e = 0; e < shape[0]; ++e)
      found.theirs.push_back({name.substr(0, after) + "expert_" + std::to_string(e) + "." + name.substr(after) + ".weight", at::kFloat, {shape[2], shape[1]}});
    found.transposed = true;
    return found;
  }
  auto theirs = name;
  if (const auto layer = name.find(LAYER); layer != std::string::npos && family == HuggingFaceFamily::t5)
    theirs.replace(layer, LAYER.size(), DENSE);
  found.theirs.push_back({theirs, at::kFloat, shape.vec()});
  return found;
}

/// Every weight of the model with its counterparts. Shapes alone: the meta device holds no values.
std::vector<Counterpart> counterparts(const HuggingFaceModel& facts) {
  const Transformer shapes(facts.model, {facts.vocabularySize, 0, 0}, 0, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
  std::vector<Counterpart> all;
  for (const auto& parameter : shapes.parameters.all()) all.push_back(counterpart(parameter, facts.family));
  return all;
}

/// Weights that a folder may hold besides: the name of the one they must equal, or nothing where they are never used.
std::map<std::string, std::string> besides(const ModelConfig& model) {
  std::map<std::string, std::string> all{{"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", ""}};
  if (model.sharedEmbeddings) {
    all.emplace("encoder.embed_tokens.weight", "shared.weight");
    all.emplace("decoder.embed_tokens.weight", "shared.weight");
  } else {
    all.emplace("shared.weight", "");
  }
  if (model.tiedEmbeddings) all.emplace("lm_head.weight", "shared.weight");
  return all;
}

/// The tensors of several files.
class Shards {
 public:
  explicit Shards(const std::vector<std::string>& files) {
    for (const auto& path : files) readers.push_back(std::make_unique<SafetensorsReader>(path));
    for (const auto& reader : readers)
      for (const auto& entry : reader->entries()) {
        const auto [place, fresh] = all.emplace(entry.name, std::pair(reader.get(), entry));
        if (!fresh) refuse("The weight " + entry.name + " is in " + place->second.first->path() + " and in " + reader->path() + "; keep one of them.");
      }
  }

  bool has(const std::string& name) const { return all.contains(name); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& [name, place] : all) found.push_back(name);
    return found;
  }
  const std::string& pathOf(const std::string& name) const { return all.at(name).first->path(); }

  /// Throws unless the weight is there with this shape and holds numbers.
  void expect(const TensorEntry& wanted) const {
    if (!has(wanted.name)) refuse("The model has no weight " + wanted.name + " in " + readers.front()->path() + (readers.size() > 1 ? " and its other files" : "") + "; its files are incomplete or its config.json belongs to another model.");
    const auto& entry = all.at(wanted.name).second;
    if (entry.shape != wanted.shape)
      refuse("The weight " + wanted.name + " in " + pathOf(wanted.name) + " has shape " + shapeText(entry.shape) + " where config.json asks for " + shapeText(wanted.shape) + ".");
    if (!at::isFloatingType(entry.type))
      refuse("The weight " + wanted.name + " in " + pathOf(wanted.name) + " holds whole numbers; save the model without quantisation.");
  }

  /// The weight in fp32.
  at::Tensor read(const std::string& name) const {
    const auto value = all.at(name).first->read(name).to(at::kFloat);
    if (!at::isfinite(value).all().item<bool>())
      refuse("The weight " + name + " in " + pathOf(name) + " holds NaN, infinity or numbers too large for fp32; it can't be used.");
    return value;
  }

 private:
  std::vector<std::unique_ptr<SafetensorsReader>> readers;
  std::map<std::string, std::pair<const SafetensorsReader*, TensorEntry>> all;
};

/// Names, shapes and what is left over, before anything is read.
void checkNames(const Shards& shards, const std::vector<Counterpart>& wanted, const std::map<std::string, std::string>& allowed) {
  std::set<std::string> known;
  for (const auto& weight : wanted)
    for (const auto& theirs : weight.theirs) {
      shards.expect(theirs);
      known.insert(theirs.name);
    }
  for (const auto& name : shards.names())
    if (!known.contains(name) && !allowed.contains(name))
      refuse("The weight " + name + " in " + shards.pathOf(name) + " does not belong to the model that config.json describes.");
}

/// Weights that are there twice must say the same.
void checkDuplicates(const Shards& shards, const std::map<std::string, std::string>& allowed) {
  for (const auto& [name, original] : allowed) {
    if (original.empty() || !shards.has(name)) continue;
    if (!at::equal(shards.read(name), shards.read(original)))
      refuse("The weight " + name + " in " + shards.pathOf(name) + " differs from " + original + ", to which config.json ties it.");
  }
}

/// Cuts weights into files of at most `most` bytes each; a larger weight has a file of its own.
std::vector<std::vector<TensorEntry>> shardsOf(const std::vector<TensorEntry>& entries, std::int64_t most) {
  std::vector<std::vector<TensorEntry>> shards(1);
  std::int64_t filled = 0;
  for (const auto& entry : entries) {
    const auto bytes = 4 * c10::multiply_integers(entry.shape);
    if (filled + bytes > most && !shards.back().empty()) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(entry);
    filled += bytes;
  }
  return shards;
}

std::string shardName(std::size_t index, std::size_t count) {
  if (count == 1) return "model.safetensors";
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name;
}

}  // namespace

WrittenFile importHuggingFace(const std::vector<std::string>& files, const std::string& target, const HuggingFaceModel& model) {
  const Shards shards(files);
  const auto weights = counterparts(model);
  const auto allowed = besides(model.model);
  checkNames(shards, weights, allowed);
  checkDuplicates(shards, allowed);
  std::vector<TensorEntry> entries;
  std::map<std::string, const Counterpart*> byName;
  for (const auto& weight : weights) {
    entries.push_back(weight.own);
    byName.emplace(weight.own.name, &weight);
  }
  return writeSafetensors(target, entries, [&](const TensorEntry& entry) {
    const auto& weight = *byName.at(entry.name);
    if (!weight.transposed) return shards.read(weight.theirs.front().name);
    auto stacked = at::empty(entry.shape, at::kFloat);
    for (std::size_t e = 0; e < weight.theirs.size(); ++e) stacked[static_cast<std::int64_t>(e)].copy_(shards.read(weight.theirs[e].name).t());
    return stacked;
  }, {{"format", "switchyard"}});
}

std::vector<SavedFile> exportHuggingFace(const std::string& source, const std::string& folder, const HuggingFaceModel& model, std::int64_t maxShardBytes) {
  const Shards own({source});
  const auto weights = counterparts(model);
  std::vector<TensorEntry> entries;
  /// Their name → ours, and which expert of it (-1: all of it).
  std::map<std::string, std::pair<std::string, std::int64_t>> origins;
  std::set<std::string> expected;
  for (const auto& weight : weights) {
    own.expect(weight.own);
    expected.insert(weight.own.name);
    for (std::size_t e = 0; e < weight.theirs.size(); ++e) {
      entries.push_back(weight.theirs[e]);
      origins.emplace(weight.theirs[e].name, std::pair(weight.own.name, weight.transposed ? static_cast<std::int64_t>(e) : -1));
    }
  }
  for (const auto& name : own.names())
    if (!expected.contains(name)) refuse("The weight " + name + " in " + source + " does not belong to the model that is to be exported.");
  if (!model.model.sharedEmbeddings) {
    // transformers keeps a table here that neither stack reads.
    entries.push_back({"shared.weight", at::kFloat, {model.vocabularySize, model.model.dModel}});
    origins.emplace("shared.weight", std::pair(std::string("encoder.embed_tokens.weight"), std::int64_t{-1}));
  }

  // The experts of a layer stand side by side: their stack is read once for all of them.
  std::string lastName;
  at::Tensor last;
  const auto make = [&](const TensorEntry& entry) {
    const auto& [name, expert] = origins.at(entry.name);
    if (name != lastName) {
      last = own.read(name);
      lastName = name;
    }
    return expert < 0 ? last : last[expert].t();
  };
  const auto shards = shardsOf(entries, maxShardBytes);
  std::vector<SavedFile> files;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto name = shardName(i, shards.size());
    const auto written = writeSafetensors(folder + "/" + name, shards[i], make, {{"format", "pt"}});
    files.push_back({name, written.bytes, written.sha256});
  }
  return files;
}

}  // namespace switchyard
