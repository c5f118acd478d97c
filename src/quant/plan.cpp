#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "base/float_environment.h"
#include "base/text.h"
#include "base/usage.h"
#include "quant/cell_layout.h"
#include "quant/channel_layout.h"
#include "quant/float_slabs.h"
#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

/// Matching takes time with the square of a name's length.
constexpr std::size_t kLongestName = 4096, kLongestPattern = 1000;

// Follows all alternatives at once: the default way recurses at every character, which exhausts the
// stack, and can take exponential time. It does without back-references.
#ifdef __GLIBCXX__
constexpr auto kPatternFlags = std::regex::ECMAScript | std::regex_constants::__polynomial;
#else
constexpr auto kPatternFlags = std::regex::ECMAScript;
#endif

/// Whether a back-reference or a count of repetitions has more digits than fit a number, which the
/// library does not ask.
bool counts_too_far(std::string_view pattern) {
  constexpr std::string_view kDigits = "0123456789";
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' && pattern[i] != '{' && pattern[i] != ',') continue;
    const std::size_t end = std::min(pattern.find_first_not_of(kDigits, i + 1), pattern.size());
    if (end - i > std::numeric_limits<long>::digits10) return true;
  }
  return false;
}

/// A regular expression that the user gave as `option`.
class Pattern {
 public:
  /// Throws Error (usage) for a text that is no regular expression.
  Pattern(std::string_view option, const std::string& text)
      : label_(fmt::format("{} \"{}\"", option, printable(text))) {
    if (text.empty()) fail_usage(label_ + " is empty", "give a part of the names, or . for all");
    if (text.size() > kLongestPattern) {
      fail_usage(fmt::format("{} is longer than {} bytes", label_, kLongestPattern),
                 "give a shorter one");
    }
    if (counts_too_far(text)) {
      fail_usage(label_ + " has a number of too many digits", "give a smaller one");
    }
    try {
      regex_.assign(text, kPatternFlags);
    } catch (const std::regex_error& error) {
      fail_usage(fmt::format("{} is not a regular expression ({})", label_, error.what()),
                 "mask special characters with a backslash");
    }
  }

  /// Throws Error for a name that is too long to be matched.
  bool matches(const std::string& name) {
    if (name.size() > kLongestName) {
      throw Error(fmt::format("name of {} bytes is too long to match with {}", name.size(), label_),
                  "leave the patterns out");
    }
    if (!std::regex_search(name, regex_)) return false;
    matched_ = true;
    return true;
  }

  [[nodiscard]] bool matched() const { return matched_; }
  [[nodiscard]] const std::string& label() const { return label_; }

 private:
  std::string label_;
  std::regex regex_;
  bool matched_ = false;
};

struct Rule {
  Pattern pattern;
  std::string items;
  bool sets_bits = false;
  bool used = false;  ///< It matched a tensor that is quantized.
};

std::string dtype_reason(Dtype dtype) {
  const std::string_view name = name_of(dtype);
  const std::string_view kind = dtype == Dtype::kBool   ? "boolean"
                                : name.starts_with('C') ? "complex"
                                : name.starts_with('F') ? "8-bit float"
                                                        : "integer";
  return fmt::format("{} ({})", kind, name);
}

/// Decides tensor by tensor; afterwards check_patterns() tells whether the patterns made sense.
class Planner {
 public:
  explicit Planner(const Settings& settings) : settings_(settings) {
    check(settings.tensor);
    for (const SettingsRule& rule : settings.rules) {
      TensorSettings scratch = settings.tensor;
      wquant::apply(scratch, rule.items);
      const bool sets_bits = ("," + rule.items).find(",bits=") != std::string::npos;
      rules_.push_back({Pattern("--set", rule.pattern), rule.items, sets_bits});
    }
    if (settings.include) include_.emplace("--include", *settings.include);
    if (settings.exclude) exclude_.emplace("--exclude", *settings.exclude);
  }

  PlannedTensor plan(const TensorInfo& info, bool is_weight) {
    PlannedTensor planned;
    planned.info = info;
    // Every pattern sees every name: a pattern is wrong only when it matches none at all.
    const bool included = !include_ || include_->matches(info.name);
    const bool excluded = exclude_ && exclude_->matches(info.name);
    planned.kept_reason = nature_reason(info);
    if (planned.kept_reason.empty() && !is_weight) planned.kept_reason = "operand, no weights";
    if (planned.kept_reason.empty() && !included) planned.kept_reason = "not matched by --include";
    if (planned.kept_reason.empty() && excluded) planned.kept_reason = "excluded by --exclude";
    planned.quantized = planned.kept_reason.empty();
    const TensorSettings settings = apply_rules(info.name, planned.quantized);
    if (!planned.quantized) return planned;
    planned.settings = settings;
    planned.bits_given = bits_given_;
    check(planned.settings);
    return planned;
  }

  /// Throws Error (usage) for a pattern that had no effect.
  void check_patterns() const {
    if (include_) check_matched(*include_);
    if (exclude_) check_matched(*exclude_);
    for (const Rule& rule : rules_) {
      check_matched(rule.pattern);
      if (rule.used) continue;
      fail_usage(rule.pattern.label() + " matches only tensors that are kept",
                 "see their reasons with --dry-run -v");
    }
  }

