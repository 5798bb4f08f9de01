// The CUDA driver, found at run time: what starts kernels that were compiled here. It comes with the GPU's own driver; its header comes with libtorch's
// CUDA runtime.
#pragma once

#include <cuda.h>

namespace switchyard::kernels::cuda {

class Driver {
 public:
  /// Throws Failure (of kind `device`) where there is none.
  static const Driver& library();
  /// Throws c10::Error where a call did not succeed, as libtorch's own kernels do.
  void check(CUresult result) const;

  decltype(&cuDeviceGet) deviceGet = nullptr;
  decltype(&cuDeviceGetAttribute) deviceAttribute = nullptr;
  /// The primary context is the one that libtorch works in as well.
  decltype(&cuDevicePrimaryCtxRetain) retainPrimaryContext = nullptr;
  decltype(&cuCtxPushCurrent) pushContext = nullptr;
  decltype(&cuCtxPopCurrent) popContext = nullptr;
  decltype(&cuModuleLoadData) loadModule = nullptr;
  decltype(&cuModuleGetFunction) getFunction = nullptr;
  decltype(&cuLaunchKernel) launch = nullptr;

 private:
  Driver();
  decltype(&cuGetErrorString) errorString = nullptr;
};

/// Makes a context the thread's own while it lives: a thread that has not used libtorch's CUDA yet has none.
class ContextGuard {
 public:
  explicit ContextGuard(CUcontext context) { Driver::library().check(Driver::library().pushContext(context)); }
  ~ContextGuard() {
    CUcontext popped = nullptr;
    Driver::library().popContext(&popped);
  }
  ContextGuard(const ContextGuard&) = delete;
  ContextGuard& operator=(const ContextGuard&) = delete;
};

}  // namespace switchyard::kernels::cuda
