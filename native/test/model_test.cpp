// The whole model against a reference written with plain loops in double precision, and its gradient against differences.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>

#include "../kernels/crossEntropy.h"
#include "../model/routerLosses.h"
#include "../model/transformer.h"

namespace {

using namespace switchyard;
using Matrix = std::vector<std::vector<double>>;
using Vector = std::vector<double>;

/// The reference: reads parameters by name, computes one sequence at a time; sparse layers see all of a batch's tokens.
class Reference {
 public:
  Reference(const ModelConfig& model, const TokenConfig& tokens, const ParameterSet& parameters, bool training)
      : model(model), tokens(tokens), training(training) {
    for (const auto& parameter : parameters.all()) weights[parameter.name] = parameter.value.detach().to(torch::kDouble).contiguous();
  }

  double auxiliary = 0, z = 0;

  /// Class logits [B][classes] of 2-dimensional images with channels: [b][y][x][c].
  Matrix classify(const torch::Tensor& images, const ImageConfig& image) {
    const auto &projection = weights.at("encoder.patch_projection.weight"), &positions = weights.at("encoder.position_embedding.weight");
    const auto p = model.patchSize;
    std::vector<Matrix> x;
    for (std::int64_t b = 0; b < images.size(0); b++) {
      Matrix tokens;
      for (std::int64_t top = 0; top + p <= image.height; top += p)
        for (std::int64_t left = 0; left + p <= image.width; left += p) {
          Vector pixels;
          for (std::int64_t y = top; y < top + p; y++)
            for (std::int64_t at = left; at < left + p; at++)
              for (std::int64_t c = 0; c < image.channels; c++)
                pixels.push_back(images[b][(y * image.width + at) * image.channels + c].item<double>() / 127.5 - 1);
          auto row = times(pixels, projection);
          for (std::size_t i = 0; i < row.size(); i++) row[i] += positions[static_cast<std::int64_t>(tokens.size())][static_cast<std::int64_t>(i)].item<double>();
          tokens.push_back(row);
        }
      x.push_back(tokens);
    }
    const std::vector<std::vector<bool>> all(x.size(), std::vector<bool>(x[0].size(), true));
    Matrix out;
    for (const auto& sequence : stack("encoder", model.encoderLayers, x, all, all, false, {}, {})) {
      Vector mean(static_cast<std::size_t>(model.dModel), 0.0);
      for (const auto& row : sequence)
        for (std::size_t i = 0; i < row.size(); i++) mean[i] += row[i] / static_cast<double>(sequence.size());
      out.push_back(times(mean, weights.at("classifier.weight")));
    }
    return out;
  }

  /// Logits [B][T][V].
  std::vector<Matrix> forward(const torch::Tensor& input, const torch::Tensor& labels) {
    std::vector<Matrix> memory;
    std::vector<std::vector<bool>> memoryValid;
    if (model.encoderDecoder()) {
      memory = embed(input, model.sharedEmbeddings ? "shared.weight" : "encoder.embed_tokens.weight");
      memoryValid = validity(input);
      memory = stack("encoder", model.encoderLayers, memory, memoryValid, memoryValid, false, {}, {});
    }
    auto shifted = labels.clone();
    for (std::int64_t b = 0; b < labels.size(0); b++)
      for (std::int64_t t = 0; t < labels.size(1); t++)
        shifted[b][t] = t == 0 ? tokens.startToken : labels[b][t - 1].item<std::int64_t>();
    auto x = stack("decoder", model.decoderLayers, embed(shifted, model.sharedEmbeddings ? "shared.weight" : "decoder.embed_tokens.weight"), validity(labels), {}, true, memory, memoryValid);
    const auto& table = weights.at(model.tiedEmbeddings ? "shared.weight" : "lm_head.weight");
    const double scale = model.tiedEmbeddings && model.rescaledHead ? 1.0 / std::sqrt(static_cast<double>(model.dModel)) : 1.0;
    for (auto& sequence : x)
      for (auto& row : sequence) {
        for (auto& value : row) value *= scale;
        row = times(row, table);
      }
    return x;
  }

