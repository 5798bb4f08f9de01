// What one forward pass carries from layer to layer.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "../kernels/dropout.h"
#include "../mesh/mesh.h"
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
  /// int64 (places, 2), the dropout words of each place in memory that a captured step reads again; undefined where seed and step say them.
  at::Tensor words;
  /// Tensors that were there before the pass and that it reads, besides parameters: a captured step must keep them.
  std::vector<at::Tensor> tables;
  /// The ranks that share the work; null on one.
  const Mesh* mesh = nullptr;
  /// Dropout places passed so far.
  std::int64_t places = 0;

  static std::uint64_t streamOf(std::int64_t step, std::int64_t place) { return static_cast<std::uint64_t>(step) * 65536U + static_cast<std::uint64_t>(place); }

  /// Ranks that hold the other columns of the weights, and the other rows of the batch; null where there are none.
  Group* model() const { return mesh ? mesh->model() : nullptr; }
  Group* batch() const { return mesh ? mesh->batch() : nullptr; }

  /// The next dropout place of the model; keeps everything outside training. For a tensor of the whole batch.
  kernels::DropoutSite wholeSite(double probability) {
    const auto place = places++;
    return {.seed = seed, .stream = streamOf(step, place), .probability = training ? probability : 0.0, .words = words.defined() ? words.select(0, place) : words};
  }
  /// For one of this rank's rows of the batch.
  kernels::DropoutSite dropoutSite(double probability) {
    auto site = wholeSite(probability);
    if (mesh) site.rows = mesh->place.batch();
    return site;
  }
  /// For one of this rank's rows and columns.
  kernels::DropoutSite columnSite(double probability) {
    auto site = dropoutSite(probability);
    if (mesh) site.columns = mesh->place.columns();
    return site;
  }
};

}  // namespace switchyard
