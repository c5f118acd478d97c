#include "formats/npy.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "formats/npy_array.h"
#include "formats/npy_header.h"
#include "formats/numpy_support.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using test::npy_bytes;
using test::npy_dict;
using test::read_error;
using testing::HasSubstr;

struct Wrong {
  std::string bytes;
  std::string message;
};

void expect_refused(const std::vector<Wrong>& table) {
  const Folder folder;
  for (const Wrong& wrong : table) {
    const std::string message = read_error(open_npy, folder / "w.npy", wrong.bytes);
    EXPECT_THAT(message, HasSubstr(wrong.message));
    EXPECT_THAT(message, HasSubstr("w.npy: "));
  }
}

TEST(Npy, IsOneTensorNamedAfterTheFile) {
  const Folder folder;
  test::write_file(folder / "layer.0.npy", npy_bytes(npy_dict("<i2", "(2, 3)"), "aabbccddeeff"));
  const auto model = open_npy(folder / "layer.0.npy");
  ASSERT_EQ(model->tensors().size(), 1U);
  EXPECT_EQ(model->tensors()[0].name, "layer.0");
  EXPECT_EQ(model->tensors()[0].shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(model->tensors()[0].dtype, Dtype::kI16);
  EXPECT_EQ(model->view(0).size(), 12U);
  EXPECT_EQ(test::read_tensor(*model, 0), "aabbccddeeff");
}

TEST(Npy, HeaderLiteralMayBeWrittenInOtherWays) {
  for (const std::string dict :
       {"{'shape':(2,),'fortran_order':False,'descr':'|u1'}",
        "{\"descr\": \"|u1\", \"fortran_order\": True, \"shape\": (2L,), }   ",
        "  { 'descr' : '<u1' , 'fortran_order' : False , 'shape' : ( 2 , ) , } "}) {
    for (const int major : {1, 2, 3}) {
      const std::string bytes = npy_bytes(dict, "ab", major);
      const NpyHeader header = parse_npy_header(std::as_bytes(std::span(bytes)), bytes.size());
      EXPECT_EQ(header.shape, std::vector<std::uint64_t>{2}) << dict;
      EXPECT_EQ(header.dtype, Dtype::kU8);
      EXPECT_TRUE(is_native(header));
    }
  }
}

TEST(Npy, RefusesHeadersThatAreNoPlainDictionary) {
  const auto with = [](const std::string& dict) { return npy_bytes(dict, "abcd"); };
  expect_refused({
      {with(""), "no '{'"},
      {with("{"), "no string"},
      {with("{}"), "lacks 'descr'"},
      {with("{'descr': '<f4'}"), "lacks 'fortran_order'"},
      {with("{'descr': '<f4', 'fortran_order': False}"), "lacks 'shape'"},
      {with(npy_dict("<f4", "(1,)") + "x"), "text after"},
      {with(npy_dict("<f4", "(1,)") + npy_dict("<f4", "(1,)")), "text after"},
      {with("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"), "twice"},
      {with("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"), "unknown key 'x'"},
      {with("{'descr' '<f4'}"), "no ':'"},
      {with("{'descr': '<f4' 'shape': (1,)}"), "no ','"},
      {with("{'descr: 1}"), "a string without end"},
      {with("{'de\\x73cr': '<f4'}"), "escape"},
      {with("{descr: '<f4'}"), "no string"},
      {with(npy_dict("<f4", "(1,)", "false")), "neither True nor False"},
      {with(npy_dict("<f4", "(1,)", "0")), "neither True nor False"},
      {with(npy_dict("<f4", "(1)")), "no tuple"},
      {with(npy_dict("<f4", "[1]")), "no '('"},
      {with(npy_dict("<f4", "(,)")), "no extent"},
      {with(npy_dict("<f4", "(1,,)")), "no extent"},
      {with(npy_dict("<f4", "(1 1)")), "no comma"},
      {with(npy_dict("<f4", "(-1,)")), "no extent"},
      {with(npy_dict("<f4", "(01,)")), "no extent"},
      {with(npy_dict("<f4", "(0x1,)")), "no comma"},
      {with(npy_dict("<f4", "(1.0,)")), "no comma"},
      {with(npy_dict("<f4", "(__import__('os').system('true'),)")), "no extent"},
  });
}

TEST(Npy, RefusesShapesThatDoNotFit) {
  std::string ones;
  for (int i = 0; i < 65; ++i) ones += "1, ";
  expect_refused({
      {npy_bytes(npy_dict("<f4", "(18446744073709551616,)")), "too large"},
      {npy_bytes(npy_dict("<f4", "(99999999999999999999999999,)")), "too large"},
      {npy_bytes(npy_dict("<f4", "(18446744073709551615,)")), "too large"},
      {npy_bytes(npy_dict("<f4", "(2305843009213693952,)")), "too large"},
      {npy_bytes(npy_dict("|u1", "(4294967296, 4294967296)")), "too large"},
      {npy_bytes(npy_dict("|u1", "(4294967296, 4294967296, 0)")), "too large"},
      {npy_bytes(npy_dict("|u1", "(" + ones + ")"), "a"), "more than 64 dimensions"},
  });
}

TEST(Npy, RefusesWhatIsNotNumbers) {
  const auto with = [](const std::string& descr) {
    return npy_bytes(npy_dict(descr, "(1,)"), std::string(16, 'x'));
  };
  expect_refused({
      {with("|O"), "pickled"},
      {with("<U4"), "text"},
      {with("|S16"), "text"},
      {with("|V2"), "bfloat16"},
      {with("|V20"), "records"},
      {with("<M8[ns]"), "dates"},
      {with("<m8[s]"), "durations"},
      {with("<c16"), "astype('complex64')"},
      {with("<f16"), "astype('float64')"},
      {with("<f3"), "unsupported"},
      {with("<i16"), "unknown dtype '<i16'"},
      {with("i4"), "unknown dtype"},
      {with(""), "unknown dtype"},
      {with("="), "unknown dtype"},
      {with("=f4"), "unknown byte order"},
      {with("|f4"), "unknown byte order"},
      {with("!i4"), "unknown byte order"},
      {npy_bytes("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "abcd"),
       "structured"},
  });
}

TEST(Npy, RefusesEveryTruncation) {
  const Folder folder;
  for (const int major : {1, 2}) {
    const std::string whole = npy_bytes(npy_dict("<f4", "(3,)"), "aaaabbbbcccc", major);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(read_error(open_npy, folder / "w.npy", whole.substr(0, size)), "(no error)")
          << size;
    }
    EXPECT_EQ(read_error(open_npy, folder / "w.npy", whole), "(no error)");
    EXPECT_THAT(read_error(open_npy, folder / "w.npy", whole + "d"),
                HasSubstr("holds 13 bytes of data where [3] of F32 take 12"));
  }
}

TEST(Npy, RefusesWrongFrames) {
  const std::string good = npy_bytes(npy_dict("<f4", "(1,)"), "abcd");
  const auto patched = [&](std::size_t at, std::string_view with) {
    std::string bytes = good;
    return bytes.replace(at, with.size(), with);
  };
  using namespace std::string_view_literals;
  expect_refused({
      {"", "does not begin like"},
      {patched(0, "x"), "does not begin like"},
      {patched(5, "y"), "does not begin like"},
      {patched(6, "\0"sv), "version 0.0"},
      {patched(6, "\4"), "version 4.0"},
      {patched(7, "\1"), "version 1.1"},
      {patched(8, "\0\0"sv), "no '{'"},
      {patched(8, "\xff\x10"), "cut off"},
      {patched(8, "\xff\xff"), "too long"},
      {npy_bytes(npy_dict("<f4", "(1,)"), "abcd", 2).replace(8, 4, "\xff\xff\xff\xff"), "too long"},
  });
}

/// What a plain loop over all indices gives.
std::string c_order(const NpyHeader& header, std::string_view data) {
  const std::size_t size = size_of(header.dtype);
  const std::size_t swapped = header.dtype == Dtype::kC64 ? 4 : size;
  const std::uint64_t count = data.size() / size;
  std::string out;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t rest = i, stride = count, offset = 0;
    for (std::size_t k = header.shape.size(); k-- > 0;) {
      stride /= header.shape[k];
      offset += rest % header.shape[k] * stride;
      rest /= header.shape[k];
    }
    std::string element(data.substr((header.fortran_order ? offset : i) * size, size));
    for (std::size_t at = 0; header.big_endian && at < size; at += swapped) {
      std::reverse(element.begin() + static_cast<long>(at),
                   element.begin() + static_cast<long>(at + swapped));
    }
    out += element;
  }
  return out;
}