 private:
  std::vector<Matrix> embed(const torch::Tensor& ids, const std::string& name) const {
    const auto& table = weights.at(name);
    std::vector<Matrix> out(ids.size(0));
    for (std::int64_t b = 0; b < ids.size(0); b++)
      for (std::int64_t t = 0; t < ids.size(1); t++) {
        Vector row;
        for (std::int64_t i = 0; i < model.dModel; i++) row.push_back(table[ids[b][t].item<std::int64_t>()][i].item<double>());
        out[b].push_back(row);
      }
    return out;
  }
  std::vector<std::vector<bool>> validity(const torch::Tensor& ids) const {
    std::vector<std::vector<bool>> out(ids.size(0));
    for (std::int64_t b = 0; b < ids.size(0); b++)
      for (std::int64_t t = 0; t < ids.size(1); t++) out[b].push_back(ids[b][t].item<std::int64_t>() != tokens.padToken);
    return out;
  }
  /// y = W x for a weight (out, in).
  static Vector times(const Vector& x, const torch::Tensor& weight) {
    const auto w = weight.accessor<double, 2>();
    Vector y(weight.size(0), 0.0);
    for (std::int64_t o = 0; o < weight.size(0); o++)
      for (std::int64_t i = 0; i < weight.size(1); i++) y[o] += w[o][i] * x[i];
    return y;
  }
  Vector norm(const Vector& x, const std::string& name) const {
    double square = 0;
    for (const double value : x) square += value * value;
    const double scale = 1.0 / std::sqrt(square / static_cast<double>(x.size()) + 1e-6);
    Vector y;
    for (std::size_t i = 0; i < x.size(); i++) y.push_back(x[i] * scale * weights.at(name)[static_cast<std::int64_t>(i)].item<double>());
    return y;
  }
  /// Attention of one sequence; bias by (head, query, key), allowed(query, key).
  template <class Bias, class Allowed>
  Matrix attend(const Matrix& x, const Matrix& memory, const std::string& prefix, Bias bias, Allowed allowed) const {
    Matrix q, k, v, out;
    for (const auto& row : x) q.push_back(times(row, weights.at(prefix + ".q.weight")));
    for (const auto& row : memory) k.push_back(times(row, weights.at(prefix + ".k.weight"))), v.push_back(times(row, weights.at(prefix + ".v.weight")));
    for (std::size_t i = 0; i < x.size(); i++) {
      Vector context(static_cast<std::size_t>(model.heads * model.dKv), 0.0);
      for (std::int64_t h = 0; h < model.heads; h++) {
        Vector score;
        double top = -std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < memory.size(); j++) {
          double s = -std::numeric_limits<double>::infinity();
          if (allowed(i, j)) {
            s = bias(h, i, j);
            for (std::int64_t c = 0; c < model.dKv; c++) s += q[i][h * model.dKv + c] * k[j][h * model.dKv + c];
          }
          score.push_back(s);
          top = std::max(top, s);
        }
        double sum = 0;
        for (const double s : score) sum += std::exp(s - top);
        for (std::size_t j = 0; j < memory.size(); j++)
          for (std::int64_t c = 0; c < model.dKv; c++) context[h * model.dKv + c] += std::exp(score[j] - top) / sum * v[j][h * model.dKv + c];
      }
      out.push_back(times(context, weights.at(prefix + ".o.weight")));
    }
    return out;
  }
  Vector dense(const Vector& x, const std::string& prefix) const {
    const auto first = model.feedForward == Activation::relu || model.feedForward == Activation::gelu ? ".wi.weight" : ".wi_0.weight";
    auto hidden = activated(times(x, weights.at(prefix + first)));
    if (weights.contains(prefix + ".wi_1.weight")) hidden = product(hidden, times(x, weights.at(prefix + ".wi_1.weight")));
    return times(hidden, weights.at(prefix + ".wo.weight"));
  }
  Vector expert(const Vector& x, const std::string& prefix, std::int64_t e) const {
    const auto matrix = [&](const std::string& name) { return weights.at(prefix + name)[e].t().contiguous(); };
    const bool gated = weights.contains(prefix + ".wi_1");
    auto hidden = activated(times(x, matrix(gated ? ".wi_0" : ".wi")));
    if (gated) hidden = product(hidden, times(x, matrix(".wi_1")));
    return times(hidden, matrix(".wo"));
  }
  Vector activated(Vector x) const {
    for (auto& value : x) {
      if (model.feedForward == Activation::relu) value = std::max(0.0, value);
      else if (model.feedForward == Activation::gatedSilu) value = value / (1 + std::exp(-value));
      else value = 0.5 * value * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (value + 0.044715 * value * value * value)));
    }
    return x;
  }
  static Vector product(Vector x, const Vector& y) {
    for (std::size_t i = 0; i < x.size(); i++) x[i] *= y[i];
    return x;
  }
  /// All tokens of the batch in order through router and experts.
  std::vector<Matrix> sparse(const std::vector<Matrix>& x, const std::vector<std::vector<bool>>& valid, const std::string& prefix) {
    const auto& spec = *model.sparse;
    const auto& router = weights.at(prefix + ".router.classifier.weight");
    const bool bySequence = spec.capacityGroup == CapacityGroup::sequence;
    const auto length = static_cast<std::int64_t>(x[0].size()), batch = static_cast<std::int64_t>(x.size());
    const auto groupTokens = bySequence ? length : length * batch;
    const double factor = training ? spec.trainingCapacityFactor : spec.evaluationCapacityFactor;
    const auto capacity = static_cast<std::int64_t>(std::ceil(static_cast<double>(groupTokens) / static_cast<double>(spec.experts) * factor));
    std::vector<Matrix> out;
    std::vector<std::int64_t> taken(spec.experts, 0);
    Vector load(spec.experts, 0.0), mass(spec.experts, 0.0);
    double counted = 0, zSum = 0, zCounted = 0;
    const auto groups = bySequence ? batch : 1;
    const auto closeGroup = [&] {
      for (std::int64_t e = 0; e < spec.experts; e++)
        if (counted > 0) auxiliary += static_cast<double>(spec.experts) * load[e] / counted * mass[e] / counted / static_cast<double>(groups);
      taken.assign(spec.experts, 0);
      load.assign(spec.experts, 0.0);
      mass.assign(spec.experts, 0.0);
      counted = 0;
    };
    for (std::size_t b = 0; b < x.size(); b++) {
      Matrix rows;
      for (std::size_t t = 0; t < x[b].size(); t++) {
        Vector y(x[b][t].size(), 0.0);
        if (valid[b][t]) {
          const auto logits = times(x[b][t], router);
          const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
          double sum = 0;
          for (const double l : logits) sum += std::exp(l);
          counted += 1, zCounted += 1, load[best] += 1;
          zSum += std::pow(std::log(sum), 2);
          for (std::int64_t e = 0; e < spec.experts; e++) mass[e] += std::exp(logits[e]) / sum;
          if (taken[best]++ < capacity) {
            y = expert(x[b][t], prefix + ".experts", best);
            for (auto& value : y) value *= std::exp(logits[best]) / sum;
          }
        }
        rows.push_back(y);
      }
      out.push_back(rows);
      if (bySequence) closeGroup();
    }
    if (!bySequence) closeGroup();
    if (zCounted > 0) z += zSum / zCounted;
    return out;
  }
  std::vector<Matrix> stack(const std::string& name, std::int64_t layers, std::vector<Matrix> x, const std::vector<std::vector<bool>>& valid,
                            const std::vector<std::vector<bool>>& keys, bool causal, const std::vector<Matrix>& memory, const std::vector<std::vector<bool>>& memoryKeys) {
    const auto table = weights.find(name + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight");
    const auto bias = [&](std::int64_t h, std::size_t i, std::size_t j) {
      if (table == weights.end()) return 0.0;
      const auto bucket = relativePositionBucket(static_cast<std::int64_t>(j) - static_cast<std::int64_t>(i), !causal, model.relativePositionBuckets, model.relativePositionMaxDistance);
      return table->second[bucket][h].item<double>();
    };
    const auto none = [](std::int64_t, std::size_t, std::size_t) { return 0.0; };
    const auto add = [](Matrix& to, const Matrix& update) {
      for (std::size_t t = 0; t < to.size(); t++)
        for (std::size_t i = 0; i < to[t].size(); i++) to[t][i] += update[t][i];
    };
    const auto normed = [&](const Matrix& rows, const std::string& weight) {
      Matrix out;
      for (const auto& row : rows) out.push_back(norm(row, weight));
      return out;
    };
    for (std::int64_t layer = 0; layer < layers; layer++) {
      const auto block = name + ".block." + std::to_string(layer) + ".layer.";
      for (std::size_t b = 0; b < x.size(); b++) {
        const auto h = normed(x[b], block + "0.layer_norm.weight");
        add(x[b], attend(h, h, block + "0.SelfAttention", bias, [&](std::size_t i, std::size_t j) { return causal ? j <= i : static_cast<bool>(keys[b][j]); }));
        if (memory.empty()) continue;
        const auto c = normed(x[b], block + "1.layer_norm.weight");
        add(x[b], attend(c, memory[b], block + "1.EncDecAttention", none, [&](std::size_t, std::size_t j) { return static_cast<bool>(memoryKeys[b][j]); }));
      }
      const auto last = block + (memory.empty() ? "1" : "2");
      std::vector<Matrix> h;
      for (const auto& sequence : x) h.push_back(normed(sequence, last + ".layer_norm.weight"));
      if (weights.contains(last + ".mlp.experts.wo")) {
        const auto y = sparse(h, valid, last + ".mlp");
        for (std::size_t b = 0; b < x.size(); b++) add(x[b], y[b]);
      } else {
        for (std::size_t b = 0; b < x.size(); b++) {
          Matrix y;
          for (const auto& row : h[b]) y.push_back(dense(row, last + ".mlp"));
          add(x[b], y);
        }
      }
    }
    for (auto& sequence : x) sequence = normed(sequence, name + ".final_layer_norm.weight");
    return x;
  }

  ModelConfig model;
  TokenConfig tokens;
  bool training;
  std::map<std::string, torch::Tensor> weights;
};

