#pragma once

#include <span>
#include <string>
#include <vector>

#include "quant/distribution.h"
#include "quant/objective.h"
#include "wquant/codebook.h"

namespace wquant::papers {

/// Random numbers of mean 0 and variance 1, the same in every run.
struct Sample {
  std::string name;  ///< Of the density.
  std::vector<float> weights;
  double sigma = 0;    ///< Of these numbers.
  double largest = 0;  ///< Magnitude.
};

Sample gaussian_sample(std::size_t count);
Sample laplace_sample(std::size_t count);

/// What "linear" and "exponential" can mean: settings as wquant::apply() reads them.
struct Reading {
  std::string name;
  std::string settings;
};

/// Their places in readings().
enum ReadingIndex : std::size_t {
  kLinearFull,
  kLinearClipped,
  kExpRange,
  kExpTwo,
  kExpSearched,
  kReadings
};
std::span<const Reading, kReadings> readings();

/// The best codebook of a reading.
Codebook best_codebook(const Sample& sample, const Reading& reading, Values values, int bits);

/// How many bits fewer than `linear` an exponential codebook of `bits` bits and correlation `rho`
/// takes: with log(1 - rho) drawn as straight lines between the numbers of bits of `linear`, whose
/// entry i is the correlation of i + 1 bits. Beyond its ends the nearest line goes on.
double saved_bits(double rho, int bits, std::span<const double> linear);

/// The curves rho(x0) of one sample and number of bits, for centroids.
class PartitionCurves {
 public:
  PartitionCurves(const Sample& sample, int bits);
  PartitionCurves(const PartitionCurves&) = delete;
  PartitionCurves& operator=(const PartitionCurves&) = delete;
  /// The correlation at x0: for kExpSearched, of the best of many ratios; the two of `linear` are
  /// one curve.
  double rho(ReadingIndex reading, double x0);

 private:
  Distribution distribution_;
  Objective objective_;
};

}  // namespace wquant::papers
