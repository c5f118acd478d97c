#include "formats/zip_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "formats/safetensors_support.h"
#include "formats/zip_archive.h"

namespace wquant {
namespace {

TEST(ZipWriter, MembersBeginAtMultiplesOfTheirAlignment) {
  const test::Folder folder;
  for (const std::size_t alignment : {1U, 2U, 64U, 4096U}) {
    OutputFile file(folder / std::to_string(alignment), Overwrite::kRefuse);
    ZipWriter zip(file);
    for (std::size_t length = 1; length < 140; ++length) {
      // A member that may need 64-bit sizes has a longer header.
      const std::uint64_t claimed = length % 3 == 0 ? std::uint64_t{1} << 32 : length;
      const std::string text(length, 'x');
      zip.begin(std::string(length, 'n'), claimed, alignment);
      zip.write(std::as_bytes(std::span(text)));
      zip.end();
    }
    zip.finish();
    file.commit();
    const ZipArchive archive(folder / std::to_string(alignment));
    ASSERT_EQ(archive.members().size(), 139U);
    for (std::size_t i = 0; i < archive.members().size(); ++i) {
      EXPECT_EQ(archive.members()[i].begin % alignment, 0U) << alignment << " " << i;
      EXPECT_EQ(archive.contents(i).size(), i + 1);
    }
  }
}

}  // namespace
}  // namespace wquant
