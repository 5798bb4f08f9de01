// What a router is told beside its logits.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "../config.h"
#include "../kernels/dropout.h"

namespace switchyard {

/// T tokens in order are G capacity groups of n = T / G neighbours; the balance is counted over A groups of T / A neighbours.
struct RouterSettings {
  SparseConfig sparse;
  std::int64_t groups = 1;         // G
  std::int64_t balanceGroups = 1;  // A
  std::int64_t capacity = 1;       // places of an expert in a group
  /// Sampling, random later choices and sinkhorn are for training alone.
  bool training = false;
  /// Random numbers of sampling and of later choices.
  kernels::DropoutSite sampling, sending;
  /// (E) added to the probabilities for the choice alone; undefined without bias balancing.
  at::Tensor bias;
};

}  // namespace switchyard
