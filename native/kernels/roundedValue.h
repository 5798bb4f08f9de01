// A number that is kept in one type and read in another.
#pragma once

#include <torch/types.h>

namespace switchyard::kernels {

/// A value that gathers the gradient, and its copy rounded to a narrower type, which is read in its place; undefined where the value itself is.
struct RoundedValue {
  at::Tensor value, rounded = {};
};

/// What is read, for use in a graph: the gradient is led back to the value.
at::Tensor inGraph(const RoundedValue& of);

}  // namespace switchyard::kernels
