#include "report/html_overview.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/text.h"
#include "report/html_chart.h"
#include "report/html_text.h"

namespace wquant {
namespace {

/// Of more tensors than these the marks are smaller.
constexpr std::size_t kFewTensors = 60;
/// Bytes of a name in the text of a mark.
constexpr std::size_t kShortName = 80;

using Tensors = std::vector<const TensorReport*>;

/// The marks of tensor i: a link to its place with a text that shows when one points at it.
std::string link_svg(std::size_t i, const TensorReport& tensor, std::string_view figure,
                     std::string_view marks) {
  return fmt::format("<a href=\"#t{0}\"><title>{0} {1}: {2}</title>{3}</a>\n", i + 1,
                     html_text(tensor.info.name, kShortName), figure, marks);
}

/// Left and right end of a tensor's column.
struct Span {
  int left, right;
};

Span column(const Chart& chart, std::size_t i) {
  const double middle = static_cast<double>(i) + 1;
  return {chart.x(middle - 0.5), chart.x(middle + 0.5)};
}

/// A column to point at.
std::string hit_svg(const Chart& chart, std::size_t i) {
  const auto [left, right] = column(chart, i);
  return fmt::format("<path class=\"hit\" d=\"M{} 0H{}V{}H{}z\"/>", left, right, chart.height(),
                     left);
}

std::string bar_svg(const Chart& chart, std::size_t i, double value) {
  const auto [left, right] = column(chart, i);
  const int gap = std::max((right - left) / 6, (right - left - 48) / 2);
  return fmt::format("<path class=\"bar\" d=\"M{} {}H{}V{}H{}z\"/>", left + gap, chart.height(),
                     std::max(right - gap, left + gap + 1), chart.y(value), left + gap);
}

Chart layer_chart(const Tensors& tensors, std::string label, Axis y, int height) {
  Chart chart(std::move(label), Axis::numbers(tensors.size()), std::move(y), height);
  chart.set_links();
  chart.set_x_title("number of the tensor, in the order of the file");
  return chart;
}

std::string rho_html(const Tensors& tensors) {
  const auto rho_of = [](const TensorReport* tensor) { return tensor->codebook.rho; };
  const auto [low, high] = std::ranges::minmax_element(tensors, {}, rho_of);
  const TensorReport& lowest = **low;
  const auto at = static_cast<std::size_t>(low - tensors.begin());
  Chart chart = layer_chart(
      tensors,
      fmt::format("Correlation of each tensor, {:.5f} to {:.5f}", rho_of(*low), rho_of(*high)),
      Axis::correlations(rho_of(*low), rho_of(*high)), 170);
  chart.set_class(tensors.size() > kFewTensors ? "few" : "");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const double rho = rho_of(tensors[i]);
    const auto dot =
        fmt::format("{}<path class=\"dot{}\" d=\"M{} {}h0\"/>", hit_svg(chart, i),
                    i == at ? " low" : "", chart.x(static_cast<double>(i) + 1), chart.y(rho));
    chart.add(link_svg(i, *tensors[i], fmt::format("{:.5f}", rho), dot));
  }
  return figure_html(
      fmt::format("<b>Correlation ρ</b> of the weights with what they became, on a scale of 1 − ρ."
                  "{} <a href=\"#t{}\">{}</a>, {:.5f}",
                  key_html("low", "lowest:"), at + 1, html_name(lowest.info.name, kShortName),
                  lowest.codebook.rho),
      chart);
}

/// Bars from 0 on.
std::string bars_html(const Tensors& tensors, std::string_view caption, Chart chart,
                      const std::function<double(const TensorReport&)>& value,
                      const std::function<std::string(const TensorReport&)>& text) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorReport& tensor = *tensors[i];
    chart.add(
        link_svg(i, tensor, text(tensor), hit_svg(chart, i) + bar_svg(chart, i, value(tensor))));
  }
  return figure_html(caption, chart);
}

std::string bytes_html(const Tensors& tensors) {
  std::uint64_t most = 0;
  for (const TensorReport* tensor : tensors) most = std::max(most, tensor->bytes);
  return bars_html(
      tensors, "<b>Bytes</b> that each tensor takes in the file.",
      layer_chart(tensors, fmt::format("Bytes of each tensor, at most {}", byte_text(most)),
                  Axis::bytes(0, static_cast<double>(most)), 130),
      [](const TensorReport& tensor) { return static_cast<double>(tensor.bytes); },
      [](const TensorReport& tensor) {
        return fmt::format("{}, before {}", byte_text(tensor.bytes),
                           byte_text(tensor.info.bytes()));
      });
}

std::string bits_html(const Tensors& tensors) {
  const auto [low, high] = std::ranges::minmax_element(
      tensors, {}, [](const TensorReport* tensor) { return code_bits(*tensor); });
  const double most = code_bits(**high);
  if (most <= code_bits(**low)) return {};
  return bars_html(
      tensors, "<b>Bits</b> of a weight's code.",
      layer_chart(tensors,
                  fmt::format("Bits of each tensor, {} to {}", bits_text(**low), bits_text(**high)),
                  Axis::linear(0, std::ceil(most)), 100),
      code_bits, [](const TensorReport& tensor) { return bits_text(tensor) + " bits"; });
}

}  // namespace

double code_bits(const TensorReport& tensor) {
  return tensor.coded_bytes > 0 ? bits_per_weight(tensor.coded_bytes, tensor.info.count())
                                : width_of(tensor.settings);
}

std::vector<const TensorReport*> shown_tensors(const Report& report) {
  Tensors shown;
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.quantized && tensor.same_as.empty()) shown.push_back(&tensor);
  }
  return shown;
}

std::string overview_html(const Tensors& tensors) {
  if (tensors.empty()) return {};
  return "<section>\n<h2>By layer</h2>\n" + rho_html(tensors) + bytes_html(tensors) +
         bits_html(tensors) + "</section>\n";
}

}  // namespace wquant
