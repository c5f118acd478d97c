#include "quant/search.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <span>
#include <utility>
#include <vector>

#include "quant/magnitude_sort.h"
#include "quant/partition.h"
#include "quant/sweep.h"

namespace wquant {
namespace {

/// Bounds carry rounding errors of this size; what is closer counts as proven.
constexpr double kSlack = 1e-12;
/// x0 alone is searched exhaustively where that takes no more than so many times the effort.
constexpr double kSweepFactor = 5;
/// Most points of the grid that a descent starts from, and the factor of x0 that lies between them.
constexpr std::size_t kStarts = 12;
constexpr double kStartDistance = 1.16;
/// Steps of a descent in log x0, and how many weights a coarse one should pass, with boundaries in
/// their exact places and near them.
constexpr double kCoarsest = 0.15, kFinest = 1e-4, kFewWeights = 4, kNearWeights = 32;
/// Candidates from which on every descent takes fine steps.
constexpr double kAmple = 1000;
/// Factor around the best x0 within which all are tried in the end.
constexpr double kPolish = 1.005;
/// Ratios and steps of the grid.
constexpr int kRows = 12, kColumns = 48, kColumnsAlone = 192;

struct Box {
  double x_low, x_high, r_low, r_high, bound;
};

bool operator<(const Box& a, const Box& b) { return a.bound < b.bound; }

class Search {
 public:
  Search(Objective& objective, const SearchSpace& space, double effort)
      : objective_(objective), space_(space), effort_(effort) {}

  SearchResult run() {
    explore();
    best_.fit = objective_.evaluate(best_.x0, best_.r);
    return best_;
  }

 private:
  struct Point {
    double x0, r, rho;
  };

  void explore() {
    if (space_.x_low >= space_.x_high) {
      try_point(space_.x_high, space_.r_low);
    } else if (!two_dimensional() && can_sweep(kSweepFactor * effort_)) {
      sweep(space_.r_low, space_.x_low, space_.x_high);
    } else {
      seed_with_grid();
      descend_from_best();
      polish();
      best_.gap = branch_and_bound();
    }
  }

  [[nodiscard]] bool two_dimensional() const { return space_.r_high > space_.r_low; }

  /// Where every magnitude is a bin of its own and there are few of them, all partitions of one
  /// ratio that differ can be tried with about `limit` look-ups.
  [[nodiscard]] bool can_sweep(double limit) const {
    const double k = objective_.intervals();
    const auto bins = static_cast<double>(objective_.distribution().bins());
    return sweeps() && bins * k * k <= limit;
  }

  /// Whether x0 can be swept at one ratio.
  [[nodiscard]] bool sweeps() const {
    return objective_.distribution().exact() && !space_.ratio_of_x0;
  }

  /// Tries all x0 of the ratio: one between each two at which some weight meets some boundary.
  void sweep(double r, double low, double high) {
    const std::vector<MagnitudeCount> magnitudes = met_magnitudes(r, low, high);
    if (!objective_.centroids()) return try_between(magnitudes, r, low, high);
    Sweep all(objective_.distribution(), magnitudes, objective_.intervals(), r);
    all.run(low, high);
    effort_ -= static_cast<double>(magnitudes.size());
    if (all.best_x0() > 0) try_point(all.best_x0(), r);
  }

  void try_between(std::span<const MagnitudeCount> magnitudes, double r, double low, double high) {
    std::vector<double> meetings = {low, high};
    for (const MagnitudeCount& weights : magnitudes) {
      for (int k = 1; k < objective_.intervals(); ++k) {
        const double x0 = double{weights.magnitude} / width_sum(r, k);
        if (x0 > low && x0 < high) meetings.push_back(x0);
      }
    }
    std::sort(meetings.begin(), meetings.end());
    for (std::size_t i = 0; i + 1 < meetings.size(); ++i) {
      try_point(0.5 * (meetings[i] + meetings[i + 1]), r);
    }
    try_point(high, r);
  }

  /// What a boundary can meet while x0 rises, and the neighbours.
  [[nodiscard]] std::vector<MagnitudeCount> met_magnitudes(double r, double low,
                                                           double high) const {
    const Distribution& distribution = objective_.distribution();
    std::vector<double> widths(static_cast<std::size_t>(objective_.intervals()) - 1);
    place_boundaries(1, r, widths);
    std::vector<MagnitudeCount> magnitudes;
    std::size_t done = 0;
    for (const double width : widths) {
      const std::size_t end = std::min(distribution.place(high * width) + 1, distribution.bins());
      const std::size_t begin = distribution.place(low * width);
      for (std::size_t bin = std::max(done, begin == 0 ? 0 : begin - 1); bin < end; ++bin) {
        const Tail& here = distribution.tail(bin);
        const Tail& above = distribution.tail(bin + 1);
        magnitudes.push_back({distribution.lower(bin),
                              static_cast<std::uint32_t>(here.count - above.count),
                              static_cast<std::uint32_t>(here.negative - above.negative)});
      }
      done = std::max(done, end);
    }
    return magnitudes;
  }

