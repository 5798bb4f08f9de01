// Chooses the loops for this CPU once.
#include "rows.h"

namespace switchyard::kernels {

extern const InstructionSet BASELINE;
#ifdef KERNELS_X86
extern const InstructionSet AVX2;
extern const InstructionSet AVX512;
#endif

const std::vector<const InstructionSet*>& instructionSets() {
  static const auto all = [] {
    std::vector<const InstructionSet*> sets{&BASELINE};
#ifdef KERNELS_X86
    // All that -march=x86-64-v3 and -v4 let the compiler use in these loops.
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
      sets.push_back(&AVX2);
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
        sets.push_back(&AVX512);
    }
#endif
    return sets;
  }();
  return all;
}

bool hasWideVectors() {
#ifdef KERNELS_X86
  return instructionSets().back() == &AVX512;
#else
  return false;
#endif
}

const InstructionSet& instructionSet() {
  static const InstructionSet& chosen = *instructionSets().back();
  return chosen;
}

}  // namespace switchyard::kernels
