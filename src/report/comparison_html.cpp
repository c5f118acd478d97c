#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/text.h"
#include "report/comparison.h"
#include "report/html.h"
#include "report/html_chart.h"
#include "report/html_series.h"
#include "report/html_text.h"
#include "report/render.h"
#include "report/totals.h"

namespace wquant {
namespace {

constexpr std::size_t kPathLimit = 1000;
/// Distance of the marks from the ends of an axis, as a share of what they span.
constexpr double kRoom = 0.06;

using Setting = const ComparedSetting*;

std::string head_html(const Comparison& comparison) {
  const std::string name = std::filesystem::path(comparison.input).filename().string();
  std::vector<Tile> tiles = {
      {grouped(comparison.settings.size()), "settings"},
      {grouped(comparison.tensors.size()), "tensors quantized"},
      {byte_text(comparison.bytes), fmt::format("{} weights", grouped(comparison.weights))}};
  if (comparison.score) {
    tiles.push_back({fmt::format("{:g}", *comparison.score), "score of the model itself"});
  }
  if (comparison.best) {
    const ComparedSetting& best = comparison.settings[*comparison.best];
    tiles.push_back({fmt::format("{:.2f}x", compression_ratio(comparison.bytes, best.file_bytes)),
                     fmt::format("smaller: {}, the smallest that holds what was asked for",
                                 html_text(setting_text(best)))});
  }
  return fmt::format("<header>\n<h1>{} in {} settings</h1>\n<p>{}</p>\n{}</header>\n",
                     html_name(name.empty() ? comparison.input : name), comparison.settings.size(),
                     html_name(comparison.input, kPathLimit), tiles_html(tiles));
}

/// One line a setting, of all tensors.
std::string layers_svg(const Series& series) {
  double low = 1;
  double high = -1;
  for (const Setting setting : series.settings) {
    for (const ComparedTensor& tensor : setting->tensors) {
      low = std::min(low, tensor.rho);
      high = std::max(high, tensor.rho);
    }
  }
  const std::size_t tensors = series.settings.front()->tensors.size();
  Chart chart(fmt::format("Correlation of {} tensors, {}", tensors, series.name),
              Axis::numbers(tensors), Axis::correlations(low, high), 210);
  chart.set_x_title("number of the tensor, in the order of the file");
  for (const Setting setting : series.settings) {
    std::string line;
    for (std::size_t i = 0; i < tensors; ++i) {
      line += fmt::format("{}{} {}", i == 0 ? "M" : "L", chart.x(static_cast<double>(i) + 1),
                          chart.y(setting->tensors[i].rho));
    }
    chart.add(path_svg(tensors == 1 ? "dot" : "curve", line + (tensors == 1 ? "h0" : "")));
    chart.add_end_label(setting->tensors.back().rho, short_text(*setting));
  }
  return chart.svg();
}

std::string layers_html(const std::vector<Series>& all) {
  std::string out;
  for (const Series& series : all) {
    if (series.settings.front()->tensors.empty()) continue;
    out += fmt::format(
        "<figure class=\"labelled\">\n<figcaption><b>Correlation ρ by layer</b>, "
        "{}, a line for each width.</figcaption>\n{}</figure>\n",
        html_text(series.name), layers_svg(series));
  }
  if (out.empty()) return {};
  return "<section>\n<h2>By layer</h2>\n<div class=\"pair\">\n" + out + "</div>\n</section>\n";
}

/// The keys of the series' colours.
std::string keys_html(const std::vector<Series>& all) {
  std::string keys;
  for (std::size_t i = 0; i < all.size(); ++i) {
    keys += key_html(series_class(i), all[i].name);
  }
  return keys;
}

struct Ends {
  double low, high;
};

template <typename F>
Ends ends_of(const std::vector<Setting>& settings, F&& value) {
  const auto [low, high] = std::ranges::minmax_element(settings, {}, value);
  return {value(*low), value(*high)};
}

/// With some room at both ends.
Ends roomy(Ends ends) {
  const double span = ends.high - ends.low;
  const double room = span > 0 ? kRoom * span : std::max(1.0, 0.1 * ends.high);
  return {ends.low - room, ends.high + room};
}

/// The settings of all series as lines against their x and y.
template <typename X, typename Y>
void add_lines(Chart& chart, const std::vector<Series>& all, X&& x, Y&& y) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string line, dots;
    for (const Setting setting : all[i].settings) {
      const std::string place = fmt::format("{} {}", chart.x(x(setting)), chart.y(y(setting)));
      line += (line.empty() ? "M" : "L") + place;
      dots += "M" + place + "h0";
    }
    chart.add(path_svg(fmt::format("curve {}", series_class(i)), line));
    chart.add(path_svg(fmt::format("dot {}", series_class(i)), dots));
  }
}

double size_of_setting(Setting setting) { return static_cast<double>(setting->file_bytes); }