  /// All x0 close to the best one.
  void polish() {
    if (!sweeps() || !objective_.centroids()) return;
    sweep(best_.r, std::max(best_.x0 / kPolish, space_.x_low),
          std::min(best_.x0 * kPolish, space_.x_high));
  }

  double try_point(double x0, double r) {
    if (space_.ratio_of_x0) r = space_.ratio_of_x0(x0);
    effort_ -= objective_.intervals();
    const double rho = near_ ? objective_.rho_near(x0, r) : objective_.rho(x0, r);
    if (best_.x0 == 0 || rho > best_rho_) {
      best_.x0 = x0;
      best_.r = r;
      best_rho_ = rho;
    }
    return rho;
  }

  /// Ratio of row j of the grid: denser near r = 1, where partitions of many intervals change most.
  [[nodiscard]] double row_ratio(int j) const {
    const double s = static_cast<double>(j) / std::max(rows_ - 1, 1);
    return space_.r_low + (space_.r_high - space_.r_low) * s * s * s;
  }

  /// As many rows and columns as a third of the effort allows.
  void size_grid() {
    const double most = effort_ / (3.0 * objective_.intervals());
    columns_ = two_dimensional() ? kColumns : kColumnsAlone;
    rows_ = two_dimensional() ? kRows : 1;
    if (columns_ * rows_ <= most) return;
    if (two_dimensional()) rows_ = std::clamp(static_cast<int>(std::sqrt(most / 2)), 3, kRows);
    columns_ = std::clamp(static_cast<int>(most) / rows_, 12, columns_);
  }

  /// Tries x0 evenly in the log of the sum of all widths, which is between the size of a small
  /// weight and twice that of the largest where a partition is any good.
  void try_row(double r) {
    const Distribution& weights = objective_.distribution();
    const double mean_size = weights.tail(0).sum / weights.count();
    double low = 0.5 * std::min(mean_size, std::sqrt(weights.variance()));
    double high = 2 * weights.max_abs();
    double widths = width_sum(r, objective_.intervals());
    if (space_.ratio_of_x0) {
      low = space_.x_low;
      high = space_.x_high;
      widths = 1;
    }
    const double growth = std::pow(high / low, 1.0 / columns_);
    double x0 = low / widths;
    for (int i = 0; i <= columns_; ++i, x0 *= growth) {
      const double inside = std::clamp(x0, space_.x_low, space_.x_high);
      points_.push_back({inside, r, try_point(inside, r)});
    }
  }

  void seed_with_grid() {
    near_ = coarse();
    size_grid();
    const bool sweep_rows = two_dimensional() && can_sweep(0.5 * effort_ / kRows);
    for (int j = 0; sweep_rows && j < rows_; ++j) sweep(row_ratio(j), space_.x_low, space_.x_high);
    if (sweep_rows) points_.push_back({best_.x0, best_.r, best_rho_});
    for (int j = 0; j < rows_; ++j) try_row(row_ratio(j));
  }

  /// Whether the effort is small, and all x0 close to the best one will be tried.
  [[nodiscard]] bool coarse() const {
    return sweeps() && objective_.centroids() && effort_ < kAmple * objective_.intervals();
  }

  /// From some of the best points, no two of them close to each other. With a small effort, only
  /// the best of all takes the fine steps, which pass from one weight to the next, and gets
  /// boundaries in their exact places.
  void descend_from_best() {
    const double reserve = 0.5 * effort_;
    const bool finish_one = coarse();
    const double passed = near_ ? kNearWeights : kFewWeights;
    const double finest =
        finish_one ? std::max(kFinest, passed / objective_.distribution().count()) : kFinest;
    std::size_t starts = 0;
    while (starts++ < kStarts && !points_.empty() && (starts == 1 || effort_ > reserve)) {
      const Point start =
          *std::max_element(points_.begin(), points_.end(),
                            [](const Point& a, const Point& b) { return a.rho < b.rho; });
      std::erase_if(points_, [&](const Point& point) {
        return point.x0 < start.x0 * kStartDistance && start.x0 < point.x0 * kStartDistance;
      });
      descend(start, kCoarsest, finest);
    }
    if (!finish_one) return;
    if (std::exchange(near_, false)) best_rho_ = objective_.rho(best_.x0, best_.r);
    descend({best_.x0, best_.r, best_rho_}, finest, kFinest);
  }

