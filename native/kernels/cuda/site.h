// What a kernel is told of a dropout site: the same bytes in the engine and on the GPU.
#pragma once

#include "../elementNumbers.h"
#include "../number.h"

namespace switchyard::kernels::cuda {

struct Site {
  DropoutKey key;
  /// The key's two words in the GPU's memory, which then take the place of those in `key`: a captured step reads new ones each time. Null otherwise.
  const std::int64_t* words;
  ElementNumbers numbers;
};
static_assert(sizeof(Site) == 56);

}  // namespace switchyard::kernels::cuda
