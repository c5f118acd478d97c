#include "formats/npz.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "formats/numpy_support.h"
#include "formats/zip_archive.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::npy_bytes;
using test::npy_dict;
using test::npy_ramp;
using test::read_error;
using test::zip_bytes;
using test::ZipPart;
using testing::HasSubstr;

std::string refusal(std::string_view bytes) {
  const Folder folder;
  return read_error(open_npz, folder / "m.npz", bytes);
}

TEST(Npz, ListsMembersInTheirOrder) {
  const Folder folder;
  test::write_file(folder / "m.npz",
                   zip_bytes({{"b/c.npy", npy_ramp(3)}, {"a.npy", npy_ramp(300), true}}));
  const auto model = open_npz(folder / "m.npz");
  ASSERT_EQ(model->tensors().size(), 2U);
  EXPECT_EQ(model->tensors()[0].name, "b/c");
  EXPECT_EQ(model->tensors()[1].name, "a");
  EXPECT_EQ(test::read_tensor(*model, 1).size(), 300U);
  // Both have a view: the one where it lies in the archive, the other where it was unpacked to.
  EXPECT_EQ(model->view(0).size(), 3U);
  EXPECT_EQ(model->view(1)[299], std::byte{299 - 256});
}

TEST(Npz, EmptyArchiveIsAModelWithoutTensors) {
  const Folder folder;
  test::write_file(folder / "m.npz", zip_bytes({}));
  EXPECT_TRUE(open_npz(folder / "m.npz")->tensors().empty());
}

TEST(Npz, ReleasedPartsCanBeReadAgain) {
  const Folder folder;
  test::write_file(folder / "m.npz",
                   zip_bytes({{"a.npy", npy_ramp(99999)}, {"b.npy", npy_ramp(99999), true}}));
  const auto model = open_npz(folder / "m.npz");
  for (const std::size_t i : {0U, 1U}) {
    const std::string before = test::read_tensor(*model, i);
    model->release(i, 0, 99999);
    EXPECT_EQ(test::read_tensor(*model, i), before);
  }
}

TEST(Npz, SeveralThreadsUnpackAMemberOnce) {
  const Folder folder;
  test::write_file(folder / "m.npz", zip_bytes({{"a.npy", npy_ramp(2000000), true}}));
  const auto model = open_npz(folder / "m.npz");
  std::vector<const std::byte*> seen(8);
  std::vector<std::thread> threads;
  threads.reserve(seen.size());
  for (auto& place : seen) threads.emplace_back([&] { place = model->view(0).data(); });
  for (std::thread& thread : threads) thread.join();
  for (const std::byte* place : seen) EXPECT_EQ(place, seen[0]);
}

TEST(Npz, UnpacksToMemoryWhereNoFolderIsWritable) {
  const Folder folder;
  test::write_file(folder / "m.npz", zip_bytes({{"a.npy", npy_ramp(70000), true}}));
  setenv("TMPDIR", "/nonexistent", 1);
  const auto model = open_npz(folder / "m.npz");
  const std::string before = test::read_tensor(*model, 0);
  unsetenv("TMPDIR");
  model->release(0, 0, 70000);
  EXPECT_EQ(test::read_tensor(*model, 0), before);
  EXPECT_EQ(static_cast<unsigned char>(before[513]), 1U);
}

TEST(Npz, RefusesEveryTruncation) {
  const Folder folder;
  const std::string whole =
      zip_bytes({{"a.npy", npy_ramp(40)}, {"b.npy", npy_ramp(400), true}, {"c.npy", npy_ramp(0)}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string message = read_error(open_npz, folder / "m.npz", whole.substr(0, size));
    EXPECT_THAT(message, HasSubstr("m.npz: is no zip archive, or its end is missing")) << size;
  }
  EXPECT_EQ(read_error(open_npz, folder / "m.npz", whole), "(no error)");
}

/// Each flip must give an Error or leave the arrays as they are.
TEST(Npz, NoFlippedBitGoesUnseenInTheData) {
  const Folder folder;
  const std::string whole = zip_bytes({{"a.npy", npy_ramp(40)}, {"b.npy", npy_ramp(40), true}});
  const std::string values = npy_ramp(40).substr(npy_ramp(40).size() - 40);
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 3) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    std::filesystem::remove(folder / "m.npz");
    test::write_file(folder / "m.npz", bytes);
    try {
      const auto model = open_npz(folder / "m.npz");
      for (std::size_t i = 0; i < model->tensors().size(); ++i) {
        ASSERT_EQ(test::read_tensor(*model, i), values) << bit;
      }
    } catch (const Error&) {
    }
  }
}

