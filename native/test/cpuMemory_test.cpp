// The memory of CPU tensors: what is freed serves the next of its size, and what is held stays within its bound.
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "../devices/cpuMemory.h"

namespace {

using switchyard::CachingCpuAllocator;
constexpr std::size_t MIB = std::size_t{1} << 20;

CachingCpuAllocator& memory() { return switchyard::keepCpuMemory(); }

TEST(CpuMemory, IsKeptForTheNextOfItsSize) {
  const void* first = nullptr;
  const auto other = memory().allocate(64 * MIB);  // so that keeping a few more stays within the bound
  {
    const auto block = memory().allocate(3 * MIB);
    first = block.get();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % CachingCpuAllocator::HUGE_PAGE, 0U);
  }
  EXPECT_EQ(memory().allocate(3 * MIB - 1000).get(), first) << "a little smaller";
  EXPECT_NE(memory().allocate(2 * MIB).get(), first) << "much smaller: the block would be wasted";
  EXPECT_EQ(memory().allocate(3 * MIB).get(), first);
}

TEST(CpuMemory, LiveBlocksDoNotOverlap) {
  std::vector<c10::DataPtr> blocks;
  for (int i = 0; i < 40; ++i) {
    const std::size_t bytes = (std::size_t{60} << 10) + static_cast<std::size_t>(i) * 30'011;
    blocks.push_back(memory().allocate(bytes));
    std::memset(blocks.back().get(), i, bytes);
    if (i % 3 == 0) blocks[static_cast<std::size_t>(i) / 2] = {};
  }
  for (int i = 0; i < 40; ++i) {
    const auto* bytes = static_cast<const unsigned char*>(blocks[static_cast<std::size_t>(i)].get());
    if (bytes == nullptr) continue;
    for (std::size_t at = 0; at < (std::size_t{60} << 10); at += 997) ASSERT_EQ(bytes[at], i);
  }
}

TEST(CpuMemory, HoldsLittleMoreThanWasEverLive) {
  // Sizes that never come again: nothing kept serves the next.
  for (std::size_t size = 1; size <= 64; size *= 2) {
    const auto block = memory().allocate(size * MIB);
    const auto use = memory().use();
    EXPECT_LE(static_cast<double>(use.live + use.kept), CachingCpuAllocator::MOST_HELD * static_cast<double>(use.peak));
  }
}

TEST(CpuMemory, SmallBlocksAreMallocs) {
  const auto before = memory().use();
  const auto block = memory().allocate(1000);
  EXPECT_NE(block.get(), nullptr);
  EXPECT_EQ(memory().allocate(0).get(), nullptr);
  EXPECT_EQ(memory().use().live, before.live);
}

TEST(CpuMemory, ComesAsPlainPointersToo) {
  // As oneDNN takes its scratch memory.
  const auto live = memory().use().live;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1000}, 3 * MIB}) {
    void* block = memory().raw_allocate(bytes);
    if (bytes > 0) std::memset(block, 1, bytes);
    memory().raw_deallocate(block);
  }
  EXPECT_EQ(memory().use().live, live);
}

TEST(CpuMemory, IsReturnedWhenAsked) {
  { const auto block = memory().allocate(8 * MIB); }
  memory().release();
  EXPECT_EQ(memory().use().kept, 0U);
  EXPECT_EQ(memory().use().peak, memory().use().live);
}

TEST(CpuMemory, WhatIsNotThereIsRefusedAndTheRestGoesOn) {
  EXPECT_THROW(memory().allocate(std::size_t{1} << 52), std::bad_alloc);
  EXPECT_NE(memory().allocate(MIB).get(), nullptr);
}

TEST(CpuMemory, MayBeFreedOnAnotherThread) {
  const auto live = memory().use().live;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] {
      for (int j = 0; j < 200; ++j) {
        auto block = memory().allocate(MIB + static_cast<std::size_t>(j % 7) * 100'000);
        std::memset(block.get(), j, MIB);
        std::thread([block = std::move(block)]() mutable { block = {}; }).join();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(memory().use().live, live);
}

}  // namespace
