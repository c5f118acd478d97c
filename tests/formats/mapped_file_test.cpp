#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <list>
#include <span>
#include <string>
#include <utility>

#include "formats/safetensors_support.h"

namespace wquant {
namespace {

/// A file of so many bytes, zeros but for its first and last eight.
std::filesystem::path sparse_file(const test::Folder& folder, std::uint64_t size) {
  std::filesystem::path path = folder / std::to_string(size);
  std::ofstream file(path, std::ios::binary);
  file << "thebegin";
  file.seekp(static_cast<std::streamoff>(size - 8));
  file << "and end.";
  return path;
}

std::string copied(const MappedFile& file, std::uint64_t first, std::size_t size) {
  std::string text(size, '?');
  file.copy(first, std::as_writable_bytes(std::span(text)));
  return text;
}

constexpr std::uint64_t kSmall = 100'000, kLarge = std::uint64_t{65} << 20;

TEST(MappedFile, CopiesWhatItMaps) {
  const test::Folder folder;
  for (const std::uint64_t size : {kSmall, kLarge}) {
    MappedFile moved(sparse_file(folder, size));
    const MappedFile file = std::move(moved);
    EXPECT_EQ(copied(file, 0, 9), std::string("thebegin\0", 9)) << size;
    EXPECT_EQ(copied(file, size - 9, 9), std::string("\0and end.", 9)) << size;
    EXPECT_EQ(copied(file, size / 2, 3), std::string(3, '\0')) << size;
    EXPECT_EQ(copied(file, size, 0), "") << size;
  }
}

TEST(MappedFile, ManyLargeFilesDoNotUseUpTheDescriptors) {
  const test::Folder folder;
  const std::filesystem::path path = sparse_file(folder, kLarge);
  struct rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit few = before;
  few.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::list<MappedFile> files;
  for (int i = 0; i < 400; ++i) files.emplace_back(path);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(copied(files.front(), 3, 5), "begin");
  EXPECT_EQ(copied(files.back(), kLarge - 4, 4), "end.");
}

}  // namespace
}  // namespace wquant
