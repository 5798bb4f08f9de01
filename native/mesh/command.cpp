#include "command.h"

#include <ATen/ATen.h>

#include <cstring>
#include <vector>

namespace switchyard {
namespace {

template <class T>
std::int64_t bytesOf(const T& values) { return static_cast<std::int64_t>(values.size() * sizeof(values[0])); }

/// All of a command but its numbers, in order.
template <class Visit>
void visitContents(Command& command, Visit visit) {
  visit(command.batch.input);
  visit(command.batch.labels);
  visit(command.batch.decoderInput);
  visit(command.batch.images);
  visit(command.path);
}

constexpr std::int64_t HEADER = 10;

}  // namespace

void tell(Mesh& mesh, const Command& command) {
  auto copy = command;
  std::vector<std::int64_t> header{static_cast<std::int64_t>(command.kind), command.routing, command.batch.batchSize, command.batch.inputLength, command.batch.labelLength};
  std::vector<std::uint8_t> bytes;
  visitContents(copy, [&](const auto& values) {
    header.push_back(static_cast<std::int64_t>(values.size()));
    const auto at = bytes.size();
    bytes.resize(at + static_cast<std::size_t>(bytesOf(values)));
    if (!values.empty()) std::memcpy(bytes.data() + at, values.data(), static_cast<std::size_t>(bytesOf(values)));
  });
  mesh.all()->broadcast(at::tensor(header, at::kLong), 0, Traffic::control);
  if (!bytes.empty()) mesh.all()->broadcast(at::tensor(bytes, at::kByte), 0, Traffic::control);
}

Command listen(Mesh& mesh) {
  const auto header = at::empty({HEADER}, at::kLong);
  mesh.all()->broadcast(header, 0, Traffic::control);
  const auto* numbers = header.const_data_ptr<std::int64_t>();
  Command command;
  command.kind = static_cast<Command::Kind>(numbers[0]);
  command.routing = numbers[1] != 0;
  command.batch.batchSize = numbers[2], command.batch.inputLength = numbers[3], command.batch.labelLength = numbers[4];
  std::int64_t size = 0, next = 5;
  visitContents(command, [&](auto& values) {
    values.resize(static_cast<std::size_t>(numbers[next++]));
    size += bytesOf(values);
  });
  if (size == 0) return command;
  const auto bytes = at::empty({size}, at::kByte);
  mesh.all()->broadcast(bytes, 0, Traffic::control);
  const auto* at = bytes.const_data_ptr<std::uint8_t>();
  visitContents(command, [&](auto& values) {
    if (!values.empty()) std::memcpy(values.data(), at, static_cast<std::size_t>(bytesOf(values)));
    at += bytesOf(values);
  });
  return command;
}

}  // namespace switchyard
