// SplitMix64 (Steele, Lea and Flood 2014).
#pragma once

#include <cstdint>

namespace switchyard::kernels {

/// Its finaliser behind one step of its sequence: every input bit reaches every output bit.
constexpr std::uint64_t splitMix64(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace switchyard::kernels