TEST(Npz, RefusesDamagedData) {
  ZipPart crc("a.npy", npy_ramp(9));
  crc.crc ^= 1;
  EXPECT_THAT(refusal(zip_bytes({crc})), HasSubstr("m.npz: a.npy: its CRC-32 is"));
  ZipPart crc_deflated("a.npy", npy_ramp(900), true);
  crc_deflated.crc ^= 1;
  EXPECT_THAT(refusal(zip_bytes({crc_deflated})), HasSubstr("a.npy: its CRC-32 is"));
  ZipPart garbage("a.npy", npy_ramp(9), true);
  garbage.stored.assign(garbage.stored.size(), '\xff');
  EXPECT_THAT(refusal(zip_bytes({garbage})), HasSubstr("its compressed data are damaged"));
  ZipPart tail("a.npy", npy_ramp(200000), true);
  tail.stored.replace(tail.stored.size() - 9, 9, 9, '\xff');
  EXPECT_NE(refusal(zip_bytes({tail})), "(no error)");
  ZipPart padded("a.npy", npy_ramp(9), true);
  padded.stored += "xx";
  padded.stored_size += 2;
  EXPECT_THAT(refusal(zip_bytes({padded})), HasSubstr("its compressed data are damaged"));
}

TEST(Npz, RefusesFalseSizes) {
  for (const int delta : {-1, 1}) {
    const auto shift = [&](std::uint64_t& size) { size += static_cast<std::uint64_t>(delta); };
    ZipPart stored("a.npy", npy_ramp(9));
    shift(stored.size);
    EXPECT_THAT(refusal(zip_bytes({stored})), HasSubstr("is stored in"));
    shift(stored.stored_size);
    EXPECT_THAT(refusal(zip_bytes({stored})),
                HasSubstr(delta > 0 ? "runs into the directory" : "bytes of data where [9]"));
    ZipPart deflated("a.npy", npy_ramp(900), true);
    shift(deflated.size);
    EXPECT_THAT(refusal(zip_bytes({deflated})), HasSubstr("bytes of data where [900]"));
    ZipPart packed("a.npy", npy_ramp(900), true);
    shift(packed.stored_size);
    EXPECT_NE(refusal(zip_bytes({packed})), "(no error)");
  }
  // The array's header agrees with the archive's, the deflate stream with neither.
  const std::string data = npy_bytes(npy_dict("|u1", "(900,)"), std::string(900, 'x'));
  for (const std::size_t size : {data.size() - 1, data.size() + 1}) {
    std::string other = data;
    other.resize(size, 'x');
    ZipPart part("a.npy", other, true);
    part.size = data.size();
    EXPECT_THAT(refusal(zip_bytes({part})), HasSubstr("bytes than the"));
  }
}

