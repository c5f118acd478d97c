#include "formats/pickle.h"

#include <fmt/format.h>

#include <array>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "formats/fields.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::size_t kMaxSteps = std::size_t{1} << 24;
constexpr std::size_t kMaxValues = std::size_t{1} << 22;
constexpr std::size_t kMaxProtocol = 5;

/// Sign-extends the lowest `size` bytes.
std::int64_t signed_number(std::uint64_t value, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t unused = 64 - 8 * size;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

/// The stack machine whose program a pickle is.
class Machine {
 public:
  Machine(std::string_view bytes, PickleGlobals globals)
      : in_(bytes, "its pickle is cut off"), globals_(globals) {}

  Pickle run() {
    for (std::size_t steps = 0; !stopped_; ++steps) {
      if (steps == kMaxSteps) fail(fmt::format("has more than {} opcodes", kMaxSteps));
      step();
    }
    pickle_.root = pop();
    pickle_.size = in_.used();
    return std::move(pickle_);
  }

 private:
  /// What an opcode does; `width` is the size of the number or length that follows it, or how
  /// many values it takes, or the value that it stands for.
  using Action = void (Machine::*)(std::size_t width);
  struct Row {
    unsigned char code;
    Action action;
    std::size_t width;
  };
  static std::array<const Row*, 256> index_rows();

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(fmt::format("its pickle {} (at byte {})", problem, in_.used()));
  }

  void step() {
    static const std::array<const Row*, 256> kRows = index_rows();
    const auto code = static_cast<unsigned char>(in_.text(1)[0]);
    const Row* row = kRows[code];
    if (row == nullptr) {
      throw Error(fmt::format("its pickle holds opcode 0x{:02x} at byte {}, which is unsupported",
                              code, in_.used() - 1),
                  "save it again with torch.save(model.state_dict(), file)");
    }
    (this->*row->action)(row->width);
  }

  // The stack.

  PickleRef pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) fail("takes a value from an empty stack");
    const PickleRef ref = stack_.back();
    stack_.pop_back();
    return ref;
  }

  [[nodiscard]] PickleRef top() {
    const PickleRef ref = pop();
    stack_.push_back(ref);
    return ref;
  }

  /// All values above the last mark, which goes too.
  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) fail("lacks a mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleRef> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  void push(PickleValue value) {
    if (pickle_.values.size() == kMaxValues) {
      fail(fmt::format("has more than {} values", kMaxValues));
    }
    stack_.push_back(static_cast<PickleRef>(pickle_.values.size()));
    pickle_.values.push_back(std::move(value));
  }

  void push(PickleKind kind, std::vector<PickleRef> items = {}) {
    push(PickleValue{kind, 0, {}, std::move(items)});
  }

  PickleValue& value_of(PickleRef ref) { return pickle_.values[ref]; }

  /// Appends to a value below, which must be of one of two kinds.
  void extend(const std::vector<PickleRef>& items, PickleKind kind, PickleKind other) {
    PickleValue& target = value_of(top());
    if (target.kind != kind && target.kind != other) fail("adds to what is no container");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void set_entries(const std::vector<PickleRef>& items) {
    if (items.size() % 2 != 0) fail("has a key without a value");
    extend(items, PickleKind::kDict, PickleKind::kCall);
  }

  // Frames.

  void protocol(std::size_t width) {
    const std::uint64_t version = in_.number(width);
    if (version > kMaxProtocol) fail(fmt::format("is of protocol {}", version));
  }
  void frame(std::size_t width) { in_.number(width); }
  void stop(std::size_t) { stopped_ = true; }

  // Plain values.

  void none(std::size_t) { push(PickleKind::kNone); }
  void boolean(std::size_t width) {
    push({PickleKind::kBool, static_cast<std::int64_t>(width), {}, {}});
  }
  void integer(std::size_t width) {
    push({PickleKind::kInteger, static_cast<std::int64_t>(in_.number(width)), {}, {}});
  }
  void signed_integer(std::size_t width) {
    push({PickleKind::kInteger, signed_number(in_.number(width), width), {}, {}});
  }
  void long_integer(std::size_t width) {
    const std::uint64_t size = in_.number(width);
    if (size <= sizeof(std::uint64_t)) return signed_integer(size);
    push({PickleKind::kBigInteger, 0, in_.text(size), {}});
  }
  void real(std::size_t width) {
    in_.text(width);
    push(PickleKind::kReal);
  }
  void text(std::size_t width) { push({PickleKind::kText, 0, in_.text(in_.number(width)), {}}); }
  void bytes(std::size_t width) { push({PickleKind::kBytes, 0, in_.text(in_.number(width)), {}}); }

  // Containers.

  void empty_tuple(std::size_t) { push(PickleKind::kTuple); }
  void empty_list(std::size_t) { push(PickleKind::kList); }
  void empty_dict(std::size_t) { push(PickleKind::kDict); }
  void marked_tuple(std::size_t) { push(PickleKind::kTuple, pop_to_mark()); }
  void marked_list(std::size_t) { push(PickleKind::kList, pop_to_mark()); }
  void marked_dict(std::size_t) {
    const std::vector<PickleRef> items = pop_to_mark();
    push(PickleKind::kDict);
    set_entries(items);
  }
  void short_tuple(std::size_t size) {
    std::vector<PickleRef> items(size);
    while (size > 0) items[--size] = pop();
    push(PickleKind::kTuple, std::move(items));
  }
  void append(std::size_t) { extend({pop()}, PickleKind::kList, PickleKind::kList); }
  void append_marked(std::size_t) { extend(pop_to_mark(), PickleKind::kList, PickleKind::kList); }
  void set_item(std::size_t) {
    const PickleRef value = pop();
    const PickleRef key = pop();
    set_entries({key, value});
  }
  void set_marked(std::size_t) { set_entries(pop_to_mark()); }

  // The stack and the memo.

  void mark(std::size_t) { marks_.push_back(stack_.size()); }
  void drop(std::size_t) { pop(); }
  void drop_marked(std::size_t) { pop_to_mark(); }
  void duplicate(std::size_t) { stack_.push_back(top()); }
  void remember(std::uint64_t key) {
    memo_[key] = top();
    if (memo_.size() > kMaxValues) fail(fmt::format("remembers more than {} values", kMaxValues));
  }
  void put(std::size_t width) { remember(in_.number(width)); }
  void memoize(std::size_t) { remember(memo_.size()); }
  void get(std::size_t width) {
    const auto found = memo_.find(in_.number(width));
    if (found == memo_.end()) fail("recalls a value that it did not remember");
    stack_.push_back(found->second);
  }

  // What would be code.

  void push_global(std::string_view module, std::string_view name) {
    const std::optional<std::size_t> number = globals_(module, name);
    if (!number) {
      throw Error(fmt::format("refuses global {}.{}: only tensors and plain values are read",
                              printable(module, 60), printable(name, 60)),
                  "save the weights alone: torch.save(model.state_dict(), file)");
    }
    push({PickleKind::kGlobal, static_cast<std::int64_t>(*number), {}, {}});
  }
  void global(std::size_t) {
    const std::string_view module = in_.line();
    push_global(module, in_.line());
  }
  void stack_global(std::size_t) {
    const PickleValue& name = value_of(pop());
    const PickleValue& module = value_of(pop());
    if (name.kind != PickleKind::kText || module.kind != PickleKind::kText) {
      fail("names a global by what is no text");
    }
    push_global(module.text, name.text);
  }
  void call(std::size_t) {
    const PickleRef arguments = pop();
    const PickleRef function = pop();
    if (value_of(function).kind != PickleKind::kGlobal ||
        value_of(arguments).kind != PickleKind::kTuple) {
      fail("calls what is no global, or without a tuple");
    }
    push(PickleKind::kCall, {function, arguments});
  }
  /// Attributes of an object, which no value here has.
  void set_state(std::size_t) {
    pop();
    static_cast<void>(top());
  }
  void persistent(std::size_t) { push(PickleKind::kPersistent, {pop()}); }

  Fields in_;
  PickleGlobals globals_;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;  ///< Heights of the stack.
  std::unordered_map<std::uint64_t, PickleRef> memo_;
  bool stopped_ = false;
};

