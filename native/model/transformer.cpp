#include "transformer.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "../kernels/product.h"
#include "../kernels/rmsNorm.h"
#include "embedding.h"

namespace switchyard {
namespace {

/// (B, 1, K): 0 where a key is a token, -inf where it is padding.
at::Tensor paddingMask(const at::Tensor& valid) {
  return at::zeros_like(valid).masked_fill_(valid.eq(0.0), -std::numeric_limits<double>::infinity()).unsqueeze(1);
}

/// (B, T, T): 0 up to the query's own position, -inf behind it.
at::Tensor causalMask(std::int64_t batch, std::int64_t length, const at::TensorOptions& options) {
  const auto future = at::ones({length, length}, options).triu_(1).gt(0.0);
  return at::zeros({length, length}, options).masked_fill_(future, -std::numeric_limits<double>::infinity())
      .unsqueeze(0).expand({batch, length, length}).contiguous();
}

}  // namespace

Transformer::Transformer(const ModelConfig& model, const TokenConfig& tokens, std::int64_t seed, const at::TensorOptions& options,
                         const ImageConfig& images, const MeshPlace& place)
    : parameters(seed, options, model.precision != Precision::fp32 && options.dtype() != at::kDouble, place), model(model), tokens(tokens) {
  const double deviation = std::sqrt(model.initializationScale / static_cast<double>(model.dModel));
  if (model.architecture == Architecture::vision) {
    patches.emplace(parameters, model, images);
    encoder = makeStack("encoder", model.encoderLayers, true);
    head = &parameters.add("classifier.weight", {images.classes, model.dModel}, {deviation});
    return;
  }
  const auto embedding = [&](const std::string& name) { return &parameters.add(name, {tokens.vocabularySize, model.dModel}, {1.0}); };
  encoderEmbedding = embedding(model.sharedEmbeddings ? "shared.weight" : "encoder.embed_tokens.weight");
  decoderEmbedding = model.sharedEmbeddings ? encoderEmbedding : embedding("decoder.embed_tokens.weight");
  if (model.encoderDecoder()) encoder = makeStack("encoder", model.encoderLayers, true);
  decoder = makeStack("decoder", model.decoderLayers, false);
  if (!model.tiedEmbeddings) head = &parameters.add("lm_head.weight", {tokens.vocabularySize, model.dModel}, {deviation});
}

at::ScalarType Transformer::computeType() const {
  if (parameters.all().front().value.scalar_type() == at::kDouble) return at::kDouble;
  return model.precision == Precision::fp32 ? at::kFloat : at::kBFloat16;
}

at::TensorOptions Transformer::valueOptions() const {
  const auto& values = parameters.all().front().value;
  return at::TensorOptions().dtype(values.scalar_type()).device(values.device());
}

Transformer::Stack Transformer::makeStack(const std::string& name, std::int64_t layers, bool isEncoder) {
  const auto weight = [&](const std::string& path) { return &parameters.add(path, {model.dModel}, {0.0, 1.0}); };
  Stack stack{std::nullopt, {}, nullptr};
  if (!patches) stack.bias.emplace(parameters, name + ".block.0.layer.0.SelfAttention", model, isEncoder);
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto block = name + ".block." + std::to_string(i) + ".layer.";
    const bool crosses = !isEncoder && model.encoderDecoder();
    const auto last = block + (crosses ? "2" : "1");
    const bool sparse = model.isSparse(isEncoder, i);

    auto* selfNorm = weight(block + "0.layer_norm.weight");
    Attention self(parameters, block + "0.SelfAttention", model);
    auto* crossNorm = crosses ? weight(block + "1.layer_norm.weight") : nullptr;
    std::optional<Attention> cross;
    if (crosses) cross.emplace(parameters, block + "1.EncDecAttention", model);
    auto* feedForwardNorm = weight(last + ".layer_norm.weight");
    using Either = std::variant<FeedForward, SwitchLayer>;
    auto feedForward = sparse ? Either(SwitchLayer(parameters, last + ".mlp", model, isEncoder, i))
                              : Either(FeedForward(parameters, last + ".mlp", model));
    stack.blocks.push_back({selfNorm, self, crossNorm, cross, feedForwardNorm, feedForward});
  }
  stack.finalNorm = weight(name + ".final_layer_norm.weight");
  return stack;
}

