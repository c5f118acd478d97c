#include "formats/json_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "formats/json_lists.h"
#include "formats/json_numbers.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kMembers = {"dtype", "shape", "data"};

/// Takes the events of nlohmann's parser straight into vectors: a tree of a model's numbers would
/// take ten times the memory.
class Builder : public json::json_sax_t {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  std::vector<JsonTensor> take() { return std::move(tensors_); }

  bool null() override { refuse("null"); }
  bool string(std::string& value) override {
    if (state_ != State::kDtype) refuse("a string");
    const std::optional<Dtype> dtype = dtype_from_name(value);
    if (!dtype) throw_here(fmt::format("unknown dtype \"{}\"", printable(value, 40)));
    tensor_.dtype = *dtype;
    state_ = State::kObject;
    return true;
  }
  bool binary(binary_t&) override { refuse("binary data"); }

  bool boolean(bool value) override {
    return number("true or false", [&] { tensor_.numbers.add(value); });
  }
  bool number_integer(std::int64_t value) override {
    return number("a negative number", [&] { tensor_.numbers.add(value); });
  }
  bool number_unsigned(std::uint64_t value) override {
    if (state_ == State::kShape && in_shape_) {
      if (tensor_.shape->size() == 64) throw_here("has more than 64 dimensions");
      tensor_.shape->push_back(value);
      return true;
    }
    return number("a number", [&] { tensor_.numbers.add(value); });
  }
  bool number_float(double value, const std::string& digits) override {
    return number("a fraction", [&] { tensor_.numbers.add(value, digits); });
  }

  bool start_object(std::size_t) override {
    if (state_ == State::kStart) {
      state_ = State::kModel;
    } else if (state_ == State::kTensor && tensor_.lists.depth() == 0) {
      state_ = State::kObject;
    } else {
      refuse("an object");
    }
    return true;
  }

  bool key(std::string& key) override {
    if (state_ == State::kModel) {
      begin_tensor(key);
    } else {
      begin_member(key);
    }
    return true;
  }

  bool end_object() override {
    if (state_ == State::kObject) {
      if (!tensor_.has_data) throw_here("has no \"data\"");
      finish_tensor();
    } else {
      state_ = State::kEnd;
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ == State::kShape && !in_shape_) {
      in_shape_ = true;
      tensor_.shape.emplace();
      return true;
    }
    if (!in_data()) refuse("a list");
    located([&] { tensor_.lists.open(); });
    return true;
  }

