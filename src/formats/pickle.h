#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace wquant {

/// A Python pickle read as data. Nothing that it names is looked up, created or called: a call is
/// one more kind of value, which its reader may understand or not.

/// A value by its place in Pickle::values.
using PickleRef = std::uint32_t;

enum class PickleKind : std::uint8_t {
  kNone,
  kBool,        ///< `number` is 0 or 1.
  kInteger,     ///< `number`.
  kBigInteger,  ///< `text`: its little-endian two's complement, more than 8 bytes.
  kReal,        ///< Its value is not kept.
  kText,        ///< `text`.
  kBytes,       ///< `text`.
  kTuple,       ///< `items`.
  kList,        ///< `items`; a set is one too.
  kDict,        ///< `items`: key, value, key, value, ...
  kGlobal,      ///< `number`: what PickleGlobals gave for it.
  kCall,        ///< `items`: the global, a tuple of arguments, then the entries set as in a dict.
  kPersistent,  ///< `items`: the one value that tells what stands outside the pickle.
};

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  std::int64_t number = 0;
  std::string_view text;  ///< In the bytes that were parsed.
  std::vector<PickleRef> items;

  /// The keys and values of a dict, or those set on what a call made.
  [[nodiscard]] std::span<const PickleRef> entries() const;
};

/// Values may be shared and may contain themselves: who walks over them must stop somewhere.
struct Pickle {
  std::vector<PickleValue> values;
  PickleRef root = 0;
  std::size_t size = 0;  ///< Bytes up to and including the end mark; others may follow.

  [[nodiscard]] const PickleValue& at(PickleRef ref) const { return values[ref]; }
};

/// The caller's number for a global that it knows; nothing refuses the pickle.
using PickleGlobals = std::optional<std::size_t> (*)(std::string_view module,
                                                     std::string_view name);

/// Parses the pickle at the start of `bytes`: protocols 2 to 5 without the opcodes that make
/// objects of classes. Memory is bounded by limits on steps and values. Throws Error.
Pickle parse_pickle(std::string_view bytes, PickleGlobals globals);

}  // namespace wquant
