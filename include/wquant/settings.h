#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// What value an interval of magnitudes gets.
enum class Values {
  kCentroid,  ///< Mean magnitude of the weights in the interval, both signs pooled.
  kMidpoint,  ///< Middle of the interval; the last one counts as wide as its place gives it.
};

/// How the levels are scaled once they are found. None of them changes the correlation.
enum class Rescale {
  kVariance,  ///< By sigma_w / sigma_q: the quantized weights keep the variance.
  kMse,       ///< By the least-squares factor.
  kNone,
};

/// How the ratio r of neighbouring interval widths of `exp` is found.
enum class RatioRule {
  kAuto,   ///< Searched together with x0.
  kRange,  ///< Such that b_K = max |w|.
  kFixed,  ///< Given.
};

/// How x0 of `linear` is found.
enum class RangeRule {
  kSearch,  ///< Searched for the largest correlation.
  kFull,    ///< x0 = max |w| / K: the unclipped baseline.
};

/// How far the search for x0 goes.
enum class SearchRule {
  kAuto,   ///< Boundaries at the edges of fine bins, with a proven gap.
  kExact,  ///< Every x0 for the ratio that is found or given, boundaries anywhere.
};

/// Whose sums of errors are brought near zero by codes next to the nearest ones.
enum class Balance {
  kAuto,     ///< kKernel where a tensor has a spatial part, else kChannel.
  kOff,      ///< Every weight has the code of its interval.
  kChannel,  ///< Those of the output channels.
  kKernel,   ///< Those of the kernels (one input of one output channel), then of the channels.
};

/// Whether weights that are exactly 0 stay so, by a level for them alone.
enum class Zero {
  kAuto,  ///< Where at least an eighth of a tensor's weights are 0.
  kKeep,  ///< Where any is.
  kOff,
};

/// Which weights of a tensor share a scale; all of them share the levels.
enum class Granularity {
  kTensor,   ///< All: there is no scale.
  kChannel,  ///< Those of an output channel.
  kGroup,    ///< So many that follow one another.
};

/// How the codes of a tensor are stored.
enum class Coding {
  kFixed,    ///< In so many bits each.
  kEntropy,  ///< At their entropy. Levels lie near the multiples of a step, as many as it takes.
  kF16,      ///< There are none: the weights themselves are stored, rounded to F16.
};

/// The only TensorSettings::mode of Coding::kEntropy.
inline constexpr std::string_view kEntropyMode = "linear";

/// How one tensor is quantized.
struct TensorSettings {
  int bits = 4;              ///< 1..8
  std::string mode = "exp";  ///< A codebook family's name, see families().
  Values values = Values::kCentroid;
  Rescale rescale = Rescale::kVariance;
  RatioRule ratio_rule = RatioRule::kAuto;
  double ratio = 0;  ///< r of RatioRule::kFixed, at least 1.
  RangeRule range = RangeRule::kSearch;
  SearchRule search = SearchRule::kAuto;
  Zero zero = Zero::kAuto;
  Balance balance = Balance::kAuto;
  Granularity granularity = Granularity::kTensor;
  std::uint64_t group_size = 0;  ///< Weights a group of Granularity::kGroup, at least 2.
  Coding coding = Coding::kFixed;
  /// The step of Coding::kEntropy, for weights over their cell's scale where there are such; 0: the
  /// one that gives the codes an entropy of `bits`.
  double step = 0;
  double weight = 1;  ///< Of the tensor's error where bits are chosen for a size; at least 0.
  std::optional<std::size_t> axis;  ///< Of the output channels; unset: as the format has it.

  bool operator==(const TensorSettings&) const = default;
};

/// Names of the choices as options and reports spell them: "centroid", ... Throw nothing.
std::string_view name_of(Values values);
std::string_view name_of(Rescale rescale);
std::string_view name_of(RangeRule range);
std::string_view name_of(SearchRule search);
std::string_view name_of(Zero zero);
std::string_view name_of(Balance balance);
std::string_view name_of(Coding coding);
/// The granularity as apply() reads it: "tensor", "channel", "group:64". Throws nothing.
std::string granularity_text(const TensorSettings& settings);
/// The ratio setting as apply() reads it: "auto", "range" or the number. Throws nothing.
std::string ratio_text(const TensorSettings& settings);

/// Changes settings by `key=value` items as in "bits=5,mode=linear". Keys: bits, mode, values,
/// rescale, ratio, range, search, zero, balance, granularity, coding, axis, weight. Throws Error
/// (usage) that lists what is valid and suggests the nearest; items before it are applied by then.
void apply(TensorSettings& settings, std::string_view items);

/// Bits of a weight's code, or of the weight itself where there is none; of Coding::kEntropy those
/// that were asked for. Throws nothing.
int width_of(const TensorSettings& settings);

/// Throws Error (usage) when the settings contradict each other or lie out of range.
void check(const TensorSettings& settings);

/// `items` for the tensors whose name the regular expression (ECMAScript, anywhere in the name)
/// matches.
struct SettingsRule {
  std::string pattern;
  std::string items;
};

/// What to do with a tensor that holds NaN or infinity.
enum class NonFinite {
  kError,
  kKeep,  ///< Keep the tensor unquantized.
};

/// Which tensors of a model are quantized, and how.
struct Settings {
  TensorSettings tensor;
  std::vector<SettingsRule> rules;     ///< The last match of a name wins, key by key.
  std::optional<std::string> include;  ///< Only names that match are quantized.
  std::optional<std::string> exclude;  ///< Names that match are kept.
  /// TensorSettings::weight by name; those of rules come before.
  std::map<std::string, double> weights;
  bool all = false;     ///< Quantize tensors of less than 2 dimensions too.
  bool strict = false;  ///< A kept floating-point tensor of 2 or more dimensions is an error.
  NonFinite nonfinite = NonFinite::kError;
};

}  // namespace wquant
