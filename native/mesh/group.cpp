#include "group.h"

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <chrono>

#include "../failure.h"
#include "timedWork.h"

namespace switchyard {
namespace {

/// For a collective that is waited for where it is asked for.
template <class Options>
Options atOnce() {
  Options options;
  options.asyncOp = false;
  return options;
}

double bytesOf(const at::Tensor& x) { return static_cast<double>(x.nbytes()); }

/// Runs a call on another rank's data; whatever it throws means that the others can't be reached.
template <class Call>
auto reaching(Call call) {
  try {
    return call();
  } catch (const Failure&) {
    throw;
  } catch (const c10::Error& error) {
    throw Failure("Another rank of the mesh can't be reached any more.", error.what_without_backtrace(), FailureKind::mesh);
  } catch (const std::exception& error) {
    throw Failure("Another rank of the mesh can't be reached any more.", error.what(), FailureKind::mesh);
  }
}

}  // namespace

Group::Group(c10::intrusive_ptr<c10d::Backend> host, c10::intrusive_ptr<c10d::Backend> gpu, std::int64_t rank, std::int64_t size, TrafficMeter& meter)
    : host(std::move(host)), gpu(std::move(gpu)), place(rank), ranks(size), meter(meter) {}
Group::~Group() = default;

c10d::Backend& Group::backendOf(const at::Tensor& x) const { return x.device().is_cpu() ? *host : *gpu; }

template <class Begin>
void Group::run(Begin begin, double bytes, Traffic kind) {
  const auto began = std::chrono::steady_clock::now();
  const auto work = begin();
  work->wait();
  if (const auto timed = c10::dynamic_intrusive_pointer_cast<TimedWork>(work)) return meter.addLater(kind, bytes, [timed] { return timed->secondsWaited(); });
  meter.add(kind, bytes, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

void Group::sum(at::Tensor x, Traffic kind) {
  reaching([&] {
    auto dense = x.contiguous();
    std::vector<at::Tensor> tensors{dense};
    run([&] { return backendOf(dense).allreduce(tensors, atOnce<c10d::AllreduceOptions>()); }, 2.0 * onceAround(bytesOf(x)), kind);
    if (!dense.is_same(x)) x.copy_(dense);
  });
}

at::Tensor Group::gather(const at::Tensor& x, Traffic kind) {
  return reaching([&] {
    auto input = x.reshape(-1);
    auto output = at::empty({ranks * x.numel()}, x.options());
    run([&] { return backendOf(input).all_gather_single(output, input, atOnce<c10d::AllgatherOptions>()); }, bytesOf(x) * static_cast<double>(ranks - 1), kind);
    auto sizes = x.sizes().vec();
    sizes.insert(sizes.begin(), ranks);
    return output.view(sizes);
  });
}

at::Tensor Group::exchange(const at::Tensor& x, Traffic kind) {
  return reaching([&] {
    auto input = x.contiguous();
    auto output = at::empty_like(input);
    std::vector<std::int64_t> equal;
    run([&] { return backendOf(input).all_to_all_single(output, input, equal, equal, atOnce<c10d::AllToAllOptions>()); }, onceAround(bytesOf(x)), kind);
    return output;
  });
}

at::Tensor Group::ownPart(const at::Tensor& x) const { return x.narrow(0, place * (x.numel() / ranks), x.numel() / ranks); }

void Group::gatherParts(at::Tensor x, Traffic kind) {
  reaching([&] {
    auto own = ownPart(x);
    run([&] { return backendOf(x).all_gather_single(x, own, atOnce<c10d::AllgatherOptions>()); }, onceAround(bytesOf(x)), kind);
  });
}

void Group::broadcast(at::Tensor x, std::int64_t root, Traffic kind) {
  reaching([&] {
    std::vector<at::Tensor> tensors{x};
    auto options = atOnce<c10d::BroadcastOptions>();
    options.rootRank = root;
    run([&] { return backendOf(x).broadcast(tensors, options); }, place == root ? bytesOf(x) * static_cast<double>(ranks - 1) : 0.0, kind);
  });
}

Group::Pending Group::sumLater(at::Tensor x, Traffic kind) {
  return reaching([&] {
    std::vector<at::Tensor> tensors{x};
    return Pending(*this, x, backendOf(x).allreduce(tensors, {}), 2.0 * onceAround(bytesOf(x)), kind);
  });
}

Group::Pending Group::sumPartsLater(at::Tensor x, Traffic kind) {
  return reaching([&] {
    auto own = ownPart(x);
    auto work = backendOf(x).reduce_scatter_single(own, x, {});
    return Pending(*this, own, std::move(work), onceAround(bytesOf(x)), kind);
  });
}

Group::Pending::Pending(Group& group, at::Tensor sum, c10::intrusive_ptr<c10d::Work> work, double bytes, Traffic kind)
    : group(&group), result(std::move(sum)), work(std::move(work)), bytes(bytes), kind(kind) {}
Group::Pending::~Pending() = default;
Group::Pending::Pending(Pending&&) noexcept = default;

at::Tensor Group::Pending::wait() {
  reaching([&] { group->run([&] { return work; }, bytes, kind); });
  return result;
}

}  // namespace switchyard
