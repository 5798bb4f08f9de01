#include "sharedMemoryBackend.h"

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "partSums.h"

namespace switchyard {
namespace {

/// What is done by the time it is returned.
struct Done : c10d::Work {
  bool wait(std::chrono::milliseconds) override { return true; }
  bool isCompleted() override { return true; }
  bool isSuccess() const override { return true; }
};

char* data(const at::Tensor& x) { return static_cast<char*>(x.data_ptr()); }

void copy(char* to, const char* from, std::size_t bytes) {
  if (to != from && bytes > 0) std::memcpy(to, from, bytes);
}

void expectPlain(const at::Tensor& x) { TORCH_CHECK(x.device().is_cpu() && x.is_contiguous(), "Ranks share contiguous tensors on the CPU."); }

}  // namespace

/// A collective that the group's thread works on.
class SharedMemoryBackend::Job : public c10d::Work {
 public:
  explicit Job(std::function<void()> collective) : collective(std::move(collective)) {}

  void run() {
    std::exception_ptr thrown;
    try { collective(); } catch (...) { thrown = std::current_exception(); }
    {
      const std::lock_guard lock(guard);
      failure = thrown;
      finished = true;
    }
    ended.notify_all();
  }
  bool wait(std::chrono::milliseconds) override {
    std::unique_lock lock(guard);
    ended.wait(lock, [this] { return finished; });
    if (failure) std::rethrow_exception(failure);
    return true;
  }
  bool isCompleted() override {
    const std::lock_guard lock(guard);
    return finished;
  }

 private:
  std::function<void()> collective;
  std::mutex guard;
  std::condition_variable ended;
  std::exception_ptr failure;
  bool finished = false;
};

SharedMemoryBackend::SharedMemoryBackend(std::unique_ptr<SharedMemory> memory, int rank, int size) : Backend(rank, size), memory(std::move(memory)) {}

SharedMemoryBackend::~SharedMemoryBackend() {
  {
    const std::lock_guard lock(mutex);
    ending = true;
  }
  changed.notify_all();
  if (worker.joinable()) worker.join();
}

void SharedMemoryBackend::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ending || !jobs.empty(); });
    if (jobs.empty()) return;
    const auto job = std::move(jobs.front());
    jobs.pop_front();
    working = true;
    lock.unlock();
    job->run();
    lock.lock();
    working = false;
    changed.notify_all();
  }
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::perform(std::function<void()> collective, bool later) {
  std::unique_lock lock(mutex);
  if (later) {
    auto job = c10::make_intrusive<Job>(std::move(collective));
    jobs.push_back(job);
    if (!worker.joinable()) worker = std::thread([this] { work(); });
    lock.unlock();
    changed.notify_all();
    return job;
  }
  changed.wait(lock, [this] { return jobs.empty() && !working; });
  lock.unlock();
  collective();
  return c10::make_intrusive<Done>();
}

std::uint32_t SharedMemoryBackend::openRound() {
  const auto round = rounds++;
  // The slot was last read two rounds ago.
  for (int peer = 0; peer < getSize(); ++peer)
    if (peer != getRank()) memory->await(peer, 3 * (round - 1));
  return round;
}

const char* SharedMemoryBackend::written(int rank, std::uint32_t round) const {
  memory->await(rank, 3 * round + 1);
  return memory->slot(rank, round);
}

