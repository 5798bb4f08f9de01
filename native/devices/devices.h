// Facts about this machine's devices: `devices()` of switchyard.d.ts, which documents the units.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace switchyard {

struct CpuFacts {
  std::string name;
  std::int64_t physicalCores = 0, logicalCores = 0, memoryBytes = 0, memoryAvailableBytes = 0;
  std::vector<std::string> instructionSets;
};

/// How a GPU reaches another: its memory by NVLink or PCIe, or only what lies in the computer's.
enum class GpuLink { nvlink, pcie, host };
struct GpuPeer {
  std::int64_t index = 0;
  GpuLink link = GpuLink::host;
};

struct GpuFacts {
  std::int64_t index = 0;
  std::string uuid, name;
  std::int64_t memoryBytes = 0, memoryUsedBytes = 0;
  std::optional<double> utilization, temperature, power;
  bool usable = false;
  /// Each of the others; empty where the driver does not say.
  std::vector<GpuPeer> peers;
};

struct CudaFacts {
  bool available = false;
  /// Why not, in one sentence; empty when available.
  std::string reason;
  std::string libtorch;
};

struct Devices {
  CpuFacts cpu;
  std::vector<GpuFacts> gpus;
  CudaFacts cuda;
};

Devices readDevices();

/// Loads libtorch's CUDA library (libtorch_cuda.so) when it is beside libtorch_cpu.so and a driver is present; once.
CudaFacts cudaFacts();

}  // namespace switchyard