 private:
  /// Why a tensor is kept for what it is; empty when it can be quantized.
  [[nodiscard]] std::string nature_reason(const TensorInfo& info) const {
    if (!is_quantizable(info.dtype)) return dtype_reason(info.dtype);
    if (info.count() == 0) return "empty";
    if (settings_.all || info.shape.size() >= 2) return {};
    return info.shape.empty() ? "scalar" : "1 dimension";
  }

  TensorSettings apply_rules(const std::string& name, bool quantized) {
    TensorSettings settings = settings_.tensor;
    if (const auto weight = settings_.weights.find(name); weight != settings_.weights.end()) {
      settings.weight = weight->second;
    }
    bits_given_ = false;
    for (Rule& rule : rules_) {
      if (!rule.pattern.matches(name)) continue;
      wquant::apply(settings, rule.items);
      bits_given_ = bits_given_ || rule.sets_bits;
      rule.used = rule.used || quantized;
    }
    return settings;
  }

  static void check_matched(const Pattern& pattern) {
    if (pattern.matched()) return;
    fail_usage(pattern.label() + " matches no tensor", "list the names with wquant inspect");
  }

  const Settings& settings_;
  bool bits_given_ = false;  // By a rule, for the tensor at hand.
  std::vector<Rule> rules_;
  std::optional<Pattern> include_, exclude_;
};

/// Throws Error (usage) for a weight of no tensor.
void check_weights(const ModelReader& model, const Settings& settings) {
  for (const auto& [name, weight] : settings.weights) {
    const auto is_named = [&wanted = name](const TensorInfo& info) { return info.name == wanted; };
    if (std::ranges::any_of(model.tensors(), is_named)) continue;
    fail_usage(fmt::format("a weight is given for \"{}\", which is no tensor", printable(name)),
               "list the names with wquant inspect");
  }
}

/// How many weights of tensor `index` are NaN or infinite as float32.
std::uint64_t count_nonfinite(const ModelReader& model, std::size_t index) {
  const std::uint64_t weights = model.tensors()[index].count();
  std::vector<float> block;
  std::uint64_t found = 0;
  for (std::uint64_t slab = 0; slab < slab_count(weights); ++slab) {
    const SlabRange range = slab_range(weights, slab);
    for_each_block(model, index, range, block, [&](std::uint64_t, WeightView part) {
      for (std::size_t i = 0; i < part.size; ++i) found += std::isfinite(part.data[i]) ? 0U : 1U;
    });
    release(model, index, range);
  }
  return found;
}

void keep_nonfinite(const ModelReader& model, std::size_t index, PlannedTensor& planned) {
  if (!planned.quantized) return;
  const std::uint64_t found = count_nonfinite(model, index);
  if (found == 0) return;
  planned = {planned.info, false, fmt::format("not finite ({} NaN or infinite)", found),
             {},           false, {}};
}

/// Ties a tensor to the earlier one that it shares its elements with.
void tie(Plan& plan, std::size_t index, std::size_t earlier) {
  PlannedTensor& tied = plan.tensors[index];
  const PlannedTensor& first = plan.tensors[earlier];
  if (tied.quantized != first.quantized || tied.settings != first.settings) {
    Error error("shares its elements with " + printable(first.info.name) +
                    " but would be stored in another way",
                "make the patterns match both or neither", ErrorKind::kUsage);
    throw error.at_tensor(tied.info.name);
  }
  tied.same_as = earlier;
}

bool is_strict_breach(const PlannedTensor& planned) {
  return !planned.quantized && planned.info.shape.size() >= 2 &&
         name_of(planned.info.dtype).find('F') != std::string_view::npos;
}

/// Throws Error (usage) when a tensor is kept that Settings::strict wants quantized.
void check_strict(const Plan& plan) {
  const auto breach = std::find_if(plan.tensors.begin(), plan.tensors.end(), is_strict_breach);
  if (breach == plan.tensors.end()) return;
  Error error("would be kept: " + breach->kept_reason, "leave --strict out to allow it",
              ErrorKind::kUsage);
  throw error.at_tensor(breach->info.name);
}

}  // namespace

Plan make_plan(const ModelReader& model, const Settings& settings) {
  const FloatEnvironment environment;
  Planner planner(settings);
  Plan plan;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    try {
      PlannedTensor planned = planner.plan(info, model.is_weight(i));
      if (planned.quantized) {
        planned.balance = plan_balance(model, i, planned.settings);
        planned.cells = plan_cells(model, i, planned.settings);
      }
      plan.tensors.push_back(std::move(planned));
    } catch (Error& error) {
      throw error.at_tensor(info.name).at_file(model.path());
    }
  }
  planner.check_patterns();
  check_weights(model, settings);
  if (settings.nonfinite == NonFinite::kKeep) {
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) keep_nonfinite(model, i, plan.tensors[i]);
  }
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    if (model.same_as(i) != i) tie(plan, i, model.same_as(i));
  }
  if (settings.strict) check_strict(plan);
  return plan;
}

}  // namespace wquant
