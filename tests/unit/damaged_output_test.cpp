#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "formats/quantized_file.h"
#include "formats/safetensors_support.h"
#include "unit/engine_support.h"

// Files of every kind, as they come of a model: no flipped bit and no truncation stays unnoticed.
namespace wquant {
namespace {

std::string write_file_of(const std::string& items, const std::filesystem::path& path) {
  testing_engine::TestModel model;
  std::vector<float> weights(96);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>(static_cast<int>(i * 37 % 101) - 50) / 64;
  }
  model.add("w", {8, 12}, weights, OutputAxis());
  model.add_kept("k", 5);
  Settings settings;
  wquant::apply(settings.tensor, items);
  const Plan plan = make_plan(model, settings);
  QuantizedWriter writer(path, plan, settings, Overwrite::kReplace);
  Report report = quantize(model, plan, writer);
  writer.finish(report);
  return test::read_file(path);
}

class DamagedOutput : public testing::TestWithParam<const char*> {};

TEST_P(DamagedOutput, NoFlippedBitStaysUnnoticed) {
  const test::Folder folder;
  const auto path = folder / "damaged";
  const std::string bytes = write_file_of(GetParam(), path);
  const auto check = [&] { return test::error_of([&] { QuantizedModel(path).verify(); }); };
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
  };
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    put(bit / 8, static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8)));
    ASSERT_NE(check(), "(no error)") << "bit " << bit;
    put(bit / 8, bytes[bit / 8]);
  }
  EXPECT_EQ(check(), "(no error)");
}

TEST_P(DamagedOutput, NoTruncationStaysUnnoticed) {
  const test::Folder folder;
  const auto path = folder / "damaged";
  const std::string bytes = write_file_of(GetParam(), path);
  for (std::size_t size = bytes.size(); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    ASSERT_NE(test::error_of([&] { QuantizedModel(path).verify(); }), "(no error)") << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, DamagedOutput,
                         testing::Values("bits=3", "bits=3,coding=entropy", "coding=f16",
                                         "bits=2,granularity=channel",
                                         "bits=2,coding=entropy,granularity=channel"));

}  // namespace
}  // namespace wquant