const TokenConfig TOKENS{23, 0, 0};

ModelConfig small() {
  ModelConfig model;
  model.dModel = 8, model.dFf = 12, model.heads = 2, model.dKv = 3;
  model.encoderLayers = 2, model.decoderLayers = 2;
  model.dropout = 0.0;
  model.relativePositionBuckets = 8, model.relativePositionMaxDistance = 16;
  model.initializationScale = 2.0;  // so that routing is uneven and every term counts
  model.precision = Precision::fp32;
  model.sparse->experts = 3;
  model.sparse->expertDropout = 0.0;
  model.sparse->trainingCapacityFactor = 0.7;  // drops tokens
  return model;
}

TokenBatch batchOf(std::int64_t batch, std::int64_t inputLength, std::int64_t labelLength, bool encoder) {
  torch::manual_seed(11);
  TokenBatch out;
  out.labels = torch::randint(1, TOKENS.vocabularySize, {batch, labelLength}, torch::kLong);
  out.labels[batch - 1].slice(0, labelLength - 2).fill_(TOKENS.padToken);
  if (encoder) {
    out.input = torch::randint(1, TOKENS.vocabularySize, {batch, inputLength}, torch::kLong);
    out.input[0].slice(0, inputLength - 3).fill_(TOKENS.padToken);
  }
  return out;
}

