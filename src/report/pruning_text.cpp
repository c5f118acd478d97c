#include <fmt/format.h>

#include <limits>
#include <string>

#include "base/text.h"
#include "report/pruning.h"
#include "report/render.h"
#include "report/table.h"

namespace wquant {
namespace {

constexpr std::size_t kShapeWidth = 24;

std::string table_text(const PruneReport& report) {
  Table table({{"tensor", Align::kLeft},
               {"shape", Align::kLeft},
               {"weights"},
               {"removed"},
               {"zeros"},
               {""}});
  for (const PrunedTensor& tensor : report.tensors) {
    if (!tensor.pruned || !tensor.same_as.empty()) continue;
    const std::uint64_t zeros = tensor.zeros_before + tensor.removed;
    table.add({printable(tensor.info.name, std::numeric_limits<std::size_t>::max()),
               elide(fmt::format("[{}]", fmt::join(tensor.info.shape, ",")), kShapeWidth),
               grouped(tensor.info.count()), grouped(tensor.removed), grouped(zeros),
               share_text(zeros, tensor.info.count())});
  }
  return table.text();
}

std::string threshold_text(const PruneReport& report) {
  if (!report.threshold) return {};
  const bool by_deviation = report.method == PruneMethod::kReductive;
  std::string text =
      fmt::format("{}  {} {:.6g}", by_deviation ? "deviation   " : "magnitude   ",
                  by_deviation ? "of what was removed at least" : "of what was removed at most",
                  *report.threshold);
  if (report.ties_kept > 0) {
    text += fmt::format(", {} more of just that stay", grouped(report.ties_kept));
  }
  return text + "\n";
}

}  // namespace

std::string share_text(std::uint64_t part, std::uint64_t all) {
  const double share = all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
  return fmt::format("{:.1f} %", 100 * share);
}

std::string pruning_text(const PruneReport& report) {
  const std::uint64_t zeros = report.zeros_before + report.removed;
  return table_text(report) +
         fmt::format(
             "\nweights       {}, of which {} had been removed before\n"
             "removed       {} ({}), method {}\n"
             "zeros         {} ({})\n",
             grouped(report.weights), grouped(report.zeros_before), grouped(report.removed),
             share_text(report.removed, report.weights), name_of(report.method), grouped(zeros),
             share_text(zeros, report.weights)) +
         threshold_text(report);
}

}  // namespace wquant
