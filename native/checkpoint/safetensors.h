// safetensors files: an 8-byte little-endian header length, a JSON header, and the tensors' bytes.
// Reading trusts nothing: header size, JSON, types, shapes, offsets, overlaps and the file's length are checked.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace switchyard {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// A tensor by what a header says of it.
struct TensorEntry {
  std::string name;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;
};

struct WrittenFile {
  std::int64_t bytes = 0;
  /// Lower-case hexadecimal.
  std::string sha256;
};

/// Writes the tensors (any device; float32, bfloat16, float16, float64 or int64; made contiguous on the CPU one at a time, so a
/// large model needs no second copy) in the given order, fsyncs the file and its directory. Throws Failure: what could not be
/// written, and why (disk full in words).
WrittenFile writeSafetensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                             const std::map<std::string, std::string>& metadata);
/// The same with tensors that `make` gives one after another, each let go once it is written: a file larger than memory. What it
/// gives must be as its entry says.
WrittenFile writeSafetensors(const std::string& path, const std::vector<TensorEntry>& entries,
                             const std::function<at::Tensor(const TensorEntry&)>& make, const std::map<std::string, std::string>& metadata);

/// An open file whose header has been checked. Tensors are read one at a time.
class SafetensorsReader {
 public:
  /// Throws Failure with one sentence naming the file and what is wrong with it.
  explicit SafetensorsReader(const std::string& path);
  ~SafetensorsReader();
  SafetensorsReader(SafetensorsReader&&) noexcept;

  const std::string& path() const;
  const std::map<std::string, std::string>& metadata() const;
  /// In the header's order.
  const std::vector<TensorEntry>& entries() const;
  /// A CPU tensor of its own memory. `name` is one of the entries'.
  at::Tensor read(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state;
};

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  /// CPU tensors of their own memory, in the file's order.
  std::vector<NamedTensor> tensors;
};

/// All tensors of a file. Throws Failure as the reader does.
SafetensorsFile readSafetensors(const std::string& path);

}  // namespace switchyard
