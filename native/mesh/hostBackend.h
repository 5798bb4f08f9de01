// What moves tensors between ranks that lie in the computer's memory.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace switchyard {

/// Shared memory, or, where the system keeps a rank out of another's, Gloo: the same on all ranks of the group. Waits until all are there.
c10::intrusive_ptr<c10d::Backend> hostBackend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size);
/// Gloo over the loopback interface.
c10::intrusive_ptr<c10d::Backend> glooBackend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size);

}  // namespace switchyard
