// A rank's mesh: its place, and the groups it talks in.
#pragma once

#include <torch/types.h>

#include <memory>
#include <string>

#include "group.h"
#include "shape.h"
#include "traffic.h"

namespace c10d {
class Store;
}

namespace switchyard {

class Mesh {
 public:
  /// Connects to the other ranks through a store that all of them see; returns when all are there. Ranks talk through memory
  /// that they share (mesh/hostBackend.h), and over NCCL about what lies on GPUs, where `device` is one: another for each rank. Throws Failure (of kind
  /// `mesh`) when they don't come.
  Mesh(const MeshPlace& place, c10::intrusive_ptr<c10d::Store> store, c10::Device device = c10::kCPU);
  /// The store is a file that does not exist yet, or that the other ranks have made.
  Mesh(const MeshPlace& place, const std::string& storeFile, c10::Device device = c10::kCPU);

  /// Each null where it would be this rank alone.
  Group* all() const { return world.get(); }
  /// Ranks with the same part of the weights but for experts, and other rows of the batch.
  Group* batch() const { return rows.get(); }
  /// Ranks with the same part of all weights, and other rows of the batch.
  Group* data() const { return replicas.get(); }
  /// Ranks with the same part of a parameter that is cut so: they sum its gradient.
  Group* replicasOf(const Split& split) const { return split.expert >= 0 ? data() : batch(); }
  /// Ranks among which the experts are spread.
  Group* expert() const { return experts.get(); }
  /// Ranks among which heads and columns are spread; they hold the same rows of the batch.
  Group* model() const { return columns.get(); }

  const MeshPlace place;
  /// Since the start.
  TrafficMeter meter;

 private:
  std::unique_ptr<Group> world, rows, replicas, experts, columns;
};

}  // namespace switchyard
