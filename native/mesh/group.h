// Collectives among the ranks of one axis (or product of axes) of the mesh.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "traffic.h"

namespace c10d {
class Backend;
class Work;
}  // namespace c10d

namespace switchyard {

/// Every rank of a group makes the same calls in the same order. All throw Failure (of kind `mesh`) when another rank is gone.
class Group {
 public:
  /// `host` moves what lies in the computer's memory, `gpu` what lies in a GPU's; null on the CPU. `meter` must outlive the group.
  Group(c10::intrusive_ptr<c10d::Backend> host, c10::intrusive_ptr<c10d::Backend> gpu, std::int64_t rank, std::int64_t size, TrafficMeter& meter);
  ~Group();

  std::int64_t rank() const { return place; }
  std::int64_t size() const { return ranks; }
  const TrafficMeter& traffic() const { return meter; }

  /// x becomes the sum over all ranks, with the same bits on each.
  void sum(at::Tensor x, Traffic kind);
  /// (...) to (n, ...): what each rank has.
  at::Tensor gather(const at::Tensor& x, Traffic kind);
  /// (n, ...) to (n, ...): row i goes to rank i, and row j of the result came from rank j.
  at::Tensor exchange(const at::Tensor& x, Traffic kind);
  /// x, flat, is cut into a part for each rank, in order: each becomes what its rank has of it.
  void gatherParts(at::Tensor x, Traffic kind);
  /// x becomes what rank `root` has.
  void broadcast(at::Tensor x, std::int64_t root, Traffic kind);

  /// A sum that goes on while the rank computes.
  class Pending {
   public:
    Pending(Group& group, at::Tensor sum, c10::intrusive_ptr<c10d::Work> work, double bytes, Traffic kind);
    ~Pending();
    Pending(Pending&&) noexcept;
    /// The sum. Throws Failure where another rank is gone.
    at::Tensor wait();

   private:
    Group* group;
    at::Tensor result;
    c10::intrusive_ptr<c10d::Work> work;
    double bytes;
    Traffic kind;
  };
  Pending sumLater(at::Tensor x, Traffic kind);
  /// x, flat, is cut into a part for each rank, in order: this rank's becomes the sum, and is what is waited for; the others are of no more use.
  Pending sumPartsLater(at::Tensor x, Traffic kind);

 private:
  /// Calls what begins a collective, and waits for it: either may be where the time goes.
  template <class Begin>
  void run(Begin begin, double bytes, Traffic kind);
  c10d::Backend& backendOf(const at::Tensor& x) const;
  at::Tensor ownPart(const at::Tensor& x) const;
  /// Bytes that a rank sends where each part of so many bytes goes around a ring once.
  double onceAround(double bytes) const { return bytes * static_cast<double>(ranks - 1) / static_cast<double>(ranks); }

  c10::intrusive_ptr<c10d::Backend> host, gpu;
  std::int64_t place, ranks;
  TrafficMeter& meter;
};

}  // namespace switchyard
