// Numbers a kernel reads and writes. Storage is float or bfloat16; arithmetic is always float. Free of torch, so that the
// files that are compiled once per instruction set (rows.cpp) stay small and link no inline torch code, and that GPUs' kernels
// (cuda/) can include it.
#pragma once

#include <bit>
#include <cstdint>

namespace switchyard::kernels {

/// bfloat16 as stored: the upper half of a float.
struct BFloat16 {
  std::uint16_t bits;
};

static inline float toFloat(float value) { return value; }
static inline float toFloat(BFloat16 value) { return std::bit_cast<float>(std::uint32_t{value.bits} << 16); }

/// Rounds to nearest, ties to even. NaN stays NaN.
static inline void store(float& place, float value) { place = value; }
static inline void store(BFloat16& place, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const bool isNan = (bits & 0x7fffffffU) > 0x7f800000U;
  place.bits = static_cast<std::uint16_t>(isNan ? 0x7fc0U : rounded);
}

/// e^x for x <= 0 or small positive x, relative error below 2e-7; 0 below -87. Branch-free, so a loop over it vectorises.
/// NaN stays NaN.
static inline float exponential(float x) {
  const bool vanishes = x < -87.0F;
  const float clamped = vanishes ? -87.0F : (x > 88.0F ? 88.0F : x);
  const float shifted = clamped * 1.44269504F + 12582912.0F;  // adding 1.5·2^23 rounds to an integer
  const float n = shifted - 12582912.0F;
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto power = (std::bit_cast<std::uint32_t>(shifted) - 0x4b400000U + 127U) << 23;
  return vanishes ? 0.0F : p * std::bit_cast<float>(power);
}

/// Dropout's random numbers: a function of (key, element) alone, so backward makes the mask again instead of keeping it.
struct DropoutKey {
  std::uint32_t first;
  std::uint32_t second;
  /// An element is dropped where its number is below this: probability · 2^32.
  std::uint32_t threshold;
  /// 1 / (1 - probability).
  float scale;
};

/// 32 random bits of one element: the multiply-and-shift mixer "lowbias32" with a second key word in its middle, so that
/// the sequences of two keys are not shifts of each other.
static inline std::uint32_t randomBits(std::uint32_t first, std::uint32_t second, std::uint32_t element) {
  std::uint32_t h = element ^ first;
  h ^= h >> 16;
  h *= 0x21f0aaadU;
  h += second;
  h ^= h >> 15;
  h *= 0xd35a2d97U;
  h ^= h >> 15;
  return h;
}

/// Factor of one element: 0 where dropped, 1 / (1 - p) where kept.
static inline float dropoutFactor(const DropoutKey& key, std::uint32_t element) {
  return randomBits(key.first, key.second, element) < key.threshold ? 0.0F : key.scale;
}

/// 23 of the 32 bits, and a half: they fill a float exactly, so that the least number is above 0 and the greatest below 1.
constexpr int UNIFORM_UNUSED_BITS = 9;
constexpr float UNIFORM_STEP = 1.0F / 8388608.0F;
static inline float uniformNumber(std::uint32_t bits) { return (static_cast<float>(bits >> UNIFORM_UNUSED_BITS) + 0.5F) * UNIFORM_STEP; }

}  // namespace switchyard::kernels
