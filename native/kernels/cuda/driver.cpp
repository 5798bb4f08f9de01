#include "driver.h"

#include <c10/util/Exception.h>

#include <string>

#include "../../devices/foundLibrary.h"

namespace switchyard::kernels::cuda {

Driver::Driver() {
  const FoundLibrary library("libcuda.so.1", "There is no NVIDIA driver on this machine (libcuda.so.1 was not found).", "The NVIDIA driver of this machine is too old.");
  decltype(&cuInit) initialize = nullptr;
  library.find(initialize, "cuInit");
  library.find(errorString, "cuGetErrorString");
  library.find(deviceGet, "cuDeviceGet");
  library.find(deviceAttribute, "cuDeviceGetAttribute");
  library.find(retainPrimaryContext, "cuDevicePrimaryCtxRetain");
  // The header's names of these two stand for their second version.
  library.find(pushContext, "cuCtxPushCurrent_v2");
  library.find(popContext, "cuCtxPopCurrent_v2");
  library.find(loadModule, "cuModuleLoadData");
  library.find(getFunction, "cuModuleGetFunction");
  library.find(launch, "cuLaunchKernel");
  check(initialize(0));
}

const Driver& Driver::library() {
  static const Driver loaded;
  return loaded;
}

void Driver::check(CUresult result) const {
  if (result == CUDA_SUCCESS) return;
  const char* text = nullptr;
  errorString(result, &text);
  TORCH_CHECK(false, "The CUDA driver refused: ", text ? text : "error " + std::to_string(static_cast<int>(result)), ".");
}

}  // namespace switchyard::kernels::cuda
