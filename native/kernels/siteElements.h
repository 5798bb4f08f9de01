// The numbers that the elements of a tensor at a dropout site have in the whole that it is a part of.
#pragma once

#include <cstdint>

#include "dropout.h"
#include "tensors.h"

namespace switchyard::kernels {

/// Of a tensor with `columns` elements in a row: from an element's place to its number, modulo 2^32.
class SiteElements {
 public:
  SiteElements(const DropoutSite& site, std::int64_t elements, std::int64_t columns)
      : whole(site.columns.of == 1 && !site.rowNumbers.defined()), width(columns), stride(columns * site.columns.of), column(columns * site.columns.index),
        firstRow(site.rows.index * (elements / columns)), rowNumbers(site.rowNumbers.defined() ? site.rowNumbers.contiguous() : at::Tensor()),
        numbers(rowNumbers.defined() ? rowNumbers.const_data_ptr<std::int64_t>() : nullptr) {}

  std::uint32_t operator()(std::int64_t element) const {
    const auto row = element / width;
    return static_cast<std::uint32_t>((numbers ? numbers[row] : firstRow + row) * stride + column + element % width);
  }

  /// Calls work(begin, end, number of begin) for ranges of elements, among threads, whose numbers follow one another.
  template <class Work>
  void inRuns(std::int64_t elements, Work work) const {
    if (whole) {
      at::parallel_for(0, elements, GRAIN, [&](std::int64_t begin, std::int64_t end) { work(begin, end, (*this)(begin)); });
      return;
    }
    at::parallel_for(0, elements / width, std::max<std::int64_t>(1, GRAIN / width), [&](std::int64_t first, std::int64_t last) {
      for (auto row = first; row < last; ++row) work(row * width, (row + 1) * width, (*this)(row * width));
    });
  }

 private:
  /// Numbers follow one another from the first element to the last.
  bool whole;
  std::int64_t width, stride, column, firstRow;
  at::Tensor rowNumbers;
  const std::int64_t* numbers;
};

}  // namespace switchyard::kernels
