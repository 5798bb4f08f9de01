#include "compiler.h"

#include <algorithm>
#include <array>

#include "../../devices/foundLibrary.h"
#include "../../failure.h"
#include "sources.h"

namespace switchyard::kernels::cuda {
namespace {

/// What the kernels include of the standard library, which NVRTC has none of.
constexpr Source STANDARD[] = {
    {"cstdint", "namespace std { using int64_t = long long; using uint16_t = unsigned short; using uint32_t = unsigned int; using uintptr_t = unsigned long long; }"},
    {"bit", "namespace std { template <class To, class From> constexpr To bit_cast(const From& from) { return __builtin_bit_cast(To, from); } }"},
};

/// Every rounding is one that the text asks for (--fmad). Functions that don't say where they run run on the GPU.
constexpr std::array OPTIONS{"--std=c++20", "--device-as-default-execution-space", "--fmad=false"};

}  // namespace

Compiler::Compiler() {
  const FoundLibrary library("libnvrtc.so.13", "NVIDIA's run-time compiler (libnvrtc.so.13) was not found; run npm start, which installs it.",
                             "NVIDIA's run-time compiler is too old; run npm start, which installs another.");
  library.find(countCapabilities, "nvrtcGetNumSupportedArchs");
  library.find(getCapabilities, "nvrtcGetSupportedArchs");
  library.find(createProgram, "nvrtcCreateProgram");
  library.find(destroyProgram, "nvrtcDestroyProgram");
  library.find(compileProgram, "nvrtcCompileProgram");
  library.find(logSize, "nvrtcGetProgramLogSize");
  library.find(log, "nvrtcGetProgramLog");
  library.find(cubinSize, "nvrtcGetCUBINSize");
  library.find(cubin, "nvrtcGetCUBIN");
  library.find(ptxSize, "nvrtcGetPTXSize");
  library.find(ptx, "nvrtcGetPTX");
  library.find(errorString, "nvrtcGetErrorString");
}

const Compiler& Compiler::library() {
  static const Compiler loaded;
  return loaded;
}

void Compiler::check(int result, const std::string& log) const {
  // 0 is NVRTC_SUCCESS.
  if (result != 0) throw Failure("NVIDIA's run-time compiler could not compile the kernels.", log.empty() ? errorString(result) : log, FailureKind::device);
}

std::vector<int> Compiler::capabilities() const {
  int count = 0;
  check(countCapabilities(&count));
  std::vector<int> all(static_cast<std::size_t>(count));
  check(getCapabilities(all.data()));
  std::sort(all.begin(), all.end());
  return all;
}

std::string Compiler::compile(const std::string& architecture) const {
  std::string text;
  std::vector<const char*> names, texts;
  const auto add = [&](const Source& source) {
    names.push_back(source.name);
    texts.push_back(source.text);
  };
  for (const auto& source : STANDARD) add(source);
  for (const auto& source : sources()) {
    add(source);
    if (std::string(source.name).ends_with(".cu")) text += "#include \"" + std::string(source.name) + "\"\n";
  }
  struct Held {
    ~Held() { if (program) of.destroyProgram(&program); }
    const Compiler& of;
    Program program = nullptr;
  } held{*this};
  auto& program = held.program;
  check(createProgram(&program, text.c_str(), "kernels.cu", static_cast<int>(names.size()), texts.data(), names.data()));
  const auto option = "--gpu-architecture=" + architecture;
  std::vector<const char*> options(OPTIONS.begin(), OPTIONS.end());
  options.push_back(option.c_str());
  const int result = compileProgram(program, static_cast<int>(options.size()), options.data());
  const auto read = [&](int (*size)(Program, std::size_t*), int (*get)(Program, char*)) {
    std::size_t bytes = 0;
    check(size(program, &bytes));
    std::string all(bytes, '\0');
    check(get(program, all.data()));
    return all;
  };
  check(result, result == 0 ? "" : read(logSize, log));
  return architecture.starts_with("sm_") ? read(cubinSize, cubin) : read(ptxSize, ptx);
}

std::string architectureFor(int capability, const std::vector<int>& known) {
  const auto after = std::upper_bound(known.begin(), known.end(), capability);
  if (after == known.begin()) return "";
  const int newest = *std::prev(after);
  return (newest == capability ? "sm_" : "compute_") + std::to_string(newest);
}

}  // namespace switchyard::kernels::cuda
