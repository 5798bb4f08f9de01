// Memory that the ranks of a group, all of this machine, look at together: a few slots that each rank fills for the others, and how far each one is.
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace switchyard {

class SharedMemory {
 public:
  /// Bytes of a slot: a part of a tensor that stays in the processors' caches from the rank that writes it to those that read it.
  static constexpr std::size_t SLOT = 1 << 20;

  /// Waits until all ranks of the group are there. Null, on all of them, where one can't reach another's memory.
  static std::unique_ptr<SharedMemory> open(c10d::Store& store, int rank, int size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// Each rank has two slots, to fill one while the other is still read.
  char* slot(int rank, std::uint32_t round) const;
  /// This rank has come to `stage`, and what it has written is there. Stages count on, from 0 and around.
  void arrive(std::uint32_t stage);
  /// Waits until another rank has come to `stage`. Throws std::runtime_error when that rank is gone.
  void await(int rank, std::uint32_t stage) const;

 private:
  struct Line;
  SharedMemory(void* memory, int rank, int size);
  Line& lineOf(int rank) const;

  void* memory;
  int own, size;
};

}  // namespace switchyard
