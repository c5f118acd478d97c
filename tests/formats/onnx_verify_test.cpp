#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "formats/onnx.h"
#include "formats/onnx_checks.h"
#include "formats/onnx_support.h"
#include "formats/quantized_output.h"
#include "formats/quantized_reader.h"
#include "formats/safetensors_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::onnx_bytes;
using test::onnx_initializers;
using test::onnx_raw;
using testing::HasSubstr;

/// The elements of a tensor: numbers that are no powers of each other.
std::string floats(std::size_t count, float step) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = step * (static_cast<float>(i * 37 % 101) - 50);
  }
  return {reinterpret_cast<const char*>(values.data()), count * sizeof(float)};
}

/// A quantized model q.onnx of the tensors a and b, 3 bits each, and a bias that is kept.
class OnnxVerify : public testing::Test {
 protected:
  void SetUp() override {
    test::write_file(folder_ / "m.onnx",
                     onnx_bytes(onnx_initializers({onnx_raw("a", {5, 7}, floats(35, 0.5F)),
                                                   onnx_raw("bias", {3}, floats(3, 1)),
                                                   onnx_raw("b", {4, 6}, floats(24, 2))})));
    report_ = quantize_to("q.onnx");
    bytes_ = test::read_file(folder_ / "q.onnx");
  }

  Report quantize_to(const std::string& name, const std::string& items = "bits=3") const {
    const auto model = open_model(folder_ / "m.onnx");
    Settings settings;
    wquant::apply(settings.tensor, items);
    const Plan plan = make_plan(*model, settings);
    const QuantizedJob job{*model, plan, settings, folder_ / name};
    const auto writer = find_quantized_format(job.output)->make(job, Overwrite::kRefuse);
    Report report = quantize(*model, plan, *writer);
    writer->finish(report);
    return report;
  }

  [[nodiscard]] std::string error_with(const std::string& bytes) const {
    test::write_file(folder_ / "d.onnx", bytes);
    return error_of([&] { open_quantized_file(folder_ / "d.onnx")->verify({}); });
  }

  /// What verify says of the model with the byte at `at` changed.
  [[nodiscard]] std::string error_at(std::size_t at) const {
    std::string damaged = bytes_;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    return error_with(damaged);
  }

  Folder folder_;
  Report report_;
  std::string bytes_;
};

TEST_F(OnnxVerify, WholeModelPassesAndTellsItsCorrelations) {
  EXPECT_TRUE(is_quantized_file(folder_ / "q.onnx"));
  EXPECT_FALSE(is_quantized_file(folder_ / "m.onnx"));
  const auto model = open_quantized_file(folder_ / "q.onnx");
  model->verify({});
  ASSERT_EQ(model->report().tensors.size(), 3U);
  EXPECT_EQ(model->report().tensors[0].info.name, "a");
  EXPECT_EQ(model->report().tensors[0].codebook.bits, 3);
  EXPECT_EQ(model->report().tensors[0].bytes, 14U + 32U);
  EXPECT_NEAR(model->report().tensors[0].codebook.rho, report_.tensors[0].codebook.rho, 1e-6);
  EXPECT_NEAR(model->report().tensors[1].codebook.rho, report_.tensors[2].codebook.rho, 1e-6);
  EXPECT_FALSE(model->report().tensors[2].quantized);
  EXPECT_EQ(model->report().file_bytes, bytes_.size());
}

TEST_F(OnnxVerify, EveryFlippedBitIsFound) {
  for (std::size_t bit = 0; bit < bytes_.size() * 8; bit += bit % 8 == 7 ? 1 : 7) {
    std::string damaged = bytes_;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    ASSERT_NE(error_with(damaged), "(no error)") << bit;
  }
}

TEST_F(OnnxVerify, EveryTruncationIsFound) {
  for (std::size_t size = 0; size < bytes_.size(); ++size) {
    ASSERT_NE(error_with(bytes_.substr(0, size)), "(no error)") << size;
  }
}

TEST_F(OnnxVerify, DamagedTensorIsNamed) {
  EXPECT_THAT(error_at(bytes_.find('\x4a', bytes_.find("wquant.codes3")) + 3),
              HasSubstr("d.onnx: a: its parts have checksum"));
  const std::string bias = floats(3, 1);
  EXPECT_THAT(error_at(bytes_.find(bias)), HasSubstr("the kept tensors have checksum"));
  EXPECT_THAT(error_at(bytes_.find(kOnnxChecksKey) + kOnnxChecksKey.size() + 20),
              HasSubstr("d.onnx: "));
}

TEST_F(OnnxVerify, ModelWithoutChecksumsCannotBeVerified) {
  std::string renamed = bytes_;
  renamed[renamed.find(kOnnxChecksKey)] = 'v';
  EXPECT_THAT(error_with(renamed), HasSubstr("holds no checksums: quantize the original again"));
}

TEST_F(OnnxVerify, SameModelGivesTheSameBytes) {
  quantize_to("again.onnx");
  EXPECT_TRUE(test::read_file(folder_ / "again.onnx") == bytes_);
}

TEST_F(OnnxVerify, ScalesOfChannelsAndGroupsAreThoseOfAPlainQuantizedFile) {
  for (const std::string granularity : {"channel", "channel:1", "group:5", "group:4", "group:64"}) {
    const std::string items = "bits=3,granularity=" + granularity;
    quantize_to("s.onnx", items);
    quantize_to("s.safetensors", items);
    const auto scaled = open_quantized_file(folder_ / "s.onnx");
    scaled->verify({});
    const auto plain = open_model(folder_ / "s.safetensors");
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string& name = scaled->tensors()[i].name;
      const auto same = std::ranges::find(plain->tensors(), name, &TensorInfo::name);
      const auto index = static_cast<std::size_t>(same - plain->tensors().begin());
      EXPECT_TRUE(test::read_tensor(*scaled, i) == test::read_tensor(*plain, index))
          << granularity << " " << name;
    }
    for (const char* file : {"s.onnx", "s.safetensors"}) std::filesystem::remove(folder_ / file);
  }
}

