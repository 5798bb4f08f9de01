#include "ncclBackend.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <cstring>

#include "../failure.h"
#include "timedWork.h"

namespace switchyard {
namespace {

/// What a collective moves: elements are added where it is a sum, so there their type matters.
NcclType typeOf(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat: return NCCL_FLOAT32;
    case at::kDouble: return NCCL_FLOAT64;
    case at::kBFloat16: return NCCL_BFLOAT16;
    case at::kHalf: return NCCL_FLOAT16;
    case at::kLong: return NCCL_INT64;
    case at::kInt: return NCCL_INT32;
    case at::kChar: return NCCL_INT8;
    case at::kByte:
    case at::kBool: return NCCL_UINT8;
    default: throw Failure("GPUs of a mesh can't send each other numbers of the type " + std::string(c10::toString(x.scalar_type())) + ".", "", FailureKind::mesh);
  }
}

std::size_t countOf(const at::Tensor& x) { return static_cast<std::size_t>(x.numel()); }
c10::impl::VirtualGuardImpl streams(c10::Device device) { return c10::impl::VirtualGuardImpl(device.type()); }

/// Waiting makes the current stream wait, not the host.
struct StreamWork : TimedWork {
  StreamWork(c10::Event event, std::vector<at::Tensor> tensors, c10::Device device) : device(device), event(std::move(event)), tensors(std::move(tensors)) {}
  bool wait(std::chrono::milliseconds) override {
    const auto current = streams(device).getStream(device);
    before.record(current);
    event.block(current);
    after.record(current);
    return true;
  }
  double secondsWaited() const override { return before.elapsedTime(after) / 1000.0; }
  bool isCompleted() override { return event.query(); }
  bool isSuccess() const override { return true; }

  c10::Device device;
  c10::Event event;
  /// On the stream that waits. These two have times.
  c10::Event before{device.type(), c10::EventFlag::BACKEND_DEFAULT}, after{device.type(), c10::EventFlag::BACKEND_DEFAULT};
  std::vector<at::Tensor> tensors;
};

}  // namespace

c10::Stream collectiveStream(c10::Device device) { return streams(device).getStreamFromGlobalPool(device, /*isHighPriority=*/true); }

NcclBackend::NcclBackend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, c10::Stream stream)
    : Backend(rank, size), nccl(Nccl::library()), stream(stream) {
  const c10::DeviceGuard guard(stream.device());
  NcclId id{};
  if (rank == 0) {
    nccl.check(nccl.getUniqueId(&id));
    store->set("nccl", std::vector<std::uint8_t>(id.bytes, id.bytes + sizeof id.bytes));
  } else {
    const auto bytes = store->get("nccl");
    if (bytes.size() != sizeof id.bytes) throw Failure("The ranks of the mesh could not connect to each other.", "The store holds no NCCL id.", FailureKind::mesh);
    std::memcpy(id.bytes, bytes.data(), bytes.size());
  }
  nccl.check(nccl.commInitRank(&communicator, size, id, rank));
}

NcclBackend::~NcclBackend() {
  if (communicator) nccl.commDestroy(communicator);
}

template <class Call>
c10::intrusive_ptr<c10d::Work> NcclBackend::enqueue(std::vector<at::Tensor> tensors, Call call) {
  const auto device = stream.device();
  const c10::DeviceGuard guard(device);
  c10::Event given(device.type()), done(device.type());
  given.record(streams(device).getStream(device));
  given.block(stream);
  nccl.check(call(stream.native_handle()));
  done.record(stream);
  // A tensor that is freed before it is waited for must not be given away while the collective still reads it.
  for (const auto& tensor : tensors) streams(device).recordDataPtrOnStream(tensor.storage().data_ptr(), stream);
  return c10::make_intrusive<StreamWork>(std::move(done), std::move(tensors), device);
}

c10::intrusive_ptr<c10d::Work> NcclBackend::broadcast(std::vector<at::Tensor>& tensors, const c10d::BroadcastOptions& options) {
  auto x = tensors.at(0);
  return enqueue({x}, [&](void* on) { return nccl.broadcast(x.data_ptr(), x.data_ptr(), countOf(x), typeOf(x), static_cast<int>(options.rootRank), communicator, on); });
}

c10::intrusive_ptr<c10d::Work> NcclBackend::allreduce(std::vector<at::Tensor>& tensors, const c10d::AllreduceOptions&) {
  auto x = tensors.at(0);
  return enqueue({x}, [&](void* on) { return nccl.allReduce(x.data_ptr(), x.data_ptr(), countOf(x), typeOf(x), NCCL_SUM, communicator, on); });
}

c10::intrusive_ptr<c10d::Work> NcclBackend::reduce_scatter_single(at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions&) {
  return enqueue({output, input}, [&](void* on) { return nccl.reduceScatter(input.data_ptr(), output.data_ptr(), countOf(output), typeOf(input), NCCL_SUM, communicator, on); });
}

c10::intrusive_ptr<c10d::Work> NcclBackend::all_gather_single(at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions&) {
  return enqueue({output, input}, [&](void* on) { return nccl.allGather(input.data_ptr(), output.data_ptr(), countOf(input), typeOf(input), communicator, on); });
}

c10::intrusive_ptr<c10d::Work> NcclBackend::all_to_all_single(at::Tensor& output, at::Tensor& input, std::vector<std::int64_t>& outputSplits,
                                                              std::vector<std::int64_t>& inputSplits, const c10d::AllToAllOptions&) {
  TORCH_CHECK(outputSplits.empty() && inputSplits.empty() && input.numel() % getSize() == 0, "Only equal parts are exchanged.");
  return enqueue({output, input}, [&](void* on) {
    const auto type = typeOf(input);
    const auto each = countOf(input) / static_cast<std::size_t>(getSize()), bytes = each * input.element_size();
    nccl.check(nccl.groupStart());
    for (int peer = 0; peer < getSize(); ++peer) {
      const auto at = static_cast<std::size_t>(peer) * bytes;
      nccl.check(nccl.send(static_cast<const char*>(input.data_ptr()) + at, each, type, peer, communicator, on));
      nccl.check(nccl.receive(static_cast<char*>(output.data_ptr()) + at, each, type, peer, communicator, on));
    }
    return nccl.groupEnd();
  });
}

}  // namespace switchyard
