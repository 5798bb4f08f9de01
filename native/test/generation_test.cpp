// Generation against the whole forward pass repeated for every token, beam search against a search that writes every text out, and
// the distribution that sampling draws from.
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "../engine.h"
#include "../failure.h"
#include "../generation/generation.h"
#include "../generation/sampling.h"

namespace {

using namespace switchyard;
using Ids = std::vector<std::int32_t>;

constexpr std::int32_t END = 1;

ModelConfig modelConfig(bool encoderDecoder = true, Precision precision = Precision::fp32) {
  ModelConfig model;
  model.architecture = encoderDecoder ? Architecture::encoderDecoder : Architecture::decoderOnly;
  model.dModel = 24, model.dFf = 40, model.heads = 3, model.dKv = 8;
  model.encoderLayers = 2, model.decoderLayers = 4;
  model.relativePositionBuckets = 8, model.relativePositionMaxDistance = 12;
  model.initializationScale = 2.0;
  model.precision = precision;
  model.sparse->experts = 4;
  model.sparse->evaluationCapacityFactor = 4.0;  // every expert could take all tokens
  return model;
}

TokenConfig tokenConfig(std::int64_t vocabulary = 30) { return {vocabulary, 0, 0}; }

Transformer makeModel(const ModelConfig& model, std::int64_t vocabulary = 30, std::int64_t seed = 3) {
  return {model, tokenConfig(vocabulary), seed, torch::TensorOptions().dtype(torch::kFloat)};
}

Ids randomIds(std::int64_t length, int seed, std::int64_t vocabulary = 30) {
  torch::manual_seed(seed);
  const auto values = torch::randint(2, vocabulary, {length}, torch::kInt);
  return {values.const_data_ptr<std::int32_t>(), values.const_data_ptr<std::int32_t>() + length};
}

torch::Tensor rowOf(const Ids& ids) { return torch::tensor(ids, torch::kInt).to(torch::kLong).unsqueeze(0); }

/// Log-probabilities [T][V] after the start token and each of `read`, by one whole forward pass without a cache.
torch::Tensor whole(const Transformer& model, const Ids& input, const Ids& read, std::vector<RoutedLayer>* routed = nullptr) {
  const torch::NoGradGuard noGrad;
  Pass pass;
  pass.type = model.computeType();
  TokenBatch batch;
  if (!input.empty()) batch.input = rowOf(input);
  Ids decoder{0};
  decoder.insert(decoder.end(), read.begin(), read.end());
  batch.decoderInput = rowOf(decoder);
  batch.labels = torch::ones_like(batch.decoderInput);
  const auto logits = model.forward(pass, batch)[0];
  if (routed) *routed = pass.routed;
  return torch::log_softmax(logits.to(torch::kDouble), 1);
}

Ids joined(Ids first, const Ids& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<GeneratedSequence> generate(const Transformer& model, GenerationRequest request, std::int64_t vocabulary = 30) {
  request.settings.endToken = END;
  Generation generation(model, tokenConfig(vocabulary), std::move(request));
  while (generation.advance()) {}
  return generation.sequences();
}

TEST(Generation, CachedLogitsAreThoseOfTheWholeForwardPass) {
  const torch::NoGradGuard noGrad;
  for (const bool encoderDecoder : {true, false}) {
    const auto model = makeModel(modelConfig(encoderDecoder));
    const auto input = encoderDecoder ? randomIds(9, 1) : Ids{};
    const auto read = randomIds(20, 2);
    const auto expected = whole(model, input, read);
    Pass pass;
    torch::Tensor memory, valid;
    if (encoderDecoder) {
      memory = model.encode(pass, rowOf(input));
      valid = torch::ones({1, 9});
    }
    auto cache = model.makeCache(pass, 1, 40, memory, valid);
    const auto all = joined({0}, read);
    // Five tokens at once, then one by one.
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t count = at == 0 ? 5 : 1;
      const Ids next(all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(at + count));
      const auto logits = model.read(pass, cache, rowOf(next), torch::ones({1, static_cast<std::int64_t>(count)}));
      at += count;
      const auto found = torch::log_softmax(logits.to(torch::kDouble), 1)[0];
      EXPECT_LT((found - expected[static_cast<std::int64_t>(at) - 1]).abs().max().item<double>(), 1e-5) << at;
    }
    EXPECT_EQ(cache.length, 21);
  }
}

TEST(Generation, GreedyIsTheMostProbableTokenOfTheWholeForwardPass) {
  for (const bool encoderDecoder : {true, false})
    for (const auto precision : {Precision::fp32, Precision::selective}) {
      const auto model = makeModel(modelConfig(encoderDecoder, precision));
      const auto input = encoderDecoder ? randomIds(11, 5) : Ids{};
      const auto prompt = randomIds(4, 6);
      GenerationRequest request;
      if (encoderDecoder) request.input = {input};
      request.prompt = {prompt};
      request.settings.maxTokens = 15;
      const auto found = generate(model, request)[0];
      ASSERT_GT(found.tokens.size(), 3U);
      const double tolerance = precision == Precision::fp32 ? 1e-5 : 0.1;
      double sum = 0;
      for (std::size_t i = 0; i < found.tokens.size(); i++) {
        const auto last = whole(model, input, joined(prompt, Ids(found.tokens.begin(), found.tokens.begin() + static_cast<std::ptrdiff_t>(i))))[-1];
        if (precision == Precision::fp32) {
          EXPECT_EQ(found.tokens[i], last.argmax().item<std::int64_t>()) << i;
        }
        EXPECT_NEAR(found.logProbabilities[i], last[found.tokens[i]].item<double>(), tolerance) << i;
        sum += found.logProbabilities[i];
      }
      EXPECT_NEAR(found.score, sum, 1e-9);
      EXPECT_EQ(found.ended, found.tokens.back() == END);
      EXPECT_TRUE(found.ended || found.tokens.size() == 15);
    }
}

TEST(Generation, EachTokensExpertsAreThoseOfTheWholeForwardPass) {
  const auto model = makeModel(modelConfig());
  const auto input = randomIds(11, 5), prompt = randomIds(3, 6);
  GenerationRequest request{{input}, {prompt}, {}};
  request.settings.maxTokens = 12;
  for (const auto method : {GenerationMethod::greedy, GenerationMethod::beam}) {
    request.settings.method = method;
    const auto found = generate(model, request)[0];
    std::vector<RoutedLayer> routed;
    // The last token was not read by anything.
    const auto read = joined(prompt, Ids(found.tokens.begin(), found.tokens.end() - 1));
    whole(model, input, read, &routed);
    ASSERT_EQ(found.routing.size(), routed.size());
    ASSERT_EQ(routed.size(), 3U);
    for (std::size_t layer = 0; layer < routed.size(); layer++) {
      const auto& routing = found.routing[layer];
      EXPECT_EQ(routing.encoder, routed[layer].encoder);
      EXPECT_EQ(routing.layer, routed[layer].layer);
      EXPECT_EQ(routing.experts, 4);
      EXPECT_TRUE(routing.dropped.empty());
      ASSERT_EQ(routing.chosen.size(), routing.encoder ? input.size() : read.size() + 1);
      for (std::size_t token = 0; token < routing.chosen.size(); token++)
        EXPECT_EQ(routing.chosen[token], Ids{routed[layer].routing.probability[static_cast<std::int64_t>(token)].argmax().item<std::int32_t>()});
    }
  }
}

TEST(Generation, ASequenceDoesNotDependOnItsNeighbours) {
  for (const bool encoderDecoder : {true, false})
    for (const auto method : {GenerationMethod::greedy, GenerationMethod::sampling, GenerationMethod::beam}) {
      auto config = modelConfig(encoderDecoder);
      config.sparse->evaluationCapacityFactor = 0.5;  // tokens are dropped
      const auto model = makeModel(config);
      GenerationRequest all;
      for (int i = 0; i < 4; i++) {
        if (encoderDecoder) all.input.push_back(randomIds(5 + 4 * i, i));
        all.prompt.push_back(randomIds((3 * i) % 7, 10 + i));
      }
      all.settings.method = method;
      all.settings.maxTokens = 14;
      all.settings.beams = 3;
      const auto together = generate(model, all);
      std::size_t dropped = 0;
      for (std::size_t i = 0; i < 4; i++) {
        GenerationRequest one{{}, {all.prompt[i]}, all.settings};
        if (encoderDecoder) one.input = {all.input[i]};
        const auto alone = generate(model, one)[0];
        EXPECT_EQ(together[i].tokens, alone.tokens);
        EXPECT_NEAR(together[i].score, alone.score, 1e-4);
        for (std::size_t layer = 0; layer < alone.routing.size(); layer++) {
          EXPECT_EQ(together[i].routing[layer].chosen, alone.routing[layer].chosen);
          EXPECT_EQ(together[i].routing[layer].dropped, alone.routing[layer].dropped);
          dropped += alone.routing[layer].dropped.size();
          // What was generated is never dropped.
          if (alone.routing[layer].encoder) continue;
          for (const auto place : alone.routing[layer].dropped) EXPECT_LE(place, static_cast<std::int64_t>(all.prompt[i].size()));
        }
      }
      EXPECT_GT(dropped, 0U);
    }
}

/// Beam search written for reading: texts in full, every continuation scored by a whole forward pass.
std::pair<Ids, double> slowBeamSearch(const Transformer& model, const Ids& input, const GenerationSettings& settings, std::int64_t vocabulary) {
  struct Text { Ids ids; double sum; };
  const auto scored = [&](const Text& text) { return text.sum / std::pow(static_cast<double>(text.ids.size()), settings.lengthPenalty); };
  std::vector<Text> live{{{}, 0.0}}, ended;
  for (std::int64_t step = 0; step < settings.maxTokens && static_cast<std::int64_t>(ended.size()) < settings.beams; step++) {
    std::vector<Text> candidates;
    for (const auto& text : live) {
      const auto next = whole(model, input, text.ids)[-1];
      for (std::int32_t token = 0; token < vocabulary; token++) candidates.push_back({joined(text.ids, {token}), text.sum + next[token].item<double>()});
    }
    std::stable_sort(candidates.begin(), candidates.end(), [](const Text& a, const Text& b) { return a.sum > b.sum; });
    live.clear();
    for (std::size_t rank = 0; rank < candidates.size() && rank < static_cast<std::size_t>(2 * settings.beams) && static_cast<std::int64_t>(live.size()) < settings.beams; rank++) {
      if (candidates[rank].ids.back() != END) live.push_back(candidates[rank]);
      else if (rank < static_cast<std::size_t>(settings.beams)) ended.push_back(candidates[rank]);
    }
  }
  if (static_cast<std::int64_t>(ended.size()) < settings.beams) ended.insert(ended.end(), live.begin(), live.end());
  const auto best = *std::max_element(ended.begin(), ended.end(), [&](const Text& a, const Text& b) { return scored(a) < scored(b); });
  return {best.ids, scored(best)};
}

TEST(BeamSearch, FindsWhatTheSlowSearchFinds) {
  constexpr std::int64_t VOCABULARY = 6;
  int ended = 0;
  for (int seed = 1; seed <= 4; seed++)
    for (const auto& [beams, penalty] : {std::pair{2, 1.0}, {3, 0.0}, {3, 2.0}, {8, 1.0}}) {
      const auto model = makeModel(modelConfig(), VOCABULARY, seed);
      GenerationRequest request{{randomIds(5, seed, VOCABULARY)}, {}, {}};
      request.settings.method = GenerationMethod::beam;
      request.settings.beams = beams;
      request.settings.lengthPenalty = penalty;
      request.settings.maxTokens = 6;
      const auto found = generate(model, request, VOCABULARY)[0];
      const auto [ids, score] = slowBeamSearch(model, request.input[0], request.settings, VOCABULARY);
      EXPECT_EQ(found.tokens, ids) << seed << " " << beams;
      EXPECT_NEAR(found.score, score, 1e-5);
      ended += found.ended;
    }
  EXPECT_GT(ended, 1);
}

TEST(BeamSearch, WithAsManyBeamsAsTextsFindsTheBestOfAll) {
  constexpr std::int64_t VOCABULARY = 4, LENGTH = 4;
  const auto model = makeModel(modelConfig(), VOCABULARY, 11);
  const auto input = randomIds(4, 3, VOCABULARY);
  double best = -INFINITY;
  const std::function<void(const Ids&, double)> tryAll = [&](const Ids& text, double sum) {
    if (!text.empty() && (text.back() == END || text.size() == LENGTH)) {
      best = std::max(best, sum / static_cast<double>(text.size()));
      return;
    }
    const auto next = whole(model, input, text)[-1];
    for (std::int32_t token = 0; token < VOCABULARY; token++) tryAll(joined(text, {token}), sum + next[token].item<double>());
  };
  tryAll({}, 0.0);
  GenerationRequest request{{input}, {}, {}};
  request.settings.method = GenerationMethod::beam;
  request.settings.beams = 128;
  request.settings.maxTokens = LENGTH;
  EXPECT_NEAR(generate(model, request, VOCABULARY)[0].score, best, 1e-5);
}

TEST(BeamSearch, OneBeamIsGreedy) {
  for (int seed = 1; seed <= 5; seed++) {
    const auto model = makeModel(modelConfig(), 30, seed);
    GenerationRequest request{{randomIds(8, seed)}, {}, {}};
    request.settings.maxTokens = 12;
    const auto greedy = generate(model, request)[0];
    request.settings.method = GenerationMethod::beam;
    request.settings.beams = 1;
    request.settings.lengthPenalty = 0.0;
    const auto beam = generate(model, request)[0];
    EXPECT_EQ(beam.tokens, greedy.tokens);
    EXPECT_EQ(beam.logProbabilities, greedy.logProbabilities);
    EXPECT_NEAR(beam.score, greedy.score, 1e-6);
  }
}

TEST(Sampling, DrawsEachTokenAsOftenAsItsProbabilitySays) {
  const std::vector<double> p{0.05, 0.4, 0.25, 0.2, 0.1};
  std::vector<float> logs;
  for (const double value : p) logs.push_back(static_cast<float>(std::log(value)));
  constexpr int DRAWS = 40'000;
  const auto frequencies = [&](const GenerationSettings& settings) {
    std::vector<double> counts(p.size(), 0.0);
    for (int position = 0; position < DRAWS; position++) counts[static_cast<std::size_t>(sample(logs, settings, position))] += 1.0 / DRAWS;
    return counts;
  };
  const auto expectNear = [](const std::vector<double>& found, const std::vector<double>& expected) {
    // Four standard deviations of a frequency.
    for (std::size_t i = 0; i < expected.size(); i++) EXPECT_NEAR(found[i], expected[i], 4 * std::sqrt(expected[i] * (1 - expected[i]) / DRAWS) + 1e-9) << i;
  };
  GenerationSettings settings;
  expectNear(frequencies(settings), p);
  settings.topK = 2;
  expectNear(frequencies(settings), {0, 0.4 / 0.65, 0.25 / 0.65, 0, 0});
  settings.topK = 0;
  settings.topP = 0.6;  // 0.4 + 0.25 reaches it
  expectNear(frequencies(settings), {0, 0.4 / 0.65, 0.25 / 0.65, 0, 0});
  settings.topP = 0.3;
  expectNear(frequencies(settings), {0, 1, 0, 0, 0});
  settings.topP = 1.0;
  settings.temperature = 2.0;
  double total = 0;
  for (const double value : p) total += std::sqrt(value);
  std::vector<double> flatter;
  for (const double value : p) flatter.push_back(std::sqrt(value) / total);
  expectNear(frequencies(settings), flatter);
}

TEST(Sampling, IsAFunctionOfSeedAndPosition) {
  std::vector<float> logs(100, std::log(0.01F));
  GenerationSettings one, two;
  two.seed = 2;
  int same = 0, repeated = 0;
  for (int position = 0; position < 1000; position++) {
    EXPECT_EQ(sample(logs, one, position), sample(logs, one, position));
    same += sample(logs, one, position) == sample(logs, two, position);
    repeated += sample(logs, two, position) == sample(logs, one, position + 1);
  }
  EXPECT_LT(same, 40);
  EXPECT_LT(repeated, 40);
  one.temperature = 1e-4;
  logs[7] = std::log(0.02F);
  EXPECT_EQ(sample(logs, one, 0), 7);
}

class GenerationEngine : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
  EngineConfig config() const {
    EngineConfig config;
    config.device = "cpu";
    config.vocabularySize = 30;
    config.model = modelConfig();
    return config;
  }
  const std::string folder = std::filesystem::temp_directory_path() / ("switchyard-generation-" + std::to_string(getpid()));
};

