#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

#include "formats/packed_text.h"
#include "formats/quantized_file_support.h"
#include "unit/engine_support.h"
#include "unit/layers.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using testing::HasSubstr;
using testing_engine::TestModel;

Settings entropy_settings(const std::string& items) {
  Settings settings;
  wquant::apply(settings.tensor, "coding=entropy," + items);
  return settings;
}

std::vector<float> gaussian_layer(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> layer(size);
  for (float& w : layer) w = static_cast<float>(0.05 * testing_layers::gaussian(random));
  return layer;
}

/// Small and large tensors, with and without channels, and kept ones between.
struct MixedModel : TestModel {
  MixedModel();
};

MixedModel::MixedModel() {
  TestModel& model = *this;
  model.add("rows", {60, 3, 5, 5}, gaussian_layer(4500, 1), OutputAxis{});
  model.add_kept("kept", 77);
  model.add("large", {700, 900}, gaussian_layer(630'000, 2), OutputAxis{});
  model.add("one", {1, 1}, {0.25F}, OutputAxis{});
  model.add("inside", {700, 50}, gaussian_layer(35'000, 3), OutputAxis{1});
}

Report write(const ModelReader& model, const Settings& settings, const std::filesystem::path& path,
             unsigned threads = 2) {
  const Plan plan = make_plan(model, settings);
  QuantizedWriter writer(path, plan, settings, Overwrite::kReplace);
  RunOptions options;
  options.threads = threads;
  Report report = quantize(model, plan, writer, options);
  const QuantizedSizes sizes = writer.sizes(report);
  writer.finish(report);
  EXPECT_EQ(sizes.file_bytes, report.file_bytes);
  EXPECT_EQ(std::filesystem::file_size(path), report.file_bytes);
  return report;
}

std::vector<float> floats(const ModelReader& model, std::size_t index) {
  std::vector<float> all(model.tensors()[index].count());
  model.read_floats(index, 0, all);
  return all;
}

/// That the file holds what the report says of it.
void check_file(const ModelReader& model, const Report& report, const std::filesystem::path& path) {
  const QuantizedModel file(path);
  file.verify();
  for (std::size_t i = 0; i < report.tensors.size(); ++i) {
    const TensorReport& tensor = report.tensors[i];
    if (!tensor.quantized) continue;
    SCOPED_TRACE(tensor.info.name);
    const std::vector<float> before = floats(model, i), after = floats(file, i);
    double worst = 0;
    for (std::size_t k = 0; k < before.size(); ++k) {
      worst = std::max(worst, std::fabs(double{before[k]} - double{after[k]}));
    }
    EXPECT_LE(worst, tensor.max_error * 1.0001 + 1e-30);
    EXPECT_EQ(file.report().tensors[i].bytes, tensor.bytes);
    EXPECT_TRUE(file.report().tensors[i].codebook.levels == tensor.codebook.levels);
  }
}

TEST(EntropyFile, ReadsBackInAnyWidthAndGranularity) {
  const Folder folder;
  const MixedModel model;
  for (const char* granularity : {"tensor", "channel", "group:48"}) {
    for (const char* balance : {"auto", "off"}) {
      for (int bits = 1; bits <= 7; bits += 2) {
        const std::string items =
            "bits=" + std::to_string(bits) + ",granularity=" + granularity + ",balance=" + balance;
        SCOPED_TRACE(items);
        const Report report = write(model, entropy_settings(items), folder / "q");
        check_file(model, report, folder / "q");
        EXPECT_NEAR(report.tensors[2].entropy, bits, 0.15);
        EXPECT_LT(8.0 * static_cast<double>(report.tensors[2].coded_bytes),
                  1.005 * report.tensors[2].entropy * 630'000 + 8 * 400);
      }
    }
  }
}

TEST(EntropyFile, HasTheSameBytesForAnyThreads) {
  const Folder folder;
  const MixedModel model;
  for (const char* items : {"bits=3", "bits=2,granularity=channel"}) {
    write(model, entropy_settings(items), folder / "1", 1);
    for (const unsigned threads : {2U, 3U, 7U}) {
      write(model, entropy_settings(items), folder / "n", threads);
      EXPECT_EQ(test::read_file(folder / "1"), test::read_file(folder / "n"));
    }
  }
}

TEST(EntropyFile, OddLayersReadBack) {
  const Folder folder;
  std::mt19937_64 random(9);
  TestModel model;
  for (const auto shape : testing_layers::kShapes) {
    for (const std::size_t size : {2U, 17U, 4000U, 40'000U}) {
      model.add("layer" + std::to_string(model.tensors().size()),
                testing_layers::make_layer(shape, size, random));
    }
  }
  model.add("zeros", std::vector<float>(300'000, 0.0F));
  model.add("constant", std::vector<float>(300, -1.5F));
  model.add("tiny", {1e-40F, -1e-40F, 2e-40F});
  model.add("huge", {3e17F, -3e17F, 1e17F, 0});
  for (const char* items : {"bits=1", "bits=4", "bits=8", "bits=3,granularity=group:16"}) {
    SCOPED_TRACE(items);
    const Report report = write(model, entropy_settings(items), folder / "q");
    check_file(model, report, folder / "q");
  }
}

TEST(EntropyFile, RangesAreParts) {
  const Folder folder;
  const MixedModel model;
  write(model, entropy_settings("bits=3,granularity=channel"), folder / "q");
  const QuantizedModel file(folder / "q");
  const std::string whole = test::read_tensor(file, 2);
  std::mt19937 random(1);
  for (int i = 0; i < 30; ++i) {
    const std::size_t first = random() % whole.size();
    std::string part(random() % (whole.size() - first), '\0');
    file.read(2, first, std::as_writable_bytes(std::span(part)));
    ASSERT_EQ(part, whole.substr(first, part.size()));
  }
}

/// The file with the first `from` of its packed texts replaced.
std::string edit_packed(const std::string& file, const std::string& from, const std::string& to) {
  const std::string key = R"("wquant.packed":")";
  const std::size_t begin = file.find(key) + key.size();
  const std::string packed = file.substr(begin, file.find('"', begin) - begin);
  std::string text = unpack_text(packed, 1'000'000);
  text.replace(text.find(from), from.size(), to);
  return test::edit_header(file, packed, pack_text(text));
}

struct PackedEdit {
  const char* from;
  const char* to;
  const char* message;
};

TEST(EntropyFile, WrongTextsAreFound) {
  const Folder folder;
  TestModel model;
  model.add("w", {3, 5}, gaussian_layer(15, 4), OutputAxis{});
  model.add_kept("b", 8);
  const std::string bytes = [&] {
    write(model, entropy_settings("bits=2"), folder / "q");
    return test::read_file(folder / "q");
  }();
  constexpr PackedEdit kEdits[] = {
      {R"("F32","coding":"entropy")", R"("F32","coding":"other")",
       "w: coding \"other\" is not known"},
      {R"("F32","coding":"entropy")", R"("F32","coding":1)", "w: coding is not a string"},
      {R"("F32","coding":"entropy")", R"("F32","coding":"fixed")", "w: bits is missing"},
      {R"("shape":[3,5])", R"("shape":[3,6])", "w: a block of its codes is damaged"},
      {R"("shape":[3,5])", R"("shape":[300000])", "w: the index of its blocks"},
      {R"("shape":[3,5])", R"("shape":[1152921504606846975])", "w: the index of its blocks"},
      {R"("shape":[3,5])", R"("shape":[0])", "w: codes are stored of a tensor without elements"},
      {R"("b":{)", R"("c":{)", "\"c\" is missing"},
      {"\n", "\n\n", "wquant.tensors is not valid"},
  };
  for (const PackedEdit& edit : kEdits) {
    test::write_file(folder / "damaged", edit_packed(bytes, edit.from, edit.to));
    EXPECT_THAT(error_of([&] { QuantizedModel(folder / "damaged").verify(); }),
                HasSubstr(edit.message))
        << edit.to;
  }
  test::write_file(folder / "damaged",
                   test::edit_header(bytes, R"("wquant.packed":")", R"("wquant.packed":"A)"));
  EXPECT_THAT(error_of([&] { QuantizedModel(folder / "damaged"); }), HasSubstr("not base64"));
  test::write_file(
      folder / "damaged",
      test::edit_header(bytes, R"("wquant.packed":")", R"("wquant.kept":"{}","wquant.packed":")"));
  EXPECT_THAT(error_of([&] { QuantizedModel(folder / "damaged"); }),
              HasSubstr("metadata has wquant.packed and wquant.kept"));
}

TEST(EntropyFile, EveryFlippedBitIsFound) {
  const Folder folder;
  TestModel model;
  model.add("w", {3, 5}, gaussian_layer(15, 4), OutputAxis{});
  write(model, entropy_settings("bits=2"), folder / "q");
  const std::string bytes = test::read_file(folder / "q");
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 3) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    test::write_file(folder / "damaged", damaged);
    ASSERT_NE(error_of([&] { QuantizedModel(folder / "damaged").verify(); }), "(no error)") << bit;
  }
}

}  // namespace
}  // namespace wquant
