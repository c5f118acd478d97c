#include "quant/exact_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "quant/objective.h"
#include "quant/partition.h"
#include "quant/sweep.h"

namespace wquant {
namespace {

/// Bounds carry rounding errors of this size; what is closer counts as proven.
constexpr double kSlack = 1e-12;
/// Stretches whose ends differ by a smaller share are not split: a bin is about as wide.
constexpr double kNarrow = 0x1p-11;
/// Where more than this share of the weights would be gathered, parts are counted first.
constexpr double kGatherShare = 1.0 / 32;
/// Unless they meet boundaries so seldom that the sweep costs less: a meeting takes as long as
/// counting some weights, and the bounds of a stretch as long as some meetings of each interval.
constexpr double kMeetingWeights = 8, kBoundMeetings = 4;
/// Meetings that always and never are seldom.
constexpr double kFewestMeetings = 1 << 15, kMostMeetings = 1 << 19;
/// Parts that bins are cut into, as powers of two: in all, and at first. With many bits, whose
/// intervals are few bins wide, there are more of these, and fewer of each of the many later.
constexpr int kPartBits = 8, kFirstPartBits = 4, kFirstPartBitsOfMany = 5;
constexpr int kManyBits = 7;
/// Bins this fine are not refined: the tables grow.
constexpr int kFinestShift = kKeyShift - kPartBits;
/// Most weights that are gathered.
constexpr double kMostGathered = 1 << 24;
/// Boundaries are rounded; windows are wider by this share.
constexpr double kPad = 1e-12;

/// Bins that a boundary lies in.
struct BinRange {
  std::size_t begin, end;
};

BinRange bins_between(const Distribution& distribution, double low, double high) {
  const std::size_t begin = distribution.floor(low * (1 - kPad));
  return {begin, std::max(begin, distribution.ceil(high * (1 + kPad)))};
}

double count_of(const Distribution& distribution, std::size_t bin) {
  return distribution.tail(bin).count - distribution.tail(bin + 1).count;
}

/// Of a distribution that has a bin for each.
std::vector<MagnitudeCount> magnitudes_of(const Distribution& distribution) {
  std::vector<MagnitudeCount> magnitudes;
  magnitudes.reserve(distribution.bins());
  for (std::size_t bin = 0; bin < distribution.bins(); ++bin) {
    const double negative = distribution.tail(bin).negative - distribution.tail(bin + 1).negative;
    magnitudes.push_back({distribution.lower(bin),
                          static_cast<std::uint32_t>(count_of(distribution, bin)),
                          static_cast<std::uint32_t>(negative)});
  }
  return magnitudes;
}

/// Cuts the bins where boundaries of the partition lie.
void cut_at(const SearchResult& partition, int intervals, const Sweep& sweep,
            Distribution& distribution) {
  std::vector<double> b(static_cast<std::size_t>(intervals) - 1);
  place_boundaries(partition.x0, partition.r, b);
  std::vector<float> thresholds;
  std::vector<Tail> above;
  for (const double boundary : b) {
    thresholds.push_back(float_ceil(boundary));
    above.push_back(sweep.tail_at(thresholds.back()));
  }
  distribution.cut(thresholds, above);
}

}  // namespace

ExactSearch::ExactSearch(const Distribution& distribution, const TensorSettings& settings,
                         SearchEffort effort)
    : settings_(settings), found_(find_partition(distribution, settings, effort)), best_(found_) {
  if (settings.bits == 1 || distribution.one_magnitude() || distribution.variance() <= 0) return;
  const SearchSpace space = find_family(settings.mode).space(distribution, settings);
  one_ratio_ = space.r_low == space.r_high;
  Objective objective(distribution, settings.bits, settings.values);
  look(objective, space.x_low, space.x_high, 1 + kNarrow);
  if (distribution.exact()) return;
  choose(distribution);
}

/// Keeps the narrow stretches whose bound exceeds what was found.
void ExactSearch::look(Objective& objective, double low, double high, double narrow) {
  const double r = found_.r;
  const double bound = objective.upper_bound(low, r, high, r, r, r);
  if (bound <= found_.fit.rho + kSlack) return leave_out(bound);
  if (high <= low * narrow) {
    stretches_.push_back({low, high, bound});
    return;
  }
  const double middle = std::sqrt(low * high);
  look(objective, low, middle, narrow);
  look(objective, middle, high, narrow);
}

void ExactSearch::leave_out(double bound) { bound_ = std::max(bound_, bound); }

/// Marks the keys of the stretches: of the most promising ones, as far as memory allows, where bins
/// cannot be refined any more. The others are left out then.
void ExactSearch::choose(const Distribution& distribution) {
  const bool finest = shift_ <= kFinestShift;
  const double most = finest ? kMostGathered : distribution.count();
  marks_ = MagnitudeMarks(shift_);
  wanted_ = meetings_ = 0;
  std::stable_sort(stretches_.begin(), stretches_.end(),
                   [](const Stretch& a, const Stretch& b) { return a.bound > b.bound; });
  std::vector<Stretch> chosen;
  for (const Stretch& stretch : stretches_) {
    if (mark(distribution, stretch, most)) {
      chosen.push_back(stretch);
    } else {
      leave_out(stretch.bound);
    }
  }
  stretches_ = std::move(chosen);
  std::sort(stretches_.begin(), stretches_.end(),
            [](const Stretch& a, const Stretch& b) { return a.low < b.low; });
  if (stretches_.empty()) marks_ = {};
  const double bounds = static_cast<double>(stretches_.size() << (settings_.bits - 1));
  const double few =
      std::clamp(std::max(distribution.count() / kMeetingWeights, kBoundMeetings * bounds),
                 kFewestMeetings, kMostMeetings);
  needs_parts_ = !finest &&
                 wanted_ > std::min(kMostGathered, kGatherShare * distribution.count()) &&
                 (wanted_ > kMostGathered || meetings_ > few);
  if (needs_weights() && !needs_parts_) filter_ = KeyFilter(marks_, distribution);
}

/// Marks the keys that boundaries can lie in. Returns false where these are too many weights, or
/// some of the key of zero, whose weights have no sign.
bool ExactSearch::mark(const Distribution& distribution, const Stretch& stretch, double most) {
  std::vector<double> widths((std::size_t{1} << (settings_.bits - 1)) - 1);
  place_boundaries(1, found_.r, widths);
  std::vector<std::size_t> keys;
  double more = 0;
  double meetings = 0;
  for (const double width : widths) {
    const BinRange bins = bins_between(distribution, stretch.low * width, stretch.high * width);
    for (std::size_t bin = bins.begin; bin < bins.end; ++bin) {
      const std::size_t key = marks_.key(distribution.lower(bin));
      if (key == 0) return false;
      // As though the bin's weights lay evenly.
      const double reach = (stretch.high - stretch.low) * width;
      const double size = double{distribution.upper(bin)} - double{distribution.lower(bin)};
      meetings += count_of(distribution, bin) * std::min(1.0, reach / size);
      if (marks_[key] || (!keys.empty() && keys.back() >= key)) continue;
      keys.push_back(key);
      more += count_of(distribution, bin);
    }
  }
  if (wanted_ + more > most) return false;
  wanted_ += more;
  meetings_ += meetings;
  for (const std::size_t key : keys) marks_.set(key);
  return true;
}

void ExactSearch::gather(WeightView weights, std::vector<float>& out) const {
  filter_.pass(weights, [&](WeightView passed) {
    for (std::size_t i = 0; i < passed.size; ++i) {
      const float w = passed.data[i];
      if (marks_[marks_.key(w)]) out.push_back(w);
    }
  });
}

PartTable ExactSearch::part_table(const Distribution& distribution) const {
  return {fine_ ? *fine_ : distribution, marks_, part_bits()};
}

int ExactSearch::part_bits() const {
  const int first = settings_.bits >= kManyBits ? kFirstPartBitsOfMany : kFirstPartBits;
  return fine_ ? kPartBits - first : first;
}

void ExactSearch::refine(PartTable& parts, const Distribution& distribution) {
  shift_ -= part_bits();
  if (!fine_) fine_ = distribution;
  fine_ = parts.refine(std::move(*fine_));
  const double narrow = 1 + std::ldexp(kNarrow, shift_ - kKeyShift);
  Objective objective(*fine_, settings_.bits, settings_.values);
  for (const Stretch& stretch : std::exchange(stretches_, {})) {
    look(objective, stretch.low, stretch.high, narrow);
  }
  choose(*fine_);
}

Codebook ExactSearch::likely(const Distribution& distribution) const {
  return codebook_of(distribution, settings_, found_);
}

Codebook ExactSearch::finish(std::span<const float> gathered, Distribution& distribution) {
  if (!stretches_.empty()) {
    sweep(distribution.exact() ? magnitudes_of(distribution) : count_magnitudes(gathered),
          distribution);
  }
  Codebook book = codebook_of(distribution, settings_, best_);
  book.gap = std::min(gap(book.rho), 1 - book.rho);
  return book;
}

void ExactSearch::sweep(std::span<const MagnitudeCount> magnitudes, Distribution& distribution) {
  const int intervals = 1 << (settings_.bits - 1);
  Sweep sweep(fine_ ? *fine_ : distribution, magnitudes, intervals, found_.r);
  for (std::size_t i = 0, end = 0; i < stretches_.size(); i = end) {  // Those that touch are one.
    end = i + 1;
    while (end < stretches_.size() && stretches_[end].low == stretches_[end - 1].high) ++end;
    sweep.run(stretches_[i].low, stretches_[end - 1].high);
  }
  leave_out(sweep.best_rho());
  SearchResult swept = {sweep.best_x0(), found_.r, {}, 0};
  Distribution cut = distribution;
  if (!cut.exact()) cut_at(swept, intervals, sweep, cut);
  swept.fit = Objective(cut, settings_.bits, settings_.values).evaluate(swept.x0, swept.r);
  if (swept.fit.rho <= found_.fit.rho) return;
  best_ = swept;
  distribution = std::move(cut);
}

/// What was proven of the space, less what was gained; at one ratio also the bounds of all x0.
double ExactSearch::gap(double rho) const {
  const double left = std::max(0.0, found_.gap + found_.fit.rho - rho);
  if (!one_ratio_) return left;
  return std::min(left, std::max(0.0, bound_ + kSlack - rho));
}

Codebook fit_exactly(WeightView weights, const TensorSettings& settings, SearchEffort effort,
                     Distribution& distribution) {
  ExactSearch search(distribution, settings, effort);
  while (search.needs_parts()) {
    PartTable parts = search.part_table(distribution);
    for (std::size_t first = 0; first < weights.size; first += kBlock) {
      parts.add(weights.part(first, std::min<std::size_t>(kBlock, weights.size - first)));
    }
    search.refine(parts, distribution);
  }
  std::vector<float> gathered;
  if (search.needs_weights()) search.gather(weights, gathered);
  return search.finish(gathered, distribution);
}

}  // namespace wquant
