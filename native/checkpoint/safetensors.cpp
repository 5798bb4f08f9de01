#include "safetensors.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

#include "failure.h"
#include "json.h"
#include "sha256.h"

namespace switchyard {
namespace {

/// The largest header that the format's own reader takes.
constexpr std::uint64_t MAX_HEADER_BYTES = 100'000'000;
constexpr std::size_t MAX_DIMENSIONS = 16;

struct TypeName {
  const char* name;
  at::ScalarType type;
};
constexpr std::array<TypeName, 5> TYPES{{{"F32", at::kFloat}, {"BF16", at::kBFloat16}, {"F16", at::kHalf}, {"F64", at::kDouble}, {"I64", at::kLong}}};

class Descriptor {
 public:
  explicit Descriptor(int number) : number(number) {}
  ~Descriptor() { if (number >= 0) ::close(number); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const int number;
};


[[noreturn]] void cannotWrite(const std::string& path, int error) {
  const auto detail = std::string(std::strerror(error));
  if (error == ENOSPC || error == EDQUOT)
    throw Failure("The disk of " + path + " is full; free some space and resume the run.", detail, FailureKind::diskFull);
  throw Failure("Could not write " + path + ": " + detail + ".", detail);
}

[[noreturn]] void cannotRead(const std::string& path, int error) {
  const auto detail = std::string(std::strerror(error));
  throw Failure(error == ENOENT ? "There is no file " + path + "." : "Could not read " + path + ": " + detail + ".", detail, FailureKind::checkpoint);
}

/// Refuses the content of a file in one sentence.
struct Refusal {
  const std::string& path;
  [[noreturn]] void operator()(const std::string& what) const {
    throw Failure("The file " + path + " is damaged or not a safetensors file: " + what + ".", "", FailureKind::checkpoint);
  }
};

class Output {
 public:
  explicit Output(const std::string& path) : path(path), file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (file.number < 0) cannotWrite(path, errno);
  }
  void write(const void* data, std::size_t bytes) {
    digest.add(data, bytes);
    written += static_cast<std::int64_t>(bytes);
    const auto* at = static_cast<const char*>(data);
    while (bytes > 0) {
      const auto count = ::write(file.number, at, std::min<std::size_t>(bytes, 1 << 30));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) cannotWrite(path, errno);
      at += count;
      bytes -= static_cast<std::size_t>(count);
    }
  }
  WrittenFile finish() {
    if (::fsync(file.number) != 0) cannotWrite(path, errno);
    const auto folder = std::filesystem::path(path).parent_path().string();
    const Descriptor directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.number < 0 || ::fsync(directory.number) != 0) cannotWrite(path, errno);
    return {written, digest.hexadecimal()};
  }

 private:
  std::string path;
  Descriptor file;
  Sha256 digest;
  std::int64_t written = 0;
};

