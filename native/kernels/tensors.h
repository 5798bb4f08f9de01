// From tensors to the plain pointers that rows.h works on.
#pragma once

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <atomic>

#include "rows.h"

namespace switchyard::kernels {

/// Elements a thread takes at a time from an elementwise kernel.
constexpr std::int64_t GRAIN = 16384;

/// Whether the loops here apply: a CPU tensor of float or bfloat16. Anything else (meta, CUDA, double) takes libtorch's ops.
inline bool applies(const at::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

template <class T>
T* data(const at::Tensor& x) { return static_cast<T*>(x.data_ptr()); }

/// Calls work(T{}) with the storage type of `x`.
template <class Work>
void forStorage(const at::Tensor& x, Work work) {
  if (x.scalar_type() == at::kFloat) work(float{});
  else work(BFloat16{});
}

/// Calls work(i) for each of 0..count-1. Threads take one after the other, so that uneven pieces keep them all busy.
template <class Work>
void takeInTurn(std::int64_t count, Work work) {
  std::atomic<std::int64_t> next = 0;
  at::parallel_for(0, std::min<std::int64_t>(at::get_num_threads(), count), 1, [&](std::int64_t, std::int64_t) {
    for (auto i = next++; i < count; i = next++) work(i);
  });
}

}  // namespace switchyard::kernels
