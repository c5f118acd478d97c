#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "wquant/compare.h"

namespace wquant {

/// Settings that differ in their bits or size only, by ascending size of the file.
struct Series {
  std::string name;
  std::vector<const ComparedSetting*> settings;
};

/// In the order in which they first occur.
std::vector<Series> series_of(const std::vector<const ComparedSetting*>& settings);

/// The class of the colour of a series.
std::string series_class(std::size_t number);

/// "3 bits": what tells a setting from the others of its series.
std::string short_text(const ComparedSetting& setting);

/// Bits of the file for each weight of the model.
double bits_a_weight(const ComparedSetting& setting, const Comparison& comparison);

}  // namespace wquant
