// Any weights by any settings: what is written can be read and verified, is the same for any number
// of threads, has the size that was planned, is as near to the weights as the report says, and
// varies as much as they do where that is asked for.

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/float_convert.h"
#include "formats/quantized_file.h"
#include "fuzz/fuzz_model.h"
#include "fuzz/fuzz_support.h"
#include "wquant/measure.h"

namespace wquant {
namespace {

void require(bool is_true, int line = __builtin_LINE()) {
  if (!is_true) std::fprintf(stderr, "line %d\n", line);
  if (!is_true) std::abort();
}

/// The input, byte by byte; zeros when it has come to its end.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  unsigned byte() {
    if (bytes_.empty()) return 0;
    const unsigned value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  template <std::size_t n>
  const char* one_of(const std::array<const char*, n>& choices) {
    return choices[byte() % n];
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// Settings of one tensor, right or contradictory.
std::string items_of(Input& input) {
  static constexpr std::array kModes = {"exp",     "linear", "kmeans", "binary",
                                        "ternary", "pow2",   "fixed"};
  static constexpr std::array kMore = {"",
                                       ",granularity=channel",
                                       ",granularity=group:2",
                                       ",granularity=group:5",
                                       ",balance=off",
                                       ",balance=kernel",
                                       ",rescale=mse",
                                       ",rescale=none",
                                       ",zero=keep",
                                       ",zero=off",
                                       ",values=midpoint",
                                       ",ratio=range",
                                       ",ratio=1.5",
                                       ",range=full",
                                       ",search=exact",
                                       ",axis=1"};
  static constexpr std::array kCodings = {"", "", ",coding=entropy", ",coding=f16"};
  std::string items = std::string("mode=") + input.one_of(kModes);
  items += ",bits=" + std::to_string(input.byte() % 8 + 1);
  items += input.one_of(kCodings);
  const std::string first = input.one_of(kMore), second = input.one_of(kMore);
  return items + first + (first == second ? std::string() : second);
}

/// Weights of any magnitude: whole numbers over a mean, or bits as they come.
std::vector<float> weights_of(Input& input, std::uint64_t count) {
  const unsigned kind = input.byte();
  const float factor = std::ldexp(1.0F, static_cast<int>(input.byte()) - 128);
  const float mean = static_cast<float>(static_cast<int>(input.byte()) - 128) * factor;
  std::vector<float> weights(count);
  for (float& w : weights) {
    const unsigned low = input.byte();
    if (kind % 4 != 0) {
      const float unit = static_cast<float>(static_cast<int>(low) - 128);
      w = unit * factor + (kind % 4 == 1 ? mean : 0);
      continue;
    }
    const std::uint32_t bits =
        low | input.byte() << 8 | input.byte() << 16 | (input.byte() & 0xFF) << 24;
    std::memcpy(&w, &bits, sizeof w);
  }
  return weights;
}

void add_tensor(Input& input, fuzz::FuzzModel& model, const char* name) {
  static constexpr std::array kDtypes = {Dtype::kF32, Dtype::kF16, Dtype::kBF16, Dtype::kF64};
  TensorInfo info = {name, {}, kDtypes[input.byte() % kDtypes.size()]};
  const unsigned dimensions = input.byte() % 4 + 1;
  for (unsigned i = 0; i < dimensions; ++i) info.shape.push_back(input.byte() % 9);
  const std::vector<float> weights = weights_of(input, info.count());
  std::vector<std::byte> elements(info.bytes());
  if (info.dtype == Dtype::kF64) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double w = weights[i];
      std::memcpy(elements.data() + i * sizeof w, &w, sizeof w);
    }
  } else {
    from_floats(info.dtype, weights, elements);
  }
  model.add(std::move(info), std::move(elements));
}

/// A folder in memory for the files of one process.
class Folder {
 public:
  Folder() {
    std::string name = "/dev/shm/wquant-fuzz-XXXXXX";
    require(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

const std::filesystem::path& folder() {
  static const Folder kFolder;
  return kFolder.path();
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Report write(const ModelReader& model, const Plan& plan, const Settings& settings,
             const std::filesystem::path& path, unsigned threads) {
  QuantizedWriter writer(path, plan, settings, Overwrite::kReplace);
  RunOptions options;
  options.threads = threads;
  Report report = quantize(model, plan, writer, options);
  writer.finish(report);
  return report;
}

bool is_near(double a, double b, double slack) { return std::fabs(a - b) <= slack; }

/// Whether the size of a tensor depends on its weights.
bool takes_less_than_planned(const TensorReport& tensor) {
  return tensor.quantized &&
         (tensor.settings.coding == Coding::kEntropy || tensor.codebook.masked_code);
}

/// The figures of a tensor against those that are measured, as `verify --against` compares them.
void check_figures(const TensorReport& report, const MeasuredErrors& measured) {
  const double rounded = report.cells.has_scales() ? measured.rounding : 0;
  const double lost = 1 - measured.rho;
  require(is_near(report.codebook.rho, measured.rho, 1e-3 * lost + 1e-9 + rounded / 2));
  const double error = measured.relative_error;
  require(is_near(report.relative_error, error, 1e-3 * error + 1e-9 + rounded));
  const double least = std::numeric_limits<float>::min();
  require(measured.max_error <= report.max_error * (1 + 1e-3) + least);
}

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

/// About the first value, so that values that are all alike deviate by nothing.
double deviation_of(std::span<const float> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const float value : values) {
    const double d = static_cast<double>(value) - static_cast<double>(values.front());
    sum += d;
    squares += d * d;
  }
  return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
}

/// What became of weights by scales and deviates by less is not rescaled.
constexpr double kLeastDeviation = 5e-5;

/// That the rescale to the weights' variance did so: levels that were moved to afterwards, one
/// level for all, half floats, and levels that no float32 is large enough for aside.
void check_variance(const TensorReport& report, std::span<const float> weights,
                    std::span<const float> became) {
  if (report.settings.rescale != Rescale::kVariance || report.settings.mode.empty()) return;
  if (report.settings.coding == Coding::kF16) return;
  if (report.balance_figures.moved > 0 || report.codebook.rho == 0) return;
  const float largest = largest_of(became);
  const bool scales = report.cells.has_scales();  // The factor stops short of the largest there.
  if (!(largest < std::numeric_limits<float>::max() * (scales ? 1 - 0x1p-10F : 1))) return;
  const double before = deviation_of(weights), after = deviation_of(became);
  if (scales && after < kLeastDeviation * before) return;
  constexpr double kHalfStep = 0x1p-150;  // Of denormal numbers.
  // Of a level and of a scale.
  const double rounding = 0x1p-22 * static_cast<double>(largest) + kHalfStep;
  require(is_near(after, before, 1e-5 * before + rounding));
}

void round_trip(Input input) {
  fuzz::FuzzModel model;
  Settings settings;
  settings.all = input.byte() % 2 == 0;
  if (input.byte() % 4 == 0) settings.nonfinite = NonFinite::kKeep;
  wquant::apply(settings.tensor, items_of(input));
  if (input.byte() % 2 == 0) settings.rules = {{"b", items_of(input)}};
  for (const char* name : {"a", "b", "c"}) add_tensor(input, model, name);
  const Plan plan = make_plan(model, settings);
  const auto path = folder() / "one.safetensors";
  const QuantizedLayout layout = make_layout(plan, settings);
  const Report report = write(model, plan, settings, path, 1);
  const std::string bytes = bytes_of(path);
  write(model, plan, settings, folder() / "two.safetensors", 2);
  require(bytes == bytes_of(folder() / "two.safetensors"));
  require(bytes.size() == report.file_bytes);
  if (std::ranges::none_of(report.tensors, takes_less_than_planned)) {
    require(bytes.size() == layout.file_bytes);
  }
  const QuantizedModel restored(path);
  restored.verify();
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    require(restored.tensors()[i].shape == model.tensors()[i].shape);
    if (!report.tensors[i].quantized) {
      std::vector<std::byte> kept(model.tensors()[i].bytes()), read(kept.size());
      model.read(i, 0, kept);
      restored.read(i, 0, read);
      require(kept == read);
      continue;
    }
    // What has 16 bits was rounded once more when it was restored.
    if (size_of(model.tensors()[i].dtype) == 2) continue;
    const std::vector<TensorPair> pair = {{i, i}};
    check_figures(report.tensors[i], measure_errors(model, restored, pair)[0]);
    std::vector<float> weights(model.tensors()[i].count()), became(weights.size());
    model.read_floats(i, 0, weights);
    restored.read_floats(i, 0, became);
    check_variance(report.tensors[i], weights, became);
  }
}

}  // namespace
}  // namespace wquant

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    wquant::round_trip(wquant::Input({data, size}));
  } catch (const wquant::Error& error) {
    if (std::strlen(error.what()) == 0) std::abort();
  }
  return 0;
}