TEST_F(GenerationEngine, AnInferenceEngineHasNoOptimizerAndSaysTheSame) {
  Engine trained(config());
  Batch batch{randomIds(10, 1), randomIds(6, 2), {}, {}, 1, 10, 6};
  for (int step = 0; step < 3; step++) trained.step(batch, false);
  trained.save(folder);
  auto settings = config();
  settings.inference = true;
  settings.seed = 99;
  Engine reader(settings);
  reader.load(folder);
  EXPECT_EQ(reader.stepsDone(), 3);
  EXPECT_EQ(reader.memory().optimizerBytes, 0);
  EXPECT_EQ(reader.evaluate(batch).lossSum, trained.evaluate(batch).lossSum);
  EXPECT_THROW(reader.step(batch, false), Failure);
  EXPECT_THROW(reader.save(folder), Failure);

  GenerationRequest request{{batch.input}, {}, {}};
  request.settings.maxTokens = 9;
  std::vector<Ids> texts;
  for (auto* engine : {&trained, &reader}) {
    engine->startGeneration(request);
    GenerationState state;
    // What there is grows by what was asked for.
    for (std::size_t length = 2; !(state = engine->continueGeneration(2)).done; length += 2) EXPECT_EQ(state.sequences[0].tokens.size(), length);
    texts.push_back(state.sequences[0].tokens);
    EXPECT_THROW(engine->continueGeneration(1), Failure);
  }
  EXPECT_EQ(texts[0], texts[1]);
}

