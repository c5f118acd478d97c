#include "formats/npy_dict.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// NumPy's own limit.
constexpr std::size_t kMaxDimensions = 64;
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kSpace = " \t\r\n\f";

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text), size_(text.size()) {}

  NpyDict parse() {
    expect('{');
    while (!accept('}')) {
      parse_item();
      if (accept('}')) break;
      expect(',');
    }
    skip_space();
    if (!rest_.empty()) fail("text after the dictionary");
    return finish();
  }

 private:
  void parse_item() {
    const std::string_view key = parse_string();
    expect(':');
    if (key == "descr") {
      set(descr_, key, parse_descr());
    } else if (key == "fortran_order") {
      set(fortran_order_, key, parse_bool());
    } else if (key == "shape") {
      set(shape_, key, parse_shape());
    } else {
      throw Error(fmt::format("unknown key '{}' in its header", printable(key)));
    }
  }

  template <typename T>
  void set(std::optional<T>& field, std::string_view key, T value) {
    if (field) throw Error(fmt::format("key '{}' twice in its header", key));
    field = std::move(value);
  }

  NpyDict finish() {
    if (!descr_) throw Error("its header lacks 'descr'");
    if (!fortran_order_) throw Error("its header lacks 'fortran_order'");
    if (!shape_) throw Error("its header lacks 'shape'");
    return {std::move(*descr_), *fortran_order_, std::move(*shape_)};
  }

  std::string parse_descr() {
    skip_space();
    if (rest_.starts_with('[') || rest_.starts_with('(')) {
      throw Error("holds a structured array", "save each field as an array of its own");
    }
    return std::string(parse_string());
  }

  std::string_view parse_string() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') fail("no string");
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("a string without end");
    const std::string_view text = rest_.substr(1, end - 1);
    if (text.find_first_of("\\\n") != std::string_view::npos) fail("an escape in a string");
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool parse_bool() {
    skip_space();
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(std::string_view(word).size());
      return value;
    }
    fail("neither True nor False");
  }

  /// "()", "(3,)", "(3, 4)": in Python "(3)" is no tuple.
  std::vector<std::uint64_t> parse_shape() {
    std::vector<std::uint64_t> shape;
    bool comma = true;
    expect('(');
    while (!accept(')')) {
      if (!comma) fail("no comma between two extents");
      if (shape.size() == kMaxDimensions) {
        throw Error(fmt::format("has more than {} dimensions", kMaxDimensions));
      }
      shape.push_back(parse_extent());
      comma = accept(',');
    }
    if (shape.size() == 1 && !comma) fail("no tuple");
    return shape;
  }

  std::uint64_t parse_extent() {
    skip_space();
    const std::size_t length = std::min(rest_.find_first_not_of(kDigits), rest_.size());
    const std::string_view digits = rest_.substr(0, length);
    std::uint64_t extent = 0;
    if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) fail("no extent");
    if (std::from_chars(digits.data(), digits.data() + length, extent).ec != std::errc()) {
      throw Error(fmt::format("extent {} is too large", printable(digits, 40)));
    }
    rest_.remove_prefix(length);
    if (rest_.starts_with('L')) rest_.remove_prefix(1);  // Python 2 wrote 3L.
    return extent;
  }

  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size()));
  }

  bool accept(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(fmt::format("no '{}'", c));
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(fmt::format("its header is no NumPy header: {} at {}", what, size_ - rest_.size()));
  }

  std::string_view rest_;
  std::size_t size_;
  std::optional<std::string> descr_;
  std::optional<bool> fortran_order_;
  std::optional<std::vector<std::uint64_t>> shape_;
};

}  // namespace

NpyDict parse_npy_dict(std::string_view text) { return Parser(text).parse(); }

}  // namespace wquant