  /// Compass search in (log x0, log of the sum of all widths), halving the steps: the best sums
  /// for neighbouring x0 are close to each other, the best ratios are not.
  void descend(Point at, double step, double finest) {
    while (step > finest && effort_ >= 0) {
      if (!move(at, step)) step /= 2;
    }
  }

  bool move(Point& at, double step) {
    static constexpr int kMoves[8][2] = {{1, 0},  {-1, 0}, {0, 1}, {0, -1},
                                         {-1, 1}, {1, -1}, {1, 1}, {-1, -1}};
    const double x = std::exp(step);
    const double x_factors[3] = {1 / x, 1, x};
    // The factors of r that change the sum of all widths, in units of x0, by one or two steps.
    const double r =
        two_dimensional() ? std::exp(step * ratio_of_growth(at.r, objective_.intervals())) : 1;
    const double r_factors[5] = {1 / (r * r), 1 / r, 1, r, r * r};
    for (const auto& [along_x, along_sum] : kMoves) {
      if (!two_dimensional() && along_sum != 0) continue;
      const Point next = {
          std::clamp(at.x0 * x_factors[along_x + 1], space_.x_low, space_.x_high),
          std::clamp(at.r * r_factors[along_sum - along_x + 2], space_.r_low, space_.r_high), 0};
      const double rho = try_point(next.x0, next.r);
      if (rho > at.rho) {
        at = {next.x0, next.r, rho};
        return true;
      }
    }
    return false;
  }

  Box with_bound(double x_low, double x_high, double r_low, double r_high) {
    effort_ -= 4.0 * objective_.intervals();
    Box box = {x_low, x_high, r_low, r_high, 0};
    if (space_.ratio_of_x0) {
      const double at_low = space_.ratio_of_x0(x_low);
      const double at_high = space_.ratio_of_x0(x_high);
      box.bound = objective_.upper_bound(x_low, at_low, x_high, at_high, at_high, at_low);
    } else {
      box.bound = objective_.upper_bound(x_low, r_low, x_high, r_high, r_low, r_high);
    }
    return box;
  }

  double branch_and_bound() {
    std::priority_queue<Box> boxes;
    boxes.push(with_bound(space_.x_low, space_.x_high, space_.r_low, space_.r_high));
    while (!boxes.empty() && effort_ > 0) {
      const Box box = boxes.top();
      if (box.bound <= best_rho_ + tolerance()) break;
      boxes.pop();
      split(box, boxes);
    }
    const double bound = boxes.empty() ? best_rho_ : boxes.top().bound;
    return std::max(0.0, bound + kSlack - best_rho_);
  }

  /// What is not worth proving: a thousandth of the loss.
  [[nodiscard]] double tolerance() const { return 1e-3 * (1 - best_rho_); }

  void split(const Box& box, std::priority_queue<Box>& boxes) {
    const double x_middle = std::sqrt(box.x_low * box.x_high);
    const double r_middle = 1 + (box.r_low > 1 ? std::sqrt((box.r_low - 1) * (box.r_high - 1))
                                               : 0.5 * (box.r_high - 1));
    try_point(x_middle, r_middle);
    const int last = objective_.intervals();
    const double x_width = std::log(box.x_high / box.x_low);
    const double r_width =
        two_dimensional() ? std::log(width_sum(box.r_high, last) / width_sum(box.r_low, last)) : 0;
    if (x_width >= r_width) {
      boxes.push(with_bound(box.x_low, x_middle, box.r_low, box.r_high));
      boxes.push(with_bound(x_middle, box.x_high, box.r_low, box.r_high));
    } else {
      boxes.push(with_bound(box.x_low, box.x_high, box.r_low, r_middle));
      boxes.push(with_bound(box.x_low, box.x_high, r_middle, box.r_high));
    }
  }

  Objective& objective_;
  const SearchSpace& space_;
  double effort_;
  int rows_ = 1, columns_ = 1;
  bool near_ = false;  // Boundaries need not be placed exactly yet.
  SearchResult best_;
  double best_rho_ = 0;
  std::vector<Point> points_;  // Of the grid, that a descent can start from.
};

}  // namespace

SearchResult search(Objective& objective, const SearchSpace& space, double effort) {
  return Search(objective, space, effort).run();
}

}  // namespace wquant
