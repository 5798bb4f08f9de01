// The model's parameters: fp32 values (fp64 in tests) that the optimizer owns, and the copies that matrix products read.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "../kernels/roundedValue.h"
#include "../mesh/shape.h"

namespace switchyard {

struct Parameter {
  std::string name;
  /// The master value: a leaf that gathers the gradient, or one that requires none and stays as it is (frozen). On a mesh this rank's
  /// part of the whole.
  at::Tensor value;
  /// `value` rounded to bfloat16, kept current by the optimizer; undefined in an fp32 model.
  at::Tensor shadow;
  /// Of the whole parameter, and how a mesh cuts it.
  std::vector<std::int64_t> shape = {};
  Split split = {};
  /// This rank's share of the elements of `value`, in order: what it updates where replicas share the work (optim/replicas.h).
  kernels::Share share = {};

  /// The elements of that share, of a tensor of `value`'s shape: the tensor itself where the share is all of it, otherwise a flat view.
  at::Tensor updated(const at::Tensor& x) const;
  /// `value`, with the shadow where that is of this type.
  kernels::RoundedValue rounded(at::ScalarType type) const;
  /// The same for use in a graph: `value` itself, or the shadow with the gradient led back to `value`.
  at::Tensor as(at::ScalarType type) const;
  /// The gathered gradient; zeros where the loss did not reach the parameter.
  at::Tensor gradient() const;
  void refreshShadow();
};

/// How a parameter begins.
struct Initialization {
  /// Standard deviation of the normal that is cut at two of them (paper §2.4); 0 fills with `constant`.
  double deviation = 0.0;
  double constant = 0.0;
  /// False for what no gradient and no optimizer moves, such as a router's bias.
  bool trained = true;
};

/// Owns all parameters; references to them stay valid. Values depend on the seed, the order of creation and the whole shape
/// alone, and are drawn on the CPU for every device and mesh.
class ParameterSet {
 public:
  ParameterSet(std::int64_t seed, const at::TensorOptions& options, bool shadows, const MeshPlace& place = {});
  /// `shape` is the whole parameter's.
  Parameter& add(const std::string& name, at::IntArrayRef shape, const Initialization& initialization, const Split& split = {});

  std::deque<Parameter>& all() { return parameters; }
  const std::deque<Parameter>& all() const { return parameters; }
  /// Those that are not frozen, in order.
  std::vector<Parameter*> trained();
  /// Elements of the whole parameters.
  std::int64_t count() const;
  /// This rank's part of a whole tensor that a parameter, or what an optimizer keeps of it, is a part of.
  at::Tensor part(const Parameter& parameter, const at::Tensor& whole) const { return partOf(whole, parameter.split, place); }

  const MeshPlace place;

 private:
  std::int64_t seed;
  at::TensorOptions options;
  bool shadows;
  std::deque<Parameter> parameters;
};

}  // namespace switchyard
