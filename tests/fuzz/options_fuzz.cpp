// Whatever a person types: the options of quantize and compare, the rules, lists, sizes and
// patterns in them, and the plans that come of them.

#include "base/text.h"
#include "cli/compare_options.h"
#include "cli/quantize_options.h"
#include "cli/shell_command.h"
#include "cli/size_target.h"
#include "cli/sizes.h"
#include "fuzz/fuzz_model.h"
#include "fuzz/fuzz_support.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

/// Some tensors that patterns may match.
struct SmallModel : fuzz::FuzzModel {
  SmallModel() {
    add({"conv.weight", {2, 3, 2, 2}, Dtype::kF32}, std::vector<std::byte>(96));
    add({"fc.weight", {3, 4}, Dtype::kF16}, std::vector<std::byte>(24));
    add({"fc.bias", {3}, Dtype::kF32}, std::vector<std::byte>(12));
    add({"steps", {}, Dtype::kI64}, std::vector<std::byte>(8));
  }
};

/// The arguments that lines of a text are; a zero ends them as it ends those of a program.
Arguments arguments_of(std::string_view text) {
  Arguments arguments(1);
  for (const char c : text.substr(0, text.find('\0'))) {
    if (c == '\n') {
      arguments.emplace_back();
    } else {
      arguments.back() += c;
    }
  }
  return arguments;
}

/// What is wrong must be an Error of one printable line.
template <typename F>
void attempt(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (message.empty() || printable(message, message.size() + 1) != message) std::abort();
    if (error.kind() == ErrorKind::kInterrupted) std::abort();
  }
}

void quantize_options(const Arguments& arguments, const ModelReader& model) {
  QuantizeOptions options;
  if (!parse_quantize_options(arguments, options)) return;
  if (!options.target_size.empty()) target_bytes(options.target_size, model);
  if (options.avg_bits) target_bytes(*options.avg_bits, model);
  for (const Settings& settings : options.variants) make_plan(model, settings);
}

void compare_options(const Arguments& arguments, const ModelReader& model) {
  constexpr std::size_t kMostRows = 8;
  CompareOptions options;
  if (!parse_compare_options(arguments, options)) return;
  const PlacedPath weights{"{}", "a b"};
  if (!options.eval.empty()) command_for(options.eval, {&weights, 1});
  for (std::size_t i = 0; i < std::min(options.rows.size(), kMostRows); ++i) {
    const ComparedRow& row = options.rows[i];
    if (!row.size.empty()) target_bytes(row.size, model);
    make_plan(model, row.settings);
  }
}

/// Settings that were applied are those that their texts name.
void settings(std::string_view text) {
  TensorSettings applied;
  wquant::apply(applied, text);
  check(applied);
  TensorSettings again = applied;
  wquant::apply(again, "granularity=" + granularity_text(applied));
  wquant::apply(again, "ratio=" + ratio_text(applied));
  if (again.group_size != applied.group_size || again.ratio != applied.ratio) std::abort();
}

}  // namespace
}  // namespace wquant

/// One byte, what it is, then the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wquant;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  static const SmallModel kModel;
  attempt([&] {
    switch (data[0] % 4) {
      case 0:
        return quantize_options(arguments_of(text), kModel);
      case 1:
        return compare_options(arguments_of(text), kModel);
      case 2:
        return settings(text);
      default:
        last_number(text);
        parse_bytes(text);
        target_bytes(text, kModel);
    }
  });
  return 0;
}
