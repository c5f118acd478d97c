#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "report/html_chart.h"
#include "report/html_text.h"
#include "report/prune_history.h"
#include "report/pruning.h"
#include "report/render.h"

namespace wquant {
namespace {

constexpr std::size_t kPathLimit = 1000;
/// Room below and above the losses, as a share of what they span.
constexpr double kRoom = 0.06;
constexpr std::string_view kPruned = "s1", kUnpruned = "s2", kRejected = "s3";

/// A value of a state; state 0 is the start.
struct Point {
  double state, value;
};
using Points = std::vector<Point>;

std::string head_html(const PruneHistory& history) {
  const std::string name = std::filesystem::path(history.input).filename().string();
  const std::optional<double> unpruned = unpruned_loss_of_best(history);
  return fmt::format("<header>\n<h1>{} pruned in {} rounds</h1>\n<p>{}</p>\n{}</header>\n",
                     html_name(name.empty() ? history.input : name), history.rounds.size(),
                     html_name(history.input, kPathLimit),
                     tiles_html({{share_text(history.base_zeros(), history.weights),
                                  fmt::format("of {} weights are 0", grouped(history.weights))},
                                 {fmt::format("{:.6g}", history.base_loss()),
                                  fmt::format("loss of round {}, the best", history.base())},
                                 {unpruned ? fmt::format("{:.6g}", *unpruned) : "-",
                                  "of the unpruned model, trained equally long"},
                                 {html_text(name_of(history.method)), "method"}}));
}

/// A line through points that have a next one, and a dot on each.
void add_points(Chart& chart, const Points& points, std::string_view colour, bool line) {
  std::string path, dots;
  for (const Point& point : points) {
    const std::string place = fmt::format("{} {}", chart.x(point.state), chart.y(point.value));
    path += (path.empty() ? "M" : "L") + place;
    dots += "M" + place + "h0";
  }
  if (line) chart.add(path_svg(fmt::format("curve {}", colour), path));
  if (!dots.empty()) chart.add(path_svg(fmt::format("dot {}", colour), dots));
}

/// The points of the rounds that are accepted, or are not, where value() is there.
template <typename F>
Points points_of(const PruneHistory& history, bool accepted, F&& value) {
  Points points;
  for (std::size_t i = 0; i < history.rounds.size(); ++i) {
    const std::optional<double> at = value(history.rounds[i]);
    if (history.rounds[i].accepted == accepted && at) {
      points.push_back({static_cast<double>(i + 1), *at});
    }
  }
  return points;
}

Axis rounds_axis(const PruneHistory& history) {
  return Axis::linear(0, static_cast<double>(std::max<std::size_t>(1, history.rounds.size())));
}

Axis loss_axis(const std::vector<const Points*>& all) {
  double low = all.front()->front().value;
  double high = low;
  for (const Points* points : all) {
    for (const Point& point : *points) {
      low = std::min(low, point.value);
      high = std::max(high, point.value);
    }
  }
  const double room = high > low ? kRoom * (high - low) : std::max(1e-6, kRoom * std::abs(high));
  return Axis::linear(low - room, high + room);
}

std::string losses_html(const PruneHistory& history) {
  const auto loss = [](const PruneRound& round) { return round.loss; };
  Points pruned = points_of(history, true, loss);
  pruned.insert(pruned.begin(), {0, history.loss});
  const Points rejected = points_of(history, false, loss);
  Points unpruned = {{0, history.loss}};
  for (std::size_t i = 0; i < history.rounds.size(); ++i) {
    const std::optional<double>& value = history.rounds[i].unpruned_loss;
    if (value) unpruned.push_back({static_cast<double>(i + 1), *value});
  }
  Chart chart("Validation loss by round", rounds_axis(history),
              loss_axis({&pruned, &rejected, &unpruned}), 210);
  chart.set_x_title("round");
  add_points(chart, unpruned, kUnpruned, true);
  add_points(chart, pruned, kPruned, true);
  add_points(chart, rejected, kRejected, false);
  return figure_html("<b>Validation loss</b>" + key_html(kPruned, "pruned, accepted") +
                         key_html(kRejected, "rejected") +
                         key_html(kUnpruned, "not pruned, trained equally long"),
                     chart);
}

std::string shares_html(const PruneHistory& history) {
  const auto percent = [&](std::uint64_t zeros) {
    return 100 * static_cast<double>(zeros) / static_cast<double>(history.weights);
  };
  const auto share = [&](const PruneRound& round) { return std::optional(percent(round.zeros)); };
  Points accepted = points_of(history, true, share);
  accepted.insert(accepted.begin(), {0, percent(history.zeros_before)});
  Chart chart("Share of weights that are 0 by round", rounds_axis(history), Axis::linear(0, 100),
              210);
  chart.set_x_title("round");
  add_points(chart, accepted, kPruned, true);
  add_points(chart, points_of(history, false, share), kRejected, false);
  return figure_html("<b>Weights that are 0</b>, in percent" + key_html(kPruned, "accepted") +
                         key_html(kRejected, "rejected"),
                     chart);
}

std::string loss_cell(const std::optional<double>& loss) {
  return loss ? fmt::format("{:.6g}", *loss) : "not finite";
}

std::string table_html(const PruneHistory& history) {
  std::string rows = fmt::format(
      "<tr{}><td>0</td><td>0</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
      "<td class=\"name\">start</td></tr>\n",
      history.base() == 0 ? " class=\"best\"" : "", grouped(history.zeros_before),
      share_text(history.zeros_before, history.weights), loss_cell(history.loss),
      loss_cell(history.loss));
  for (std::size_t i = 0; i < history.rounds.size(); ++i) {
    const PruneRound& round = history.rounds[i];
    rows += fmt::format(
        "<tr{}><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td class=\"name\">{}</td></tr>\n",
        history.base() == i + 1 ? " class=\"best\"" : "", i + 1, grouped(round.removed),
        grouped(round.zeros), share_text(round.zeros, history.weights), loss_cell(round.loss),
        loss_cell(round.unpruned_loss), round.accepted ? "accepted" : "rejected");
  }
  return fmt::format(
      "<section>\n<h2>Rounds</h2>\n<p>Ended because {}.</p>\n<div class=\"scroll\"><table>\n<tr>"
      "<th>round</th><th>removed</th><th>zeros</th><th>share</th><th>loss</th>"
      "<th>loss, not pruned</th><th class=\"name\"></th></tr>\n{}</table></div>\n</section>\n",
      html_text(history.stopped), rows);
}

}  // namespace

std::string prune_history_html(const PruneHistory& history) {
  return page_html(history.input + " – wquant prune",
                   head_html(history) +
                       "<section>\n<h2>What it costs</h2>\n<div class=\"pair\">\n" +
                       losses_html(history) + shares_html(history) + "</div>\n</section>\n" +
                       table_html(history));
}

}  // namespace wquant
