// What the decoder keeps of the tokens it has read, so that the next token costs one token's work (the key-value cache).
// B sequences, L places, H heads, S encoder tokens.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "attention.h"

namespace switchyard {

struct DecoderCache {
  /// Places filled: tokens read by the longest sequence. Shorter ones stand at the right, behind places that hold nothing;
  /// relative positions don't see the difference.
  std::int64_t length = 0;
  /// (B, L) float, 1 where a place holds a token.
  at::Tensor valid;
  /// One a block, with room for L tokens.
  std::vector<KeyValueCache> self;
  /// One a block, of the encoder's output; empty for a decoder-only model.
  std::vector<KeyValueCache> cross;
  /// (B, 1, S), 0 and -inf; undefined for a decoder-only model.
  at::Tensor memoryMask;

  /// (B, 1 or tokens, length + tokens) for the next `tokens` tokens: 0 where a query may look, -inf at empty places and at later tokens.
  at::Tensor mask(std::int64_t tokens) const;
  /// The cache of one sequence without its first `skipped` places, empty. Shares memory: what is read into it is in this one.
  DecoderCache sequence(std::int64_t row, std::int64_t skipped) const;
  /// A copy whose sequence i is this one's rows[i]. rows (N) int64.
  DecoderCache select(const at::Tensor& rows) const;
  /// Sequence i becomes what rows[i] was; encoder output stays, since beams change places only within their own sequence.
  void reorder(const at::Tensor& rows);
};

}  // namespace switchyard
