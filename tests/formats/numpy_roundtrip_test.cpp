#include <gtest/gtest.h>

#include <string>

#include "formats/python_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

class NumPy : public test::PythonTest {
 protected:
  NumPy() : PythonTest("numpy") {}
};

TEST_F(NumPy, EveryArrayOfNumPyIsReadExactly) {
  ASSERT_TRUE(run("make_numpy_files.py"));
  ASSERT_EQ(test::read_tensor_list(folder_ / "list.txt").size(), 13U * 10U * 4U);
  for (const std::string file : {"folder", "savez.npz", "compressed.npz", "zip64.npz", "small.npz",
                                 "piped.npz", "piped_stored.npz"}) {
    test::expect_listed(*open_model(folder_ / file), folder_ / "");
  }
  EXPECT_TRUE(open_model(folder_ / "empty.npz")->tensors().empty());
}

TEST_F(NumPy, LoadsWhatIsWritten) {
  test::MemoryModel model;
  std::string listing;
  for (int type = 0; type <= static_cast<int>(Dtype::kC64); ++type) {
    const auto dtype = static_cast<Dtype>(type);
    if (dtype == Dtype::kBF16 || dtype == Dtype::kF8E4M3 || dtype == Dtype::kF8E5M2) continue;
    for (const std::vector<std::uint64_t>& shape :
         std::vector<std::vector<std::uint64_t>>{{}, {0}, {3}, {2, 0}, {2, 3, 4}, {700, 800}}) {
      const std::size_t number = model.tensors().size();
      const std::string name = "f/" + std::to_string(number) + "\xC3\xA4." + shape_text(shape)[1];
      model.add(name, shape, dtype);
      listing += name_of(dtype);
      for (const std::uint64_t extent : shape) listing += " " + std::to_string(extent);
      listing += " " + name + "\n";
      test::write_file(folder_ / (std::to_string(number) + ".raw"), model.data(number));
    }
  }
  test::write_file(folder_ / "list.txt", listing);
  write_model(model, folder_ / "m.npz", "", Overwrite::kRefuse);
  write_model(model, folder_ / "m", "npy-folder", Overwrite::kRefuse);
  EXPECT_TRUE(run("check_numpy_files.py"));
}

}  // namespace
}  // namespace wquant
