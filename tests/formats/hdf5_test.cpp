#include "formats/hdf5.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "formats/listed_files.h"
#include "formats/quantized_file.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using testing::HasSubstr;

/// Tests with files that h5py wrote.
class Hdf5 : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_hdf5()) GTEST_SKIP() << "built without HDF5";
    if (!test::has_python_module("h5py")) GTEST_SKIP() << "python3-h5py is not installed";
    ASSERT_TRUE(test::run_python("make_hdf5_files.py", folder_ / ""));
  }

  std::string error(const std::string& name) {
    return error_of([&] { open_model(folder_ / name); });
  }

  Folder folder_;
};

TEST_F(Hdf5, EveryDatasetIsReadExactly) {
  for (const char* name :
       {"plain.h5", "chunked.h5", "latest.h5", "userblock.h5", "model.keras", "packed.keras"}) {
    test::expect_listed(*open_model(folder_ / name), folder_ / "");
  }
  EXPECT_EQ(open_model(folder_ / "model.keras")->format(), "keras");
}

TEST_F(Hdf5, TensorsHaveTheNamesThatKerasGivesThem) {
  const auto model = open_model(folder_ / "keras.h5");
  std::vector<std::string> names;
  for (const TensorInfo& info : model->tensors()) names.push_back(info.name);
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  EXPECT_EQ(text, test::read_file(folder_ / "names.txt"));
}

TEST_F(Hdf5, OutputAxesAreThoseOfKeras) {
  const auto model = open_model(folder_ / "axes.h5");
  std::string text;
  for (std::size_t i = 0; i < model->tensors().size(); ++i) {
    const std::optional<OutputAxis> axis = model->output_axis(i);
    ASSERT_TRUE(axis && axis->positions_first);
    text += model->tensors()[i].name + " " + std::to_string(axis->axis) +
            (axis->multiplied ? " multiplied" : "") + "\n";
  }
  EXPECT_THAT(text, HasSubstr("conv2d/kernel 3\n"));
  EXPECT_THAT(text, HasSubstr("depthwise_conv2d/depthwise_kernel 2 multiplied\n"));
  EXPECT_THAT(text, HasSubstr("conv2d_transpose/kernel 2\n"));
  EXPECT_THAT(text, HasSubstr("dense/kernel 1\n"));
}

