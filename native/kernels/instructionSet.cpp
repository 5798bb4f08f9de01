// Chooses the loops for this CPU once.
#include "rows.h"

namespace switchyard::kernels {

extern const InstructionSet PORTABLE;
#ifdef KERNELS_HAVE_WIDE
extern const InstructionSet WIDE;
#endif

const InstructionSet& portableInstructionSet() { return PORTABLE; }

const InstructionSet* wideInstructionSet() {
#ifdef KERNELS_HAVE_WIDE
  static const bool supported = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                                __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("fma") &&
                                __builtin_cpu_supports("bmi2");
  return supported ? &WIDE : nullptr;
#else
  return nullptr;
#endif
}

const InstructionSet& instructionSet() {
  static const InstructionSet& chosen = wideInstructionSet() != nullptr ? *wideInstructionSet() : PORTABLE;
  return chosen;
}

}  // namespace switchyard::kernels
