// Text from a model, token by token: the encoder and the prompt are read once, then each step reads one token a sequence.
#pragma once

#include <torch/types.h>

#include <vector>

#include "../model/transformer.h"
#include "beamSearch.h"
#include "path.h"
#include "request.h"
#include "sentTo.h"

namespace switchyard {

/// One request on its way. Between two calls of `advance` it can be looked at, or dropped.
///
/// Encoder and prompt are read with the evaluation capacity, each sequence by itself, so that its tokens compete for places with each
/// other alone. A step's tokens belong to unrelated sequences, so there each expert takes all that choose it. A sequence therefore
/// gets the same text whatever else is in the batch.
class Generation {
 public:
  /// Reads encoder input and prompts. The model outlives this, and the request fits it.
  Generation(const Transformer& model, const TokenConfig& tokens, GenerationRequest request);

  /// One token more for each sequence that has not ended. Returns whether any goes on.
  bool advance();
  bool done() const { return finished; }
  /// What there is by now; the best hypothesis of a beam search.
  std::vector<GeneratedSequence> sequences() const;

 private:
  /// A sequence's routing of what was there before the first generated token.
  struct Read {
    std::vector<TokenRouting> encoder, decoder;
  };

  Pass newPass() const;
  at::Tensor idsOf(const std::vector<std::int32_t>& ids) const;
  void readInputs();
  void readPrompts(const at::Tensor& memory, const at::Tensor& memoryValid);
  void readTokens();
  void takeLogits(const at::Tensor& logits);
  std::span<const float> rowsOf(std::size_t sequence, std::size_t rows) const;

  const Transformer& model;
  TokenConfig tokens;
  GenerationRequest request;
  bool searching;
  std::size_t beams;
  std::vector<Read> read;
  DecoderCache cache;
  /// (rows, V) on the host: log p of what follows each row. A sequence has `beams` rows next to each other.
  at::Tensor logProbabilities;
  /// Of greedy decoding and sampling, one a sequence; of beam search.
  std::vector<Path> paths;
  std::vector<bool> ended;
  std::vector<BeamSearch> searches;
  bool finished = false;
};

}  // namespace switchyard
