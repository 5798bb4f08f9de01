#include "nvml.h"

#include <dlfcn.h>

#include <array>
#include <optional>

namespace switchyard {
namespace {

// The parts of nvml.h used here; its ABI is stable.
using Device = struct nvmlDevice*;
struct Memory { unsigned long long total, free, used; };
struct Utilization { unsigned int gpu, memory; };
constexpr int SUCCESS = 0, TEMPERATURE_GPU = 0;
constexpr int PEER_READ = 0, PEER_WRITE = 1, PEER_NVLINK = 2, PEER_OK = 0;
constexpr unsigned int TEXT_BYTES = 96;
/// The oldest architecture CUDA 13 has code for: Turing.
constexpr int OLDEST_MAJOR = 7, OLDEST_MINOR = 5;

class Nvml {
 public:
  Nvml() : library(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (!library) return;
    find(shutdown, "nvmlShutdown");
    find(count, "nvmlDeviceGetCount_v2");
    find(handle, "nvmlDeviceGetHandleByIndex_v2");
    find(name, "nvmlDeviceGetName");
    find(uuid, "nvmlDeviceGetUUID");
    find(memory, "nvmlDeviceGetMemoryInfo");
    find(utilization, "nvmlDeviceGetUtilizationRates");
    find(temperature, "nvmlDeviceGetTemperature");
    find(power, "nvmlDeviceGetPowerUsage");
    find(capability, "nvmlDeviceGetCudaComputeCapability");
    // Older drivers don't say.
    peer = reinterpret_cast<int (*)(Device, Device, int, int*)>(dlsym(library, "nvmlDeviceGetP2PStatus"));
    int (*init)() = nullptr;
    find(init, "nvmlInit_v2");
    ready = complete && init() == SUCCESS;
  }
  ~Nvml() {
    if (ready) shutdown();
    if (library) dlclose(library);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool ready = false;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned int*) = nullptr;
  int (*handle)(unsigned int, Device*) = nullptr;
  int (*name)(Device, char*, unsigned int) = nullptr;
  int (*uuid)(Device, char*, unsigned int) = nullptr;
  int (*memory)(Device, Memory*) = nullptr;
  int (*utilization)(Device, Utilization*) = nullptr;
  int (*temperature)(Device, int, unsigned int*) = nullptr;
  int (*power)(Device, unsigned int*) = nullptr;
  int (*capability)(Device, int*, int*) = nullptr;
  /// Null where the driver has it not.
  int (*peer)(Device, Device, int, int*) = nullptr;

 private:
  template <typename Function>
  void find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(dlsym(library, symbol));
    complete = complete && function;
  }

  void* library;
  bool complete = true;
};

std::string text(int (*read)(Device, char*, unsigned int), Device device) {
  std::array<char, TEXT_BYTES> buffer{};
  return read(device, buffer.data(), TEXT_BYTES) == SUCCESS ? std::string(buffer.data()) : "";
}

GpuFacts readGpu(const Nvml& nvml, unsigned int index, Device device, bool cudaAvailable) {
  GpuFacts gpu;
  gpu.index = index;
  gpu.name = text(nvml.name, device);
  gpu.uuid = text(nvml.uuid, device);
  if (Memory memory{}; nvml.memory(device, &memory) == SUCCESS) {
    gpu.memoryBytes = static_cast<std::int64_t>(memory.total);
    gpu.memoryUsedBytes = static_cast<std::int64_t>(memory.used);
  }
  if (Utilization busy{}; nvml.utilization(device, &busy) == SUCCESS) gpu.utilization = busy.gpu;
  if (unsigned int celsius = 0; nvml.temperature(device, TEMPERATURE_GPU, &celsius) == SUCCESS) gpu.temperature = celsius;
  if (unsigned int milliwatts = 0; nvml.power(device, &milliwatts) == SUCCESS) gpu.power = milliwatts / 1000.0;
  if (int major = 0, minor = 0; nvml.capability(device, &major, &minor) == SUCCESS)
    gpu.usable = cudaAvailable && (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR));
  return gpu;
}

/// Absent where the driver does not say.
std::optional<GpuLink> linkBetween(const Nvml& nvml, Device from, Device to) {
  const auto can = [&](int what) -> std::optional<bool> {
    int status = PEER_OK;
    if (!nvml.peer || nvml.peer(from, to, what, &status) != SUCCESS) return std::nullopt;
    return status == PEER_OK;
  };
  const auto reads = can(PEER_READ), writes = can(PEER_WRITE);
  if (!reads || !writes) return std::nullopt;
  if (!*reads || !*writes) return GpuLink::host;
  return can(PEER_NVLINK).value_or(false) ? GpuLink::nvlink : GpuLink::pcie;
}

}  // namespace

std::vector<GpuFacts> readGpus(bool cudaAvailable) {
  const Nvml nvml;
  std::vector<GpuFacts> gpus;
  unsigned int count = 0;
  if (!nvml.ready || nvml.count(&count) != SUCCESS) return gpus;
  std::vector<Device> devices;
  for (unsigned int index = 0; index < count; index++)
    if (Device device = nullptr; nvml.handle(index, &device) == SUCCESS) gpus.push_back(readGpu(nvml, index, device, cudaAvailable)), devices.push_back(device);
  for (std::size_t i = 0; i < gpus.size(); ++i)
    for (std::size_t j = 0; j < gpus.size(); ++j)
      if (const auto link = i == j ? std::nullopt : linkBetween(nvml, devices[i], devices[j])) gpus[i].peers.push_back({gpus[j].index, *link});
  return gpus;
}

}  // namespace switchyard