TEST(Npy, EveryRangeOfAnyOrderIsThatOfThePlainLoop) {
  const std::vector<std::vector<std::uint64_t>> shapes = {
      {5, 3}, {2, 3, 4}, {3, 1, 4, 1, 2}, {1, 2, 2, 3, 2}, {2, 7}, {6, 1, 2}};
  for (const Dtype dtype : {Dtype::kU8, Dtype::kF16, Dtype::kF32, Dtype::kF64, Dtype::kC64}) {
    for (const auto& shape : shapes) {
      for (const int order : {0, 1, 2, 3}) {
        NpyHeader header{shape, dtype, (order & 1) != 0 && size_of(dtype) > 1, order >= 2, 0};
        std::string data(checked_count(shape, 1) * size_of(dtype), '\0');
        for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
        const std::string expected = c_order(header, data);
        for (std::size_t first = 0; first <= data.size(); ++first) {
          for (std::size_t size = 0; first + size <= data.size(); size += 1 + size / 9) {
            std::string out(size, '\0');
            read_npy(header, std::as_bytes(std::span(data)), first,
                     std::as_writable_bytes(std::span(out)));
            ASSERT_EQ(out, expected.substr(first, size)) << first << " " << size;
          }
        }
      }
    }
  }
}

TEST(Npy, LargeFortranArrayIsGatheredInBlocks) {
  const NpyHeader header{{700, 3, 500}, Dtype::kF16, false, true, 0};
  constexpr std::size_t kBytes = 2'100'000;
  std::string data(kBytes, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * i >> 3);
  const std::string expected = c_order(header, data);
  for (const std::size_t first : {0U, 2U, 1234567U}) {
    std::string out(data.size() - first, '\0');
    read_npy(header, std::as_bytes(std::span(data)), first, std::as_writable_bytes(std::span(out)));
    EXPECT_TRUE(out == expected.substr(first)) << first;
  }
}

