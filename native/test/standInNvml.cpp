// NVIDIA's management library of a machine with three GPUs, for nvml_test.cpp: the first two linked by NVLink, the third reached by nobody. It
// has no say in the third's power and utilization.
#include <cstdint>
#include <cstdio>

namespace {

using Device = void*;
struct Memory { unsigned long long total, free, used; };
struct Utilization { unsigned int gpu, memory; };
constexpr int SUCCESS = 0, NOT_SUPPORTED = 3, GPUS = 3;

std::uintptr_t indexOf(Device device) { return reinterpret_cast<std::uintptr_t>(device) - 1; }

}  // namespace

extern "C" {
int nvmlInit_v2() { return SUCCESS; }
int nvmlShutdown() { return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int* count) { return *count = GPUS, SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device* device) { return *device = reinterpret_cast<Device>(std::uintptr_t{index} + 1), SUCCESS; }
int nvmlDeviceGetName(Device, char* text, unsigned int size) { return std::snprintf(text, size, "Stand-in GPU"), SUCCESS; }
int nvmlDeviceGetUUID(Device device, char* text, unsigned int size) { return std::snprintf(text, size, "GPU-%c", static_cast<char>('a' + indexOf(device))), SUCCESS; }
int nvmlDeviceGetMemoryInfo(Device, Memory* memory) { return *memory = {24'000'000'000ULL, 20'000'000'000ULL, 4'000'000'000ULL}, SUCCESS; }
int nvmlDeviceGetUtilizationRates(Device device, Utilization* busy) { return *busy = {37, 12}, indexOf(device) == 2 ? NOT_SUPPORTED : SUCCESS; }
int nvmlDeviceGetTemperature(Device, int, unsigned int* celsius) { return *celsius = 61, SUCCESS; }
int nvmlDeviceGetPowerUsage(Device device, unsigned int* milliwatts) { return *milliwatts = 215'500, indexOf(device) == 2 ? NOT_SUPPORTED : SUCCESS; }
// Turing, and one before it.
int nvmlDeviceGetCudaComputeCapability(Device device, int* major, int* minor) { return *major = 7, *minor = indexOf(device) == 1 ? 0 : 5, SUCCESS; }
int nvmlDeviceGetP2PStatus(Device from, Device to, int, int* status) { return *status = indexOf(from) + indexOf(to) == 1 ? 0 : 5, SUCCESS; }
}
