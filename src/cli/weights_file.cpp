#include "cli/weights_file.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "wquant/error.h"
#include "wquant/settings.h"

namespace wquant {
namespace {

constexpr const char* kRemedy = "write a JSON object such as {\"classifier.weight\": 0.3}";

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) throw Error("cannot be read", "give the path of a file that is there");
  return text;
}

std::map<std::string, double> parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) throw Error("is not a JSON object", kRemedy);
  std::map<std::string, double> weights;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number()) {
      throw Error(fmt::format("the weight of \"{}\" is not a number", printable(name)), kRemedy);
    }
    TensorSettings settings;
    settings.weight = value.get<double>();
    check(settings);
    weights[name] = settings.weight;
  }
  return weights;
}

}  // namespace

std::map<std::string, double> read_weights(const std::string& path) {
  try {
    return parse(read_text(path));
  } catch (Error& error) {
    throw error.at_file(path);
  }
}

}  // namespace wquant
