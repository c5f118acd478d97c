#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "hopfield.h"
#include "hopfield_section.h"
#include "partitions.h"
#include "section.h"
#include "wquant/error.h"

namespace wquant::papers {
namespace {

/// Largest correlations of the densities with centroids, for 2 to 6 bits, from integrals.
struct Known {
  Sample (*sample)(std::size_t);
  ReadingIndex reading;
  Values values;
  std::array<double, 5> rho;
};
constexpr Known kKnown[] = {
    {gaussian_sample, kLinearClipped, Values::kMidpoint, {.93870, .98110, .99421, .99825, .99948}},
    {gaussian_sample, kLinearClipped, Values::kCentroid, {.93942, .98193, .99459, .99838, .99952}},
    {gaussian_sample, kExpSearched, Values::kCentroid, {.93942, .98253, .99514, .99867, .99964}},
    {laplace_sample, kLinearClipped, Values::kMidpoint, {.89649, .96346, .98724, .99563, .99854}},
    {laplace_sample, kLinearClipped, Values::kCentroid, {.90764, .96821, .98894, .99620, .99872}},
    {laplace_sample, kExpSearched, Values::kCentroid, {.90764, .97231, .99211, .99782, .99940}},
};

TEST(Partitions, ReachTheOptimaOfTheDensities) {
  constexpr std::size_t kCount = 1 << 20;
  for (const Known& known : kKnown) {
    const Sample sample = known.sample(kCount);
    for (int bits = 2; bits <= 6; ++bits) {
      const double loss = 1 - known.rho[static_cast<std::size_t>(bits - 2)];
      const double rho = best_codebook(sample, readings()[known.reading], known.values, bits).rho;
      EXPECT_NEAR(1 - rho, loss, 0.02 * loss + 5e-6) << sample.name << " " << bits << " bits";
    }
  }
}

TEST(Partitions, AreAsHighAsTheirCurves) {
  const Sample sample = laplace_sample(10'000);
  for (const int bits : {2, 4, 6}) {
    PartitionCurves curves(sample, bits);
    for (const ReadingIndex reading : {kLinearClipped, kExpRange, kExpTwo, kExpSearched}) {
      const Codebook best = best_codebook(sample, readings()[reading], Values::kCentroid, bits);
      EXPECT_GE(best.rho + best.gap + 1e-12, curves.rho(reading, best.x0));
      EXPECT_GE(best.rho + best.gap + 1e-12, curves.rho(reading, 0.7 * best.x0));
      EXPECT_GE(best.rho + best.gap + 1e-12, curves.rho(reading, 1.4 * best.x0));
    }
  }
}

TEST(SavedBits, CountsHowFarLinearIsBehind) {
  // A bit more divides the loss by 4: 0.2, 0.05, 0.0125, 0.003125.
  const std::array linear = {.8, .95, .9875, .996875};
  EXPECT_NEAR(saved_bits(.95, 2, linear), 0, 1e-9);
  EXPECT_NEAR(saved_bits(.9875, 2, linear), 1, 1e-9);
  EXPECT_NEAR(saved_bits(.975, 2, linear), 0.5, 1e-9);
  EXPECT_NEAR(saved_bits(.8, 3, linear), -2, 1e-9);
  EXPECT_NEAR(saved_bits(1 - .003125 / 4, 4, linear), 1, 1e-9);
}

TEST(Hopfield, HebbsRuleCountsWhatNeuronsHaveInCommon) {
  States patterns(3, 1);
  patterns << 1, -1, -1;
  const Connections connections = hebb(patterns);
  EXPECT_EQ(upper_triangle(connections), (std::vector<float>{-1, -1, 1}));
  EXPECT_EQ(from_triangle(upper_triangle(connections), 3), connections);
}

TEST(Hopfield, FindsAStoredPatternAgain) {
  sample::Random random(5);
  const States patterns = random_states(100, 3, random);
  const Connections connections = hebb(patterns);
  EXPECT_EQ(retrieval_error(connections, disturbed(patterns, 0.1F, random), patterns), 0);
  EXPECT_EQ(sign_changes(connections, connections, patterns), 0);
  EXPECT_EQ(sign_changes(connections, -connections, patterns), 1);
}

TEST(Hopfield, SignsChangeAsOftenAsTheCorrelationSays) {
  for (const HopfieldRow& row : measure_hopfield({200, 21, 2})) {
    if (row.rho > 0.995) continue;  // Fields are whole numbers: no small change turns one.
    EXPECT_NEAR(row.changed, expected_changes(row.rho), 0.004) << row.name << row.bits;
    EXPECT_LT(row.changed_stored, row.changed / 5);
  }
}

TEST(Fill, PutsFactsInTheirPlaces) {
  const Section section{{{"a", "1"}, {"b", "2"}}, {}};
  EXPECT_EQ(fill("{{a}} and {{b}}, {{a}}.", section), "1 and 2, 1.");
  EXPECT_THROW(fill("{{a}}", section), Error);
  EXPECT_THROW(fill("{{a}} {{b}} {{c}}", section), Error);
  EXPECT_THROW(fill("{{a}} {{b", section), Error);
}

}  // namespace
}  // namespace wquant::papers