std::string headerText(const std::vector<TensorEntry>& entries, const std::map<std::string, std::string>& metadata) {
  std::string text = "{\"__metadata__\":{";
  for (const auto& [name, value] : metadata) text += (text.back() == '{' ? "" : ",") + json::quote(name) + ":" + json::quote(value);
  text += '}';
  std::int64_t offset = 0;
  for (const auto& [name, elementType, sizes] : entries) {
    const auto type = std::ranges::find(TYPES, elementType, &TypeName::type);
    if (type == TYPES.end()) throw Failure("The tensor " + name + " is of a type that a checkpoint can't hold.", c10::toString(elementType));
    std::string shape;
    auto bytes = static_cast<std::int64_t>(c10::elementSize(elementType));
    for (const auto size : sizes) {
      shape += (shape.empty() ? "" : ",") + std::to_string(size);
      bytes *= size;
    }
    const auto end = offset + bytes;
    text += "," + json::quote(name) + ":{\"dtype\":\"" + type->name + "\",\"shape\":[" + shape + "],\"data_offsets\":[" +
            std::to_string(offset) + "," + std::to_string(end) + "]}";
    offset = end;
  }
  text += '}';
  // The data starts at a multiple of 8 bytes, as the format asks for.
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

/// One tensor as the header describes it, checked by itself, with its place in the data.
struct Entry : TensorEntry {
  std::uint64_t begin = 0, end = 0;
};

template <typename Kind>
const Kind* member(const json::Object& object, const char* name) {
  const auto found = std::ranges::find(object, name, &json::Object::value_type::first);
  return found == object.end() ? nullptr : std::get_if<Kind>(&found->second.content);
}

Entry readEntry(const Refusal& refuse, const std::string& name, const json::Value& value, std::uint64_t dataBytes) {
  const auto* object = std::get_if<json::Object>(&value.content);
  if (!object) refuse("its entry \"" + name + "\" is not an object");
  const auto* type = member<std::string>(*object, "dtype");
  const auto* shape = member<json::Array>(*object, "shape");
  const auto* offsets = member<json::Array>(*object, "data_offsets");
  if (!type || !shape || !offsets || object->size() != 3) refuse("the tensor \"" + name + "\" needs exactly dtype, shape and data_offsets");

  const auto known = std::ranges::find_if(TYPES, [&](const auto& candidate) { return candidate.name == *type; });
  if (known == TYPES.end()) refuse("the tensor \"" + name + "\" is of the type \"" + *type + "\", which checkpoints here don't hold");
  Entry entry{{name, known->type, {}}};

  if (shape->size() > MAX_DIMENSIONS) refuse("the tensor \"" + name + "\" has " + std::to_string(shape->size()) + " dimensions");
  std::uint64_t bytes = c10::elementSize(entry.type);
  for (const auto& item : *shape) {
    const auto* size = std::get_if<std::uint64_t>(&item.content);
    if (!size || *size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) refuse("the tensor \"" + name + "\" has a shape that is not one");
    if (__builtin_mul_overflow(bytes, *size, &bytes)) refuse("the tensor \"" + name + "\" is larger than memory can be");
    entry.shape.push_back(static_cast<std::int64_t>(*size));
  }
  const auto* begin = offsets->size() == 2 ? std::get_if<std::uint64_t>(&(*offsets)[0].content) : nullptr;
  const auto* end = offsets->size() == 2 ? std::get_if<std::uint64_t>(&(*offsets)[1].content) : nullptr;
  if (!begin || !end || *begin > *end || *end > dataBytes) refuse("the tensor \"" + name + "\" lies outside the file");
  if (*end - *begin != bytes) refuse("the tensor \"" + name + "\" has a shape of " + std::to_string(bytes) + " bytes and data of " + std::to_string(*end - *begin));
  entry.begin = *begin;
  entry.end = *end;
  return entry;
}

std::map<std::string, std::string> readMetadata(const Refusal& refuse, const json::Value& value) {
  const auto* object = std::get_if<json::Object>(&value.content);
  if (!object) refuse("its metadata is not an object");
  std::map<std::string, std::string> metadata;
  for (const auto& [name, item] : *object) {
    const auto* text = std::get_if<std::string>(&item.content);
    if (!text) refuse("its metadata \"" + name + "\" is not text");
    metadata.emplace(name, *text);
  }
  return metadata;
}

/// The entries must fill the data exactly, without gap or overlap, as the format demands.
void checkCoverage(const Refusal& refuse, const std::vector<Entry>& entries, std::uint64_t dataBytes) {
  std::vector<const Entry*> byPlace;
  for (const auto& entry : entries) byPlace.push_back(&entry);
  std::ranges::sort(byPlace, [](const auto* a, const auto* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  std::uint64_t place = 0;
  for (const auto* entry : byPlace) {
    if (entry->begin < place) refuse("the tensor \"" + entry->name + "\" overlaps another one");
    if (entry->begin > place) refuse("there is a gap before the tensor \"" + entry->name + "\"");
    place = entry->end;
  }
  if (place != dataBytes) refuse(std::to_string(dataBytes - place) + " bytes at its end belong to no tensor");
}

void readAt(const std::string& path, int file, void* data, std::uint64_t bytes, std::uint64_t offset) {
  auto* at = static_cast<char*>(data);
  while (bytes > 0) {
    const auto count = ::pread(file, at, std::min<std::uint64_t>(bytes, 1 << 30), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) cannotRead(path, errno);
    if (count == 0) throw Failure("The file " + path + " became shorter while it was read.", "", FailureKind::checkpoint);
    at += count;
    bytes -= static_cast<std::uint64_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
}

}  // namespace

WrittenFile writeSafetensors(const std::string& path, const std::vector<TensorEntry>& entries,
                             const std::function<at::Tensor(const TensorEntry&)>& make, const std::map<std::string, std::string>& metadata) {
  const auto header = headerText(entries, metadata);
  Output output(path);
  std::array<std::uint8_t, 8> length;
  for (std::size_t i = 0; i < length.size(); i++) length[i] = static_cast<std::uint8_t>(std::uint64_t{header.size()} >> 8 * i);
  output.write(length.data(), length.size());
  output.write(header.data(), header.size());
  for (const auto& entry : entries) {
    const auto bytes = make(entry).detach().cpu().contiguous();
    TORCH_INTERNAL_ASSERT(bytes.scalar_type() == entry.type && bytes.sizes() == at::IntArrayRef(entry.shape));
    output.write(bytes.const_data_ptr(), bytes.nbytes());
  }
  return output.finish();
}

WrittenFile writeSafetensors(const std::string& path, const std::vector<NamedTensor>& tensors, const std::map<std::string, std::string>& metadata) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) entries.push_back({name, tensor.scalar_type(), tensor.sizes().vec()});
  std::size_t next = 0;
  return writeSafetensors(path, entries, [&](const auto&) { return tensors[next++].tensor; }, metadata);
}

struct SafetensorsReader::State {
  explicit State(const std::string& path) : path(path), file(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  std::string path;
  Descriptor file;
  std::uint64_t dataBegin = 0;
  std::map<std::string, std::string> metadata;
  std::vector<TensorEntry> entries;
  /// By name: where its bytes begin and end in the data.
  std::map<std::string, Entry> places;
};

SafetensorsReader::SafetensorsReader(const std::string& path) : state(std::make_unique<State>(path)) {
  const Refusal refuse{path};
  const auto file = state->file.number;
  if (file < 0) cannotRead(path, errno);
  struct stat facts {};
  if (::fstat(file, &facts) != 0) cannotRead(path, errno);
  if (!S_ISREG(facts.st_mode)) throw Failure("There is no file " + path + ": it is a folder or a device.", "", FailureKind::checkpoint);
  const auto fileBytes = static_cast<std::uint64_t>(facts.st_size);
  if (fileBytes < 8) refuse("it has " + std::to_string(fileBytes) + " bytes");

  std::array<std::uint8_t, 8> length;
  readAt(path, file, length.data(), length.size(), 0);
  std::uint64_t headerBytes = 0;
  for (std::size_t i = 0; i < length.size(); i++) headerBytes |= std::uint64_t{length[i]} << 8 * i;
  if (headerBytes > MAX_HEADER_BYTES || headerBytes > fileBytes - 8)
    refuse("its header claims " + std::to_string(headerBytes) + " bytes in a file of " + std::to_string(fileBytes));
  std::string header(headerBytes, '\0');
  readAt(path, file, header.data(), headerBytes, 8);

  json::Value document;
  try {
    document = json::parse(header);
  } catch (const json::Malformed& error) {
    refuse(std::string("its header has ") + error.what());
  }
  const auto* object = std::get_if<json::Object>(&document.content);
  if (!object) refuse("its header is not an object");
  state->dataBegin = 8 + headerBytes;
  const auto dataBytes = fileBytes - state->dataBegin;
  std::vector<Entry> entries;
  for (const auto& [name, value] : *object) {
    if (name == "__metadata__") state->metadata = readMetadata(refuse, value);
    else entries.push_back(readEntry(refuse, name, value, dataBytes));
  }
  checkCoverage(refuse, entries, dataBytes);
  for (const auto& entry : entries) {
    state->entries.push_back(entry);
    state->places.emplace(entry.name, entry);
  }
}
SafetensorsReader::~SafetensorsReader() = default;
SafetensorsReader::SafetensorsReader(SafetensorsReader&&) noexcept = default;

const std::string& SafetensorsReader::path() const { return state->path; }
const std::map<std::string, std::string>& SafetensorsReader::metadata() const { return state->metadata; }
const std::vector<TensorEntry>& SafetensorsReader::entries() const { return state->entries; }

at::Tensor SafetensorsReader::read(const std::string& name) const {
  const auto& entry = state->places.at(name);
  auto tensor = at::empty(entry.shape, at::TensorOptions(entry.type));
  readAt(state->path, state->file.number, tensor.data_ptr(), entry.end - entry.begin, state->dataBegin + entry.begin);
  return tensor;
}

SafetensorsFile readSafetensors(const std::string& path) {
  const SafetensorsReader reader(path);
  SafetensorsFile result{reader.metadata(), {}};
  for (const auto& entry : reader.entries()) result.tensors.push_back({entry.name, reader.read(entry.name)});
  return result;
}

}  // namespace switchyard
