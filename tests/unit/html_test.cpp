#include "report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "report/bars.h"
#include "report/html_axis.h"
#include "report/html_text.h"
#include "report/prune_history.h"

namespace wquant {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> found;
  for (const Axis::Tick& tick : axis.ticks()) found.push_back(tick.label);
  return found;
}

TEST(HtmlText, MasksMarkupAndWhatXmlDoesNotAllow) {
  EXPECT_EQ(html_text("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
  EXPECT_EQ(html_text(std::string_view("\x00\x07\n\xC2\x85", 5)), "\\x00\\x07\\x0a\\xc2\\x85");
  EXPECT_EQ(html_text("\xFF\xEF\xBF\xBE\xEF\xBF\xBF.\xEF\xBF\xBD"),
            "\\xff\xEF\xBF\xBD\xEF\xBF\xBD.\xEF\xBF\xBD");
  EXPECT_EQ(html_text(std::string(1000, 'n'), 10), "nnnnnnnnnn...");
}

TEST(HtmlAxis, PlacesValuesBetweenItsEnds) {
  const Axis axis = Axis::linear(-2, 6);
  EXPECT_EQ(axis.at(-2), 0);
  EXPECT_EQ(axis.at(0), 0.25);
  EXPECT_EQ(axis.at(7), 1);
  EXPECT_THAT(labels(axis), ElementsAre("-2", "0", "2", "4", "6"));
  EXPECT_THAT(labels(Axis::linear(-0.31, 0.31)), ElementsAre("-0.2", "0", "0.2"));
}

TEST(HtmlAxis, CorrelationsAreSpreadByWhatTheyLeaveToOne) {
  const Axis axis = Axis::correlations(0.96, 0.998);
  EXPECT_THAT(labels(axis), ElementsAre("0.95", "0.98", "0.99", "0.995", "0.998"));
  EXPECT_EQ(axis.at(0.95), 0);
  EXPECT_NEAR(axis.at(0.98) - axis.at(0.95), axis.at(0.995) - axis.at(0.9875), 1e-9);
  EXPECT_EQ(axis.at(0.2), 0);
  EXPECT_THAT(labels(Axis::correlations(0.5, 0.99999)),
              ElementsAre("0.9", "0.99", "0.999", "0.9999", "0.99999"));
}

TEST(HtmlAxis, CorrelationsThatAreAlikeHaveTwoTicks) {
  for (const double rho : {-0.5, 0.0, 0.3, 0.9, 0.97, 0.99, 1.0}) {
    const Axis axis = Axis::correlations(rho, rho);
    EXPECT_GE(axis.ticks().size(), 2U) << rho;
    EXPECT_TRUE(axis.at(rho) >= 0 && axis.at(rho) <= 1) << rho;
  }
}

TEST(HtmlAxis, CountsAndBytesAreShort) {
  EXPECT_THAT(labels(Axis::counts(2500)), ElementsAre("0", "500", "1k", "1.5k", "2k", "2.5k"));
  EXPECT_THAT(labels(Axis::counts(1)), ElementsAre("0", "1"));
  EXPECT_THAT(labels(Axis::log_counts(50'000)), ElementsAre("1", "10", "100", "1k", "10k"));
  EXPECT_THAT(labels(Axis::bytes(0, 4e6)), ElementsAre("0 B", "1 MB", "2 MB", "3 MB", "4 MB"));
}

Report report_of(std::size_t tensors) {
  Report report;
  report.input = "in.npz";
  report.output = "out.safetensors";
  for (std::size_t i = 0; i < tensors; ++i) {
    TensorReport tensor;
    tensor.info = {"layer" + std::to_string(i), {10, 10}, Dtype::kF32};
    tensor.quantized = true;
    tensor.bytes = 40;
    tensor.codebook.rho = 0.99;
    report.tensors.push_back(tensor);
  }
  return report;
}

TEST(ReportHtml, WithoutPicturesHasFiguresOnly) {
  const std::string page = report_html(report_of(2));
  EXPECT_THAT(page, HasSubstr("layer1"));
  EXPECT_THAT(page, HasSubstr("id=\"t2\""));
  EXPECT_THAT(page, Not(HasSubstr("Histogram")));
}

TEST(ReportHtml, ShowsTiedTensorsOnce) {
  Report report = report_of(2);
  report.tensors[1].same_as = "layer0";
  const std::string page = report_html(report);
  EXPECT_THAT(page, Not(HasSubstr("id=\"t2\"")));
  EXPECT_THAT(page, HasSubstr("<bdi>layer1</bdi> = <bdi>layer0</bdi>"));
}

TEST(ReportHtml, OfNothingQuantizedSaysSo) {
  Report report = report_of(1);
  report.tensors[0].quantized = false;
  report.tensors[0].kept_reason = "1 dimension";
  const std::string page = report_html(report);
  EXPECT_THAT(page, HasSubstr("0 of 1"));
  EXPECT_THAT(page, HasSubstr("1 dimension"));
  EXPECT_THAT(page, Not(HasSubstr("By layer")));
}

TEST(ComparisonHtml, OfNoSettingsIsAPage) {
  EXPECT_THAT(comparison_html(Comparison()), HasSubstr("</html>"));
}

TEST(PruneHistoryHtml, ShowsEveryRoundAndTheBestOne) {
  PruneHistory history;
  history.input = "in.npz";
  history.weights = 1000;
  history.loss = 0.5;
  EXPECT_THAT(prune_history_html(history), HasSubstr("<tr class=\"best\"><td>0</td>"));
  history.rounds = {{0.1, 100, 100, 0.25, 0.375, true}, {0.1, 100, 200, {}, {}, false}};
  history.stopped = "2 rounds are done";
  const std::string page = prune_history_html(history);
  EXPECT_THAT(page, HasSubstr("<tr class=\"best\"><td>1</td><td>100</td><td>100</td>"
                              "<td>10.0 %</td><td>0.25</td><td>0.375</td>"));
  EXPECT_THAT(page, HasSubstr("<td>not finite</td>"));
  EXPECT_THAT(page, HasSubstr("2 rounds are done"));
}

TEST(Bars, AreAsHighAsTheirShareAndShowWhatIsThere) {
  EXPECT_EQ(bars_text(std::vector<std::uint64_t>{0, 1, 500, 1000}, BarSet::kBlocks), " ▁▄█");
  EXPECT_EQ(bars_text(std::vector<std::uint64_t>{0, 1, 500, 1000}, BarSet::kAscii), " .=#");
  EXPECT_EQ(bars_text(std::vector<std::uint64_t>{0, 0}, BarSet::kAscii), "  ");
}

}  // namespace
}  // namespace wquant
