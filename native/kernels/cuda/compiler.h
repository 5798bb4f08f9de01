// NVIDIA's run-time compiler, found at run time: the kernels' text becomes code for the GPU at hand. libtorch's CUDA library needs NVRTC, so where
// that is loaded it is there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace switchyard::kernels::cuda {

class Compiler {
 public:
  /// Throws Failure (of kind `device`) where NVRTC is not installed.
  static const Compiler& library();

  /// Compute capabilities it makes code for, 90 for 9.0, ascending.
  std::vector<int> capabilities() const;
  /// The code of all kernels: machine code for "sm_90", PTX for "compute_90". Throws Failure (of kind `device`).
  std::string compile(const std::string& architecture) const;

 private:
  // The parts of nvrtc.h used here; its ABI is stable.
  using Program = struct _nvrtcProgram*;

  Compiler();
  void check(int result, const std::string& log = {}) const;

  int (*countCapabilities)(int*) = nullptr;
  int (*getCapabilities)(int*) = nullptr;
  int (*createProgram)(Program*, const char* text, const char* name, int headers, const char* const* texts, const char* const* names) = nullptr;
  int (*destroyProgram)(Program*) = nullptr;
  int (*compileProgram)(Program, int options, const char* const* option) = nullptr;
  int (*logSize)(Program, std::size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*cubinSize)(Program, std::size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;
  int (*ptxSize)(Program, std::size_t*) = nullptr;
  int (*ptx)(Program, char*) = nullptr;
  const char* (*errorString)(int) = nullptr;
};

/// What to compile for a GPU of that compute capability: its machine code, or where the compiler does not know it yet the PTX of the newest that it
/// does know, which the driver translates. Empty where it knows newer ones alone.
std::string architectureFor(int capability, const std::vector<int>& known);

}  // namespace switchyard::kernels::cuda
