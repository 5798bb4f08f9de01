// The numbers that the elements of a tensor at a dropout site have in the whole that it is a part of. Free of torch, for CPU and GPU.
#pragma once

#include <cstdint>

namespace switchyard::kernels {

/// From an element's place in the tensor to its number in the whole, modulo 2^32.
struct ElementNumbers {
  /// Elements in a row of the tensor; 0 where the numbers of all elements follow one another, from `column`.
  std::int64_t width;
  /// Elements in a row of the whole, the first column at hand, and the first row where `rowNumbers` is null.
  std::uint32_t stride, column, firstRow;
  /// The number in the whole of each row at hand.
  const std::int64_t* rowNumbers;

  std::uint32_t operator()(std::int64_t element) const {
    if (width == 0) return column + static_cast<std::uint32_t>(element);
    const std::int64_t row = element / width;
    const std::uint32_t number = rowNumbers ? static_cast<std::uint32_t>(rowNumbers[row]) : firstRow + static_cast<std::uint32_t>(row);
    return number * stride + column + static_cast<std::uint32_t>(element % width);
  }

  /// Whether the numbers of so many elements, from this one on, follow one another.
  bool inOneRow(std::int64_t element, std::int64_t count) const { return width == 0 || element % width + count <= width; }
};

}  // namespace switchyard::kernels
