#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace wquant {

/// Neighbouring weights that share a level, whatever it is.
struct Cell {
  double value;  ///< Their mean.
  double count;
};

/// Ends of intervals of cells: the first one begins at cell 0, the last end is the number of cells.
using Cuts = std::vector<std::size_t>;

/// Cuts cells into intervals, each with its centroid as level, such that they keep the most energy:
/// sum (S - c C)^2 / C over intervals of C weights of sum S, for a centre c. That is also the least
/// squared error. The energy is a Monge function, so the best last cut never moves back as the end
/// moves on; a queue of candidates (Galil and Park 1992) finds the optimum of energy -
/// lambda * size in O(cells log cells).
class LevelProgramme {
 public:
  /// The cells ascend by value.
  LevelProgramme(std::span<const Cell> cells, double centre);

  [[nodiscard]] std::size_t cells() const { return sums_.size() - 1; }

  /// What the best partition for one lambda reaches.
  struct Optimum {
    double value = 0;      ///< Energy - lambda * size.
    std::size_t size = 0;  ///< Number of intervals.
  };
  Optimum maximum(double lambda);

  /// The partition that the last maximum() found.
  [[nodiscard]] Cuts cuts() const;

  /// Energy of every cell with a level of its own.
  [[nodiscard]] double whole_energy() const;

 private:
  /// Of the cells before one.
  struct Sums {
    double count = 0, sum = 0;
  };
  /// A cut that is the best last one for every end at or after `from`, up to the next entry.
  struct Candidate {
    std::size_t last_cut, from;
  };
  /// Of the best partition that ends at a cell.
  struct Step {
    double value = 0;
    std::size_t size = 0, last_cut = 0;
  };

  [[nodiscard]] double energy(std::size_t i, std::size_t j) const {
    const double count = sums_[j].count - sums_[i].count;
    const double sum = sums_[j].sum - sums_[i].sum;
    return count > 0 ? sum * sum / count : 0;
  }
  [[nodiscard]] double reach(std::size_t i, std::size_t j) const {
    return steps_[i].value + energy(i, j);
  }
  void push(std::size_t j, std::size_t head);

  std::vector<Sums> sums_;
  std::vector<Step> steps_;
  std::vector<Candidate> queue_;
};

/// The best partition into a number of intervals.
struct BestCuts {
  Cuts cuts;
  double lambda = 0;  ///< The multiplier at which it was found.
  double bound = 0;   ///< No partition of so many intervals keeps more energy.
};

/// Finds it by Lagrange's method: the energy is concave in the number of intervals, so that some
/// lambda leads to it. Where that lambda leads to fewer and to more at once, both are spliced
/// (Aggarwal, Schieber and Tokuyama 1994). Given fewer steps than it needs, the bound still holds.
/// There must be more cells than intervals.
BestCuts best_cuts(LevelProgramme& programme, std::size_t intervals, int most_steps);

}  // namespace wquant
