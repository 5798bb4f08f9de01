// The CUDA driver, found at run time: what starts kernels that were compiled here. It comes with the GPU's own driver.
#pragma once

namespace switchyard::kernels::cuda {

// The parts of cuda.h used here; its ABI is stable.
using DriverContext = struct CUctx_st*;
using DriverModule = struct CUmod_st*;
using DriverFunction = struct CUfunc_st*;
constexpr int CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76;

class Driver {
 public:
  /// Throws Failure (of kind `device`) where there is none.
  static const Driver& library();
  /// Throws c10::Error where a call did not succeed, as libtorch's own kernels do.
  void check(int result) const;

  int (*deviceGet)(int* device, int number) = nullptr;
  int (*deviceAttribute)(int* value, int attribute, int device) = nullptr;
  /// The context that libtorch works in as well.
  int (*retainPrimaryContext)(DriverContext*, int device) = nullptr;
  int (*pushContext)(DriverContext) = nullptr;
  int (*popContext)(DriverContext*) = nullptr;
  int (*loadModule)(DriverModule*, const void* code) = nullptr;
  int (*getFunction)(DriverFunction*, DriverModule, const char* name) = nullptr;
  /// `stream` is a cudaStream_t; `arguments` point to the parameters, one each.
  int (*launch)(DriverFunction, unsigned blocksX, unsigned blocksY, unsigned blocksZ, unsigned threadsX, unsigned threadsY, unsigned threadsZ, unsigned sharedBytes,
                void* stream, void** arguments, void** extra) = nullptr;

 private:
  Driver();
  int (*errorString)(int, const char**) = nullptr;
};

/// Makes a context the thread's own while it lives: a thread that has not used libtorch's CUDA yet has none.
class ContextGuard {
 public:
  explicit ContextGuard(DriverContext context) { Driver::library().check(Driver::library().pushContext(context)); }
  ~ContextGuard() {
    DriverContext popped = nullptr;
    Driver::library().popContext(&popped);
  }
  ContextGuard(const ContextGuard&) = delete;
  ContextGuard& operator=(const ContextGuard&) = delete;
};

}  // namespace switchyard::kernels::cuda
