#include "cli/against.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "cli/paths.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

/// Figures are stored with nine digits, or rho with six where they are told briefly.
constexpr double kRounding = 1e-9, kBriefRounding = 1e-6;
/// Sums of a million float32 errors at a time agree so well.
constexpr double kAgreement = 1e-3;
/// What is less than the least normal float32 has no bits to tell.
constexpr double kLeastError = std::numeric_limits<float>::min();
constexpr std::uint64_t kCompared = std::uint64_t{1} << 20;

/// The pairs of tensors of one name.
std::vector<TensorPair> pairs_of(const QuantizedReader& quantized, const std::string& file,
                                 const ModelReader& original) {
  std::unordered_map<std::string, std::size_t> originals;
  for (std::size_t i = 0; i < original.tensors().size(); ++i) {
    originals.emplace(original.tensors()[i].name, i);
  }
  std::vector<TensorPair> pairs;
  for (std::size_t i = 0; i < quantized.tensors().size(); ++i) {
    const TensorInfo& info = quantized.tensors()[i];
    const auto found = originals.find(info.name);
    if (found == originals.end()) {
      throw Error("is not in " + printable(file), "give the model that was quantized")
          .at_tensor(info.name)
          .at_file(original.path());
    }
    const TensorInfo& before = original.tensors()[found->second];
    if (before.shape != info.shape || before.dtype != info.dtype) {
      throw Error(fmt::format("is {} of {} where {} has {} of {}", name_of(before.dtype),
                              shape_text(before.shape), printable(file), name_of(info.dtype),
                              shape_text(info.shape)),
                  "give the model that was quantized")
          .at_tensor(info.name)
          .at_file(original.path());
    }
    pairs.push_back({found->second, i});
  }
  // A file of several holds only its own tensors.
  if (quantized.shard().empty() && pairs.size() < original.tensors().size()) {
    throw Error(fmt::format("has {} tensors where {} has {}", original.tensors().size(),
                            printable(file), pairs.size()),
                "give the model that was quantized")
        .at_file(original.path());
  }
  return pairs;
}

bool same_bytes(const ModelReader& original, const ModelReader& restored, TensorPair pair) {
  const std::uint64_t size = original.tensors()[pair.original].bytes();
  std::vector<std::byte> before(std::min(size, kCompared)), after(before.size());
  for (std::uint64_t first = 0; first < size; first += kCompared) {
    const std::uint64_t n = std::min(kCompared, size - first);
    original.read(pair.original, first, std::span(before).first(n));
    restored.read(pair.restored, first, std::span(after).first(n));
    if (!std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(n),
                    after.begin())) {
      return false;
    }
  }
  return true;
}

/// What is wrong with the figures of a tensor; empty: nothing.
std::string difference(const TensorReport& stored, const MeasuredErrors& measured) {
  const bool brief = stored.settings.coding != Coding::kFixed || stored.settings.mode.empty();
  // What was restored to 16 bits was rounded after it was measured.
  const bool is_short = size_of(stored.info.dtype) == 2;
  // The correlation loses half of what the relative error gains.
  const double rounded = stored.cells.has_scales() ? measured.rounding : 0;
  const double lost = 1 - measured.rho;
  const double slack = (is_short ? 0.1 : kAgreement) * lost + (is_short ? 1e-5 : 0);
  const double off = std::fabs(measured.rho - stored.codebook.rho);
  if (!(off <= slack + (brief ? kBriefRounding : kRounding + rounded / 2))) {
    return fmt::format("correlation {:.9f} where {:.9f} is stored", measured.rho,
                       stored.codebook.rho);
  }
  if (brief || is_short) return {};
  const double error = measured.relative_error;
  if (!(std::fabs(error - stored.relative_error) <= kAgreement * error + kRounding + rounded)) {
    return fmt::format("relative error {:.6g} where {:.6g} is stored", error,
                       stored.relative_error);
  }
  if (!(measured.max_error <= stored.max_error * (1 + kAgreement) + kLeastError)) {
    return fmt::format("an error of {:.6g} where {:.6g} is stored as the largest",
                       measured.max_error, stored.max_error);
  }
  return {};
}

void refuse(const std::vector<std::string>& wrong, const std::string& file,
            const std::string& original) {
  if (wrong.empty()) return;
  throw Error(
      fmt::format("is not what it says of {}: {}", printable(original, 1000), first_few(wrong)),
      "it was made from another model, or changed since", ErrorKind::kLimit)
      .at_file(file);
}

}  // namespace

Against check_against(const QuantizedReader& quantized, const std::string& file,
                      const std::string& original, const Talk& talk) {
  require_exists(original);
  const auto model = open_model(original);
  const std::vector<TensorPair> all = pairs_of(quantized, file, *model);
  Against result;
  std::vector<TensorPair> measured;
  std::vector<std::string> wrong;
  for (const TensorPair pair : all) {
    const TensorReport& tensor = quantized.report().tensors[pair.restored];
    if (tensor.quantized) {
      measured.push_back(pair);
      result.tensors.push_back(pair.restored);
    } else if (!same_bytes(*model, quantized, pair)) {
      wrong.push_back(fmt::format("{} (kept, but not the same)", printable(tensor.info.name)));
    }
  }
  ProgressLine line(talk);
  result.measured = measure_errors(*model, quantized, measured, run_options(line));
  for (std::size_t i = 0; i < result.tensors.size(); ++i) {
    const TensorReport& tensor = quantized.report().tensors[result.tensors[i]];
    const std::string what = difference(tensor, result.measured[i]);
    if (!what.empty()) wrong.push_back(fmt::format("{} ({})", printable(tensor.info.name), what));
    result.largest_difference = std::max(result.largest_difference,
                                         std::fabs(tensor.codebook.rho - result.measured[i].rho));
  }
  refuse(wrong, file, original);
  return result;
}

}  // namespace wquant