TEST(Npy, RangeOutsideTheArrayIsRefused) {
  const NpyHeader header{{4}, Dtype::kU8, false, false, 0};
  std::string data(4, 'x'), out(2, '\0');
  for (const std::uint64_t first : {std::uint64_t{3}, std::uint64_t{5}, ~std::uint64_t{0}}) {
    EXPECT_THAT(error_of([&] {
                  read_npy(header, std::as_bytes(std::span(data)), first,
                           std::as_writable_bytes(std::span(out)));
                }),
                HasSubstr("outside"));
  }
}

/// A file with a hole: only its last bytes take space.
void make_sparse(const std::filesystem::path& path, const std::string& header, std::uint64_t size,
                 const std::string& tail) {
  test::write_file(path, header);
  std::filesystem::resize_file(path, header.size() + size - tail.size());
  std::ofstream(path, std::ios::binary | std::ios::app) << tail;
}

TEST(Npy, ArrayBeyondFourGigabytesIsReadNearItsEnd) {
  const Folder folder;
  const std::uint64_t size = (std::uint64_t{5} << 30) * 4;
  make_sparse(folder / "c.npy", npy_bytes(npy_dict("<f4", "(5, 1024, 1048576)")), size, "abcdefgh");
  const auto c = open_npy(folder / "c.npy");
  std::string out(8, '\0');
  c->read(0, size - 8, std::as_writable_bytes(std::span(out)));
  EXPECT_EQ(out, "abcdefgh");
  EXPECT_EQ(c->view(0).size(), size);

  make_sparse(folder / "f.npy", npy_bytes(npy_dict(">f4", "(5, 1073741824)", "True")), size,
              "abcdefgh");
  const auto f = open_npy(folder / "f.npy");
  f->read(0, size - 4, std::as_writable_bytes(std::span(out).last(4)));
  EXPECT_EQ(out.substr(4), "hgfe");
}

TEST(Npy, WritesOnlyModelsOfOneTensor) {
  const Folder folder;
  test::MemoryModel model;
  EXPECT_THAT(error_of([&] { write_npy(model, folder / "w.npy", Overwrite::kRefuse, {}); }),
              HasSubstr("0 tensors"));
  model.add("a", {2}, Dtype::kF32);
  write_npy(model, folder / "w.npy", Overwrite::kRefuse, {});
  EXPECT_EQ(test::read_tensor(*open_npy(folder / "w.npy"), 0), model.data(0));
  model.add("b", {2}, Dtype::kF32);
  EXPECT_THAT(error_of([&] { write_npy(model, folder / "v.npy", Overwrite::kRefuse, {}); }),
              HasSubstr("2 tensors and a .npy file holds one: write npz"));
  EXPECT_EQ(folder.files(), 1U);
}

TEST(Npy, RefusesToWriteTypesThatNumpyLacks) {
  const Folder folder;
  for (const Dtype dtype : {Dtype::kBF16, Dtype::kF8E4M3, Dtype::kF8E5M2}) {
    test::MemoryModel model;
    model.add("a", {2}, dtype);
    EXPECT_THAT(error_of([&] { write_npy(model, folder / "w.npy", Overwrite::kRefuse, {}); }),
                HasSubstr("a: NumPy has no dtype for"));
  }
  test::MemoryModel model;
  model.add("deep", std::vector<std::uint64_t>(30000, 1), Dtype::kF32);
  EXPECT_THAT(error_of([&] { write_npy(model, folder / "w.npy", Overwrite::kRefuse, {}); }),
              HasSubstr("deep: has too many dimensions for NumPy"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(Npy, HeaderIsAlignedAndReadsBack) {
  std::vector<std::uint64_t> shape;
  for (int rank = 0; rank <= 64; ++rank) {
    const std::string header = make_npy_header({"t", shape, Dtype::kI16});
    EXPECT_EQ(header.size() % 64, 0U);
    const NpyHeader back = parse_npy_header(std::as_bytes(std::span(header)),
                                            header.size() + checked_count(shape, 2) * 2);
    EXPECT_EQ(back.shape, shape);
    shape.push_back(rank % 7 == 3 ? 2 : 1);
  }
}

}  // namespace
}  // namespace wquant
