#include <gmock/gmock.h>

#include "formats/pytorch.h"
#include "formats/pytorch_support.h"
#include "formats/tar_archive.h"

namespace wquant {
namespace {

using test::dict;
using test::error_of;
using test::Folder;
using test::named_tensor;
using test::number;
using test::pickled;
using test::ramp;
using test::read_tensor;
using test::tar_member;
using test::tar_storage;
using test::tar_tensor;
using test::TarParts;
using test::text;
using test::tuple;
using testing::ElementsAre;
using testing::HasSubstr;

std::string no_views() { return pickled("]"); }

/// A tensor w of 3 x 4 elements, numbered 7, in storage 5.
TarParts good() {
  TarParts parts;
  parts.pickle = pickled(dict({{"w", named_tensor("7")}}));
  parts.tensors = pickled(number(1)) + tar_tensor(7, number(5), {3, 4}, {4, 1});
  parts.storages = pickled(number(1)) + tar_storage(5, ramp()) + no_views();
  return parts;
}

std::string open_error(const Folder& folder, std::string_view bytes) {
  return test::read_error(open_pytorch, folder / "m.pt", bytes);
}

TEST(PyTorchTar, IsRecognisedReadAndViewed) {
  const Folder folder;
  const std::string bytes = good().bytes();
  test::write_file(folder / "m.pt", bytes);
  EXPECT_TRUE(pytorch_claims({folder / "m.pt", false, bytes.substr(0, 4096)}));
  EXPECT_FALSE(pytorch_claims({folder / "m.pt", false, bytes.substr(0, 511)}));
  EXPECT_FALSE(pytorch_claims({folder / "m.pt", false, tar_member("other", "x")}));
  const auto model = open_pytorch(folder / "m.pt");
  ASSERT_EQ(model->tensors().size(), 1U);
  EXPECT_EQ(model->tensors()[0].name, "w");
  EXPECT_THAT(model->tensors()[0].shape, ElementsAre(3, 4));
  EXPECT_EQ(read_tensor(*model, 0), ramp());
  EXPECT_EQ(model->view(0).size(), 48U);
  model->release(0, 0, 48);
}

TEST(PyTorchTar, TensorsOfOneStorageAndPartsOfStoragesAreViews) {
  const Folder folder;
  TarParts parts = good();
  parts.pickle = pickled(dict({{"a", named_tensor("7")},
                               {"turned", named_tensor("8")},
                               {"tied", named_tensor("7")},
                               {"part", named_tensor("9")}}));
  parts.tensors = pickled(number(3)) + tar_tensor(7, number(5), {12}, {1}) +
                  tar_tensor(8, number(5), {4, 2}, {1, 5}, 1) +
                  tar_tensor(9, number(6), {2}, {1}, 1);
  parts.storages = pickled(number(1)) + tar_storage(5, ramp()) +
                   pickled("](" + tuple({number(6), number(5), number(4), number(3)}) + "e");
  test::write_file(folder / "m.pt", parts.bytes());
  const auto model = open_pytorch(folder / "m.pt");
  ASSERT_EQ(model->tensors().size(), 4U);
  EXPECT_EQ(model->same_as(2), 0U);
  EXPECT_EQ(read_tensor(*model, 0), ramp());
  EXPECT_EQ(read_tensor(*model, 1).substr(4, 4), ramp().substr(24, 4));
  EXPECT_EQ(read_tensor(*model, 3), ramp().substr(20, 8));
}

TEST(PyTorchTar, PaxHeadersAndOtherMembersAreLeftOut) {
  const Folder folder;
  const TarParts parts = good();
  test::write_file(folder / "m.pt", tar_member("./PaxHeaders/x", "20 mtime=1234567.25\n", 'x') +
                                        tar_member("folder", "", '5') + parts.bytes());
  EXPECT_EQ(open_pytorch(folder / "m.pt")->tensors().size(), 1U);
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;
};

std::string with(std::string TarParts::*part, const std::string& bytes) {
  TarParts parts = good();
  parts.*part = bytes;
  return parts.bytes();
}

std::string with_tensor(const std::string& tensor, int count = 1) {
  return with(&TarParts::tensors, pickled(number(count)) + tensor);
}

std::string with_storage(const std::string& storage, const std::string& views = no_views()) {
  return with(&TarParts::storages, pickled(number(1)) + storage + views);
}

std::string with_view(std::int64_t whole, std::int64_t first, std::int64_t size) {
  return with_storage(
      tar_storage(5, ramp()),
      pickled("](" + tuple({number(6), number(whole), number(first), number(size)}) + "e"));
}

std::vector<Hostile> hostiles() {
  const std::uint64_t huge = std::uint64_t{1} << 62;
  const std::string whole = tar_tensor(7, number(5), {12}, {1});
  return {
      {"BigEndian", with(&TarParts::sys_info, pickled(dict({{"little_endian", "\x89"}}))),
       "has byte order \"big\""},
      {"Command", with(&TarParts::pickle, pickled("cposix\nsystem\n(X\1\0\0\0xtR")),
       "refuses global"},
      {"CommandBeside", with(&TarParts::sys_info, pickled("cposix\nsystem\n)R")),
       "refuses global posix.system"},
      {"NoTensor", with(&TarParts::pickle, pickled(dict({{"w", named_tensor("8")}}))),
       "holds no tensor"},
      {"OtherForm",
       with(&TarParts::pickle,
            pickled(dict({{"w", test::tensor(test::storage("5", 12), 0, {3}, {1})}}))),
       "holds no tensor"},
      {"CountIsText", with(&TarParts::tensors, pickled(text("1"))), "where a number belongs"},
      {"CountIsNegative", with(&TarParts::tensors, pickled(number(-1))), "where a number belongs"},
      {"TooManyTensors", with_tensor(whole, 2), "is cut off"},
      {"TensorTwice", with_tensor(whole + whole, 2), "holds tensor 7 twice"},
      {"TensorIsNumber", with_tensor(pickled(number(7))), "where a tuple belongs"},
      {"ManyDimensions",
       with_tensor(tar_tensor(7, number(5), std::vector<std::uint64_t>(65, 1), {})),
       "holds a tensor of 65 dimensions"},
      {"TypeOfTensor",
       with_tensor(pickled(tuple({number(7), number(5), test::global("os", "FloatTensor")}))),
       "refuses global os.FloatTensor"},
      {"NoStorage", with_tensor(tar_tensor(7, "N", {12}, {1})), "where a number belongs"},
      {"UnknownStorage", with_tensor(tar_tensor(7, number(4), {12}, {1})), "storage 4 is missing"},
      {"LongerThanStorage", with_tensor(tar_tensor(7, number(5), {13}, {1})),
       "does not fit the 12"},
      {"BehindStorage", with_tensor(tar_tensor(7, number(5), {1}, {1}, 13)),
       "begins at element 13"},
      {"HugeShape", with_tensor(tar_tensor(7, number(5), {huge, huge}, {0, 0})), "too large"},
      {"HugeStride", with_tensor(tar_tensor(7, number(5), {2, 2}, {~std::uint64_t{0}, 1})),
       "does not fit the 12"},
      {"Repeated", with_tensor(tar_tensor(7, number(5), {huge / 8}, {0})), "repeats 4 bytes"},
      {"StorageOfTensor", with_storage(tar_storage(5, ramp(), "Size")), "a storage without a type"},
      {"StorageLonger", with_storage(tar_storage(5, ramp()).substr(0, 80), ""), "are cut off"},
      {"StorageHuge",
       with_storage(
           pickled(tuple({number(5), text("cpu"), test::global("torch", "FloatStorage")})) +
           test::le(huge, 8)),
       "too large"},
      {"StorageTwice",
       with(&TarParts::storages,
            pickled(number(2)) + tar_storage(5, ramp()) + tar_storage(5, ramp()) + no_views()),
       "holds storage 5 twice"},
      {"PartOfNothing", with_view(9, 0, 1), "storage 9 is missing"},
      {"PartTooLong", with_view(5, 4, 9), "ends after the end"},
      {"PartBehind", with_view(5, 13, 0), "ends after the end"},
      {"PartNegative", with_view(5, -1, 2), "where a number belongs"},
      {"PartIsNumber", with_storage(tar_storage(5, ramp()), pickled("](" + number(1) + "e")),
       "where a tuple belongs"},
      {"MemberTwice", tar_member("sys_info", "x") + good().bytes(), "holds two members sys_info"},
      {"LongSize", tar_member("x", "20 size=99999999999\n", 'x') + good().bytes(),
       "has a pax header with size="},
      {"OtherName", tar_member("x", "14 path=other\n", 'x') + good().bytes(),
       "has a pax header with path="},
      {"NoPickle",
       tar_member("sys_info", good().sys_info) + tar_member("storages", good().storages) +
           tar_member("tensors", good().tensors),
       "not one of torch.save: no pickle"},
  };
}

TEST(PyTorchTar, HostileFilesAreRefusedWithTheReason) {
  const Folder folder;
  for (const Hostile& hostile : hostiles()) {
    SCOPED_TRACE(hostile.name);
    EXPECT_THAT(open_error(folder, hostile.bytes), HasSubstr(hostile.message));
  }
}

TEST(PyTorchTar, EveryTruncationIsRefused) {
  const Folder folder;
  const std::string bytes = good().bytes();
  const std::size_t end = bytes.size() - 1024 - (512 - good().storages.size() % 512);
  for (std::size_t size = 0; size < end; size += size % 512 == 511 || size % 512 == 0 ? 1 : 170) {
    EXPECT_NE(open_error(folder, bytes.substr(0, size)), "(no error)") << size;
  }
  EXPECT_EQ(open_error(folder, bytes.substr(0, end)), "(no error)");
}

TEST(TarArchive, EveryFlippedBitOfAHeaderIsFound) {
  std::string bytes = tar_member("sys_info", "abc");
  for (std::size_t bit = 0; bit < std::size_t{512} * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const bool found = error_of([&] { read_tar(std::as_bytes(std::span(bytes))); }) != "(no error)";
    // The checksum itself can be spelt in more than one way.
    EXPECT_TRUE(found || (bit / 8 >= 148 && bit / 8 < 156)) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
  EXPECT_EQ(read_tar(std::as_bytes(std::span(bytes))).at("sys_info").size(), 3U);
}

}  // namespace
}  // namespace wquant
