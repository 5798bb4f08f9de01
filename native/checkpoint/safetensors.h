// safetensors files: an 8-byte little-endian header length, a JSON header, and the tensors' bytes.
// Reading trusts nothing: header size, JSON, types, shapes, offsets, overlaps and the file's length are checked.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace switchyard {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct WrittenFile {
  std::int64_t bytes = 0;
  /// Lower-case hexadecimal.
  std::string sha256;
};

/// Writes the tensors (any device; float32, bfloat16, float64 or int64; made contiguous on the CPU one at a time, so a
/// large model needs no second copy) in the given order, fsyncs the file and its directory. Throws Failure: what could not be
/// written, and why (disk full in words).
WrittenFile writeSafetensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                             const std::map<std::string, std::string>& metadata);

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  /// CPU tensors of their own memory, in the file's order.
  std::vector<NamedTensor> tensors;
};

/// Throws Failure with one sentence naming the file and what is wrong with it.
SafetensorsFile readSafetensors(const std::string& path);

}  // namespace switchyard