std::vector<std::pair<std::string, ModelConfig>> variants() {
  std::vector<std::pair<std::string, ModelConfig>> all{{"switch", small()}};
  auto dense = small();
  dense.sparse.reset();
  all.emplace_back("dense", dense);
  auto bySequence = small();
  bySequence.sparse->capacityGroup = CapacityGroup::sequence;
  bySequence.sparse->experts = 5;
  all.emplace_back("capacity per sequence", bySequence);
  auto everyLayer = small();
  everyLayer.sparse->every = 1;
  everyLayer.tiedEmbeddings = false;
  all.emplace_back("every layer sparse, untied", everyLayer);
  auto separate = everyLayer;
  separate.sharedEmbeddings = false;
  all.emplace_back("an embedding for each stack", separate);
  auto unscaled = dense;
  unscaled.rescaledHead = false;
  all.emplace_back("tied head without rescaling", unscaled);
  auto decoder = small();
  decoder.architecture = Architecture::decoderOnly;
  decoder.decoderLayers = 3;
  all.emplace_back("decoder only", decoder);
  for (const auto& [name, activation] : {std::pair("GELU", Activation::gelu), {"gated GELU", Activation::gatedGelu}, {"gated SiLU", Activation::gatedSilu}}) {
    auto other = small();
    other.feedForward = activation;
    all.emplace_back(name, other);
  }
  return all;
}

