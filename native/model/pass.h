// What one forward pass carries from layer to layer.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "../kernels/dropout.h"
#include "router.h"

namespace switchyard {

struct Pass {
  /// Type of activations and matrix products.
  at::ScalarType type = at::kFloat;
  bool training = false;
  /// Every expert takes all tokens that choose it, whatever the capacity factor: for single tokens of unrelated sequences.
  bool dropless = false;
  std::uint64_t seed = 0;
  /// Step being made, from 1; with the seed it decides every dropout mask.
  std::int64_t step = 0;
  /// One entry a sparse layer, encoder first, filled on the way.
  std::vector<RoutedLayer> routed;
  /// (B, S) int64, the token ids that the running stack reads; undefined where it reads none.
  at::Tensor ids;
  std::uint64_t places = 0;

  /// The next dropout place of the model; keeps everything outside training.
  kernels::DropoutSite dropoutSite(double probability) {
    const auto stream = static_cast<std::uint64_t>(step) * 65536U + places++;
    return {seed, stream, training ? probability : 0.0};
  }
};

}  // namespace switchyard
