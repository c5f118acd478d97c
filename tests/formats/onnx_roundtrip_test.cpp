#include <gtest/gtest.h>

#include <map>
#include <string>

#include "formats/listed_files.h"
#include "formats/quantized_file.h"
#include "formats/quantized_output.h"

namespace wquant {
namespace {

using test::Folder;

/// The same tensors, in whatever order.
void expect_same(const ModelReader& model, const ModelReader& expected) {
  std::map<std::string, std::size_t> index;
  for (const TensorInfo& info : model.tensors()) index.emplace(info.name, index.size());
  ASSERT_EQ(index.size(), expected.tensors().size());
  for (std::size_t i = 0; i < expected.tensors().size(); ++i) {
    const TensorInfo& info = expected.tensors()[i];
    ASSERT_TRUE(index.contains(info.name)) << info.name;
    const std::size_t at = index[info.name];
    EXPECT_EQ(model.tensors()[at].shape, info.shape) << info.name;
    EXPECT_EQ(model.tensors()[at].dtype, info.dtype) << info.name;
    EXPECT_TRUE(test::read_tensor(model, at) == test::read_tensor(expected, i)) << info.name;
  }
}

/// Tests with models that the onnx package wrote.
class OnnxPackage : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::has_python_module("onnx")) GTEST_SKIP() << "python3-onnx is not installed";
    ASSERT_TRUE(test::run_python("make_onnx_files.py", folder_ / ""));
  }

  /// Quantizes `input` into `output`, whose name tells the kind of file. Its size must be the one
  /// that was told before.
  void quantize_to(const std::string& input, const std::string& output, int bits) const {
    const auto model = open_model(folder_ / input);
    Settings settings;
    settings.tensor.bits = bits;
    const Plan plan = make_plan(*model, settings);
    const QuantizedJob job{*model, plan, settings, folder_ / output};
    const QuantizedFormat* format = find_quantized_format(job.output);
    const QuantizedSizes sizes = format->sizes(job);
    const auto writer = format->make(job, Overwrite::kRefuse);
    Report report = quantize(*model, plan, *writer);
    writer->finish(report);
    EXPECT_EQ(std::filesystem::file_size(job.output), sizes.file_bytes) << output;
    EXPECT_EQ(report.file_bytes, sizes.file_bytes);
  }

  Folder folder_;
};

TEST_F(OnnxPackage, EveryTensorIsReadExactly) {
  for (const char* name : {"raw.onnx", "typed.onnx", "external.onnx"}) {
    test::expect_listed(*open_model(folder_ / name), folder_ / "");
  }
}

TEST_F(OnnxPackage, QuantizedModelsMakeTheSameWeights) {
  for (const std::string name : {"net", "old", "half", "double", "bytes"}) {
    for (int bits = 1; bits <= 8; ++bits) {
      const std::string stem = name + "." + std::to_string(bits);
      quantize_to(name + ".onnx", "q." + stem + ".onnx", bits);
      quantize_to(name + ".onnx", stem + ".safetensors", bits);
      const QuantizedModel model(folder_ / (stem + ".safetensors"));
      write_model(model, folder_ / (stem + ".npz"), "", Overwrite::kRefuse);
      write_model_like(model, folder_ / ("back." + stem + ".onnx"), folder_ / (name + ".onnx"),
                       Overwrite::kRefuse);
      expect_same(*open_model(folder_ / ("q." + stem + ".onnx")), model);
    }
  }
  EXPECT_TRUE(test::run_python("check_onnx_files.py", folder_ / ""));
}

TEST_F(OnnxPackage, OriginalWeightsGiveTheOriginalFile) {
  for (const std::string name : {"raw", "net", "old", "half", "bytes"}) {
    const auto path = folder_ / (name + ".onnx");
    write_model_like(*open_model(path), folder_ / "back.onnx", path, Overwrite::kReplace);
    const std::string back = test::read_file(folder_ / "back.onnx");
    EXPECT_EQ(back.size(), test::read_file(path).size()) << name;
    const auto model = open_model(folder_ / "back.onnx");
    const auto original = open_model(path);
    for (std::size_t i = 0; i < original->tensors().size(); ++i) {
      EXPECT_TRUE(test::read_tensor(*model, i) == test::read_tensor(*original, i)) << name;
    }
  }
}

}  // namespace
}  // namespace wquant
