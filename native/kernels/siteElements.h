// The numbers of a tensor's elements at a dropout site, and the ranges in which they follow one another.
#pragma once

#include "dropout.h"
#include "elementNumbers.h"
#include "tensors.h"

namespace switchyard::kernels {

/// Of a tensor with `columns` elements in a row.
class SiteElements {
 public:
  SiteElements(const DropoutSite& site, std::int64_t elements, std::int64_t columns) : rowNumbers(site.rowNumbers.defined() ? site.rowNumbers.contiguous() : at::Tensor()) {
    const auto width = static_cast<std::uint32_t>(columns), firstRow = static_cast<std::uint32_t>(site.rows.index * (elements / columns));
    if (site.columns.of == 1 && !rowNumbers.defined()) of = {0, 0, firstRow * width, 0, nullptr};
    else of = {columns, width * static_cast<std::uint32_t>(site.columns.of), width * static_cast<std::uint32_t>(site.columns.index), firstRow,
               rowNumbers.defined() ? rowNumbers.const_data_ptr<std::int64_t>() : nullptr};
  }

  std::uint32_t operator()(std::int64_t element) const { return of(element); }

  /// Points to row numbers where the site has them: on their device, and as long as this object is there.
  const ElementNumbers& numbers() const { return of; }

  /// Calls work(begin, end, number of begin) for ranges of elements, among threads, whose numbers follow one another.
  template <class Work>
  void inRuns(std::int64_t elements, Work work) const {
    if (of.width == 0) {
      at::parallel_for(0, elements, GRAIN, [&](std::int64_t begin, std::int64_t end) { work(begin, end, of(begin)); });
      return;
    }
    const auto width = of.width;
    at::parallel_for(0, elements / width, std::max<std::int64_t>(1, GRAIN / width), [&](std::int64_t first, std::int64_t last) {
      for (auto row = first; row < last; ++row) work(row * width, (row + 1) * width, of(row * width));
    });
  }

 private:
  at::Tensor rowNumbers;
  ElementNumbers of{};
};

}  // namespace switchyard::kernels
