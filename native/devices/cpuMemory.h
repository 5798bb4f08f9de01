// Memory of CPU tensors. A training step allocates and frees the same hundreds of megabytes as the one before. Through malloc each
// large block goes back to the system and comes again page by page, zeroed, which was a seventh of a step; here freed blocks are kept
// for the next one, and large ones lie on huge pages (bench/kernels_bench.cpp, "memory").
#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace switchyard {

class CachingCpuAllocator : public c10::Allocator {
 public:
  /// Blocks below SMALLEST come from `small`.
  explicit CachingCpuAllocator(c10::Allocator& small) : small(small) {}

  /// Aligned to 64 bytes at least. Contents are whatever they were. Throws std::bad_alloc.
  c10::DataPtr allocate(std::size_t bytes) override;
  /// oneDNN's scratch memory comes and goes as plain pointers.
  c10::DeleterFnPtr raw_deleter() const override { return &giveBack; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

  struct Use {
    /// Bytes of blocks that tensors hold, that are kept for later, and that tensors have held at most at one time.
    std::size_t live = 0, kept = 0, peak = 0;
  };
  Use use() const;

  /// Returns all kept blocks to the system.
  void release();

  static constexpr std::size_t SMALLEST = std::size_t{64} << 10, HUGE_PAGE = std::size_t{2} << 20;
  /// Live and kept blocks together stay below this multiple of the most that was live at one time.
  static constexpr double MOST_HELD = 1.25;

 private:
  static void giveBack(void* block);
  bool free(void* block);
  void* reuse(std::size_t size);
  void releaseUntil(std::size_t held);

  c10::Allocator& small;
  mutable std::mutex mutex;
  /// By size, the one freed last at the end.
  std::map<std::size_t, std::vector<void*>> kept;
  std::unordered_map<void*, std::size_t> sizes;
  Use sums;
};

/// From here on libtorch's CPU tensors come from one CachingCpuAllocator, which this returns. The first call sets it up.
CachingCpuAllocator& keepCpuMemory();

}  // namespace switchyard