at::Tensor Transformer::run(Pass& pass, const Stack& stack, at::Tensor x, const at::Tensor& valid, const at::Tensor& mask,
                            const at::Tensor& memory, const at::Tensor& memoryMask, DecoderCache* cache) const {
  const auto past = cache ? cache->length : 0;
  const auto bias = stack.bias ? stack.bias->forward(pass, x.size(1), past + x.size(1), past) : at::Tensor();
  const auto norm = [&](const at::Tensor& h, const Parameter* weight) { return kernels::rmsNorm(h, weight->value, model.normEpsilon); };
  const auto add = [&](const at::Tensor& update) { x = kernels::addDropout(x, update, pass.dropoutSite(model.dropout)); };
  x = kernels::dropout(x, pass.dropoutSite(model.dropout));
  for (std::size_t i = 0; i < stack.blocks.size(); ++i) {
    const auto& block = stack.blocks[i];
    const auto h = norm(x, block.selfNorm);
    add(cache ? block.self.extend(pass, h, cache->self[i], past, bias, mask) : block.self.forward(pass, h, h, bias, mask));
    if (block.cross) {
      const auto query = norm(x, block.crossNorm);
      add(cache ? block.cross->recall(pass, query, cache->cross[i], cache->memoryMask) : block.cross->forward(pass, query, memory, {}, memoryMask));
    }
    const auto f = norm(x, block.feedForwardNorm);
    if (const auto* sparse = std::get_if<SwitchLayer>(&block.feedForward)) add(sparse->forward(pass, f, valid));
    else add(std::get<FeedForward>(block.feedForward).forward(pass, f));
  }
  return kernels::dropout(norm(x, stack.finalNorm), pass.dropoutSite(model.dropout));
}

std::pair<at::Tensor, at::Tensor> Transformer::decoderTokens(const TokenBatch& batch) const {
  const auto& labels = batch.labels;
  const auto predicts = labels.ne(tokens.padToken);
  const auto start = at::full({labels.size(0), 1}, tokens.startToken, labels.options());
  // Shift right: the start token, then all labels but the last.
  if (!batch.decoderInput.defined()) return {at::cat({start, labels.narrow(1, 0, labels.size(1) - 1)}, 1), predicts};
  // The start token may be the padding's id, and a token that is only read has no label.
  auto valid = batch.decoderInput.ne(tokens.padToken).bitwise_or_(predicts);
  valid.narrow(1, 0, 1).fill_(true);
  return {batch.decoderInput, valid};
}

at::Tensor Transformer::embed(Pass& pass, const Parameter& table, const at::Tensor& ids) const {
  pass.ids = ids;
  return lookUp(table, ids.reshape(-1), pass.type).view({ids.size(0), ids.size(1), model.dModel});
}

at::Tensor Transformer::predict(const Pass& pass, const at::Tensor& x) const {
  if (head) return kernels::linear(x, head->as(pass.type));
  return kernels::linear(model.rescaledHead ? x * std::pow(static_cast<double>(model.dModel), -0.5) : x, decoderEmbedding->as(pass.type));
}

at::Tensor Transformer::classify(Pass& pass, const at::Tensor& images) const {
  const auto x = patches->forward(images, pass.type);
  const auto valid = at::ones({x.size(0), x.size(1)}, valueOptions());
  return kernels::linear(run(pass, *encoder, x, valid, {}, {}, {}).mean(1, true), head->as(pass.type));
}

at::Tensor Transformer::forward(Pass& pass, const TokenBatch& batch) const {
  if (patches) return classify(pass, batch.images);
  const auto labels = batch.labels;
  const auto values = decoderEmbedding->value.scalar_type();
  at::Tensor memory, memoryMask;
  if (encoder) {
    memory = encode(pass, batch.input);
    memoryMask = paddingMask(batch.input.ne(tokens.padToken).to(values));
  }
  const auto [input, valid] = decoderTokens(batch);
  const auto causal = causalMask(labels.size(0), labels.size(1), valueOptions());
  return predict(pass, run(pass, *decoder, embed(pass, *decoderEmbedding, input), valid.to(values), causal, memory, memoryMask));
}

at::Tensor Transformer::encode(Pass& pass, const at::Tensor& input) const {
  const auto valid = input.ne(tokens.padToken).to(decoderEmbedding->value.scalar_type());
  return run(pass, *encoder, embed(pass, *encoderEmbedding, input), valid, paddingMask(valid), {}, {});
}

DecoderCache Transformer::makeCache(Pass& pass, std::int64_t sequences, std::int64_t places, const at::Tensor& memory,
                                    const at::Tensor& memoryValid) const {
  const auto values = valueOptions();
  DecoderCache cache;
  cache.valid = at::zeros({sequences, places}, values);
  for (const auto& block : decoder->blocks) {
    // Zeros, since a place that is never read has weight 0, and 0 · NaN of fresh memory would be NaN.
    const auto room = [&] { return at::zeros({sequences, model.heads, places, model.dKv}, values.dtype(pass.type)); };
    cache.self.push_back({room(), room()});
    if (block.cross) cache.cross.push_back(block.cross->remember(pass, memory));
  }
  if (memory.defined()) cache.memoryMask = paddingMask(memoryValid);
  return cache;
}

at::Tensor Transformer::read(Pass& pass, DecoderCache& cache, const at::Tensor& ids, const at::Tensor& valid) const {
  const auto count = ids.size(1);
  cache.valid.narrow(1, cache.length, count).copy_(valid);
  const auto x = run(pass, *decoder, embed(pass, *decoderEmbedding, ids), valid, cache.mask(count), {}, {}, &cache);
  cache.length += count;
  return predict(pass, x.select(1, count - 1));
}

}  // namespace switchyard
