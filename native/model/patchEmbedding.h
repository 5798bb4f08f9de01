// What a vision model reads: square patches of an image as tokens (ViT, 2010.11929 §3.1).
#pragma once

#include <torch/types.h>

#include "../config.h"
#include "parameters.h"

namespace switchyard {

class PatchEmbedding {
 public:
  /// Parameters encoder.patch_projection.weight (d, P·P·C) and encoder.position_embedding.weight (N, d) for patches of P × P pixels
  /// in C channels, N of them an image. What does not fill a patch at the right and lower edge is left out. Throws Failure where an
  /// image holds no patch.
  PatchEmbedding(ParameterSet& parameters, const ModelConfig& model, const ImageConfig& images);

  /// images (B, H·W·C) uint8, rows of pixels with their channels together; gives (B, N, d) in `type`. Pixels become 2·x/255 − 1.
  at::Tensor forward(const at::Tensor& images, at::ScalarType type) const;

 private:
  ImageConfig image;
  std::int64_t patchSize;
  Parameter *projection, *positions;
};

}  // namespace switchyard
