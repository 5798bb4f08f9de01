#include "partSums.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace switchyard {
namespace {

/// Elements that are summed at a time, in the first-level cache.
constexpr std::size_t BLOCK = 512;

template <class T, class Sum>
void add(T* out, const T* own, const std::vector<const char*>& others, std::size_t count) {
  Sum sums[BLOCK];
  for (std::size_t at = 0; at < count; at += BLOCK) {
    const auto size = std::min(BLOCK, count - at);
    for (std::size_t i = 0; i < size; ++i) sums[i] = static_cast<Sum>(own[at + i]);
    for (const auto* other : others) {
      const auto* part = reinterpret_cast<const T*>(other) + at;
      for (std::size_t i = 0; i < size; ++i) sums[i] += static_cast<Sum>(part[i]);
    }
    for (std::size_t i = 0; i < size; ++i) out[at + i] = static_cast<T>(sums[i]);
  }
}

}  // namespace

void addParts(at::ScalarType type, void* out, const void* own, const std::vector<const char*>& others, std::size_t count) {
  const auto as = [&]<class T, class Sum>(T, Sum) { add<T, Sum>(static_cast<T*>(out), static_cast<const T*>(own), others, count); };
  switch (type) {
    case at::kFloat: return as(float{}, float{});
    case at::kDouble: return as(double{}, double{});
    case at::kBFloat16: return as(c10::BFloat16{}, float{});
    case at::kHalf: return as(c10::Half{}, float{});
    case at::kLong: return as(std::int64_t{}, std::int64_t{});
    default: throw std::invalid_argument("Ranks of a mesh don't sum numbers of the type " + std::string(c10::toString(type)) + ".");
  }
}

}  // namespace switchyard
