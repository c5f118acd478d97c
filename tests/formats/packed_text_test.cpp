#include "formats/packed_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "formats/safetensors_support.h"

namespace wquant {
namespace {

using test::error_of;
using testing::HasSubstr;

constexpr std::uint64_t kMost = 1'000'000;

TEST(PackedText, ComesBack) {
  std::mt19937 random(5);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string noise, plain;
    for (std::size_t i = 0; i < size * 7; ++i) {
      noise += static_cast<char>(random());
      plain += static_cast<char>('a' + i % 5);
    }
    for (const std::string& text : {noise, plain}) {
      const std::string packed = pack_text(text);
      EXPECT_LE(packed.size(), most_packed_bytes(text.size()));
      EXPECT_EQ(packed.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789+/="),
                std::string::npos);
      EXPECT_EQ(unpack_text(packed, kMost), text);
    }
  }
}

TEST(PackedText, DamageIsAnError) {
  const auto error = [](const std::string& packed, std::uint64_t most = kMost) {
    return error_of([&] { unpack_text(packed, most); });
  };
  const std::string packed = pack_text(std::string(1000, 'x') + "some text that is no repetition");
  EXPECT_THAT(error(packed.substr(1)), HasSubstr("not base64"));
  EXPECT_THAT(error("\"" + packed.substr(1)), HasSubstr("not base64"));
  EXPECT_THAT(error(packed.substr(0, 8)), HasSubstr("cut off"));
  EXPECT_THAT(error(""), HasSubstr("cut off"));
  EXPECT_THAT(error("/////////w=="), HasSubstr("damaged"));
  EXPECT_THAT(error(packed.substr(0, packed.find('=')) + std::string(8, 'A')),
              testing::Ne("(no error)"));
  EXPECT_THAT(error(packed, 999), HasSubstr("too long"));
}

}  // namespace
}  // namespace wquant
