// Where a rank's own tokens stand in its buffer of the experts' places, and in the buffer that one rank would hold for the whole batch.
// T tokens of the rank with S slots each, E experts, R places of an expert in the rank's buffer.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "router.h"

namespace switchyard {

struct OwnPlaces {
  std::int64_t places;     // R
  at::Tensor slot;         // (T, S) int64
  at::Tensor used;         // (E, 1) float, an expert's places in use, which are its first; undefined where they are not
  at::Tensor wholeSlot;    // (T, S) int64, the row in the buffer that one rank would hold
};

/// Of tokens whose whole batch was routed in one group of C places, wholeSlot (T, S) being theirs: an expert's places are closed up, so that
/// R is at most T.
OwnPlaces closedUp(const at::Tensor& wholeSlot, std::int64_t experts, std::int64_t capacity);

/// Of a rank that has routed its own rows, share `share` of the batch, in G groups of C places: R = G · C.
OwnPlaces ownGroups(const Routing& routed, const kernels::Share& share, std::int64_t groups, std::int64_t capacity);

/// (E·R) int64, the row of one rank's buffer that stands at each place; 0 where none does.
at::Tensor rowNumbers(const OwnPlaces& own, std::int64_t experts);

}  // namespace switchyard
