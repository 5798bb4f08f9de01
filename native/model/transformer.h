// T5 1.0 with switch layers: encoder-decoder, or the decoder alone; or its encoder over the patches of images.
// Pre-RMSNorm, relative position bias in block 0 of each stack, tied embeddings rescaled by d_model^-0.5 at the output.
// B sequences, S encoder and T decoder tokens, d d_model, V vocabulary.
#pragma once

#include <torch/types.h>

#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "../config.h"
#include "attention.h"
#include "decoderCache.h"
#include "feedForward.h"
#include "parameters.h"
#include "pass.h"
#include "patchEmbedding.h"
#include "relativePositionBias.h"
#include "switchLayer.h"

namespace switchyard {

struct TokenConfig {
  std::int64_t vocabularySize = 384, padToken = 0, startToken = 0;
};

/// int64 ids on the model's device; input is undefined for a decoder-only model, decoderInput where it is the labels shifted right.
/// A vision model takes images, with a label each.
struct TokenBatch {
  at::Tensor input;         // (B, S)
  at::Tensor labels;        // (B, T)
  at::Tensor decoderInput;  // (B, T)
  at::Tensor images;        // (B, H·W·C) uint8
};

class Transformer {
 public:
  /// Values are fp32 on the device of `options`; fp64 when options say so, which then is the type of everything.
  Transformer(const ModelConfig& model, const TokenConfig& tokens, std::int64_t seed, const at::TensorOptions& options,
              const ImageConfig& images = {}, const MeshPlace& place = {});

  /// Logits (B, T, V) in the pass's type. The decoder reads `decoderInput`, or else the labels shifted right behind the start token.
  /// A vision model gives (B, 1, classes).
  at::Tensor forward(Pass& pass, const TokenBatch& batch) const;

  /// The encoder's output (B, S, d) for ids (B, S).
  at::Tensor encode(Pass& pass, const at::Tensor& input) const;
  /// An empty cache of `places` tokens for `sequences`, with the keys and values of the encoder's output: memory (B, S, d) and
  /// memoryValid (B, S) float, both undefined for a decoder-only model.
  DecoderCache makeCache(Pass& pass, std::int64_t sequences, std::int64_t places, const at::Tensor& memory, const at::Tensor& memoryValid) const;
  /// Reads N more tokens of each sequence, ids (B, N) and valid (B, N) float, and gives the logits (B, V) of what follows the
  /// last. The same as `forward` gives at that place.
  at::Tensor read(Pass& pass, DecoderCache& cache, const at::Tensor& ids, const at::Tensor& valid) const;

  /// Type of activations and matrix products.
  at::ScalarType computeType() const;
  /// Type and device of the parameters' values, and of masks.
  at::TensorOptions valueOptions() const;

  ParameterSet parameters;

 private:
  struct Block {
    Parameter* selfNorm;
    Attention self;
    Parameter* crossNorm = nullptr;
    std::optional<Attention> cross;
    Parameter* feedForwardNorm;
    std::variant<FeedForward, SwitchLayer> feedForward;
  };
  struct Stack {
    /// Absent in a vision model, whose positions are embedded.
    std::optional<RelativePositionBias> bias;
    std::vector<Block> blocks;
    Parameter* finalNorm;
  };

  Stack makeStack(const std::string& name, std::int64_t layers, bool encoder);
  /// What the decoder reads (B, T), and 1 where it is a token of the sequence rather than padding.
  std::pair<at::Tensor, at::Tensor> decoderTokens(const TokenBatch& batch) const;
  /// Class logits (B, 1, classes) from the mean over an image's patches.
  at::Tensor classify(Pass& pass, const at::Tensor& images) const;
  /// With a cache, x are the newest tokens of the sequences in it; memory then is in the cache too.
  at::Tensor run(Pass& pass, const Stack& stack, at::Tensor x, const at::Tensor& valid, const at::Tensor& mask,
                 const at::Tensor& memory, const at::Tensor& memoryMask, DecoderCache* cache = nullptr) const;
  /// Rows of an embedding for ids (B, N): (B, N, d). The pass carries the ids to the layers that hash them.
  at::Tensor embed(Pass& pass, const Parameter& table, const at::Tensor& ids) const;
  /// Logits (..., V) of a stack's output (..., d).
  at::Tensor predict(const Pass& pass, const at::Tensor& x) const;

  ModelConfig model;
  TokenConfig tokens;
  /// The same table where the stacks share it. A decoder-only model has the decoder's alone, a vision model none.
  Parameter *encoderEmbedding = nullptr, *decoderEmbedding = nullptr;
  /// Of a vision model.
  std::optional<PatchEmbedding> patches;
  Parameter* head = nullptr;
  std::optional<Stack> encoder;
  std::optional<Stack> decoder;
};

}  // namespace switchyard