TEST_F(Hdf5, ThreadsReadAtOnce) {
  const auto model = open_model(folder_ / "chunked.h5");
  const auto other = open_model(folder_ / "packed.keras");
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::size_t t = 0; t < model->tensors().size(); ++t) {
        EXPECT_TRUE(test::read_tensor(*model, t) == test::read_tensor(*other, t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Hdf5, WhatIsNoTensorOrLiesElsewhereIsRefused) {
  EXPECT_THAT(error("text.h5"), HasSubstr("text.h5: words: holds text"));
  EXPECT_THAT(error("compound.h5"), HasSubstr("compound.h5: pairs: holds elements of an unknown"));
  EXPECT_THAT(error("link.h5"), HasSubstr("link.h5: elsewhere: is a link into another file"));
  EXPECT_THAT(error("outside.h5"), HasSubstr("outside.h5: data: its data lie in another file"));
  EXPECT_THAT(error("virtual.h5"), HasSubstr("virtual.h5: data: its data lie in another file"));
}

TEST_F(Hdf5, DamagedFilesAreRefused) {
  const std::string plain = test::read_file(folder_ / "plain.h5");
  for (const std::size_t size : {8UL, 100UL, plain.size() / 2, plain.size() - 1}) {
    test::write_file(folder_ / "cut.h5", plain.substr(0, size));
    EXPECT_THAT(error("cut.h5"), HasSubstr("cut.h5: is no HDF5 file or a damaged one")) << size;
  }
  const auto model = open_model(folder_ / "damaged.h5");
  const auto damaged = std::ranges::find(model->tensors(), test::read_file(folder_ / "damaged.txt"),
                                         &TensorInfo::name);
  ASSERT_NE(damaged, model->tensors().end());
  const auto index = static_cast<std::size_t>(damaged - model->tensors().begin());
  EXPECT_THAT(error_of([&] { test::read_tensor(*model, index); }),
              HasSubstr("damaged.h5: " + damaged->name + ": its data cannot be read"));
  test::write_file(folder_ / "no.h5", "something else");
  EXPECT_THAT(error("no.h5"), HasSubstr("no.h5: is no HDF5 file"));
  std::filesystem::copy_file(folder_ / "plain.h5", folder_ / "no.keras");
  EXPECT_EQ(open_model(folder_ / "no.keras")->format(), "hdf5");
}

TEST_F(Hdf5, WritesLikeAnotherFile) {
  for (const std::string name : {"plain", "chunked", "latest", "userblock", "keras"}) {
    const auto path = folder_ / (name + ".h5");
    const auto model = open_model(path);
    const Settings settings;
    const Plan plan = make_plan(*model, settings);
    // Random bytes hold no numbers: only the file of Keras can be quantized.
    if (name == "keras") {
      QuantizedWriter writer(folder_ / "q", plan, settings, Overwrite::kReplace);
      Report report = quantize(*model, plan, writer);
      writer.finish(report);
    }
    const auto other = open_model(name == "keras" ? folder_ / "q" : folder_ / "plain.h5");
    write_model(*other, folder_ / (name + ".npz"), "", Overwrite::kRefuse);
    write_model_like(*other, folder_ / ("back." + name + ".h5"), path, Overwrite::kRefuse);
  }
  EXPECT_TRUE(test::run_python("check_hdf5_files.py", folder_ / ""));
}

/// Another model with the lowest bit of every byte turned over.
class Flipped : public ModelReader {
 public:
  explicit Flipped(const ModelReader& model) : model_(model) {}
  [[nodiscard]] const std::string& path() const override { return model_.path(); }
  [[nodiscard]] std::string_view format() const override { return "flipped"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return model_.tensors(); }
  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    model_.read(index, first, out);
    for (std::byte& byte : out) byte ^= std::byte{1};
  }

 private:
  const ModelReader& model_;
};

TEST_F(Hdf5, WritesAKerasArchiveLikeAnother) {
  const auto plain = open_model(folder_ / "plain.h5");
  const Flipped other(*plain);
  for (const std::string name : {"model", "packed"}) {
    write_model(other, folder_ / (name + ".npz"), "", Overwrite::kRefuse);
    write_model_like(other, folder_ / ("back." + name + ".keras"), folder_ / (name + ".keras"),
                     Overwrite::kRefuse);
  }
  EXPECT_TRUE(test::run_python("check_hdf5_files.py", folder_ / ""));
  const std::vector<std::string> left = test::listed(folder_ / "");
  EXPECT_TRUE(std::none_of(left.begin(), left.end(),
                           [](const std::string& name) { return name.starts_with(".wquant"); }));
}

TEST_F(Hdf5, LikeMustHoldTheSameTensors) {
  const auto like = [&](const std::string& model, const std::string& output,
                        const std::string& original) {
    return error_of([&] {
      write_model_like(*open_model(folder_ / model), folder_ / output, folder_ / original,
                       Overwrite::kRefuse);
    });
  };
  EXPECT_THAT(like("plain.h5", "o.h5", "keras.h5"), HasSubstr("is in the file to write like only"));
  EXPECT_THAT(like("plain.h5", "o.npz", "plain.h5"), HasSubstr("end its name in .h5 or .hdf5"));
  EXPECT_THAT(like("keras.h5", "o.keras", "model.keras"),
              HasSubstr("is in the file to write like only"));
  EXPECT_THAT(like("plain.h5", "o.h5", "model.keras"), HasSubstr("end its name in .keras"));
  test::write_file(folder_ / "no.keras", std::string("PK\5\6", 4) + std::string(18, '\0'));
  EXPECT_THAT(like("plain.h5", "o.keras", "no.keras"), HasSubstr("holds no model.weights.h5"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "o.h5"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "o.keras"));
}

}  // namespace
}  // namespace wquant
