// The one exception that reaches a person.
#pragma once

#include <stdexcept>
#include <string>

namespace switchyard {

/// `what()` is one sentence: what happened, to what, what to do. `detail` is what lies a click away, and may be empty.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& sentence, std::string detail = {}) : std::runtime_error(sentence), detail(std::move(detail)) {}
  std::string detail;
};

}  // namespace switchyard