const char* SharedMemoryBackend::sum(int rank, std::uint32_t round) const {
  memory->await(rank, 3 * round + 2);
  return memory->slot(rank, round);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::broadcast(std::vector<at::Tensor>& tensors, const c10d::BroadcastOptions& options) {
  const auto x = tensors.at(0);
  expectPlain(x);
  return perform([this, x, root = static_cast<int>(options.rootRank)] {
    for (std::size_t at = 0; at < x.nbytes(); at += SharedMemory::SLOT) {
      const auto bytes = std::min(SharedMemory::SLOT, x.nbytes() - at);
      const auto round = openRound();
      if (getRank() == root) copy(memory->slot(root, round), data(x) + at, bytes);
      else copy(data(x) + at, written(root, round), bytes);
      closeRound(round);
    }
  }, options.asyncOp);
}

void SharedMemoryBackend::reduce(const at::Tensor& x, bool all) {
  const auto ranks = static_cast<std::size_t>(getSize()), own = static_cast<std::size_t>(getRank());
  const auto count = static_cast<std::size_t>(x.numel()), width = static_cast<std::size_t>(x.element_size());
  // Part p of the tensor is rank p's to sum; a round does so many elements of every part.
  const auto part = (count + ranks - 1) / ranks, most = SharedMemory::SLOT / (ranks * width);
  std::vector<const char*> others;
  for (std::size_t at = 0; at < part; at += most) {
    const auto step = std::min(most, part - at);
    // Bytes of part p in this round, and where they are in the tensor and in a slot.
    const auto bytesOf = [&](std::size_t p) { return (std::min(count, p * part + at + step) - std::min(count, p * part + at)) * width; };
    const auto inTensor = [&](std::size_t p) { return data(x) + std::min(count, p * part + at) * width; };
    const auto inSlot = [&](std::size_t p) { return p * step * width; };
    const auto round = openRound();
    auto* slot = memory->slot(getRank(), round);
    for (std::size_t p = 0; p < ranks; ++p)
      if (p != own) copy(slot + inSlot(p), inTensor(p), bytesOf(p));
    wrote(round);
    others.clear();
    for (std::size_t p = 0; p < ranks; ++p)
      if (p != own) others.push_back(written(static_cast<int>(p), round) + inSlot(own));
    addParts(x.scalar_type(), inTensor(own), inTensor(own), others, bytesOf(own) / width);
    if (all) {
      copy(slot + inSlot(own), inTensor(own), bytesOf(own));
      added(round);
      for (std::size_t p = 0; p < ranks; ++p)
        if (p != own) copy(inTensor(p), sum(static_cast<int>(p), round) + inSlot(p), bytesOf(p));
    }
    closeRound(round);
  }
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::allreduce(std::vector<at::Tensor>& tensors, const c10d::AllreduceOptions& options) {
  const auto x = tensors.at(0);
  expectPlain(x);
  return perform([this, x] { reduce(x, true); }, options.asyncOp);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::reduce_scatter_single(at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) {
  expectPlain(input);
  expectPlain(output);
  TORCH_CHECK(input.numel() == output.numel() * getSize(), "Only equal parts are summed.");
  return perform([this, input, output] {
    reduce(input, false);
    copy(data(output), data(input) + static_cast<std::size_t>(getRank()) * output.nbytes(), output.nbytes());
  }, options.asyncOp);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::all_gather_single(at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) {
  expectPlain(input);
  expectPlain(output);
  TORCH_CHECK(output.nbytes() == input.nbytes() * static_cast<std::size_t>(getSize()), "Only equal parts are gathered.");
  return perform([this, input, output] {
    const auto part = input.nbytes();
    copy(data(output) + static_cast<std::size_t>(getRank()) * part, data(input), part);
    for (std::size_t at = 0; at < part; at += SharedMemory::SLOT) {
      const auto bytes = std::min(SharedMemory::SLOT, part - at);
      const auto round = openRound();
      copy(memory->slot(getRank(), round), data(input) + at, bytes);
      wrote(round);
      for (int peer = 0; peer < getSize(); ++peer)
        if (peer != getRank()) copy(data(output) + static_cast<std::size_t>(peer) * part + at, written(peer, round), bytes);
      closeRound(round);
    }
  }, options.asyncOp);
}

c10::intrusive_ptr<c10d::Work> SharedMemoryBackend::all_to_all_single(at::Tensor& output, at::Tensor& input, std::vector<std::int64_t>& outputSplits,
                                                                      std::vector<std::int64_t>& inputSplits, const c10d::AllToAllOptions& options) {
  expectPlain(input);
  expectPlain(output);
  TORCH_CHECK(outputSplits.empty() && inputSplits.empty() && input.numel() % getSize() == 0, "Only equal parts are exchanged.");
  return perform([this, input, output] {
    const auto ranks = static_cast<std::size_t>(getSize()), own = static_cast<std::size_t>(getRank());
    const auto part = input.nbytes() / ranks, most = SharedMemory::SLOT / ranks;
    copy(data(output) + own * part, data(input) + own * part, part);
    for (std::size_t at = 0; at < part; at += most) {
      const auto bytes = std::min(most, part - at);
      const auto round = openRound();
      for (std::size_t p = 0; p < ranks; ++p)
        if (p != own) copy(memory->slot(getRank(), round) + p * bytes, data(input) + p * part + at, bytes);
      wrote(round);
      for (std::size_t p = 0; p < ranks; ++p)
        if (p != own) copy(data(output) + p * part + at, written(static_cast<int>(p), round) + own * bytes, bytes);
      closeRound(round);
    }
  }, options.asyncOp);
}

}  // namespace switchyard
