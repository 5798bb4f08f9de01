// Batches from the host, checked against the model, on its device.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <utility>

#include "config.h"
#include "engine.h"
#include "model/transformer.h"

namespace switchyard {

/// The batch and its number of targets. Throws Failure on shapes, token ids or labels that don't fit, or with nothing to predict.
std::pair<TokenBatch, std::int64_t> uploadBatch(const Batch& batch, const EngineConfig& config, at::Device device);

/// The same of a batch that is only read: its decoder input stands for the labels it has not.
TokenBatch uploadReading(const Batch& batch, const EngineConfig& config, at::Device device);

/// A rank's share of a whole batch's rows. Throws Failure where they can't be cut evenly.
TokenBatch rowsOf(const TokenBatch& batch, const kernels::Share& share);

}  // namespace switchyard
