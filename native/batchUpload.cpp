#include "batchUpload.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "failure.h"

namespace switchyard {
namespace {

/// Row-major ids on the device, (batchSize, length), checked.
at::Tensor uploadIds(const Batch& batch, const std::vector<std::int32_t>& ids, std::int64_t length, const char* name, const EngineConfig& config, at::Device device) {
  if (batch.batchSize < 1 || length < 1 || static_cast<std::int64_t>(ids.size()) != batch.batchSize * length)
    throw Failure("The batch has " + std::to_string(ids.size()) + " " + name + " tokens where " + std::to_string(batch.batchSize) +
                  " sequences of " + std::to_string(length) + " were promised.");
  for (const auto id : ids)
    if (id < 0 || id >= config.vocabularySize)
      throw Failure("The batch's " + std::string(name) + " holds token " + std::to_string(id) + ", which is outside the vocabulary of " +
                    std::to_string(config.vocabularySize) + "; prepare the data again with this model's tokenizer.");
  return at::tensor(ids, at::kInt).view({batch.batchSize, length}).to(at::kLong).to(device);
}

/// Undefined for a decoder-only model.
at::Tensor uploadInput(const Batch& batch, const EngineConfig& config, at::Device device) {
  if (config.model.encoderDecoder()) return uploadIds(batch, batch.input, batch.inputLength, "input", config, device);
  if (!batch.input.empty()) throw Failure("The batch has encoder input, which a decoder-only model does not take.");
  return {};
}

std::pair<TokenBatch, std::int64_t> uploadImages(const Batch& batch, const EngineConfig& config, at::Device device) {
  const auto& [height, width, channels, classes] = config.images;
  const auto pixels = height * width * channels;
  if (!batch.input.empty() || !batch.decoderInput.empty()) throw Failure("The batch has tokens, which a vision model does not read.");
  if (batch.batchSize < 1 || static_cast<std::int64_t>(batch.images.size()) != batch.batchSize * pixels)
    throw Failure("The batch has " + std::to_string(batch.images.size()) + " bytes of images where " + std::to_string(batch.batchSize) + " images of " +
                  std::to_string(height) + " × " + std::to_string(width) + " pixels in " + std::to_string(channels) + " channels were promised.");
  if (batch.labelLength != 1 || static_cast<std::int64_t>(batch.labels.size()) != batch.batchSize)
    throw Failure("The batch has " + std::to_string(batch.labels.size()) + " labels for " + std::to_string(batch.batchSize) + " images; each takes one.");
  for (const auto label : batch.labels)
    if (label < -1 || label >= classes)
      throw Failure("The batch holds label " + std::to_string(label) + ", which is none of the " + std::to_string(classes) + " classes.");
  const auto targets = std::count_if(batch.labels.begin(), batch.labels.end(), [](auto label) { return label >= 0; });
  if (targets == 0) throw Failure("The batch has nothing to predict: none of its images has a label.");
  TokenBatch out;
  out.images = at::tensor(batch.images, at::kByte).view({batch.batchSize, pixels}).to(device);
  out.labels = at::tensor(batch.labels, at::kInt).view({batch.batchSize, 1}).to(at::kLong).to(device);
  return {out, targets};
}

}  // namespace

std::pair<TokenBatch, std::int64_t> uploadBatch(const Batch& batch, const EngineConfig& config, at::Device device) {
  if (config.model.architecture == Architecture::vision) return uploadImages(batch, config, device);
  if (!batch.images.empty()) throw Failure("The batch has images, which only a vision model reads.");
  TokenBatch out;
  out.labels = uploadIds(batch, batch.labels, batch.labelLength, "label", config, device);
  const auto targets = std::count_if(batch.labels.begin(), batch.labels.end(), [&](auto id) { return id != config.padToken; });
  if (targets == 0) throw Failure("The batch has no token to predict: all its labels are padding.");
  out.input = uploadInput(batch, config, device);
  if (!batch.decoderInput.empty()) out.decoderInput = uploadIds(batch, batch.decoderInput, batch.labelLength, "decoder input", config, device);
  return {out, targets};
}

TokenBatch uploadReading(const Batch& batch, const EngineConfig& config, at::Device device) {
  if (config.model.architecture == Architecture::vision) throw Failure("A vision model reads images, and gives no logits of tokens.");
  TokenBatch out;
  out.decoderInput = uploadIds(batch, batch.decoderInput, batch.labelLength, "decoder input", config, device);
  out.labels = out.decoderInput;
  out.input = uploadInput(batch, config, device);
  return out;
}

TokenBatch rowsOf(const TokenBatch& batch, const kernels::Share& share) {
  if (share.of == 1) return batch;
  const auto rows = batch.labels.size(0);
  if (rows % share.of != 0)
    throw Failure("A batch of " + std::to_string(rows) + " sequences can't be cut into " + std::to_string(share.of) + " equal shares; make the batch size a multiple of it.");
  const auto own = [&](const at::Tensor& x) { return x.defined() ? x.narrow(0, share.index * (rows / share.of), rows / share.of).contiguous() : x; };
  return {own(batch.input), own(batch.labels), own(batch.decoderInput), own(batch.images)};
}

}  // namespace switchyard
