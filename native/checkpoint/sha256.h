// SHA-256 (FIPS 180-4), fed piece by piece.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace switchyard {

class Sha256 {
 public:
  void add(const void* data, std::size_t bytes);
  /// The digest of all that was added, in lower-case hexadecimal. The object takes no more bytes afterwards.
  std::string hexadecimal();

 private:
  void block(const std::uint8_t* data);

  std::array<std::uint32_t, 8> state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> rest{};
  std::size_t restBytes = 0;
  std::uint64_t totalBytes = 0;
};

}  // namespace switchyard
