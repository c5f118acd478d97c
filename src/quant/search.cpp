#include "quant/search.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <vector>

#include "quant/partition.h"

namespace wquant {
namespace {

/// Bounds carry rounding errors of this size; what is closer counts as proven.
constexpr double kSlack = 1e-12;
/// x0 alone is searched exhaustively where that takes no more than so many times the effort.
constexpr double kSweepFactor = 5;
/// Most points of the grid that a descent starts from, and how far log x0 keeps them apart.
constexpr std::size_t kStarts = 12;
constexpr double kStartDistance = 0.15;
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
    if (space_.x_low >= space_.x_high) {
      try_point(space_.x_high, space_.r_low);
      return best_;
    }
    if (!two_dimensional() && can_sweep(kSweepFactor * effort_)) {
      sweep(space_.r_low);
      return best_;
    }
    seed_with_grid();
    const double reserve = 0.5 * effort_;
    for (std::size_t i = 0; i < starts_.size() && (i == 0 || effort_ > reserve); ++i) {
      descend(starts_[i]);
    }
    best_.gap = branch_and_bound();
    return best_;
  }

 private:
  struct Point {
    double x0, r, rho;
  };

  [[nodiscard]] bool two_dimensional() const { return space_.r_high > space_.r_low; }

  /// Where every magnitude is a bin of its own and there are few of them, all partitions of one
  /// ratio that differ can be tried with about `limit` look-ups.
  [[nodiscard]] bool can_sweep(double limit) const {
    const double k = objective_.intervals();
    const auto bins = static_cast<double>(objective_.distribution().bins());
    return objective_.distribution().exact() && !space_.ratio_of_x0 && bins * k * k <= limit;
  }

  /// Tries one x0 between each two at which some weight meets some boundary.
  void sweep(double r) {
    const Distribution& distribution = objective_.distribution();
    std::vector<double> meetings = {space_.x_high};
    for (std::size_t bin = 0; bin < distribution.bins(); ++bin) {
      for (int k = 1; k < objective_.intervals(); ++k) {
        const double x0 = double{distribution.lower(bin)} / width_sum(r, k);
        if (x0 >= space_.x_low && x0 < space_.x_high) meetings.push_back(x0);
      }
    }
    std::sort(meetings.begin(), meetings.end());
    try_point(space_.x_low, r);
    for (std::size_t i = 0; i + 1 < meetings.size(); ++i) {
      try_point(0.5 * (meetings[i] + meetings[i + 1]), r);
    }
    try_point(space_.x_high, r);
  }

  double try_point(double x0, double r) {
    if (space_.ratio_of_x0) r = space_.ratio_of_x0(x0);
    effort_ -= objective_.intervals();
    const Fit fit = objective_.evaluate(x0, r);
    if (best_.x0 == 0 || fit.rho > best_.fit.rho) best_ = {x0, r, fit, 0};
    return fit.rho;
  }

  /// Ratio of row j of the grid: denser near r = 1, where partitions of many intervals change most.
  [[nodiscard]] double row_ratio(int j) const {
    const double s = static_cast<double>(j) / std::max(rows_ - 1, 1);
    return space_.r_low + (space_.r_high - space_.r_low) * s * s * s;
  }

  /// As many rows and columns as half of the effort allows.
  void size_grid() {
    const double most = effort_ / (2.0 * objective_.intervals());
    columns_ = two_dimensional() ? kColumns : kColumnsAlone;
    rows_ = two_dimensional() ? kRows : 1;
    if (columns_ * rows_ <= most) return;
    if (two_dimensional()) rows_ = std::clamp(static_cast<int>(std::sqrt(most / 4)), 3, kRows);
    columns_ = std::clamp(static_cast<int>(most) / rows_, 12, columns_);
  }

  /// x0 of column i: evenly in the log of the sum of all widths, which is between the size of a
  /// small weight and twice that of the largest where a partition is any good.
  [[nodiscard]] double column_x0(int i, double r) const {
    const double t = static_cast<double>(i) / columns_;
    if (space_.ratio_of_x0) return space_.x_low * std::pow(space_.x_high / space_.x_low, t);
    const Distribution& weights = objective_.distribution();
    const double mean_size = weights.tail(0).sum / weights.count();
    const double low = 0.5 * std::min(mean_size, std::sqrt(weights.variance()));
    const double sum = low * std::pow(2 * weights.max_abs() / low, t);
    return std::clamp(sum / width_sum(r, objective_.intervals()), space_.x_low, space_.x_high);
  }

  void seed_with_grid() {
    size_grid();
    std::vector<Point> points;
    const bool sweep_rows = two_dimensional() && can_sweep(0.5 * effort_ / kRows);
    for (int j = 0; sweep_rows && j < rows_; ++j) sweep(row_ratio(j));
    if (sweep_rows) starts_.push_back({best_.x0, best_.r, best_.fit.rho});
    for (int j = 0; j < rows_; ++j) {
      const double r = row_ratio(j);
      for (int i = 0; i <= columns_; ++i) {
        const double x0 = column_x0(i, r);
        points.push_back({x0, r, try_point(x0, r)});
      }
    }
    std::stable_sort(points.begin(), points.end(),
                     [](const Point& a, const Point& b) { return a.rho > b.rho; });
    for (const Point& point : points) {
      const auto near = [&](const Point& other) {
        return std::fabs(std::log(other.x0 / point.x0)) < kStartDistance;
      };
      if (starts_.size() < kStarts && std::none_of(starts_.begin(), starts_.end(), near)) {
        starts_.push_back(point);
      }
    }
  }

  /// Compass search in (log x0, log of the sum of all widths), halving the steps: the best sums
  /// for neighbouring x0 are close to each other, the best ratios are not.
  void descend(Point at) {
    for (double step = 0.15; step > 1e-4;) {
      if (!move(at, step)) step /= 2;
      if (effort_ < 0) return;
    }
  }

  bool move(Point& at, double step) {
    static constexpr double kMoves[8][2] = {{1, 0},  {-1, 0}, {0, 1}, {0, -1},
                                            {-1, 1}, {1, -1}, {1, 1}, {-1, -1}};
    const int k = objective_.intervals();
    const double sum = at.x0 * width_sum(at.r, k);
    for (const auto& direction : kMoves) {
      if (!two_dimensional() && direction[1] != 0) continue;
      const double x0 =
          std::clamp(at.x0 * std::exp(direction[0] * step), space_.x_low, space_.x_high);
      double r = at.r;
      if (two_dimensional()) {
        const double target = sum * std::exp(direction[1] * step) / x0;
        r = std::clamp(ratio_for_width_sum(target, k, at.r), space_.r_low, space_.r_high);
      }
      const double rho = try_point(x0, r);
      if (rho > at.rho) {
        at = {x0, r, rho};
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
      if (box.bound <= best_.fit.rho + tolerance()) break;
      boxes.pop();
      split(box, boxes);
    }
    const double bound = boxes.empty() ? best_.fit.rho : boxes.top().bound;
    return std::max(0.0, bound + kSlack - best_.fit.rho);
  }

  /// What is not worth proving: a thousandth of the loss.
  [[nodiscard]] double tolerance() const { return 1e-3 * (1 - best_.fit.rho); }

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
  SearchResult best_;
  std::vector<Point> starts_;
};

}  // namespace

SearchResult search(Objective& objective, const SearchSpace& space, double effort) {
  return Search(objective, space, effort).run();
}

}  // namespace wquant
