#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/headeronly/version.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "cpu.h"
#include "devices.h"
#include "nvml.h"

namespace switchyard {
namespace {

CudaFacts unavailable(const std::string& reason) { return {false, reason, TORCH_VERSION}; }

/// The folder that libtorch_cpu.so was loaded from.
std::filesystem::path libtorchFolder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&at::get_num_threads), &info) == 0 || !info.dli_fname) return {};
  return std::filesystem::path(info.dli_fname).parent_path();
}

CudaFacts loadCuda() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!driver) return unavailable("There is no NVIDIA driver on this machine (libcuda.so.1 was not found).");
  dlclose(driver);
  const auto library = libtorchFolder() / "libtorch_cuda.so";
  if (!std::filesystem::exists(library)) return unavailable("The CUDA part of libtorch is not installed; run npm start, which installs it.");
  // Device numbers then agree with those of NVML and nvidia-smi. A person's own choice stays.
  setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID", 0);
  if (!dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
    const char* why = dlerror();
    return unavailable("The CUDA part of libtorch could not be loaded (" + std::string(why ? why : "no reason given") + "); run npm start, which installs what it needs.");
  }
  if (!at::globalContext().hasCUDA()) return unavailable("The NVIDIA driver is too old for the CUDA of this build, or no GPU is visible to it.");
  return {true, "", TORCH_VERSION};
}

}  // namespace

CudaFacts cudaFacts() {
  static std::once_flag once;
  static CudaFacts facts;
  std::call_once(once, [] { facts = loadCuda(); });
  return facts;
}

Devices readDevices() {
  Devices devices;
  devices.cpu = readCpu();
  devices.cuda = cudaFacts();
  devices.gpus = readGpus(devices.cuda.available);
  return devices;
}

}  // namespace switchyard
