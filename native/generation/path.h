// A text that grows token by token and may branch: beams share their beginning.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sentTo.h"

namespace switchyard {

/// One generated token, linked to those before it.
struct PathToken {
  std::shared_ptr<PathToken> previous;
  std::int32_t token = 0;
  double logProbability = 0.0;
  /// By each sparse layer of the decoder, once the token was read.
  std::vector<Sent> sent;
};

struct Path {
  std::shared_ptr<PathToken> last;
  std::int64_t length = 0;
  /// Σ log p.
  double sum = 0.0;

  Path then(std::int32_t token, double logProbability) const {
    return {std::make_shared<PathToken>(PathToken{last, token, logProbability, {}}), length + 1, sum + logProbability};
  }
  /// First token first.
  std::vector<std::shared_ptr<PathToken>> tokens() const {
    std::vector<std::shared_ptr<PathToken>> all(static_cast<std::size_t>(length));
    auto token = last;
    for (auto place = all.rbegin(); place != all.rend(); ++place, token = token->previous) *place = token;
    return all;
  }
};

}  // namespace switchyard