std::array<const Machine::Row*, 256> Machine::index_rows() {
  static constexpr Row kTable[] = {
      {0x80, &Machine::protocol, 1},
      {0x95, &Machine::frame, 8},
      {'.', &Machine::stop, 0},
      {'N', &Machine::none, 0},
      {0x88, &Machine::boolean, 1},
      {0x89, &Machine::boolean, 0},
      {'K', &Machine::integer, 1},
      {'M', &Machine::integer, 2},
      {'J', &Machine::signed_integer, 4},
      {0x8a, &Machine::long_integer, 1},
      {0x8b, &Machine::long_integer, 4},
      {'G', &Machine::real, 8},
      {'U', &Machine::text, 1},
      {'T', &Machine::text, 4},
      {0x8c, &Machine::text, 1},
      {'X', &Machine::text, 4},
      {0x8d, &Machine::text, 8},
      {'C', &Machine::bytes, 1},
      {'B', &Machine::bytes, 4},
      {0x8e, &Machine::bytes, 8},
      {0x96, &Machine::bytes, 8},
      {')', &Machine::empty_tuple, 0},
      {']', &Machine::empty_list, 0},
      {'}', &Machine::empty_dict, 0},
      {0x8f, &Machine::empty_list, 0},
      {'t', &Machine::marked_tuple, 0},
      {'l', &Machine::marked_list, 0},
      {'d', &Machine::marked_dict, 0},
      {0x91, &Machine::marked_list, 0},
      {0x85, &Machine::short_tuple, 1},
      {0x86, &Machine::short_tuple, 2},
      {0x87, &Machine::short_tuple, 3},
      {'a', &Machine::append, 0},
      {'e', &Machine::append_marked, 0},
      {0x90, &Machine::append_marked, 0},
      {'s', &Machine::set_item, 0},
      {'u', &Machine::set_marked, 0},
      {'(', &Machine::mark, 0},
      {'0', &Machine::drop, 0},
      {'1', &Machine::drop_marked, 0},
      {'2', &Machine::duplicate, 0},
      {'q', &Machine::put, 1},
      {'r', &Machine::put, 4},
      {0x94, &Machine::memoize, 0},
      {'h', &Machine::get, 1},
      {'j', &Machine::get, 4},
      {'c', &Machine::global, 0},
      {0x93, &Machine::stack_global, 0},
      {'R', &Machine::call, 0},
      {'b', &Machine::set_state, 0},
      {'Q', &Machine::persistent, 0},
  };
  std::array<const Row*, 256> rows = {};
  for (const Row& row : kTable) rows[row.code] = &row;
  return rows;
}

}  // namespace

std::span<const PickleRef> PickleValue::entries() const {
  const std::span<const PickleRef> all = items;
  if (kind == PickleKind::kDict) return all;
  return kind == PickleKind::kCall ? all.subspan(2) : all.first(0);
}

Pickle parse_pickle(std::string_view bytes, PickleGlobals globals) {
  return Machine(bytes, globals).run();
}

}  // namespace wquant
