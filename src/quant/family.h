#pragma once

#include <span>

#include "quant/distribution.h"
#include "quant/level_fit.h"
#include "quant/search.h"
#include "wquant/codebook.h"

namespace wquant {

/// One row of the table of codebook families. It has one of the two functions.
struct Family {
  FamilyInfo info;
  /// The mirrored partitions to search for a tensor; called only when it has two magnitudes or
  /// more.
  SearchSpace (*space)(const Distribution& distribution, const TensorSettings& settings) = nullptr;
  /// Finds levels and thresholds by itself; called only when there are weights.
  LevelFit (*fit)(const Distribution& distribution, const TensorSettings& settings) = nullptr;
};

SearchSpace linear_space(const Distribution& distribution, const TensorSettings& settings);
SearchSpace exp_space(const Distribution& distribution, const TensorSettings& settings);
SearchSpace binary_space(const Distribution& distribution, const TensorSettings& settings);
LevelFit fit_kmeans(const Distribution& distribution, const TensorSettings& settings);
LevelFit fit_ternary(const Distribution& distribution, const TensorSettings& settings);
LevelFit fit_pow2(const Distribution& distribution, const TensorSettings& settings);
LevelFit fit_fixed(const Distribution& distribution, const TensorSettings& settings);

/// The family of that name. Throws Error (usage) that lists the names.
const Family& find_family(std::string_view name);

/// Range of x0 that is worth searching: above max |w| every weight lies in the first interval,
/// and 2^-20 of it is below any useful step.
inline constexpr double kSmallestStep = 0x1p-20;

/// Boundary look-ups, of some 5 ns, that the search for a codebook may take.
struct SearchEffort {
  /// For every tensor. A model of few tensors can afford to prove more.
  double least = 1e6;

  /// The share of each of so many tensors.
  static SearchEffort for_tensors(std::size_t count);
  /// For a tensor of so many weights and a codebook of so many magnitude intervals: a small part of
  /// the time that reading it takes, or the least, but enough for a grid and a descent and no more
  /// than it could use.
  [[nodiscard]] double of(double weights, int intervals) const;
};

/// The best partition of a tensor of that distribution that is found with the effort.
SearchResult find_partition(const Distribution& distribution, const TensorSettings& settings,
                            SearchEffort effort);

/// The codebook of a partition.
Codebook codebook_of(const Distribution& distribution, const TensorSettings& settings,
                     const SearchResult& found);

/// How weights that are exactly 0 stay so.
enum class ZeroForm {
  kNone,   ///< They need not.
  kLevel,  ///< One of the levels is 0.
  kMask,   ///< One more level is 0; a bit mask says whose it is, see Codebook::masked_code.
};

/// The codebook of a tensor of that distribution. With a guess, its x0 and ratio are taken when
/// they lose no more than kGuessLoss of 1 - rho against the best that are found; a family that fits
/// its levels by itself takes none.
Codebook fit_codebook(const Distribution& distribution, const TensorSettings& settings,
                      SearchEffort effort, const Codebook* guess = nullptr);
/// The same in a given form. With ZeroForm::kMask it has one level more than 2^bits, up to 256,
/// which are filled up to a power of 2 by levels that no weight has.
Codebook fit_codebook(const Distribution& distribution, const TensorSettings& settings,
                      ZeroForm form, SearchEffort effort, const Codebook* guess = nullptr);

inline constexpr double kGuessLoss = 1e-3;

}  // namespace wquant
