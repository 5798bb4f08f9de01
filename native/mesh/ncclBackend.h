// The collectives of one group of GPUs, in the shape of libtorch's backends so that Group is the same for them and for the CPU's.
//
// Not libtorch's own ProcessGroupNCCL: its header needs those of cuBLAS, cuSPARSE and cuSOLVER, gigabytes that a machine without a GPU would have to
// download to compile it. Five collectives are all that a mesh needs.
#pragma once

#include <c10/core/Stream.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "nccl.h"

namespace switchyard {

class NcclBackend : public c10d::Backend {
 public:
  /// Waits until all ranks of the group are there. `stream` is where the device's collectives run: one for all groups of a rank, since collectives of
  /// several that wait for each other in different orders would wait for ever. Throws Failure.
  NcclBackend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, c10::Stream stream);
  ~NcclBackend() override;

  const std::string getBackendName() const override { return "nccl"; }
  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors, const c10d::BroadcastOptions& options) override;
  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors, const c10d::AllreduceOptions& options) override;
  c10::intrusive_ptr<c10d::Work> reduce_scatter_single(at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) override;
  c10::intrusive_ptr<c10d::Work> all_gather_single(at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) override;
  /// Equal splits alone.
  c10::intrusive_ptr<c10d::Work> all_to_all_single(at::Tensor& output, at::Tensor& input, std::vector<std::int64_t>& outputSplits,
                                                   std::vector<std::int64_t>& inputSplits, const c10d::AllToAllOptions& options) override;

 private:
  /// Runs call(stream) behind what the current stream has been given; the tensors live until it is waited for.
  template <class Call>
  c10::intrusive_ptr<c10d::Work> enqueue(std::vector<at::Tensor> tensors, Call call);

  const Nccl& nccl;
  c10::Stream stream;
  NcclCommunicator communicator = nullptr;
};

/// A stream of the device for the collectives of a rank.
c10::Stream collectiveStream(c10::Device device);

}  // namespace switchyard