TEST(Npz, RefusesBombs) {
  const std::string dict = npy_dict("|u1", "(4000000000,)");
  ZipPart bomb("a.npy", npy_bytes(dict), true);
  bomb.size += 4000000000;
  EXPECT_THAT(refusal(zip_bytes({bomb})), HasSubstr("more than deflate can"));
  // Many members that share their data.
  std::vector<ZipPart> parts(3, ZipPart("a.npy", npy_ramp(5)));
  parts[1].name = "b.npy";
  parts[2].name = "c.npy";
  parts[1].offset = parts[2].offset = 0;
  EXPECT_NE(refusal(zip_bytes(parts)), "(no error)");
  ZipPart inner("b.npy", npy_ramp(5));
  const std::string nested = zip_bytes({inner});
  ZipPart outer("a.npy",
                npy_bytes(npy_dict("|u1", "(" + std::to_string(nested.size()) + ",)"), nested));
  const std::size_t begin = 30 + outer.name.size() + outer.stored.size() - nested.size();
  inner.offset = static_cast<std::int64_t>(begin);
  EXPECT_THAT(refusal(zip_bytes({outer, inner})), HasSubstr("overlaps"));
}

TEST(Npz, RefusesWhatItCannotUnpack) {
  for (const std::uint16_t flag : std::vector<std::uint16_t>{1, 0x41, 0x2000}) {
    ZipPart part("a.npy", npy_ramp(5));
    part.flags = flag;
    EXPECT_THAT(refusal(zip_bytes({part})), HasSubstr("a.npy: is encrypted"));
  }
  for (const std::uint16_t method : std::vector<std::uint16_t>{1, 9, 12, 14, 93, 99}) {
    ZipPart part("a.npy", npy_ramp(5));
    part.method = method;
    EXPECT_THAT(refusal(zip_bytes({part})),
                HasSubstr("compressed by method " + std::to_string(method)));
  }
}

TEST(Npz, RefusesNames) {
  EXPECT_THAT(refusal(zip_bytes({{"a.npy", npy_ramp(1)}, {"a.npy", npy_ramp(2)}})),
              HasSubstr("a.npy: is in the archive twice"));
  EXPECT_THAT(refusal(zip_bytes({{"a.npy", npy_ramp(1)}, {"notes.txt", "hello"}})),
              HasSubstr("notes.txt: is no .npy file"));
  EXPECT_THAT(refusal(zip_bytes({{"folder/", ""}})), HasSubstr("folder/: is no .npy file"));
  EXPECT_THAT(refusal(zip_bytes({{".npy", npy_ramp(1)}})), HasSubstr("is no .npy file"));
  EXPECT_THAT(refusal(zip_bytes({{"", npy_ramp(1)}})), HasSubstr("without a proper name"));
  EXPECT_THAT(refusal(zip_bytes({{std::string("a\0b.npy", 7), npy_ramp(1)}})),
              HasSubstr("without a proper name"));
  EXPECT_THAT(refusal(zip_bytes({{"a.npy", "no array"}})), HasSubstr("a.npy: does not begin like"));
  EXPECT_THAT(refusal(zip_bytes({{"a.npy", ""}})), HasSubstr("a.npy: does not begin like"));
}

TEST(Npz, RefusesFalseDirectories) {
  const std::vector<ZipPart> parts = {{"a.npy", npy_ramp(3)}, {"b.npy", npy_ramp(3)}};
  const std::uint64_t size = zip_bytes(parts).size();
  for (const std::int64_t count : {3, 900, 0xFFFE}) {
    EXPECT_NE(refusal(zip_bytes(parts, {count, -1, -1})), "(no error)") << count;
  }
  for (const std::int64_t offset : {std::int64_t(size), std::int64_t(0x7FFFFFFF)}) {
    EXPECT_NE(refusal(zip_bytes(parts, {-1, -1, offset})), "(no error)") << offset;
    EXPECT_NE(refusal(zip_bytes(parts, {-1, offset, -1})), "(no error)") << offset;
  }
  for (const std::int64_t offset :
       {std::int64_t{1}, std::int64_t(size) - 1, std::int64_t(size), std::int64_t{0x7FFFFFFF}}) {
    std::vector<ZipPart> moved = parts;
    moved[0].offset = offset;
    EXPECT_THAT(refusal(zip_bytes(moved)), HasSubstr("a.npy: its header is missing")) << offset;
  }
}

