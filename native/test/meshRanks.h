// Ranks of a mesh as threads of one process, which talk through shared memory like processes do.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "../engine.h"
#include "../failure.h"

namespace switchyard::testing {

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    static int made = 0;
    path = std::filesystem::temp_directory_path() / ("switchyard-mesh-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

/// Calls work(rank 0's engine) while the other ranks follow; ends them, and fails the test where one of them failed.
template <class Work>
void onMesh(EngineConfig config, const MeshShape& shape, Work work) {
  const Folder folder;
  std::vector<std::thread> others;
  std::vector<std::string> failures(static_cast<std::size_t>(shape.ranks()));
  const auto configOf = [&](std::int64_t rank) {
    auto own = config;
    own.mesh = MeshConfig{shape, rank, folder / "store"};
    return own;
  };
  const auto run = [&](std::int64_t rank, auto rankWork) {
    try {
      Engine engine(configOf(rank));
      rankWork(engine);
    } catch (const Failure& failure) {
      failures[static_cast<std::size_t>(rank)] = std::string(failure.what()) + " " + failure.detail;
    } catch (const std::exception& error) {
      failures[static_cast<std::size_t>(rank)] = error.what();
    }
  };
  for (std::int64_t rank = 1; rank < shape.ranks(); ++rank) others.emplace_back([&, rank] { run(rank, [](Engine& engine) { engine.follow(); }); });
  run(0, work);
  for (auto& other : others) other.join();
  for (std::size_t rank = 0; rank < failures.size(); ++rank) EXPECT_EQ(failures[rank], "") << "rank " << rank;
}

/// Every mesh of up to `most` ranks, the single rank left out.
inline std::vector<MeshShape> meshes(std::int64_t most) {
  std::vector<MeshShape> all;
  for (std::int64_t data = 1; data <= most; ++data)
    for (std::int64_t expert = 1; data * expert <= most; ++expert)
      for (std::int64_t model = 1; data * expert * model <= most; ++model)
        if (data * expert * model > 1) all.push_back({data, expert, model});
  return all;
}

inline std::string nameOf(const MeshShape& shape) {
  return "data " + std::to_string(shape.data) + ", expert " + std::to_string(shape.expert) + ", model " + std::to_string(shape.model);
}

}  // namespace switchyard::testing
