#include <cstdint>
#include <string>
#include <vector>

#include "coding/coded_tensor.h"
#include "coding/rans.h"
#include "formats/python_support.h"
#include "unit/codes.h"

namespace wquant {
namespace {

using testing_codes::Codes;

class CodingRecipe : public test::PythonTest {
 protected:
  CodingRecipe() : PythonTest("numpy") {}

  static std::string text(const std::vector<std::uint8_t>& bytes) {
    return {bytes.begin(), bytes.end()};
  }

  /// The name says how many codes there are.
  void write_coded(const Codes& codes, std::size_t levels) const {
    test::write_file(folder_ / (std::to_string(codes.size()) + ".coded"),
                     text(encode_tensor(testing_codes::count(codes, levels), codes)));
  }

  void expect_decoded(const Codes& codes) const {
    const std::string name = std::to_string(codes.size()) + ".codes";
    EXPECT_TRUE(test::read_file(folder_ / name) == text(codes)) << name;
  }
};

TEST_F(CodingRecipe, DecodesExactlyWhatWasCoded) {
  const std::vector<Codes> all = {
      testing_codes::gaussian_codes(2 * kBlockCodes + 16387, 22, 0.5),
      testing_codes::gaussian_codes(kBlockCodes, 256, 0.03),
      testing_codes::uniform_codes(kBlockCodes + 1, 256),
      testing_codes::geometric_codes(16383, 9),
      testing_codes::skewed_codes(2 * kBlockCodes, 256),
      Codes(3 * kBlockCodes + 5, 2),
      Codes{1},
      Codes{1, 0},
      {},
  };
  for (const Codes& codes : all) write_coded(codes, kMostLevels);
  ASSERT_TRUE(run("decode_codes.py"));
  for (const Codes& codes : all) expect_decoded(codes);
}

}  // namespace
}  // namespace wquant