Axis size_axis(const std::vector<Setting>& settings) {
  const Ends ends = roomy(ends_of(settings, size_of_setting));
  return Axis::bytes(std::max(0.0, ends.low), ends.high);
}

std::string rho_html(const std::vector<Setting>& settings, const std::vector<Series>& all) {
  const auto rho = [](Setting setting) { return setting->mean_rho(); };
  const Ends ends = ends_of(settings, rho);
  Chart chart("Mean correlation against the size of the file", size_axis(settings),
              Axis::correlations(ends.low, ends.high), 210);
  chart.set_x_title("size of the file");
  add_lines(chart, all, size_of_setting, rho);
  return figure_html("<b>Mean correlation ρ against size</b>" + keys_html(all), chart);
}

/// The model's own score as a line across.
void add_own_score(Chart& chart, const Comparison& comparison) {
  if (!comparison.score) return;
  chart.add(path_svg("own", fmt::format("M0 {0}H1000", chart.y(*comparison.score))));
}

Axis score_axis(const std::vector<Setting>& scored, const Comparison& comparison) {
  Ends ends = ends_of(scored, [](Setting setting) { return *setting->score; });
  if (comparison.score) {
    ends = {std::min(ends.low, *comparison.score), std::max(ends.high, *comparison.score)};
  }
  ends = roomy(ends);
  return Axis::linear(ends.low, ends.high);
}

/// Nothing where nothing was scored.
std::string scores_html(const Comparison& comparison, const std::vector<Setting>& settings) {
  std::vector<Setting> scored;
  std::ranges::copy_if(settings, std::back_inserter(scored),
                       [](Setting setting) { return setting->score.has_value(); });
  if (scored.empty()) return {};
  const std::vector<Series> all = series_of(scored);
  const auto score = [](Setting setting) { return *setting->score; };
  const auto bits = [&](Setting setting) { return bits_a_weight(*setting, comparison); };
  const Ends ends = roomy(ends_of(scored, bits));
  std::string out;
  const auto add = [&](std::string_view what, std::string_view title, Axis x, auto&& value) {
    Chart chart(fmt::format("Score against {}", what), std::move(x), score_axis(scored, comparison),
                210);
    chart.set_x_title(std::string(title));
    add_own_score(chart, comparison);
    add_lines(chart, all, value, score);
    out += figure_html(
        fmt::format("<b>Score against {}</b>, the model's own dashed{}", what, keys_html(all)),
        chart);
  };
  add("bits", "bits a weight, everything counted", Axis::linear(std::max(0.0, ends.low), ends.high),
      bits);
  add("size", "size of the file", size_axis(scored), size_of_setting);
  return out;
}

std::string table_html(const Comparison& comparison) {
  std::string rows;
  const bool scored = std::ranges::any_of(comparison.settings, [](const ComparedSetting& setting) {
    return setting.score.has_value();
  });
  for (std::size_t i = 0; i < comparison.settings.size(); ++i) {
    const ComparedSetting& setting = comparison.settings[i];
    const auto lowest = setting.lowest();
    rows += fmt::format(
        "<tr{}><td class=\"name\">{}</td><td>{:.5f}</td><td>{}</td><td>{:.3g}</td>"
        "<td>{}{}</td><td>{:.2f}x</td><td>{:.3f}</td>",
        comparison.best == i ? " class=\"best\"" : "", html_text(setting_text(setting)),
        setting.mean_rho(), lowest ? fmt::format("{:.5f}", setting.tensors[*lowest].rho) : "-",
        setting.mean_relative_error(), setting.file_bytes_known ? "" : "about ",
        byte_text(setting.file_bytes), compression_ratio(comparison.bytes, setting.file_bytes),
        bits_a_weight(setting, comparison));
    if (scored) {
      rows += fmt::format("<td>{}</td>", setting.score ? fmt::format("{:g}", *setting.score) : "-");
    }
    rows += "</tr>\n";
  }
  return fmt::format(
      "<section>\n<h2>Settings</h2>\n<div class=\"scroll\"><table>\n<tr><th class=\"name\">setting"
      "</th><th>mean ρ</th><th>lowest ρ</th><th>rel. error</th><th>file</th><th>ratio</th>"
      "<th>bits a weight</th>{}</tr>\n{}</table></div>\n</section>\n",
      scored ? "<th>score</th>" : "", rows);
}

}  // namespace

std::string comparison_html(const Comparison& comparison) {
  std::vector<Setting> settings;
  for (const ComparedSetting& setting : comparison.settings) settings.push_back(&setting);
  std::string body = head_html(comparison);
  if (!settings.empty()) {
    const std::vector<Series> all = series_of(settings);
    body += "<section>\n<h2>What it costs</h2>\n<div class=\"pair\">\n" +
            scores_html(comparison, settings) + rho_html(settings, all) + "</div>\n</section>\n" +
            table_html(comparison) + layers_html(all);
  }
  return page_html(comparison.input + " – wquant compare", body);
}

}  // namespace wquant
