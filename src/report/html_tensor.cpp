#include "report/html_tensor.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/setting_names.h"
#include "base/text.h"
#include "report/html_picture.h"
#include "report/html_text.h"
#include "report/render.h"
#include "report/totals.h"

namespace wquant {
namespace {

/// Bytes of a tensor's name.
constexpr std::size_t kNameLimit = 500;

/// What is known of a tensor: names are markup, values text.
using Facts = std::vector<std::pair<std::string_view, std::string>>;

std::string kind_text(const TensorReport& tensor) {
  return fmt::format("{} bits {}", bits_text(tensor), mode_text(tensor.settings));
}

void add_codebook(const TensorReport& tensor, Facts& facts) {
  const Codebook& codebook = tensor.codebook;
  if (codebook.x0 > 0) facts.emplace_back("x<sub>0</sub>", fmt::format("{:.4g}", codebook.x0));
  if (codebook.x0 > 0) facts.emplace_back("ratio r", fmt::format("{:.4g}", codebook.ratio));
  facts.emplace_back("rescaled by", fmt::format("{:.4g}", codebook.scale));
  if (tensor.coded_bytes > 0) facts.emplace_back("levels", grouped(codebook.levels.size()));
}

void add_errors(const TensorReport& tensor, Facts& facts) {
  facts.emplace_back("correlation ρ", fmt::format("{:.6f}", tensor.codebook.rho));
  facts.emplace_back("relative error", fmt::format("{:.3g}", tensor.relative_error));
  facts.emplace_back(
      "SNR", std::isfinite(tensor.snr_db) ? fmt::format("{:.1f} dB", tensor.snr_db) : "lossless");
  facts.emplace_back("largest error", fmt::format("{:.3g}", tensor.max_error));
  facts.emplace_back("entropy", fmt::format("{:.3f} bits", tensor.entropy));
}

void add_cells(const TensorReport& tensor, Facts& facts) {
  const CellPlan& cells = tensor.cells;
  if (!cells.has_scales()) return;
  facts.emplace_back("scales", cells.granularity == Granularity::kChannel
                                   ? fmt::format("{}, a channel each", grouped(cells.cells))
                                   : fmt::format("{}, a group of {} each", grouped(cells.cells),
                                                 grouped(cells.run)));
}

void add_balance(const TensorReport& tensor, Facts& facts) {
  if (tensor.balance.sets == Balance::kOff) return;
  const BalanceFigures& figures = tensor.balance_figures;
  facts.emplace_back("balanced",
                     fmt::format("{}s", choice_name(kBalanceChoices, tensor.balance.sets)));
  facts.emplace_back("codes moved", grouped(figures.moved));
  facts.emplace_back("ρ before", fmt::format("{:.6f}", figures.rho_before));
}

std::string facts_html(const TensorReport& tensor) {
  Facts facts = {{"shape", shape_text(tensor.info.shape)},
                 {"type", std::string(name_of(tensor.info.dtype))},
                 {"weights", grouped(tensor.info.count())},
                 {"bytes before", byte_text(tensor.info.bytes())},
                 {"bytes", byte_text(tensor.bytes)}};
  add_errors(tensor, facts);
  add_codebook(tensor, facts);
  if (const auto zeros = zeros_text(tensor); !zeros.empty()) {
    facts.emplace_back("zeros", zeros == "mask" ? "a bit mask" : "a level");
  }
  if (tensor.loses_zeros) facts.emplace_back("zeros", "no level for them");
  add_cells(tensor, facts);
  add_balance(tensor, facts);
  std::string out = "<dl class=\"facts\">\n";
  for (const auto& [name, value] : facts) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, html_text(value, kNameLimit));
  }
  return out + "</dl>\n";
}

}  // namespace

std::string tensor_head_html() {
  return "<div class=\"head\" aria-hidden=\"true\"><span>#</span><span class=\"name\">tensor</span>"
         "<span>code</span><span>ρ</span><span>bytes</span><span>ratio</span></div>\n";
}

std::string tensor_html(const TensorReport& tensor, std::size_t number, bool open) {
  return fmt::format(
      "<details{}><summary><span class=\"number\">{}</span><span class=\"name\">{}</span>"
      "<span class=\"kind\">{}</span><span>{:.5f}</span><span>{}</span>"
      "<span class=\"ratio\">{:.1f}x</span></summary>\n"
      "<div class=\"tensor\" id=\"t{}\">\n{}{}</div></details>\n",
      open ? " open=\"open\"" : "", number, html_name(tensor.info.name, kNameLimit),
      html_text(kind_text(tensor)), tensor.codebook.rho, byte_text(tensor.bytes),
      compression_ratio(tensor.info.bytes(), tensor.bytes), number, picture_html(tensor),
      facts_html(tensor));
}

}  // namespace wquant
