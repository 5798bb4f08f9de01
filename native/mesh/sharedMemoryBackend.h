// The collectives of ranks that are processes of one machine, through memory that they share: what one writes, the others read from the processors' caches.
//
// Gloo carries the same through sockets, several copies and system calls for every part; docs/performance.md has both.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "sharedMemory.h"

namespace switchyard {

/// Contiguous tensors on the CPU alone. Those whose options ask for it (asyncOp) are worked on by a thread of the group's own, in the order of the calls.
class SharedMemoryBackend : public c10d::Backend {
 public:
  SharedMemoryBackend(std::unique_ptr<SharedMemory> memory, int rank, int size);
  ~SharedMemoryBackend() override;

  const std::string getBackendName() const override { return "shared memory"; }
  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors, const c10d::BroadcastOptions& options) override;
  /// Sums of float, double, bfloat16, half (added in float) and int64; the same bits on all ranks.
  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors, const c10d::AllreduceOptions& options) override;
  /// `output` may be this rank's part of `input`, whose other parts are then left as they were.
  c10::intrusive_ptr<c10d::Work> reduce_scatter_single(at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) override;
  /// `input` may be this rank's part of `output`.
  c10::intrusive_ptr<c10d::Work> all_gather_single(at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) override;
  /// Equal splits alone.
  c10::intrusive_ptr<c10d::Work> all_to_all_single(at::Tensor& output, at::Tensor& input, std::vector<std::int64_t>& outputSplits,
                                                   std::vector<std::int64_t>& inputSplits, const c10d::AllToAllOptions& options) override;

 private:
  class Job;
  c10::intrusive_ptr<c10d::Work> perform(std::function<void()> collective, bool later);
  void work();

  /// A round: all ranks write their slots, read those of the others, and are then done with them.
  std::uint32_t openRound();
  void wrote(std::uint32_t round) { memory->arrive(3 * round + 1); }
  void added(std::uint32_t round) { memory->arrive(3 * round + 2); }
  void closeRound(std::uint32_t round) { memory->arrive(3 * round + 3); }
  const char* written(int rank, std::uint32_t round) const;
  const char* sum(int rank, std::uint32_t round) const;

  /// Each rank's part of x becomes the sum; with `all`, every part on every rank.
  void reduce(const at::Tensor& x, bool all);

  std::unique_ptr<SharedMemory> memory;
  std::uint32_t rounds = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<c10::intrusive_ptr<Job>> jobs;
  bool working = false, ending = false;
  std::thread worker;
};

}  // namespace switchyard
