// The dropout site that a forward pass leaves for its backward pass.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include "dropout.h"

namespace switchyard::kernels {

inline void keepSite(torch::autograd::AutogradContext* context, const DropoutSite& site) {
  context->saved_data["seed"] = static_cast<std::int64_t>(site.seed);
  context->saved_data["stream"] = static_cast<std::int64_t>(site.stream);
  context->saved_data["probability"] = site.probability;
}

inline DropoutSite keptSite(torch::autograd::AutogradContext* context) {
  return {static_cast<std::uint64_t>(context->saved_data["seed"].toInt()), static_cast<std::uint64_t>(context->saved_data["stream"].toInt()),
          context->saved_data["probability"].toDouble()};
}

}  // namespace switchyard::kernels
