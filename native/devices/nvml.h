// NVIDIA's management library, loaded at run time.
#pragma once

#include <vector>

#include "devices.h"

namespace switchyard {

/// The GPUs in the order of their PCI addresses; none where there is no NVML. `cudaAvailable` says whether this build's
/// CUDA works at all: a GPU is usable when its compute capability is one that the build has code for, too.
std::vector<GpuFacts> readGpus(bool cudaAvailable);

}  // namespace switchyard
