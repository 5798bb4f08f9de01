#include "cpuMemory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <iterator>
#include <new>

namespace switchyard {
namespace {

/// Rounded up to one of eight sizes between powers of two, so that blocks of nearly the same size serve each other.
std::size_t sizeClass(std::size_t bytes) {
  const auto step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

void* fromSystem(std::size_t size) {
  const bool large = size >= CachingCpuAllocator::HUGE_PAGE;
  void* block = nullptr;
  if (posix_memalign(&block, large ? CachingCpuAllocator::HUGE_PAGE : 64, size) != 0) return nullptr;
  if (large) madvise(block, size, MADV_HUGEPAGE);  // where the system has none, small pages do
  return block;
}

}  // namespace

c10::DataPtr CachingCpuAllocator::allocate(std::size_t bytes) {
  if (bytes < SMALLEST) return small.allocate(bytes);
  const std::lock_guard lock(mutex);
  const auto size = sizeClass(bytes);
  void* block = reuse(size);
  if (block == nullptr) {
    const auto peak = std::max(sums.peak, sums.live + size);
    releaseUntil(static_cast<std::size_t>(MOST_HELD * static_cast<double>(peak)) - size);
    block = fromSystem(size);
    if (block == nullptr) {
      releaseUntil(0);
      block = fromSystem(size);
    }
    if (block == nullptr) throw std::bad_alloc();
    sizes.emplace(block, size);
  }
  sums.live += sizes.at(block);
  sums.peak = std::max(sums.peak, sums.live);
  return {block, block, &giveBack, c10::Device(c10::kCPU)};
}

/// A kept block of this size or up to a quarter more; null where there is none.
void* CachingCpuAllocator::reuse(std::size_t size) {
  const auto place = kept.lower_bound(size);
  if (place == kept.end() || place->first > size + size / 4) return nullptr;
  void* block = place->second.back();
  place->second.pop_back();
  sums.kept -= place->first;
  if (place->second.empty()) kept.erase(place);
  return block;
}

/// Returns kept blocks to the system, the largest first, until all that is held is at most `held`.
void CachingCpuAllocator::releaseUntil(std::size_t held) {
  while (!kept.empty() && sums.live + sums.kept > held) {
    const auto largest = std::prev(kept.end());
    void* block = largest->second.back();
    largest->second.pop_back();
    sums.kept -= largest->first;
    if (largest->second.empty()) kept.erase(largest);
    sizes.erase(block);
    std::free(block);
  }
}

void CachingCpuAllocator::giveBack(void* block) {
  auto& from = keepCpuMemory();
  if (block != nullptr && !from.free(block)) from.small.raw_deleter()(block);
}

/// Keeps the block for later. False where it is not one of these: a small one.
bool CachingCpuAllocator::free(void* block) {
  const std::lock_guard lock(mutex);
  const auto place = sizes.find(block);
  if (place == sizes.end()) return false;
  sums.live -= place->second;
  sums.kept += place->second;
  kept[place->second].push_back(block);
  return true;
}

void CachingCpuAllocator::release() {
  const std::lock_guard lock(mutex);
  releaseUntil(0);
  sums.peak = sums.live;
}

CachingCpuAllocator::Use CachingCpuAllocator::use() const {
  const std::lock_guard lock(mutex);
  return sums;
}

CachingCpuAllocator& keepCpuMemory() {
  // Never destroyed: tensors may be freed until the very end of the process.
  static auto* const allocator = [] {
    auto* made = new CachingCpuAllocator(*c10::GetDefaultCPUAllocator());
    c10::SetCPUAllocator(made, 1);
    return made;
  }();
  return *allocator;
}

}  // namespace switchyard
