#include "hostBackend.h"

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <chrono>

#include "sharedMemoryBackend.h"

namespace switchyard {
namespace {

/// A rank that is gone is told by its supervisor long before; a slow step must not look like one.
constexpr auto COLLECTIVE_TIMEOUT = std::chrono::hours(6);

}  // namespace

c10::intrusive_ptr<c10d::Backend> hostBackend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size) {
  if (auto memory = SharedMemory::open(*store, rank, size)) return c10::make_intrusive<SharedMemoryBackend>(std::move(memory), rank, size);
  return glooBackend(store, rank, size);
}

c10::intrusive_ptr<c10d::Backend> glooBackend(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size) {
  auto options = c10d::ProcessGroupGloo::Options::create(COLLECTIVE_TIMEOUT);
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
}

}  // namespace switchyard
