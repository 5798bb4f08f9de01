// The text of the kernels and of what they include, built into the engine by CMake (sources.cpp.in).
#pragma once

#include <vector>

namespace switchyard::kernels::cuda {

struct Source {
  /// As the others include it.
  const char* name;
  const char* text;
};

const std::vector<Source>& sources();

}  // namespace switchyard::kernels::cuda
