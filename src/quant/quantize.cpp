#include "wquant/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"
#include "quant/distribution.h"
#include "quant/family.h"
#include "quant/float_slabs.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Counts bytes of input for the caller and looks whether he wants to stop.
class Meter {
 public:
  Meter(const RunOptions& options, std::uint64_t total) : options_(options), total_(total) {}
  void add(std::uint64_t bytes) {
    if (options_.stop != nullptr && *options_.stop) {
      throw Error("interrupted", {}, ErrorKind::kInterrupted);
    }
    done_ += bytes;
    if (options_.progress) options_.progress(done_, total_);
  }

 private:
  const RunOptions& options_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
};

/// for_each_float_slab(), metered.
template <typename F>
void for_each_slab(const ModelReader& model, std::size_t index, Meter& meter, F&& f) {
  const std::uint64_t size = size_of(model.tensors()[index].dtype);
  for_each_float_slab(model, index, [&](std::uint64_t first, std::span<const float> slab) {
    f(first, slab);
    meter.add(slab.size() * size);
  });
}

/// What encoding found, slab by slab.
struct EncodeStatistics {
  std::array<std::uint64_t, 256> counts = {};
  double error = 0;  ///< Sum of squares.
  float max_error = 0;

  void add(const ErrorSums& sums) {
    for (const double lane : sums.e2) error += lane;
    max_error = std::max(max_error, sums.max_abs);
  }
  /// Of the codes, bits a weight.
  [[nodiscard]] double entropy(double count) const {
    double bits = 0;
    for (const std::uint64_t c : counts) {
      if (c == 0) continue;
      const double p = static_cast<double>(c) / count;
      bits -= p * std::log2(p);
    }
    return bits + 0.0;
  }
};

void fill_errors(TensorReport& report, const Distribution& weights,
                 const EncodeStatistics& statistics) {
  const double n = weights.count();
  const double power = weights.variance() + weights.mean() * weights.mean();
  const double error = statistics.error / n;
  report.relative_error = weights.variance() > 0 ? error / weights.variance() : 0;
  report.snr_db =
      error > 0 ? 10 * std::log10(power / error) : std::numeric_limits<double>::infinity();
  report.max_error = statistics.max_error;
  report.entropy = statistics.entropy(n);
}

Distribution read_distribution(const ModelReader& model, std::size_t index, Meter& meter) {
  DistributionBuilder builder(model.tensors()[index].count());
  for_each_slab(model, index, meter,
                [&](std::uint64_t, std::span<const float> slab) { builder.add(slab); });
  return builder.finish();
}

EncodeStatistics write_codes(const ModelReader& model, std::size_t index, const Codebook& book,
                             PartSink& sink, Meter& meter) {
  EncodeStatistics statistics;
  std::vector<std::uint8_t> codes(kSlab);
  std::vector<std::uint8_t> packed(packed_size(kSlab, book.bits));
  for_each_slab(model, index, meter, [&](std::uint64_t first, std::span<const float> slab) {
    const std::size_t n = slab.size();
    kernels().find_codes(slab.data(), n, book.thresholds.data(), book.bits, codes.data());
    ErrorSums sums = {};
    kernels().add_errors(slab.data(), codes.data(), n, book.levels.data(), &sums,
                         statistics.counts.data());
    statistics.add(sums);
    kernels().pack(codes.data(), n, book.bits, packed.data());
    sink.write(index, Part::kCodes, packed_size(first, book.bits),
               std::as_bytes(std::span(packed).first(packed_size(n, book.bits))));
  });
  return statistics;
}

/// Counts what is not finite, for the message.
[[noreturn]] void refuse_nonfinite(const ModelReader& model, std::size_t index, Meter& meter) {
  std::uint64_t count = 0;
  std::uint64_t at = 0;
  for_each_slab(model, index, meter, [&](std::uint64_t first, std::span<const float> slab) {
    for (std::size_t i = 0; i < slab.size(); ++i) {
      if (std::isfinite(slab[i])) continue;
      if (count++ == 0) at = first + i;
    }
  });
  throw Error("holds " + std::to_string(count) + " NaN or infinite values, the first at index " +
                  std::to_string(at),
              "repair the model or give --nonfinite keep");
}

void quantize_tensor(const ModelReader& model, std::size_t index, const PlannedTensor& planned,
                     PartSink& sink, Meter& meter, TensorReport& report) {
  Distribution weights;
  try {
    weights = read_distribution(model, index, meter);
  } catch (const NonFiniteWeights&) {
    refuse_nonfinite(model, index, meter);
  }
  report.settings = planned.settings;
  report.codebook = fit_codebook(weights, planned.settings);
  fill_errors(report, weights, write_codes(model, index, report.codebook, sink, meter));
  sink.write(index, Part::kLevels, 0, std::as_bytes(std::span(report.codebook.levels)));
}

void keep_tensor(const ModelReader& model, std::size_t index, PartSink& sink, Meter& meter) {
  const std::uint64_t total = model.tensors()[index].bytes();
  constexpr std::uint64_t kBytes = kSlab * sizeof(float);
  std::vector<std::byte> slab(std::min(total, kBytes));
  for (std::uint64_t first = 0; first < total; first += kBytes) {
    const std::span<std::byte> bytes = std::span(slab).first(std::min(kBytes, total - first));
    model.read(index, first, bytes);
    sink.write(index, Part::kKept, first, bytes);
    model.release(index, first, bytes.size());
    meter.add(bytes.size());
  }
}

std::uint64_t total_work(const Plan& plan) {
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    total += tensor.info.bytes() * (tensor.quantized ? 2 : 1);
  }
  return total;
}

TensorReport process(const ModelReader& model, std::size_t index, const PlannedTensor& planned,
                     PartSink& sink, Meter& meter) {
  TensorReport report;
  report.info = planned.info;
  report.quantized = planned.quantized;
  report.kept_reason = planned.kept_reason;
  report.bytes = stored_size(planned);
  if (planned.quantized) {
    quantize_tensor(model, index, planned, sink, meter, report);
  } else {
    keep_tensor(model, index, sink, meter);
  }
  return report;
}

}  // namespace

Report quantize(const ModelReader& model, const Plan& plan, PartSink& sink,
                const RunOptions& options) {
  Report report;
  Meter meter(options, total_work(plan));
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    try {
      report.tensors.push_back(process(model, i, plan.tensors[i], sink, meter));
    } catch (Error& error) {
      if (error.kind() != ErrorKind::kInterrupted) {
        error.at_tensor(plan.tensors[i].info.name).at_file(model.path());
      }
      throw;
    }
  }
  return report;
}

}  // namespace wquant
