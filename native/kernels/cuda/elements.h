// How the threads of an elementwise kernel share its elements out.
#pragma once

#include "../elementNumbers.h"
#include "../number.h"

namespace switchyard::kernels::cuda {

/// Elements that a thread takes: 16 bytes of them, the most that one access moves.
template <class T>
constexpr int WIDTH = 16 / static_cast<int>(sizeof(T));

template <class T>
struct alignas(16) Elements {
  T at[WIDTH<T>];
};

template <class T>
bool isAligned(const T* x) { return reinterpret_cast<std::uintptr_t>(x) % sizeof(Elements<T>) == 0; }

template <class T>
Elements<T> load(const T* x) { return *reinterpret_cast<const Elements<T>*>(x); }

/// y[i] = value(number of i, x[i]...) for this thread's elements of tensors of n.
template <class T, class Value, class... From>
void compute(std::int64_t n, const ElementNumbers& numbers, Value value, T* y, const From*... x) {
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * WIDTH<T>;
  const bool aligned = (isAligned(y) && ... && isAligned(x));
  if (first + WIDTH<T> <= n && aligned && numbers.inOneRow(first, WIDTH<T>)) {
    const std::uint32_t number = numbers(first);
    const auto all = [&](const auto&... elements) {
      Elements<T> results;
      for (int i = 0; i < WIDTH<T>; ++i) store(results.at[i], value(number + static_cast<std::uint32_t>(i), toFloat(elements.at[i])...));
      *reinterpret_cast<Elements<T>*>(y + first) = results;
    };
    all(load(x + first)...);
    return;
  }
  // At the end of a row and of the tensor, and where memory begins in the middle of another tensor's.
  for (std::int64_t i = first; i < n && i < first + WIDTH<T>; ++i) store(y[i], value(numbers(i), toFloat(x[i])...));
}

}  // namespace switchyard::kernels::cuda
