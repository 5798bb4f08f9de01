// Tensors of a file by their names, held against those that a model has.
#pragma once

#include <torch/types.h>

#include <map>
#include <string>
#include <vector>

#include "safetensors.h"

namespace switchyard {

using TensorsByName = std::map<std::string, at::Tensor>;

/// The file's tensors, which are on the CPU.
TensorsByName byName(const SafetensorsFile& file);

/// "[2, 3]".
std::string shapeText(at::IntArrayRef shape);

/// Throws unless the file holds exactly the tensors expected, each of the same shape and type.
void expectTensors(const std::string& path, const TensorsByName& found, const std::vector<NamedTensor>& expected);

/// Throws where a weight is NaN or infinite.
void expectFinite(const std::string& path, const std::string& name, const at::Tensor& tensor);

}  // namespace switchyard
