// The dropout site that a forward pass leaves for its backward pass.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include "dropout.h"

namespace switchyard::kernels {

inline void keepSite(torch::autograd::AutogradContext* context, const DropoutSite& site) {
  context->saved_data["seed"] = static_cast<std::int64_t>(site.seed);
  context->saved_data["stream"] = static_cast<std::int64_t>(site.stream);
  context->saved_data["probability"] = site.probability;
  context->saved_data["shares"] = std::vector<std::int64_t>{site.rows.index, site.rows.of, site.columns.index, site.columns.of};
  if (site.rowNumbers.defined()) context->saved_data["rowNumbers"] = site.rowNumbers;
  if (site.words.defined()) context->saved_data["words"] = site.words;
}

inline DropoutSite keptSite(torch::autograd::AutogradContext* context) {
  const auto shares = context->saved_data["shares"].toIntVector();
  const auto kept = [&](const char* name) {
    const auto found = context->saved_data.find(name);
    return found == context->saved_data.end() ? at::Tensor() : found->second.toTensor();
  };
  return {static_cast<std::uint64_t>(context->saved_data["seed"].toInt()), static_cast<std::uint64_t>(context->saved_data["stream"].toInt()),
          context->saved_data["probability"].toDouble(), {shares[0], shares[1]}, {shares[2], shares[3]},
          kept("rowNumbers"), kept("words")};
}

}  // namespace switchyard::kernels
