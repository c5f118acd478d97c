#include "section.h"

#include <set>

#include "wquant/error.h"

namespace wquant::papers {

std::string fill(std::string_view text, const Section& section) {
  std::string filled;
  std::set<std::string> used;
  std::size_t at = 0;
  for (std::size_t open = 0; (open = text.find("{{", at)) != text.npos;) {
    const std::size_t close = text.find("}}", open);
    if (close == text.npos) throw Error("{{ without }}");
    const std::string name(text.substr(open + 2, close - open - 2));
    const auto fact = section.facts.find(name);
    if (fact == section.facts.end()) throw Error("no fact is named " + name);
    filled.append(text.substr(at, open - at)).append(fact->second);
    used.insert(name);
    at = close + 2;
  }
  for (const auto& [name, value] : section.facts) {
    if (!used.contains(name)) throw Error("the text leaves out " + name);
  }
  return filled.append(text.substr(at));
}

}  // namespace wquant::papers