TEST_F(OnnxVerify, EveryFlippedBitOfScalesIsFound) {
  quantize_to("s.onnx", "bits=3,granularity=group:4");
  const std::string bytes = test::read_file(folder_ / "s.onnx");
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 13) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    ASSERT_NE(error_with(damaged), "(no error)") << bit;
  }
}

TEST_F(OnnxVerify, RangeOutsideOfATensorIsRefused) {
  const auto model = open_model(folder_ / "q.onnx");
  std::vector<std::byte> out(4);
  EXPECT_THAT(error_of([&] { model->read(0, 35 * 4 - 3, out); }),
              HasSubstr("a: range lies outside the tensor"));
}

TEST_F(OnnxVerify, OutputThatIsNotWrittenAsPlannedIsRefused) {
  const auto model = open_model(folder_ / "m.onnx");
  Settings settings;
  const Plan plan = make_plan(*model, settings);
  const QuantizedJob job{*model, plan, settings, folder_ / "w.onnx"};
  const auto writer = find_quantized_format(job.output)->make(job, Overwrite::kRefuse);
  const std::vector<std::byte> codes(part_size(plan.tensors[0], Part::kCodes));
  EXPECT_THAT(error_of([&] { writer->write(0, Part::kCodes, 1, codes); }),
              HasSubstr("a: bytes written outside of its codes"));
  writer->write(0, Part::kCodes, 0, codes);
  writer->restart(0, Part::kCodes);
  Report report;
  report.tensors.resize(3);
  EXPECT_THAT(error_of([&] { writer->finish(report); }), HasSubstr("not all bytes of its"));
  Plan other = plan;
  other.tensors.pop_back();
  const QuantizedJob wrong{*model, other, settings, folder_ / "w.onnx"};
  EXPECT_THAT(error_of([&] { find_quantized_format(job.output)->make(wrong, Overwrite::kRefuse); }),
              HasSubstr("m.onnx: the plan is not of this model"));
  EXPECT_FALSE(std::filesystem::exists(job.output));
}

TEST_F(OnnxVerify, LikeMustHaveTheSameShapes) {
  test::MemoryModel other;
  other.add("a", {7, 5}, Dtype::kF32);
  other.add("bias", {3}, Dtype::kF32);
  other.add("b", {4, 6}, Dtype::kF32);
  EXPECT_THAT(error_of([&] {
                write_model_like(other, folder_ / "l.onnx", folder_ / "m.onnx", Overwrite::kRefuse);
              }),
              HasSubstr("a: is F32 [7, 5] here and F32 [5, 7] in the file to write like"));
}

TEST_F(OnnxVerify, ChecksumsInAnotherOrderAreRefused) {
  std::string moved = bytes_;
  const std::size_t at = moved.find(R"({"file":")");
  ASSERT_NE(at, std::string::npos);
  moved.replace(at + 1, 36, moved.substr(at + 19, 17) + "," + moved.substr(at + 1, 17) + ",");
  EXPECT_THAT(error_with(moved), HasSubstr("do not begin with that of the file"));
}

struct Text {
  std::string text;
  const char* message;
};

TEST(OnnxChecks, TextThatIsNoneIsRefusedWithTheReason) {
  const std::string before = R"({"file":"00000000","kept":"00000000","nodes":)";
  const std::vector<Text> texts = {
      {"", "is not valid"},
      {"[]", "is not a JSON object"},
      {"{}", "lack file"},
      {R"({"file":"00000000"})", "lack kept"},
      {R"({"file":"0000000g","kept":"00000000"})", "hexadecimal"},
      {R"({"file":"00000000","kept":7})", "hexadecimal"},
      {before + "1}", "lack quantized"},
      {before + R"(-1,"quantized":""})", "no number of nodes"},
      {before + R"(1,"quantized":7})", "hold none of tensors"},
      {before + R"(1,"quantized":"AAA"})", "not base64"},
      {before + R"(1,"quantized":"AAAA"})", "are cut off"},
  };
  for (const Text& text : texts) {
    EXPECT_THAT(error_of([&] { parse_onnx_checks(text.text); }), HasSubstr(text.message))
        << text.text;
  }
}

TEST(OnnxChecks, SizeOfTheTextDependsOnTheNumbersAlone) {
  OnnxChecks checks;
  checks.nodes = 7;
  checks.quantized = {{}, {}};
  const std::size_t size = onnx_checks_text(checks).size();
  for (const double rho : {1.0, 0.5, -0.25, 1e-9, 1e300, std::nan(""), 0.9999999}) {
    checks.quantized[1] = {0xFFFFFFFF, rho};
    EXPECT_EQ(onnx_checks_text(checks).size(), size) << rho;
    const OnnxChecks back = parse_onnx_checks(onnx_checks_text(checks));
    ASSERT_EQ(back.quantized.size(), 2U);
    EXPECT_EQ(back.quantized[1].checksum, 0xFFFFFFFF);
    EXPECT_EQ(std::isnan(back.quantized[1].rho), !std::isfinite(rho));
    EXPECT_EQ(back.nodes, 7U);
  }
}

}  // namespace
}  // namespace wquant
