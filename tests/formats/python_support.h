#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "formats/listed_files.h"

namespace wquant::test {

/// Tests that run Python scripts of this folder on a fresh folder; skipped where a module that
/// they need is missing.
class PythonTest : public testing::Test {
 protected:
  explicit PythonTest(std::string module) : module_(std::move(module)) {}

  void SetUp() override {
    if (!has_python_module(module_)) {
      GTEST_SKIP() << "python3 with " << module_ << " is not installed";
    }
  }

  [[nodiscard]] bool run(const std::string& script) const {
    return run_python(script, folder_ / "");
  }

  Folder folder_;

 private:
  std::string module_;
};

}  // namespace wquant::test
