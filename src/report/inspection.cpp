#include "report/inspection.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/render.h"
#include "report/table.h"

namespace wquant {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShapeWidth = 24;

std::vector<std::string> row(const InspectedTensor& tensor) {
  const TensorInfo& info = tensor.info;
  std::vector<std::string> cells = {
      printable(info.name, std::numeric_limits<std::size_t>::max()),
      elide(fmt::format("[{}]", fmt::join(info.shape, ",")), kShapeWidth),
      std::string(name_of(info.dtype)), byte_text(info.bytes())};
  const auto& statistics = tensor.statistics;
  const bool known = statistics && statistics->finite > 0;
  for (const double figure :
       known ? std::vector{statistics->min, statistics->max, statistics->mean, statistics->stddev}
             : std::vector<double>{}) {
    cells.push_back(fmt::format("{:.4g}", figure));
  }
  cells.resize(8, "-");
  cells.push_back(statistics ? std::to_string(statistics->zeros) : "-");
  cells.push_back(statistics ? std::to_string(statistics->nans + statistics->infinities) : "-");
  return cells;
}

Json statistics_json(const TensorStatistics& statistics) {
  const auto figure = [&](double value) { return statistics.finite > 0 ? Json(value) : Json(); };
  return {{"min", figure(statistics.min)},      {"max", figure(statistics.max)},
          {"mean", figure(statistics.mean)},    {"stddev", figure(statistics.stddev)},
          {"zeros", statistics.zeros},          {"nans", statistics.nans},
          {"infinities", statistics.infinities}};
}

}  // namespace

std::string inspection_text(const Inspection& inspection) {
  Table table({{"tensor", Align::kLeft},
               {"shape", Align::kLeft},
               {"dtype", Align::kLeft},
               {"bytes"},
               {"min"},
               {"max"},
               {"mean"},
               {"std"},
               {"zeros"},
               {"NaN/Inf"}});
  std::uint64_t weights = 0, bytes = 0;
  for (const InspectedTensor& tensor : inspection.tensors) {
    table.add(row(tensor));
    weights += tensor.info.count();
    bytes += tensor.info.bytes();
  }
  return table.text() + fmt::format("\n{} ({}): tensors {}, elements {}, bytes {}\n",
                                    printable(inspection.path, 1000), inspection.format,
                                    grouped(inspection.tensors.size()), grouped(weights),
                                    grouped(bytes));
}

std::string inspection_json(const Inspection& inspection) {
  Json json;
  json["file"] = inspection.path;
  json["format"] = inspection.format;
  json["tensors"] = Json::array();
  for (const InspectedTensor& tensor : inspection.tensors) {
    Json entry = {{"name", tensor.info.name},
                  {"shape", tensor.info.shape},
                  {"dtype", name_of(tensor.info.dtype)},
                  {"bytes", tensor.info.bytes()}};
    entry["statistics"] = tensor.statistics ? statistics_json(*tensor.statistics) : Json();
    json["tensors"].push_back(std::move(entry));
  }
  return json_document(json);
}

}  // namespace wquant
