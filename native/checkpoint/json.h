// JSON as safetensors headers use it, read strictly (RFC 8259): no duplicate names, no trailing text, bounded depth.
// Numbers are whole and not negative: a header holds no others.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace switchyard::json {

struct Value;
using Array = std::vector<Value>;
/// In the order of the text.
using Object = std::vector<std::pair<std::string, Value>>;
struct Value {
  std::variant<std::uint64_t, std::string, Array, Object> content;
};

/// what() says what is wrong and at which byte.
class Malformed : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws Malformed.
Value parse(std::string_view text);

/// The text as a JSON string, quotes included. `text` is UTF-8.
std::string quote(std::string_view text);

}  // namespace switchyard::json
