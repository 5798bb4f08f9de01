#include "patchEmbedding.h"

#include <ATen/ATen.h>

#include <cmath>

#include "../failure.h"
#include "../kernels/product.h"

namespace switchyard {
namespace {

/// Deviation of ViT's positions.
constexpr double POSITION_DEVIATION = 0.02;

}  // namespace

PatchEmbedding::PatchEmbedding(ParameterSet& parameters, const ModelConfig& model, const ImageConfig& images)
    : image(images), patchSize(model.patchSize) {
  const auto patches = image.height / patchSize * (image.width / patchSize);
  if (patches < 1)
    throw Failure("An image of " + std::to_string(image.height) + " × " + std::to_string(image.width) + " pixels holds no patch of " +
                  std::to_string(patchSize) + " × " + std::to_string(patchSize) + "; choose a smaller patch size.");
  // Like the rows of a token table, patches begin with entries of about unit size, whatever the scale of the other matrices.
  const auto pixels = patchSize * patchSize * image.channels;
  projection = &parameters.add("encoder.patch_projection.weight", {model.dModel, pixels}, {std::sqrt(1.0 / static_cast<double>(pixels))});
  positions = &parameters.add("encoder.position_embedding.weight", {patches, model.dModel}, {POSITION_DEVIATION});
}

at::Tensor PatchEmbedding::forward(const at::Tensor& images, at::ScalarType type) const {
  const auto size = images.size(0), rows = image.height / patchSize, columns = image.width / patchSize;
  const auto patches = images.view({size, image.height, image.width, image.channels})
                           .narrow(1, 0, rows * patchSize).narrow(2, 0, columns * patchSize)
                           .reshape({size, rows, patchSize, columns, patchSize, image.channels})
                           .permute({0, 1, 3, 2, 4, 5})
                           .reshape({size, rows * columns, patchSize * patchSize * image.channels});
  const auto values = patches.to(type == at::kDouble ? at::kDouble : at::kFloat).mul(2.0 / 255.0).sub(1.0).to(type);
  return kernels::linear(values, projection->as(type)) + positions->as(type);
}

}  // namespace switchyard
