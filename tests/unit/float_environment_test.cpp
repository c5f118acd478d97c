#include "base/float_environment.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <limits>
#include <thread>

#include "unit/flush_denormals.h"

namespace wquant {
namespace {

/// What the machine makes of a quotient that is denormal and of a sum that is rounded.
struct Arithmetic {
  float half_of_least, sum;

  static Arithmetic now() {
    const volatile float least = std::numeric_limits<float>::min();
    const volatile float one = 1;
    const volatile float little = 0x1p-30F;
    return {least / 2, one + little};
  }

  bool operator==(const Arithmetic&) const = default;
};

constexpr Arithmetic kAsStarted = {0x1p-127F, 1};
constexpr Arithmetic kChanged = {0, 1 + 0x1p-23F};

void change_arithmetic() {
  std::fesetround(FE_UPWARD);
  test::flush_denormals();
}

TEST(FloatEnvironment, IsThatOfAProgramsStartAndThenTheCallersAgain) {
  EXPECT_EQ(Arithmetic::now(), kAsStarted);
  const FloatEnvironment restored_in_the_end;
  change_arithmetic();
  EXPECT_EQ(Arithmetic::now(), kChanged);
  {
    const FloatEnvironment environment;
    EXPECT_EQ(Arithmetic::now(), kAsStarted);
  }
  EXPECT_EQ(Arithmetic::now(), kChanged);
}

TEST(FloatEnvironment, IsInheritedByThreads) {
  const FloatEnvironment restored_in_the_end;
  change_arithmetic();
  Arithmetic found = {};
  {
    const FloatEnvironment environment;
    std::jthread([&] { found = Arithmetic::now(); });
  }
  EXPECT_EQ(found, kAsStarted);
}

}  // namespace
}  // namespace wquant
