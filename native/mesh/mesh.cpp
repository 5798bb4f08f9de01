#include "mesh.h"

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <chrono>
#include <optional>

#include "../failure.h"
#include "hostBackend.h"
#include "ncclBackend.h"

namespace switchyard {
namespace {

constexpr auto CONNECT_TIMEOUT = std::chrono::minutes(5);

c10::intrusive_ptr<c10d::Store> fileStore(const std::string& path, std::int64_t ranks) {
  auto store = c10::make_intrusive<c10d::FileStore>(path, static_cast<int>(ranks));
  store->setTimeout(CONNECT_TIMEOUT);
  return store;
}

}  // namespace

Mesh::Mesh(const MeshPlace& place, const std::string& storeFile, c10::Device device) : Mesh(place, fileStore(storeFile, place.shape.ranks()), device) {}

Mesh::Mesh(const MeshPlace& place, c10::intrusive_ptr<c10d::Store> store, c10::Device device) : place(place) {
  const auto& shape = place.shape;
  const auto stream = device.is_cuda() ? std::optional(collectiveStream(device)) : std::nullopt;
  // The ranks of a group agree on what they don't vary along.
  const auto group = [&](const std::string& name, std::int64_t fixed, std::int64_t rank, std::int64_t size) -> std::unique_ptr<Group> {
    if (size == 1) return nullptr;
    try {
      auto own = c10::make_intrusive<c10d::PrefixStore>(name + std::to_string(fixed), store);
      auto backend = hostBackend(own, static_cast<int>(rank), static_cast<int>(size));
      c10::intrusive_ptr<c10d::Backend> gpu;
      if (stream) gpu = c10::make_intrusive<NcclBackend>(own, static_cast<int>(rank), static_cast<int>(size), *stream);
      return std::make_unique<Group>(std::move(backend), std::move(gpu), rank, size, meter);
    } catch (const Failure&) {
      throw;
    } catch (const std::exception& error) {
      throw Failure("The ranks of the mesh could not connect to each other.", error.what(), FailureKind::mesh);
    }
  };
  const auto batch = place.batch();
  world = group("all", 0, place.rank(), shape.ranks());
  rows = group("batch", place.model, batch.index, batch.of);
  replicas = group("data", place.expert * shape.model + place.model, place.data, shape.data);
  experts = group("expert", place.data * shape.model + place.model, place.expert, shape.expert);
  columns = group("model", batch.index, place.model, shape.model);
}

}  // namespace switchyard
