// What to generate from, how, and what comes of it.
#pragma once

#include <cstdint>
#include <vector>

namespace switchyard {

enum class GenerationMethod { greedy, sampling, beam };

struct GenerationSettings {
  GenerationMethod method = GenerationMethod::greedy;
  /// Tokens at most, the end token included.
  std::int64_t maxTokens = 64;
  std::int32_t endToken = 1;
  /// Sampling: logits are divided by the temperature, then cut to the topK most probable tokens (0: all), then to the fewest most
  /// probable ones whose probabilities sum to topP (1: all; 1904.09751).
  double temperature = 1.0;
  std::int64_t topK = 0;
  double topP = 1.0;
  /// With the position it decides each draw, so that a sequence does not depend on its neighbours in the batch.
  std::uint64_t seed = 1;
  /// Beam search: hypotheses kept, and the exponent of the length that a score is divided by.
  std::int64_t beams = 4;
  double lengthPenalty = 1.0;
};

struct GenerationRequest {
  /// Encoder tokens, a sequence each, of any lengths; empty for a decoder-only model.
  std::vector<std::vector<std::int32_t>> input;
  /// What the decoder has already read behind its start token, a sequence each; may be empty sequences.
  std::vector<std::vector<std::int32_t>> prompt;
  GenerationSettings settings;
};

struct EngineConfig;
/// Throws Failure on tokens or settings that don't fit the model.
void expectFits(const GenerationRequest& request, const EngineConfig& config);

/// Where the tokens that one stack read were sent by one sparse layer.
struct TokenRouting {
  bool encoder = true;
  std::int64_t layer = 0, experts = 0;
  /// [tokens read][choices]: experts chosen, the first choice first.
  std::vector<std::vector<std::int32_t>> chosen;
  /// Tokens, by place, that no expert had room for.
  std::vector<std::int64_t> dropped;
};

struct GeneratedSequence {
  std::vector<std::int32_t> tokens;
  /// log p of each token given all before it, under the model itself (temperature 1, nothing cut off), nats.
  std::vector<double> logProbabilities;
  /// Σ log p; for beam search divided by length^lengthPenalty.
  double score = 0.0;
  /// Whether it came to the end token.
  bool ended = false;
  /// Sparse layers, encoder first. The encoder has read the input; the decoder its start token, the prompt, and all generated
  /// tokens but the last, which nothing has read yet.
  std::vector<TokenRouting> routing;
};

}  // namespace switchyard
