#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "wquant/settings.h"

namespace wquant {

/// Which settings may be lists of values.
enum class Lists {
  kNone,
  kForSize,   ///< Those that can be chosen for a size.
  kCompared,  ///< The same, and bits with ranges: "2,4-6". A mode that has one width keeps to it.
};

/// The items of a list, between its commas.
std::vector<std::string> split(const std::string& list);

/// The options that select tensors and tell how they are quantized, of every command that does.
class SettingOptions {
 public:
  SettingOptions();

  /// The options refer to this object. `bits` is what help says of the default of --bits.
  void add_to(Parser& parser, const std::string& bits);

  /// What --bits was given.
  [[nodiscard]] std::optional<std::string> bits() const;

  /// All combinations of what was typed, with these bits; nothing: what the mode has. Throws Error
  /// (usage).
  [[nodiscard]] std::vector<Settings> read(Lists lists,
                                           const std::optional<std::string>& bits) const;

 private:
  void add_settings(Parser& parser, const std::string& bits);
  void add_selection(Parser& parser);
  [[nodiscard]] std::optional<std::string> typed(std::string_view key) const;
  [[nodiscard]] std::vector<TensorSettings> combinations(
      Lists lists, const std::optional<std::string>& bits) const;
  [[nodiscard]] std::optional<std::string> text_of(std::string_view key, Lists lists) const;
  void refuse_unused() const;
  [[nodiscard]] Settings selection() const;

  std::vector<std::string> typed_;     // By row of the table of settings.
  std::vector<CLI::Option*> options_;  // The same.
  std::vector<std::string> rules_;
  std::string nonfinite_ = "error", include_, exclude_, weights_;
  CLI::Option* include_option_ = nullptr;
  CLI::Option* exclude_option_ = nullptr;
  bool all_ = false, strict_ = false;
};

}  // namespace wquant
