#pragma once

#include <map>
#include <string>
#include <string_view>

namespace wquant::papers {

/// What an experiment found: facts (tables and numbers) by the names that its text has for them,
/// and charts by their file names.
struct Section {
  std::map<std::string, std::string> facts;
  std::map<std::string, std::string> charts;
};

/// The text with every {{name}} replaced by the fact of that name. Throws Error for a name without
/// a fact and for a fact that the text leaves out.
std::string fill(std::string_view text, const Section& section);

}  // namespace wquant::papers