  bool end_array() override {
    if (in_shape_) {
      in_shape_ = false;
      state_ = State::kObject;
      return true;
    }
    located([&] { tensor_.lists.close(); });
    if (tensor_.lists.depth() == 0) finish_data();
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const json::exception& error) override {
    const std::size_t end = std::min(position, text_.size());
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<long>(end), '\n');
    if (dynamic_cast<const json::parse_error*>(&error) == nullptr) {
      throw Error(fmt::format("line {}: a number is too large", line));
    }
    if (const std::string_view word = word_before(end); is_nonfinite(word)) {
      throw Error(fmt::format("line {}: {} is not JSON", line, word),
                  "replace numbers that are not finite");
    }
    throw Error(fmt::format("line {}: invalid JSON{}", line,
                            position > text_.size() ? " (the file ends too early)" : ""));
  }

 private:
  /// What comes next.
  enum class State { kStart, kModel, kTensor, kObject, kDtype, kShape, kData, kEnd };

  /// The tensor that is being read.
  struct Tensor {
    std::string name;
    std::optional<Dtype> dtype;
    std::optional<std::vector<std::uint64_t>> shape;
    bool has_data = false;
    JsonLists lists;
    JsonNumbers numbers;
  };

  [[nodiscard]] bool in_data() const { return state_ == State::kTensor || state_ == State::kData; }

  template <typename Add>
  bool number(const char* what, Add&& add) {
    if (!in_data()) refuse(what);
    located([&] { tensor_.lists.leaf(); });
    add();
    if (tensor_.lists.depth() == 0) finish_data();
    return true;
  }

  void begin_tensor(const std::string& name) {
    tensor_ = {};
    tensor_.name = name;
    if (name.empty()) throw_here("a tensor without a name");
    if (!names_.insert(name).second) throw_here("is in the file twice");
    state_ = State::kTensor;
  }

  void begin_member(const std::string& key) {
    if (key == "dtype" && !tensor_.dtype) {
      state_ = State::kDtype;
    } else if (key == "shape" && !tensor_.shape) {
      state_ = State::kShape;
    } else if (key == "data" && !tensor_.has_data) {
      state_ = State::kData;
    } else if (std::find(kMembers.begin(), kMembers.end(), key) != kMembers.end()) {
      throw_here(fmt::format("has \"{}\" twice", key));
    } else {
      throw Error(fmt::format("unknown key \"{}\"", printable(key, 40)), suggest(key, kMembers))
          .at_tensor(tensor_.name);
    }
  }

  void finish_data() {
    tensor_.has_data = true;
    if (state_ == State::kData) {
      state_ = State::kObject;
    } else {
      finish_tensor();
    }
  }

  void finish_tensor() {
    located([&] {
      const Dtype dtype = tensor_.dtype ? *tensor_.dtype : tensor_.numbers.default_dtype();
      TensorInfo info{tensor_.name, final_shape(dtype), dtype};
      tensors_.push_back({std::move(info), tensor_.numbers.to_bytes(dtype)});
    });
    tensor_ = {};
    state_ = State::kModel;
  }

  [[nodiscard]] std::vector<std::uint64_t> final_shape(Dtype dtype) const {
    std::vector<std::uint64_t> nested = tensor_.lists.shape();
    const std::vector<std::uint64_t>& shape = tensor_.shape ? *tensor_.shape : nested;
    const std::uint64_t count = checked_count(shape, size_of(dtype));
    if (nested.size() > 1 && nested != shape) {
      throw Error(fmt::format("its data are nested as {} and its shape is {}", shape_text(nested),
                              shape_text(shape)));
    }
    if (count != tensor_.numbers.size()) {
      throw Error(fmt::format("has {} numbers where its shape {} takes {}", tensor_.numbers.size(),
                              shape_text(shape), count));
    }
    return shape;
  }

  template <typename F>
  void located(F&& f) const {
    try {
      f();
    } catch (Error& error) {
      error.at_tensor(tensor_.name);
      throw;
    }
  }

  [[noreturn]] void throw_here(std::string problem) const {
    throw Error(std::move(problem)).at_tensor(tensor_.name);
  }

  [[noreturn]] void refuse(const char* what) const {
    switch (state_) {
      case State::kStart:
        throw Error(fmt::format("is {} where a model is an object of tensors", what));
      case State::kDtype:
        throw_here(fmt::format("its \"dtype\" is {} where a string belongs", what));
      case State::kShape:
        throw_here(fmt::format("its \"shape\" holds {} where non-negative integers belong", what));
      default:
        throw_here(fmt::format("holds {} at {} where a number or a list belongs", what,
                               tensor_.lists.place()));
    }
  }

  /// The word that ends at or around a place in the text: the parser stops within it.
  [[nodiscard]] std::string_view word_before(std::size_t position) const {
    const auto is_word = [&](std::size_t i) {
      const char c = text_[i];
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    };
    std::size_t begin = position, end = position;
    while (begin > 0 && position - begin < 16 && is_word(begin - 1)) --begin;
    while (end < text_.size() && end - position < 16 && is_word(end)) ++end;
    return text_.substr(begin, end - begin);
  }

  static bool is_nonfinite(std::string_view word) {
    if (word.starts_with('-')) word.remove_prefix(1);
    std::string lower(word);
    for (char& c : lower) c = static_cast<char>(c | 0x20);
    return lower == "nan" || lower == "inf" || lower == "infinity";
  }

  std::string_view text_;
  State state_ = State::kStart;
  bool in_shape_ = false;
  Tensor tensor_;
  std::vector<JsonTensor> tensors_;
  std::unordered_set<std::string> names_;
};

}  // namespace

std::vector<JsonTensor> parse_json_model(std::string_view text) {
  // The parser takes a zero byte for the end of its input.
  if (const auto zero = text.find('\0'); zero != std::string_view::npos) {
    throw Error(fmt::format("invalid JSON (zero byte at {})", zero));
  }
  Builder builder(text);
  json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace wquant
