#include <gmock/gmock.h>

#include <string>

#include "formats/python_support.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

using testing::HasSubstr;

class PyTorch : public test::PythonTest {
 protected:
  PyTorch() : PythonTest("torch") {}
};

TEST_F(PyTorch, EveryTensorOfPyTorchIsReadExactly) {
  ASSERT_TRUE(run("make_pytorch_files.py"));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "")) {
    if (entry.path().extension() != ".pt") continue;
    ++files;
    const auto model = open_model(entry.path());
    EXPECT_EQ(model->format(), "pytorch");
    test::expect_listed(*model, folder_ / "");
    for (std::size_t i = 0; i < model->tensors().size(); ++i) {
      const std::string& name = model->tensors()[i].name;
      const bool tied = name.ends_with(".tied") || name.ends_with(".parameter");
      const TensorInfo& first = model->tensors()[model->same_as(i)];
      EXPECT_EQ(first.name, tied ? name.substr(0, name.find('.')) + ".base" : name);
      EXPECT_EQ(model->view(i).empty(), first.count() == 0 || name.ends_with(".row") ||
                                            name.ends_with(".steps") || name.ends_with(".turned") ||
                                            name.ends_with(".expanded"))
          << name;
    }
  }
  EXPECT_EQ(files, 13U);
  for (const std::string kind : {"zip", "legacy"}) {
    const auto alone = open_model(folder_ / ("alone." + kind));
    ASSERT_EQ(alone->tensors().size(), 1U);
    EXPECT_EQ(alone->tensors()[0].name, "alone");
    EXPECT_TRUE(test::read_tensor(*alone, 0) == test::read_file(folder_ / "raw/F32.turned.raw"));
    EXPECT_EQ(open_model(folder_ / ("listed." + kind))->tensors()[10].name, "10");
    EXPECT_THAT(test::error_of([&] { open_model(folder_ / ("module." + kind)); }),
                HasSubstr("refuses global torch.nn.modules.linear.Linear: only tensors"));
  }
}

/// A model whose tensors named "tied" are those before them.
class TiedModel : public test::MemoryModel {
 public:
  [[nodiscard]] std::size_t same_as(std::size_t index) const override {
    return tensors()[index].name.ends_with("tied") ? index - 1 : index;
  }
};

TEST_F(PyTorch, LoadsWhatIsWritten) {
  TiedModel model;
  std::string listing;
  const auto add = [&](const std::string& name, const std::vector<std::uint64_t>& shape,
                       Dtype dtype) {
    model.add(name, shape, dtype);
    listing += name_of(dtype);
    for (const std::uint64_t extent : shape) listing += " " + std::to_string(extent);
    listing += " " + name + "\n";
    const std::size_t number = model.tensors().size() - 1;
    test::write_file(folder_ / (std::to_string(number) + ".raw"),
                     model.data(model.same_as(number)));
  };
  for (const Dtype dtype : {Dtype::kU8, Dtype::kI8, Dtype::kI16, Dtype::kF16, Dtype::kBF16,
                            Dtype::kI32, Dtype::kF32, Dtype::kI64, Dtype::kF64, Dtype::kC64}) {
    for (const std::vector<std::uint64_t>& shape :
         std::vector<std::vector<std::uint64_t>>{{}, {0}, {3}, {2, 0}, {2, 3, 4}, {700, 800}}) {
      add("f/" + std::to_string(model.tensors().size()) + "\xC3\xA4", shape, dtype);
    }
    add(std::string(name_of(dtype)) + ".tied", {700, 800}, dtype);
  }
  test::write_file(folder_ / "list.txt", listing);
  write_model(model, folder_ / "m.pt", "", Overwrite::kRefuse);
  EXPECT_TRUE(run("check_pytorch_files.py"));

  const auto back = open_model(folder_ / "m.pt");
  for (std::size_t i = 0; i < back->tensors().size(); ++i) {
    EXPECT_EQ(back->same_as(i), model.same_as(i));
    EXPECT_TRUE(test::read_tensor(*back, i) == model.data(model.same_as(i)));
  }
}

}  // namespace
}  // namespace wquant
