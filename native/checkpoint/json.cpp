#include "json.h"

#include <limits>
#include <set>

namespace switchyard::json {
namespace {

constexpr int MAX_DEPTH = 8;

class Parser {
 public:
  explicit Parser(std::string_view text) : text(text) {}

  Value document() {
    auto value = this->value(0);
    space();
    if (at != text.size()) fail("text after the end");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Malformed(what + " at byte " + std::to_string(at)); }
  char peek() const { return at < text.size() ? text[at] : '\0'; }
  void space() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) at++;
  }
  void expect(char c) {
    space();
    if (peek() != c) fail(std::string("no '") + c + "'");
    at++;
  }
  /// True when `c` comes next, which is then taken.
  bool take(char c) {
    space();
    if (peek() != c) return false;
    at++;
    return true;
  }

  Value value(int depth) {
    if (depth > MAX_DEPTH) fail("nesting too deep");
    space();
    const char c = peek();
    if (c == '{') return {object(depth)};
    if (c == '[') return {array(depth)};
    if (c == '"') return {string()};
    if (c >= '0' && c <= '9') return {number()};
    fail("neither an object, a list, a string nor a whole number");
  }

  Object object(int depth) {
    Object members;
    std::set<std::string> names;
    expect('{');
    if (take('}')) return members;
    do {
      space();
      auto name = string();
      if (!names.insert(name).second) fail("the name \"" + name + "\" a second time");
      expect(':');
      members.emplace_back(std::move(name), value(depth + 1));
    } while (take(','));
    expect('}');
    return members;
  }

  Array array(int depth) {
    Array items;
    expect('[');
    if (take(']')) return items;
    do items.push_back(value(depth + 1));
    while (take(','));
    expect(']');
    return items;
  }

  std::uint64_t number() {
    const auto start = at;
    std::uint64_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; at++) {
      const auto digit = static_cast<std::uint64_t>(peek() - '0');
      if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) fail("a number too large");
      value = value * 10 + digit;
    }
    if (text[start] == '0' && at > start + 1) fail("a number that begins with 0");
    if (peek() == '.' || peek() == 'e' || peek() == 'E') fail("a number that is not whole");
    return value;
  }

  std::string string() {
    if (peek() != '"') fail("no string");
    at++;
    std::string out;
    while (true) {
      if (at >= text.size()) fail("a string without end");
      const auto c = static_cast<unsigned char>(text[at]);
      if (c < 0x20) fail("a control character in a string");
      if (c >= 0x80) {
        unicode(out);
        continue;
      }
      at++;
      if (c == '"') return out;
      if (c != '\\') out += static_cast<char>(c);
      else escape(out);
    }
  }

  /// Takes one well-formed UTF-8 character of more than one byte (RFC 3629).
  void unicode(std::string& out) {
    const auto byte = [&](std::size_t offset) { return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0; };
    const unsigned first = byte(0);
    const int length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    bool wellFormed = length > 0;
    for (int i = 1; i < length; i++) wellFormed = wellFormed && (byte(i) & 0xc0) == 0x80;
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
      wellFormed = false;
    if (!wellFormed) fail("text that is not UTF-8");
    out += text.substr(at, length);
    at += length;
  }

  unsigned hexadecimal() {
    unsigned code = 0;
    for (int i = 0; i < 4; i++, at++) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) fail("a \\u escape without four digits");
      code = code * 16 + static_cast<unsigned>(digit);
    }
    return code;
  }

  void escape(std::string& out) {
    const char c = peek();
    at++;
    switch (c) {
      case '"': case '\\': case '/': out += c; return;
      case 'b': out += '\b'; return;
      case 'f': out += '\f'; return;
      case 'n': out += '\n'; return;
      case 'r': out += '\r'; return;
      case 't': out += '\t'; return;
      case 'u': break;
      default: fail("an unknown escape");
    }
    unsigned code = hexadecimal();
    if (code >= 0xdc00 && code <= 0xdfff) fail("half a surrogate pair");
    if (code >= 0xd800 && code <= 0xdbff) {
      if (peek() != '\\' || text.substr(at, 2) != "\\u") fail("half a surrogate pair");
      at += 2;
      const unsigned low = hexadecimal();
      if (low < 0xdc00 || low > 0xdfff) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 63));
      out += static_cast<char>(0x80 | (code & 63));
    } else {
      out += static_cast<char>(0xf0 | code >> 18);
      out += static_cast<char>(0x80 | (code >> 12 & 63));
      out += static_cast<char>(0x80 | (code >> 6 & 63));
      out += static_cast<char>(0x80 | (code & 63));
    }
  }

  std::string_view text;
  std::size_t at = 0;
};

}  // namespace

Value parse(std::string_view text) { return Parser(text).document(); }

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (code < 0x20) ((out += "\\u00") += "0123456789abcdef"[code >> 4]) += "0123456789abcdef"[code & 15];
    else out += c;
  }
  return out += '"';
}

}  // namespace switchyard::json
