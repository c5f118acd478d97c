#include "partition_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "markdown.h"

namespace wquant::papers {
namespace {

constexpr int kFirstBits = 2, kLastBits = 6;  ///< Of the tables.
constexpr int kAllBits = 8;
constexpr std::array kValues = {Values::kMidpoint, Values::kCentroid};

/// The best codebooks of one density: [values][reading][bits - 1].
struct Results {
  Sample sample;
  std::array<std::array<std::array<Codebook, kAllBits>, kReadings>, kValues.size()> best;
};

Results measure(Sample sample) {
  Results results{std::move(sample), {}};
  for (std::size_t v = 0; v < kValues.size(); ++v) {
    for (std::size_t r = 0; r < kReadings; ++r) {
      for (int bits = 1; bits <= kAllBits; ++bits) {
        results.best[v][r][static_cast<std::size_t>(bits - 1)] =
            best_codebook(results.sample, readings()[r], kValues[v], bits);
      }
    }
  }
  return results;
}

Cells heading(const Cells& first) {
  Cells cells = first;
  for (int bits = kFirstBits; bits <= kLastBits; ++bits) cells.push_back(fmt::format("{}", bits));
  return cells;
}

/// A row a reading and kind of values; `cell` writes what a codebook has.
template <typename Cell>
std::string table_of(const Results& results, Cell cell) {
  Table table(heading({"partition", "values"}));
  for (std::size_t r = 0; r < kReadings; ++r) {
    for (std::size_t v = 0; v < kValues.size(); ++v) {
      Cells cells = {readings()[r].name, std::string(name_of(kValues[v]))};
      for (int bits = kFirstBits; bits <= kLastBits; ++bits) {
        cells.push_back(cell(results.best[v][r][static_cast<std::size_t>(bits - 1)]));
      }
      table.add(cells);
    }
  }
  return table.text();
}

std::array<double, kAllBits> correlations(const std::array<Codebook, kAllBits>& books) {
  std::array<double, kAllBits> rho{};
  for (std::size_t i = 0; i < rho.size(); ++i) rho[i] = books[i].rho;
  return rho;
}

std::string savings_table(const Results& results) {
  Table table(heading({"exponential", "against", "values"}));
  for (const ReadingIndex exp : {kExpRange, kExpTwo, kExpSearched}) {
    for (const ReadingIndex linear : {kLinearFull, kLinearClipped}) {
      for (std::size_t v = 0; v < kValues.size(); ++v) {
        const auto& best = results.best[v];
        Cells cells = {readings()[exp].name, readings()[linear].name,
                       std::string(name_of(kValues[v]))};
        for (int bits = kFirstBits; bits <= kLastBits; ++bits) {
          const double rho = best[exp][static_cast<std::size_t>(bits - 1)].rho;
          cells.push_back(fmt::format("{:.2f}", saved_bits(rho, bits, correlations(best[linear]))));
        }
        table.add(cells);
      }
    }
  }
  return table.text();
}

/// "0.29 to 0.43": least and most of the bits saved with centroids, over the bits of the tables.
std::string saved_range(const Results& results, ReadingIndex exp, ReadingIndex linear) {
  const auto& best = results.best[1];
  double least = kAllBits, most = -kAllBits;
  for (int bits = kFirstBits; bits <= kLastBits; ++bits) {
    const double rho = best[exp][static_cast<std::size_t>(bits - 1)].rho;
    const double saved = saved_bits(rho, bits, correlations(best[linear]));
    least = std::min(least, saved);
    most = std::max(most, saved);
  }
  return fmt::format("{:.2f} to {:.2f}", least, most);
}

void add_facts(const Results& results, const std::string& prefix, Section& section) {
  const Sample& sample = results.sample;
  auto& facts = section.facts;
  facts[prefix + "_rho"] =
      table_of(results, [](const Codebook& book) { return fmt::format("{:.5f}", book.rho); });
  facts[prefix + "_x0"] = table_of(results, [&](const Codebook& book) {
    const std::string x0 =
        fmt::format("{:.3f}, {:.4f}", book.x0 / sample.sigma, book.x0 / sample.largest);
    return book.ratio == 1 ? x0 : fmt::format("{}, {:.2f}", x0, book.ratio);
  });
  facts[prefix + "_saved"] = savings_table(results);
  facts[prefix + "_range_full"] = saved_range(results, kExpRange, kLinearFull);
  facts[prefix + "_range_clipped"] = saved_range(results, kExpRange, kLinearClipped);
  facts[prefix + "_searched_clipped"] = saved_range(results, kExpSearched, kLinearClipped);
  facts[prefix + "_largest"] = fmt::format("{:.2f}", sample.largest / sample.sigma);
  section.charts[prefix + ".svg"] = partition_chart(sample);
}

}  // namespace

Section partition_section(std::size_t count) {
  Section section;
  section.facts["count"] = fmt::format("{}", count);
  add_facts(measure(gaussian_sample(count)), "gauss", section);
  add_facts(measure(laplace_sample(count)), "laplace", section);
  return section;
}

}  // namespace wquant::papers
