#include "driver.h"

#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <string>

#include "../../failure.h"

namespace switchyard::kernels::cuda {

Driver::Driver() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    throw Failure("There is no NVIDIA driver on this machine (libcuda.so.1 was not found).", why ? why : "", FailureKind::device);
  }
  const auto find = [&]<class Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (!function) throw Failure("The NVIDIA driver of this machine is too old.", name, FailureKind::device);
  };
  decltype(&cuInit) initialize = nullptr;
  find(initialize, "cuInit");
  find(errorString, "cuGetErrorString");
  find(deviceGet, "cuDeviceGet");
  find(deviceAttribute, "cuDeviceGetAttribute");
  find(retainPrimaryContext, "cuDevicePrimaryCtxRetain");
  // The header's names of these two stand for their second version.
  find(pushContext, "cuCtxPushCurrent_v2");
  find(popContext, "cuCtxPopCurrent_v2");
  find(loadModule, "cuModuleLoadData");
  find(getFunction, "cuModuleGetFunction");
  find(launch, "cuLaunchKernel");
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
