#include <cstdlib>
#include <string>

#include <random>
#include "formats/quantized_file_support.h"
#include "formats/shard_files.h"
#include "unit/engine_support.h"
#include "unit/layers.h"
#include "unit/pruned.h"

namespace wquant {
namespace {

using test::Folder;
using test::sample;
using test::Sample;

/// All tensors one after the other, floating-point ones as float32.
std::string expected_values(const ModelReader& model) {
  std::string bytes;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    if (!is_quantizable(info.dtype)) {
      bytes += test::read_tensor(model, i);
      continue;
    }
    std::vector<float> floats(info.count());
    model.read_floats(i, 0, floats);
    bytes.append(reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float));
  }
  return bytes;
}

/// The recipe's command line for a file; false when there is no Python with numpy.
class Recipe : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("/usr/bin/python3 -c 'import numpy' 2> /dev/null") != 0) {
      GTEST_SKIP() << "python3 with numpy is not installed";
    }
  }

  /// That the script decodes what quantize writes, and finds every checksum.
  void expect_decoded(const ModelReader& model, const Plan& plan, const Settings& settings) {
    QuantizedWriter writer(folder_ / "q", plan, settings, Overwrite::kReplace);
    Report report = quantize(model, plan, writer);
    writer.finish(report);
    ASSERT_TRUE(run(quoted("q") + " " + quoted("out")));
    EXPECT_EQ(test::read_file(folder_ / "out"), expected_values(QuantizedModel(folder_ / "q")));
    ASSERT_TRUE(run(quoted("q")));
    EXPECT_EQ(test::read_file(folder_ / "printed"), "\n");
  }

  /// Runs the script; what it prints goes to `printed` in the folder.
  bool run(const std::string& arguments) const {
    const std::filesystem::path here = std::filesystem::path(__FILE__).parent_path();
    const std::filesystem::path page = here / ".." / ".." / "docs" / "format.md";
    const std::string command = "/usr/bin/python3 '" + (here / "decode_recipe.py").string() +
                                "' '" + page.string() + "' " + arguments + " > '" +
                                (folder_ / "printed").string() + "'";
    return std::system(command.c_str()) == 0;
  }

  [[nodiscard]] std::string quoted(std::string_view name) const {
    return "'" + (folder_ / name).string() + "'";
  }

  Folder folder_;
};

TEST_F(Recipe, DecodesExactlyWhatTheReaderReads) {
  Sample made = sample();
  for (int bits = 1; bits <= 8; ++bits) {
    const std::string name = "bits" + std::to_string(bits);
    made.add_quantized(name + "f", {37, 3}, Dtype::kF32, bits);
    made.add_quantized(name + "h", {1, 29}, Dtype::kF16, bits);
    made.add_quantized(name + "b", {301}, Dtype::kBF16, bits);
    made.add_quantized(name + "d", {2, 2, 2, 2}, Dtype::kF64, bits);
  }
  for (int i = 0; i <= static_cast<int>(Dtype::kF64); ++i) {
    const auto dtype = static_cast<Dtype>(i);
    made.add_kept("kept" + std::string(name_of(dtype)), {3, 2}, dtype);
  }
  made.write(folder_ / "q");
  ASSERT_TRUE(run(quoted("q") + " " + quoted("out")));
  EXPECT_EQ(test::read_file(folder_ / "out"), expected_values(QuantizedModel(folder_ / "q")));
}

TEST_F(Recipe, DecodesSeveralFilesAsOneModel) {
  Sample made = sample();
  made.write_shards(folder_ / "m", 60);
  const std::size_t files = test::listed(folder_ / "m").size() - 1;
  ASSERT_GT(files, 2U);
  std::string arguments;
  for (std::size_t i = files; i-- > 0;) {
    arguments += quoted("m/" + shard_file_name(i, files)) + " ";
  }
  ASSERT_TRUE(run(arguments + quoted("out")));
  EXPECT_EQ(test::read_file(folder_ / "out"), expected_values(QuantizedModel(folder_ / "m")));
}

TEST_F(Recipe, DecodesTiedTensors) {
  Sample made = sample();
  made.tie("w2", 0);
  made.write(folder_ / "q");
  ASSERT_TRUE(run(quoted("q") + " " + quoted("out")));
  EXPECT_EQ(test::read_file(folder_ / "out"), expected_values(QuantizedModel(folder_ / "q")));
}

TEST_F(Recipe, DecodesWhatIsStoredAtItsEntropy) {
  std::mt19937_64 random(11);
  testing_engine::TestModel model;
  Settings settings;
  wquant::apply(settings.tensor, "coding=entropy,granularity=channel");
  for (const std::uint64_t inputs : {3U, 500U, 4500U}) {
    const std::vector<float> layer =
        testing_layers::make_layer(testing_layers::Shape::kHeavyTail, 70 * inputs, random);
    model.add("layer" + std::to_string(inputs), {70, inputs}, layer, OutputAxis{});
    model.add_kept("kept" + std::to_string(inputs), inputs);
  }
  settings.rules = {{"layer500", "coding=fixed,bits=3"}, {"layer3", "coding=f16"}};
  expect_decoded(model, make_plan(model, settings), settings);
}

TEST_F(Recipe, DecodesHalfFloats) {
  std::mt19937_64 random(12);
  testing_engine::TestModel model;
  for (const char* name : {"halves", "levels"}) {
    model.add(name, testing_layers::make_layer(testing_layers::Shape::kFlat, 777, random));
  }
  Settings settings;
  settings.rules = {{"halves", "coding=f16"}};
  Plan plan = make_plan(model, settings);
  plan.tensors[1].levels = Dtype::kF16;
  expect_decoded(model, plan, settings);
}

TEST_F(Recipe, DecodesMasksOfZeros) {
  std::mt19937_64 random(13);
  testing_engine::TestModel model;
  for (const std::uint64_t inputs : {3U, 501U}) {
    std::vector<float> layer =
        testing_layers::make_layer(testing_layers::Shape::kHeavyTail, 67 * inputs, random);
    testing_layers::prune(layer, 0.6, inputs > 3, random);
    model.add("layer" + std::to_string(inputs), {67, inputs}, layer, OutputAxis{});
  }
  for (const char* items : {"bits=2", "bits=3,granularity=channel", "bits=4", "bits=8",
                            "bits=5,granularity=group:32"}) {
    SCOPED_TRACE(items);
    Settings settings;
    wquant::apply(settings.tensor, items);
    Plan plan = make_plan(model, settings);
    if (settings.tensor.granularity == Granularity::kTensor) plan.tensors[1].levels = Dtype::kF16;
    expect_decoded(model, plan, settings);
  }
}

TEST_F(Recipe, ReproducesTheChecksums) {
  Sample made = sample();
  std::string bytes = made.write(folder_ / "q");
  ASSERT_TRUE(run(quoted("q")));
  EXPECT_EQ(test::read_file(folder_ / "printed"), "\n");
  const QuantizedLayout layout = make_layout(made.plan, made.settings);
  bytes[layout.places[0].levels] ^= 1;
  bytes[layout.places[1].data] ^= 1;
  bytes[bytes.find("centroid")] ^= 1;
  test::write_file(folder_ / "q", bytes);
  ASSERT_TRUE(run(quoted("q")));
  EXPECT_EQ(test::read_file(folder_ / "printed"), "header\nw.levels\nbias\n");
}

}  // namespace
}  // namespace wquant
