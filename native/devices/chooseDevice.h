// From what a spec asks for to the device that a rank uses.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

#include "devices.h"

namespace switchyard {

/// `asked` is "cpu", "auto" (GPUs where there is one for each rank, otherwise the CPU), "cuda" (rank r on GPU r), "cuda:N" (for one rank), or the UUIDs of
/// GPUs with commas between them, one for each rank. Throws Failure (of kind `device`) with a sentence.
c10::Device chooseDevice(const std::string& asked, std::int64_t rank = 0, std::int64_t ranks = 1);

/// The same with what the machine has given, for tests: which number `asked` means for a rank; -1 for the CPU.
std::int64_t deviceNumber(const std::string& asked, std::int64_t rank, std::int64_t ranks, const CudaFacts& cuda, std::int64_t count, const std::vector<GpuFacts>& gpus);

}  // namespace switchyard