TEST(Model, ForwardMatchesTheSlowReference) {
  for (const auto& [name, config] : variants())
    for (const bool training : {true, false}) {
      SCOPED_TRACE(name + (training ? ", training" : ", evaluation"));
      const Transformer model(config, TOKENS, 7, torch::kDouble);
      const auto batch = batchOf(3, 9, 7, config.encoderDecoder());
      Pass pass;
      pass.type = model.computeType();
      pass.training = training;
      const auto logits = model.forward(pass, batch).detach();
      Reference reference(config, TOKENS, model.parameters, training);
      const auto expected = reference.forward(batch.input, batch.labels);
      double worst = 0;
      for (std::int64_t b = 0; b < logits.size(0); b++)
        for (std::int64_t t = 0; t < logits.size(1); t++)
          for (std::int64_t v = 0; v < logits.size(2); v++) worst = std::max(worst, std::abs(logits[b][t][v].item<double>() - expected[b][t][v]));
      EXPECT_LT(worst, 1e-9);
      double auxiliary = 0, z = 0, dropped = 0;
      for (const auto& layer : pass.routed) {
        auxiliary += auxiliaryLoss(layer.routing.balance).item<double>();
        z += zLoss(layer.routing.balance).item<double>();
        dropped += (layer.routing.valid.sum() - layer.routing.slot.ge(0).sum()).item<double>();
      }
      EXPECT_NEAR(auxiliary, reference.auxiliary, 1e-9);
      EXPECT_NEAR(z, reference.z, 1e-9);
      // The test would prove little if nothing were dropped.
      if (config.sparse && training) {
        EXPECT_GT(dropped, 0);
      }
    }
}

TEST(Model, VisionMatchesTheSlowReferenceAndItsGradientDifferences) {
  const ImageConfig image{7, 9, 2, 5};  // patches of 3 × 3 leave one row of pixels out
  for (const bool sparse : {true, false}) {
    SCOPED_TRACE(sparse ? "sparse" : "dense");
    auto config = small();
    config.architecture = Architecture::vision;
    config.patchSize = 3;
    config.feedForward = Activation::gatedGelu;
    if (!sparse) config.sparse.reset();
    const Transformer model(config, TOKENS, 7, torch::kDouble, image);
    torch::manual_seed(4);
    TokenBatch batch;
    batch.images = torch::randint(0, 256, {3, 7 * 9 * 2}, torch::kByte);
    batch.labels = torch::tensor({1, -1, 4}, torch::kLong).view({3, 1});
    const auto loss = [&] {
      Pass pass;
      pass.type = model.computeType();
      pass.training = true;
      const auto logits = model.forward(pass, batch);
      EXPECT_EQ(logits.sizes(), (std::vector<std::int64_t>{3, 1, 5}));
      auto sum = kernels::crossEntropySum(logits.flatten(0, 1), batch.labels.reshape(-1), -1);
      for (const auto& layer : pass.routed) sum = sum + auxiliaryLoss(layer.routing.balance) * 0.1;
      return std::pair(sum, logits);
    };
    const auto [total, logits] = loss();
    Reference reference(config, TOKENS, model.parameters, true);
    const auto expected = reference.classify(batch.images, image);
    for (std::int64_t b = 0; b < 3; b++)
      for (std::int64_t c = 0; c < 5; c++) EXPECT_NEAR(logits[b][0][c].item<double>(), expected[b][c], 1e-9);
    total.backward();
    const torch::NoGradGuard noGrad;
    for (const auto& parameter : model.parameters.all()) {
      auto flat = parameter.value.detach().reshape(-1);
      const auto gradient = parameter.gradient().reshape(-1);
      const auto i = gradient.abs().argmax().item<std::int64_t>();
      const double before = flat[i].item<double>(), h = 1e-6;
      flat[i] = before + h;
      const double more = loss().first.item<double>();
      flat[i] = before - h;
      const double less = loss().first.item<double>();
      flat[i] = before;
      const double exact = gradient[i].item<double>();
      EXPECT_NEAR(exact, (more - less) / (2 * h), 2e-6 + 2e-5 * std::abs(exact)) << parameter.name;
    }
  }
}

/// The training loss in double, as trainingStep builds it.
torch::Tensor lossOf(const Transformer& model, const TokenBatch& batch) {
  Pass pass;
  pass.type = model.computeType();
  pass.training = true;
  pass.seed = 5;
  pass.step = 1;
  const auto logits = model.forward(pass, batch);
  auto loss = kernels::crossEntropySum(logits.flatten(0, 1), batch.labels.reshape(-1), TOKENS.padToken) / 10.0;
  for (const auto& layer : pass.routed) loss = loss + auxiliaryLoss(layer.routing.balance) * 0.1 + zLoss(layer.routing.balance) * 0.05;
  return loss;
}

