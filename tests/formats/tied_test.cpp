#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "formats/quantized_file_support.h"
#include "wquant/error.h"
#include "wquant/quantize.h"

namespace wquant {
namespace {

using test::Folder;
using testing::HasSubstr;

/// Three matrices of which the last holds the elements of the first, and two such vectors.
class TiedModel : public ModelReader {
 public:
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "test"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    std::vector<float> all(tensors_[index].count());
    const auto seed = static_cast<float>(same_as(index) + 1);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = static_cast<float>(static_cast<int>(i * 37 % 101) - 50) * seed;
    }
    std::memcpy(out.data(), reinterpret_cast<const std::byte*>(all.data()) + first, out.size());
  }
  [[nodiscard]] std::size_t same_as(std::size_t index) const override {
    return index == 2 ? 0 : index == 4 ? 3 : index;
  }

 private:
  std::string path_ = "tied";
  std::vector<TensorInfo> tensors_ = {{"embed", {9, 40}, Dtype::kF32},
                                      {"layer", {9, 40}, Dtype::kF32},
                                      {"head", {9, 40}, Dtype::kF32},
                                      {"bias", {40}, Dtype::kF32},
                                      {"bias2", {40}, Dtype::kF32}};
};

Report write_quantized(const ModelReader& model, const std::filesystem::path& path) {
  const Settings settings;
  const Plan plan = make_plan(model, settings);
  QuantizedWriter writer(path, plan, settings, Overwrite::kReplace);
  Report report = quantize(model, plan, writer);
  writer.finish(report);
  return report;
}

TEST(Tied, TensorsAreStoredOnceAndStayTied) {
  const Folder folder;
  const TiedModel model;
  const Report report = write_quantized(model, folder / "q.safetensors");
  EXPECT_EQ(report.tensors[2].same_as, "embed");
  EXPECT_EQ(report.tensors[2].bytes, 0U);
  EXPECT_EQ(report.tensors[2].codebook.rho, report.tensors[0].codebook.rho);
  const QuantizedModel back(folder / "q.safetensors");
  back.verify();
  ASSERT_EQ(back.tensors().size(), 5U);
  EXPECT_EQ(back.same_as(2), 0U);
  EXPECT_EQ(back.same_as(1), 1U);
  EXPECT_EQ(back.same_as(4), 3U);
  std::vector<float> first(360);
  std::vector<float> tied(360);
  back.read_floats(0, 0, first);
  back.read_floats(2, 0, tied);
  EXPECT_EQ(first, tied);
  EXPECT_EQ(back.tensors()[2].name, "head");
}

TEST(Tied, SettingsThatPartThemAreRefused) {
  const TiedModel model;
  Settings settings;
  settings.rules.push_back({"head", "bits=2"});
  try {
    make_plan(model, settings);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("head: shares its elements with embed"));
  }
}

TEST(Tied, ATieThatLeadsNowhereIsRefused) {
  const Folder folder;
  write_quantized(TiedModel(), folder / "q");
  const std::string bytes = test::read_file(folder / "q");
  const auto error_with = [&](const std::string& from, const std::string& to) {
    const std::string damaged = test::edit_header(bytes, from, to);
    test::write_file(folder / "damaged", damaged);
    try {
      const QuantizedModel model(folder / "damaged");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error_with("embed", "embed"), "no error");
  const std::string same = R"(\"same_as\":\")";
  EXPECT_THAT(error_with(same + "embed", same + "embex"), HasSubstr("no tensor before it"));
  EXPECT_THAT(error_with(same + "embed", same + "head"), HasSubstr("no tensor before it"));
  EXPECT_THAT(error_with(same + "bias", same + "head"), HasSubstr("is tied itself"));
}

}  // namespace
}  // namespace wquant
