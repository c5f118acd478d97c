#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "report/render.h"
#include "report/table.h"

namespace wquant {
namespace {

using testing::HasSubstr;
using testing::Not;

TensorReport quantized_tensor(const std::string& name, double rho) {
  TensorReport tensor;
  tensor.info = {name, {64, 64, 3, 3}, Dtype::kF32};
  tensor.quantized = true;
  tensor.bytes = 13'856;
  tensor.settings.bits = 3;
  tensor.codebook.bits = 3;
  tensor.codebook.x0 = 0.0123456;
  tensor.codebook.ratio = 1.75;
  tensor.codebook.rho = rho;
  tensor.codebook.gap = 1e-9;
  tensor.relative_error = 0.03;
  tensor.snr_db = 15.25;
  tensor.entropy = 2.8;
  return tensor;
}

TensorReport kept_tensor(const std::string& name, const std::string& reason) {
  TensorReport tensor;
  tensor.info = {name, {64}, Dtype::kF32};
  tensor.kept_reason = reason;
  tensor.bytes = 256;
  return tensor;
}

Report sample() {
  Report report;
  report.input = "model.npz";
  report.output = "model.exp3.safetensors";
  report.tensors = {quantized_tensor("conv1.weight", 0.98), kept_tensor("bias", "1 dimension"),
                    quantized_tensor("layer4.weight", 0.96), kept_tensor("beta", "1 dimension")};
  report.header_bytes = 1000;
  report.file_bytes = 1000 + 2 * 13'856 + 2 * 256;
  return report;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, text_width(line));
  return widest;
}

TEST(ReportText, ShowsEveryQuantizedTensorAndSumsUpTheKept) {
  const std::string text = report_text(sample());
  EXPECT_THAT(text, HasSubstr("conv1.weight"));
  EXPECT_THAT(text, HasSubstr("0.98000"));
  EXPECT_THAT(text, HasSubstr("2 tensors, 512 B: 1 dimension"));
  EXPECT_THAT(text, HasSubstr("mean 0.97000, lowest 0.96000 (layer4.weight)"));
  EXPECT_THAT(text, HasSubstr("29,224 bytes"));
  EXPECT_THAT(text, Not(HasSubstr("beta")));
  EXPECT_THAT(report_text(sample(), KeptTensors::kListed), HasSubstr("beta"));
}

TEST(ReportText, FitsHundredColumnsWhateverTheNames) {
  Report report = sample();
  std::string name = "model.decoder.";
  for (int i = 0; i < 30; ++i) name += "blöck" + std::to_string(i) + ".";
  report.tensors.push_back(quantized_tensor(name + "weight", 0.95));
  report.tensors.back().info.shape.assign(32, 1);
  const std::string text = report_text(report, KeptTensors::kListed);
  EXPECT_LE(widest_line(text), 100U);
  EXPECT_THAT(text, HasSubstr("model.decoder."));
  EXPECT_THAT(text, HasSubstr(".weight"));
}

TEST(ReportText, EscapesControlCharactersInNames) {
  Report report = sample();
  report.tensors[0].info.name = "a\x1b[31m\nb\xff";
  const std::string text = report_text(report);
  EXPECT_THAT(text, HasSubstr("a\\x1b[31m\\x0ab\\xff"));
}

TEST(ReportText, DryRunShowsNoFigureThatNeedsWeights) {
  Report report = sample();
  report.dry_run = true;
  const std::string text = report_text(report);
  EXPECT_THAT(text, Not(HasSubstr("0.98")));
  EXPECT_THAT(text, Not(HasSubstr("correlation")));
  EXPECT_THAT(text, HasSubstr("29,224 bytes"));
}

TEST(ReportText, EmptyModelHasASummary) { EXPECT_THAT(report_text({}), HasSubstr("0 tensors")); }

TEST(ReportJson, HoldsEveryFigureOfATensorInAFixedOrder) {
  const auto json = nlohmann::ordered_json::parse(report_json(sample()));
  const auto& tensor = json["tensors"][0];
  std::vector<std::string> keys;
  for (const auto& [key, value] : tensor.items()) keys.push_back(key);
  EXPECT_THAT(keys, testing::ElementsAre("name", "shape", "dtype", "quantized", "kept_reason",
                                         "bytes", "original_bytes", "compression_ratio", "coding",
                                         "bits", "mode", "values", "rescale", "ratio_rule", "range",
                                         "search", "x0", "ratio", "scale", "rho", "gap",
                                         "relative_error_unscaled", "relative_error", "snr_db",
                                         "max_error", "entropy", "granularity", "balance"));
  EXPECT_EQ(tensor["values"], "centroid");
  EXPECT_EQ(tensor["rho"], 0.98);
  EXPECT_TRUE(tensor["kept_reason"].is_null());
  EXPECT_EQ(json["tensors"][1]["kept_reason"], "1 dimension");
  EXPECT_FALSE(json["tensors"][1].contains("bits"));
}

TEST(ReportJson, TotalsCountEveryByteOfTheFile) {
  const auto totals = nlohmann::json::parse(report_json(sample()))["totals"];
  EXPECT_EQ(totals["quantized"]["tensors"], 2);
  EXPECT_EQ(totals["kept"]["tensors"], 2);
  EXPECT_EQ(totals["original_bytes"], 2 * 4 * 36'864 + 2 * 256);
  EXPECT_EQ(totals["file_bytes"], 29'224);
  EXPECT_DOUBLE_EQ(totals["bits_per_weight"], 8 * 29'224.0 / (2 * 36'864 + 128));
  EXPECT_DOUBLE_EQ(totals["mean_rho"], 0.97);
  EXPECT_EQ(totals["lowest_rho_tensor"], "layer4.weight");
}

TEST(ReportJson, WhatIsNotFiniteIsNull) {
  Report report = sample();
  report.tensors[0].snr_db = std::numeric_limits<double>::infinity();
  const auto json = nlohmann::json::parse(report_json(report));
  EXPECT_TRUE(json["tensors"][0]["snr_db"].is_null());
}

TEST(ReportJson, NamesThatAreNotUtf8AreReplaced) {
  Report report = sample();
  report.tensors[0].info.name = "a\xff";
  const auto json = nlohmann::json::parse(report_json(report));
  EXPECT_EQ(json["tensors"][0]["name"], "a\xEF\xBF\xBD");
}

TEST(ReportJson, DryRunLeavesFiguresNull) {
  Report report = sample();
  report.dry_run = true;
  const auto json = nlohmann::json::parse(report_json(report));
  EXPECT_TRUE(json["tensors"][0]["rho"].is_null());
  EXPECT_TRUE(json["totals"]["mean_rho"].is_null());
  EXPECT_EQ(json["tensors"][0]["bits"], 3);
  EXPECT_EQ(json["totals"]["file_bytes"], 29'224);
}

TEST(ReportJson, EmptyModelParses) {
  const auto json = nlohmann::json::parse(report_json({}));
  EXPECT_TRUE(json["tensors"].empty());
  EXPECT_EQ(json["totals"]["bits_per_weight"], 0);
}

TEST(Elide, KeepsBothEndsAndWholeCharacters) {
  EXPECT_EQ(elide("short", 10), "short");
  EXPECT_EQ(elide("layer4.1.conv2.weight", 15), "layer4...weight");
  EXPECT_EQ(text_width(elide("ääääääääääääääää", 9)), 9U);
}

}  // namespace
}  // namespace wquant