/// Selective precision (Switch Transformer §2.4): the router's numbers are fp32, what reaches the experts and leaves them bf16.
TEST(Model, OnlyTheRouterOfSelectivePrecisionIsWide) {
  const auto batch = batchOf(3, 9, 6, true);
  const auto run = [&](Precision precision) {
    auto model = small();
    model.precision = precision;
    const Transformer transformer(model, TOKENS, 3, torch::kFloat);
    Pass pass;
    pass.type = transformer.computeType();
    const torch::NoGradGuard noGrad;
    auto logits = transformer.forward(pass, batch);
    return std::pair(std::move(logits), std::move(pass.routed));
  };
  const auto [wide, wideRouted] = run(Precision::fp32);
  const auto [selective, selectiveRouted] = run(Precision::selective);
  const auto [narrow, narrowRouted] = run(Precision::bf16);
  EXPECT_EQ(wide.scalar_type(), torch::kFloat);
  EXPECT_EQ(selective.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(narrow.scalar_type(), torch::kBFloat16);
  for (const auto& layer : selectiveRouted) EXPECT_EQ(layer.routing.probability.scalar_type(), torch::kFloat);
  for (const auto& layer : narrowRouted) EXPECT_EQ(layer.routing.probability.scalar_type(), torch::kBFloat16);
  // The first router sees nearly the same input: its probabilities differ by what bf16 does to the input, and more where it works in bf16.
  const auto error = [&](const std::vector<RoutedLayer>& routed) {
    return (routed[0].routing.probability.to(torch::kFloat) - wideRouted[0].routing.probability).abs().mean().item<double>();
  };
  EXPECT_LT(error(selectiveRouted), 0.02);
  EXPECT_LT(error(selectiveRouted), error(narrowRouted));
}

TEST(Model, GradientMatchesDifferences) {
  auto all = variants();
  auto withDropout = small();
  withDropout.dropout = 0.3;
  withDropout.sparse->expertDropout = 0.4;
  all.emplace_back("dropout", withDropout);
  for (const auto& [name, config] : all) {
    SCOPED_TRACE(name);
    const Transformer model(config, TOKENS, 9, torch::kDouble);
    const auto batch = batchOf(2, 8, 6, config.encoderDecoder());
    lossOf(model, batch).backward();
    const torch::NoGradGuard noGrad;
    for (const auto& parameter : model.parameters.all()) {
      auto flat = parameter.value.detach().reshape(-1);
      const auto gradient = parameter.gradient().reshape(-1);
      // Some entries of each parameter, the greatest gradient among them.
      std::vector<std::int64_t> entries{gradient.abs().argmax().item<std::int64_t>(), 0, flat.numel() / 2, flat.numel() - 1};
      for (const auto i : entries) {
        const double before = flat[i].item<double>(), h = 1e-6;
        flat[i] = before + h;
        const double more = lossOf(model, batch).item<double>();
        flat[i] = before - h;
        const double less = lossOf(model, batch).item<double>();
        flat[i] = before;
        const double difference = (more - less) / (2 * h), exact = gradient[i].item<double>();
        EXPECT_NEAR(exact, difference, 2e-6 + 2e-5 * std::abs(exact)) << parameter.name << "[" << i << "]";
      }
    }
  }
}

TEST(Model, InitialisationIsThePapers) {
  auto config = small();
  config.dModel = 64, config.dFf = 256, config.initializationScale = 0.1;
  const Transformer model(config, TOKENS, 1, torch::kFloat);
  for (const auto& parameter : model.parameters.all()) {
    const double deviation = parameter.value.std().item<double>(), greatest = parameter.value.abs().max().item<double>();
    double expected = -1;
    if (parameter.name.ends_with("experts.wi")) expected = std::sqrt(0.1 / 64);
    if (parameter.name.ends_with("experts.wo")) expected = std::sqrt(0.1 / 256);
    if (parameter.name.ends_with("DenseReluDense.wi.weight") || parameter.name.ends_with("mlp.wi.weight")) expected = std::sqrt(0.1 / 64);
    if (expected < 0) continue;
    // A normal cut at two deviations has 0.880 of the deviation.
    EXPECT_NEAR(deviation / expected, 0.880, 0.02) << parameter.name;
    EXPECT_LE(greatest, 2.0 * expected + 1e-6) << parameter.name;
  }
  const Transformer again(config, TOKENS, 1, torch::kFloat), other(config, TOKENS, 2, torch::kFloat);
  EXPECT_TRUE(torch::equal(model.parameters.all()[1].value, again.parameters.all()[1].value));
  EXPECT_FALSE(torch::equal(model.parameters.all()[1].value, other.parameters.all()[1].value));
}

}  // namespace
