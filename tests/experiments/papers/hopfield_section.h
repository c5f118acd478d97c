#pragma once

#include <string>
#include <vector>

#include "section.h"

namespace wquant::papers {

struct HopfieldSize {
  int neurons = 1000;
  int patterns = 121;  ///< Odd, see hebb().
  int networks = 5;    ///< That figures are the mean of.
};

/// What a codebook makes of the connections. Shares are between 0 and 1.
struct HopfieldRow {
  std::string name;
  int bits = 0;               ///< 32: the connections themselves.
  double rho = 1;             ///< Of all connections.
  double changed = 0;         ///< Local fields of random states whose sign is another.
  double changed_stored = 0;  ///< Those of the stored patterns.
  double wrong = 0;           ///< Neurons after retrieval.
};

/// Quantizes networks by every reading of 1 to 6 bits, the connections themselves first.
std::vector<HopfieldRow> measure_hopfield(const HopfieldSize& size);

/// The chance arccos(rho) / pi that a local field changes its sign.
double expected_changes(double rho);

/// Experiment 2: a Hopfield network of binary neurons.
Section hopfield_section(const HopfieldSize& size);

}  // namespace wquant::papers
