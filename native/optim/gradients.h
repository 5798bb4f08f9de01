// Gradients of all trained parameters: their sums over a mesh, and their norm.
#pragma once

#include <torch/types.h>

#include <map>
#include <utility>
#include <vector>

#include "../mesh/mesh.h"
#include "../model/parameters.h"

namespace switchyard {

/// Sums gradients over the ranks that hold the same part of a parameter and other rows of the batch, while the backward pass goes on: a
/// gradient leaves as soon as it is there. Small ones travel together, large ones where they lie. Every rank's graph is the same, and so
/// is the order. Where replicas share the updates, a rank gets the sum of its share alone. Lives around one backward pass.
class GradientSums {
 public:
  GradientSums(const std::vector<Parameter*>& trained, const Mesh& mesh);
  ~GradientSums();
  GradientSums(const GradientSums&) = delete;
  GradientSums& operator=(const GradientSums&) = delete;

  /// After the backward pass: sends what the loss did not reach, and waits. Each gathered gradient then is the sum, in this rank's share of it.
  void finish();

 private:
  struct Bucket {
    std::vector<at::Tensor> gradients;
    std::int64_t elements = 0;
  };
  struct Sent {
    /// What is filled from the sum; empty where that was taken in place.
    std::vector<at::Tensor> filled;
    Group::Pending sum;
  };
  /// Whether experts alone are summed, among their replicas, and whether each rank sums its share alone. In the same order on all ranks, as groups
  /// by their addresses would not be.
  using Route = std::pair<bool, bool>;
  void take(Parameter& parameter);
  void send(const Route& route, const Bucket& bucket);

  const Mesh& mesh;
  /// Parameters whose gradients are summed, and those of them that have none yet.
  std::vector<Parameter*> hooked, awaited;
  std::map<Route, Bucket> open;
  std::vector<Sent> sent;
};

/// √Σ g² over all whole parameters, a float scalar; a null mesh is one rank.
at::Tensor gradientNorm(const std::vector<Parameter*>& trained, Mesh* mesh);

}  // namespace switchyard