TEST(Npz, RefusesHeadersThatContradictTheDirectory) {
  const ZipPart good("a.npy", npy_ramp(3));
  const std::string whole = zip_bytes({good});
  ASSERT_EQ(refusal(whole), "(no error)");
  // Flags, method, CRC, both sizes, the name and its length in the first header.
  for (const std::size_t at : {6U, 8U, 14U, 18U, 22U, 26U, 28U, 30U}) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] + 8);
    EXPECT_NE(refusal(bytes), "(no error)") << at;
  }
  EXPECT_THAT(refusal("junk" + whole), HasSubstr("does not lie where its end tells"));
  EXPECT_THAT(refusal(whole + "junk"), HasSubstr("its end is missing"));
}

TEST(Npz, EndMayHaveAComment) {
  for (const std::size_t size : {1U, 30U, 65535U}) {
    std::string bytes = zip_bytes({{"a.npy", npy_ramp(3)}});
    bytes.replace(bytes.size() - 2, 2, test::le(size, 2));
    EXPECT_EQ(refusal(bytes + std::string(size, 'P')), "(no error)");
    EXPECT_THAT(refusal(bytes + std::string(size - 1, 'P')), HasSubstr("its end is missing"));
  }
}

TEST(Npz, SizesMayStandInZip64Fields) {
  const std::vector<ZipPart> parts = {{"a.npy", npy_ramp(3)}, {"b.npy", npy_ramp(300), true}};
  const std::string whole = zip_bytes(parts, {}, true);
  EXPECT_EQ(refusal(whole), "(no error)");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refusal(whole.substr(0, size)), "(no error)") << size;
  }
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t wrong : {std::int64_t{1}, std::int64_t{3}, most, most - 100}) {
    EXPECT_NE(refusal(zip_bytes(parts, {wrong, -1, -1}, true)), "(no error)") << wrong;
    EXPECT_NE(refusal(zip_bytes(parts, {-1, wrong, -1}, true)), "(no error)") << wrong;
    EXPECT_NE(refusal(zip_bytes(parts, {-1, -1, wrong}, true)), "(no error)") << wrong;
    std::vector<ZipPart> moved = parts;
    moved[1].offset = wrong;
    EXPECT_NE(refusal(zip_bytes(moved, {}, true)), "(no error)") << wrong;
    moved = parts;
    moved[0].size = moved[0].stored_size = static_cast<std::uint64_t>(wrong);
    EXPECT_NE(refusal(zip_bytes(moved, {}, true)), "(no error)") << wrong;
  }
}

/// A member of 5 GiB that takes no space on the disk, and one behind it.
TEST(Npz, ArchiveBeyondFourGigabytesIsRead) {
  const Folder folder;
  const std::uint64_t size = std::uint64_t{5} << 30;
  const std::string header = npy_bytes(npy_dict("<f4", "(5, 268435456)"));
  ZipPart big("big.npy", header);
  big.size = big.stored_size = header.size() + size;
  const ZipPart small("small.npy", npy_ramp(3));
  const std::string front = zip_local_header(big, true) + header;
  test::write_file(folder / "m.npz", front);
  const std::uint64_t offset = front.size() + size;
  std::filesystem::resize_file(folder / "m.npz", offset);
  const std::string behind = zip_local_header(small) + small.stored;
  const std::string directory = zip_entry(big, 0, true) + zip_entry(small, offset, true);
  std::ofstream(folder / "m.npz", std::ios::binary | std::ios::app)
      << behind << directory << test::zip_end(2, directory.size(), offset + behind.size(), true);
  const auto model = open_npz(folder / "m.npz");
  ASSERT_EQ(model->tensors().size(), 2U);
  EXPECT_EQ(model->tensors()[0].bytes(), size);
  EXPECT_EQ(test::read_tensor(*model, 1), std::string("\0\1\2", 3));
}