TEST_F(GenerationEngine, WhatDoesNotFitIsRefusedAndAStoppedGenerationIsGone) {
  Engine engine(config());
  const auto refusal = [&](const std::function<void(GenerationRequest&)>& change) -> std::string {
    GenerationRequest request{{{3, 4}}, {}, {}};
    change(request);
    try {
      engine.startGeneration(request);
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  };
  EXPECT_EQ(refusal([](auto&) {}), "");
  engine.stopGeneration();
  EXPECT_THROW(engine.continueGeneration(1), Failure);
  EXPECT_NE(refusal([](auto& request) { request.input[0][1] = 30; }).find("token 30"), std::string::npos);
  EXPECT_NE(refusal([](auto& request) { request.prompt = {{-1}}; }).find("token -1"), std::string::npos);
  EXPECT_NE(refusal([](auto& request) { request.input = {}; }).find("needs input"), std::string::npos);
  EXPECT_NE(refusal([](auto& request) { request.input = {{}}; }).find("empty"), std::string::npos);
  EXPECT_NE(refusal([](auto& request) { request.prompt = {{2}, {3}}; }).find("different numbers"), std::string::npos);
  EXPECT_NE(refusal([](auto& request) { request.settings.maxTokens = 4097; }).find("4,096"), std::string::npos);
  EXPECT_NE(refusal([](auto& request) { request.settings.temperature = 0; }).find("temperature"), std::string::npos);
  EXPECT_NE(refusal([](auto& request) { request.settings.beams = 0; }).find("beams"), std::string::npos);
}

}  // namespace
