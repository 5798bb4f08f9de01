// The one exception that reaches a person.
#pragma once

#include <stdexcept>
#include <string>

namespace switchyard {

/// What a program can make of a failure; switchyard.d.ts names them.
enum class FailureKind { other, memory, device, diskFull, checkpoint, mesh };

/// `what()` is one sentence: what happened, to what, what to do. `detail` is what lies a click away, and may be empty.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& sentence, std::string detail = {}, FailureKind kind = FailureKind::other)
      : std::runtime_error(sentence), detail(std::move(detail)), kind(kind) {}
  std::string detail;
  FailureKind kind;
};

}  // namespace switchyard