TEST(Npz, WritesTheSameBytesEachTime) {
  const Folder folder;
  test::MemoryModel model;
  model.add("w", {300, 1000}, Dtype::kF64);
  model.add("e", {0, 4}, Dtype::kI8);
  model.add("s", {}, Dtype::kC64);
  model.add("\xC3\xA4/../b", {3}, Dtype::kBool);
  write_npz(model, folder / "a.npz", Overwrite::kRefuse, {});
  write_npz(model, folder / "b.npz", Overwrite::kRefuse, {});
  EXPECT_TRUE(test::read_file(folder / "a.npz") == test::read_file(folder / "b.npz"));
  const auto back = open_npz(folder / "a.npz");
  ASSERT_EQ(back->tensors().size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(back->tensors()[i].name, model.tensors()[i].name);
    EXPECT_EQ(back->tensors()[i].shape, model.tensors()[i].shape);
    EXPECT_EQ(back->tensors()[i].dtype, model.tensors()[i].dtype);
    EXPECT_TRUE(test::read_tensor(*back, i) == model.data(i));
  }
}

TEST(Npz, RefusesToWriteMoreMembersThanTheDirectoryCounts) {
  const Folder folder;
  test::MemoryModel model;
  for (int i = 0; i < 65534; ++i) model.add(std::to_string(i), {1}, Dtype::kU8);
  write_npz(model, folder / "m.npz", Overwrite::kRefuse, {});
  const auto back = open_npz(folder / "m.npz");
  ASSERT_EQ(back->tensors().size(), 65534U);
  EXPECT_EQ(test::read_tensor(*back, 65533), model.data(65533));
  model.add("one more", {1}, Dtype::kU8);
  EXPECT_THAT(error_of([&] { write_npz(model, folder / "n.npz", Overwrite::kRefuse, {}); }),
              HasSubstr("65535 members are too many"));
}

TEST(Npz, RefusesToWriteWhatAnArchiveCannotHold) {
  const Folder folder;
  const auto refused = [&](const std::string& name, Dtype dtype) {
    test::MemoryModel model;
    model.add("good", {2}, Dtype::kF32);
    model.add(name, {2}, dtype);
    return error_of([&] { write_npz(model, folder / "m.npz", Overwrite::kRefuse, {}); });
  };
  EXPECT_THAT(refused("b", Dtype::kBF16), HasSubstr("b: NumPy has no dtype for BF16: write saf"));
  EXPECT_THAT(refused("", Dtype::kF32), HasSubstr("without a name"));
  EXPECT_THAT(refused(std::string("a\0b", 3), Dtype::kF32), HasSubstr("its name cannot name"));
  EXPECT_THAT(refused("\xFF", Dtype::kF32), HasSubstr("not UTF-8"));
  EXPECT_THAT(refused(std::string(70000, 'n'), Dtype::kF32), HasSubstr("too long"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(Npz, StoppedWriteLeavesNothingBehind) {
  const Folder folder;
  test::MemoryModel model;
  model.add("w", {5, 1000000}, Dtype::kF32);
  std::atomic<bool> stop = false;
  std::vector<std::uint64_t> steps;
  RunOptions options;
  options.stop = &stop;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, 20000000U);
    steps.push_back(done);
    stop = steps.size() == 3;
  };
  try {
    write_npz(model, folder / "m.npz", Overwrite::kRefuse, options);
    ADD_FAILURE() << "not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{1 << 20, 2 << 20, 3 << 20}));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(ZipArchive, HeadIsTheFrontOfTheContents) {
  const Folder folder;
  const std::string content = npy_ramp(100000);
  test::write_file(folder / "m.zip",
                   zip_bytes({{"a", content}, {"b", content, true}, {"c", "", true}}));
  const ZipArchive archive(folder / "m.zip");
  for (const std::size_t index : {0U, 1U}) {
    for (const std::size_t limit : {0U, 1U, 1000U, 200000U}) {
      const auto head = archive.head(index, limit);
      const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
      EXPECT_TRUE(text == std::string_view(content).substr(0, limit));
    }
  }
  EXPECT_TRUE(archive.head(2, 10).empty());
  EXPECT_TRUE(archive.contents(2).empty());
}

}  // namespace
}  // namespace wquant
