#include "formats/json.h"

#include <gmock/gmock.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/float_convert.h"
#include "formats/json_parser.h"
#include "formats/numpy_support.h"

namespace wquant {
namespace {

using test::error_of;
using test::Folder;
using testing::HasSubstr;
using Shape = std::vector<std::uint64_t>;

/// A model of one tensor of given elements.
template <typename T>
class OneTensor : public ModelReader {
 public:
  OneTensor(Dtype dtype, std::vector<T> values)
      : tensors_{{"t", {values.size()}, dtype}}, values_(std::move(values)) {}

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "memory"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t, std::uint64_t first, std::span<std::byte> out) const override {
    const auto bytes = std::as_bytes(std::span(values_));
    std::copy_n(bytes.data() + first, out.size(), out.data());
  }

 private:
  std::string path_ = "memory";
  std::vector<TensorInfo> tensors_;
  std::vector<T> values_;
};

template <typename T>
std::vector<T> values_of(const JsonTensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

JsonTensor parse_one(std::string_view value) {
  auto tensors = parse_json_model(R"({"t": )" + std::string(value) + "}");
  EXPECT_EQ(tensors.size(), 1U);
  return std::move(tensors.at(0));
}

std::string parse_error(std::string_view text) {
  return error_of([&] { parse_json_model(text); });
}

std::string value_error(std::string_view value) {
  return parse_error(R"({"t": )" + std::string(value) + "}");
}

TEST(Json, NestedListsGiveTheShape) {
  const std::vector<std::pair<std::string, Shape>> table = {
      {"1", {}},
      {"[1]", {1}},
      {"[]", {0}},
      {"[[]]", {1, 0}},
      {"[[], [], []]", {3, 0}},
      {"[[1, 2], [3, 4], [5, 6]]", {3, 2}},
      {"[[[1], [2]], [[3], [4]], [[5], [6]]]", {3, 2, 1}},
      {"[[[[[7]]]]]", {1, 1, 1, 1, 1}},
  };
  for (const auto& [text, shape] : table) {
    const JsonTensor tensor = parse_one(text);
    EXPECT_EQ(tensor.info.shape, shape) << text;
    EXPECT_EQ(tensor.info.dtype, Dtype::kF32);
    EXPECT_EQ(tensor.bytes.size(), tensor.info.bytes());
  }
  EXPECT_EQ(values_of<float>(parse_one("[[1, 2.5], [-3, 4e2]]")),
            (std::vector<float>{1, 2.5F, -3, 400}));
}

TEST(Json, TensorsKeepTheirOrder) {
  const auto tensors = parse_json_model(R"({"z": 1, "a": [true, false], "m/\u00e4": [[2]]})");
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors[0].info.name, "z");
  EXPECT_EQ(tensors[1].info.dtype, Dtype::kBool);
  EXPECT_EQ(values_of<std::uint8_t>(tensors[1]), (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(tensors[2].info.name, "m/\xC3\xA4");
  EXPECT_TRUE(parse_json_model("{}").empty());
}

TEST(Json, ObjectsGiveShapeAndDtypeInAnyOrder) {
  for (const std::string text : {R"({"dtype": "I16", "shape": [2, 1], "data": [5, -6]})",
                                 R"({"data": [5, -6], "shape": [2, 1], "dtype": "I16"})",
                                 R"({"data": [[5], [-6]], "dtype": "I16"})",
                                 R"({"shape": [2, 1], "data": [[5], [-6]], "dtype": "I16"})"}) {
    const JsonTensor tensor = parse_one(text);
    EXPECT_EQ(tensor.info.shape, (Shape{2, 1}));
    EXPECT_EQ(tensor.info.dtype, Dtype::kI16);
    EXPECT_EQ(values_of<std::int16_t>(tensor), (std::vector<std::int16_t>{5, -6}));
  }
  EXPECT_EQ(parse_one(R"({"shape": [], "data": [5]})").info.shape, Shape{});
  EXPECT_EQ(parse_one(R"({"shape": [], "data": 5})").info.shape, Shape{});
  EXPECT_EQ(parse_one(R"({"shape": [4, 0], "data": []})").info.shape, (Shape{4, 0}));
}

TEST(Json, IntegersStayExact) {
  const JsonTensor i64 =
      parse_one(R"({"data": [9223372036854775807, -9223372036854775808, 9007199254740993, 1e18],
                    "dtype": "I64"})");
  EXPECT_EQ(
      values_of<std::int64_t>(i64),
      (std::vector<std::int64_t>{INT64_MAX, INT64_MIN, 9007199254740993, 1000000000000000000}));
  const JsonTensor u64 = parse_one(R"({"dtype": "U64", "data": [18446744073709551615, 0, 3.0]})");
  EXPECT_EQ(values_of<std::uint64_t>(u64), (std::vector<std::uint64_t>{UINT64_MAX, 0, 3}));
  EXPECT_EQ(values_of<std::uint8_t>(parse_one(R"({"dtype": "BOOL", "data": [0, 1, true]})")),
            (std::vector<std::uint8_t>{0, 1, 1}));
}

TEST(Json, RefusesNumbersOutOfRange) {
  const auto with = [](const std::string& dtype, const std::string& number) {
    return value_error(R"({"dtype": ")" + dtype + R"(", "data": [0, )" + number + "]}");
  };
  for (const auto& [dtype, number] :
       std::vector<std::pair<std::string, std::string>>{{"U8", "256"},
                                                        {"U8", "-1"},
                                                        {"I8", "128"},
                                                        {"I8", "-129"},
                                                        {"U16", "65536"},
                                                        {"I16", "32768"},
                                                        {"U32", "4294967296"},
                                                        {"I32", "2147483648"},
                                                        {"I32", "-2147483649"},
                                                        {"U64", "18446744073709551616"},
                                                        {"U64", "-1"},
                                                        {"I64", "9223372036854775808"},
                                                        {"I64", "-9223372036854775809"},
                                                        {"I64", "0.5"},
                                                        {"I64", "1e19"},
                                                        {"BOOL", "2"},
                                                        {"F32", "3.5e38"},
                                                        {"F32", "-3.4028236e38"},
                                                        {"F16", "65520"},
                                                        {"BF16", "3.4e38"}}) {
    EXPECT_THAT(
        with(dtype, number),
        AllOf(HasSubstr("t: number "), HasSubstr("at element 1 is not in the range of " + dtype)));
  }
  EXPECT_THAT(with("F64", "1e400"), HasSubstr("line 1: a number is too large"));
  EXPECT_EQ(with("F16", "65504"), "(no error)");
  EXPECT_EQ(with("F32", "3.40282346638528859811704183484516925440e+38"), "(no error)");
}

TEST(Json, EachNumberIsRoundedOnce) {
  // A hair above the middle of two floats: as a double it is the middle, which rounds to even.
  const std::vector<std::pair<std::string, float>> table = {
      {"1.000000059604644775390625", 1.0F},
      {"1.00000005960464477539062500000001", std::nextafter(1.0F, 2.0F)},
      {"1.00000017881393432617187499999999", std::nextafter(1.0F, 2.0F)},
      {"-1.00000005960464477539062500000001", -std::nextafter(1.0F, 2.0F)},
      {"7.006492321624085354618e-46", 0.0F},
      {"7.006492321624085354619e-46", FLT_TRUE_MIN},
      {"1e-60", 0.0F},
      {"16777217", 16777216.0F},
      {"9007199791611905", 9007200328482816.0F},
  };
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(values_of<float>(parse_one("[" + text + "]"))[0], expected) << text;
  }
}

TEST(Json, RaggedListsNameThePlace) {
  EXPECT_THAT(value_error("[[1, 2], [3]]"), HasSubstr("t: its lists are ragged: the one at [1] has "
                                                      "1 elements, the ones before have 2"));
  EXPECT_THAT(value_error("[[[1], [2]], [[3], [4, 5]]]"), HasSubstr("the one at [1][1] has 2"));
  EXPECT_THAT(value_error("[[1], 2]"), HasSubstr("a number at [1] where a list belongs"));
  EXPECT_THAT(value_error("[1, [2]]"), HasSubstr("a list at [1] where a number belongs"));
  EXPECT_THAT(value_error("[[1], [[2]]]"), HasSubstr("a list at [1][0] where a number belongs"));
  EXPECT_THAT(value_error("[[], [1]]"), HasSubstr("the one at [1] has 1"));
  EXPECT_THAT(value_error("[[[1]], []]"), HasSubstr("ragged"));
  EXPECT_THAT(value_error("[[], [[]]]"), HasSubstr("ragged"));
}

TEST(Json, RefusesDeepNesting) {
  const auto nested = [](std::size_t depth) {
    return value_error(std::string(depth, '[') + "1" + std::string(depth, ']'));
  };
  EXPECT_EQ(nested(64), "(no error)");
  EXPECT_THAT(nested(65), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(parse_error(R"({"t": )" + std::string(1000000, '[')), HasSubstr("more than 64 deep"));
}

TEST(Json, RefusesWhatIsNoTensor) {
  EXPECT_THAT(value_error("null"), HasSubstr("t: holds null at the top"));
  EXPECT_THAT(value_error(R"("x")"), HasSubstr("t: holds a string"));
  EXPECT_THAT(value_error(R"([[1, "x"]])"), HasSubstr("t: holds a string at [0][1]"));
  EXPECT_THAT(value_error("[1, null]"), HasSubstr("holds null at [1]"));
  EXPECT_THAT(value_error("[{}]"), HasSubstr("holds an object at [0]"));
  EXPECT_THAT(value_error("[1, true]"), HasSubstr("mixes numbers with true and false"));
  EXPECT_THAT(value_error(R"({"dtype": "F32", "data": [true]})"), HasSubstr("its dtype is F32"));
  EXPECT_THAT(value_error("{}"), HasSubstr("has no \"data\""));
  EXPECT_THAT(value_error(R"({"shape": [1]})"), HasSubstr("has no \"data\""));
  EXPECT_THAT(value_error(R"({"shap": [1]})"), HasSubstr("unknown key \"shap\": did you mean sh"));
  EXPECT_THAT(value_error(R"({"weight": [[1]]})"), HasSubstr("valid: dtype, shape, data"));
  EXPECT_THAT(value_error(R"({"data": {"data": 1}})"), HasSubstr("holds an object"));
  EXPECT_THAT(value_error(R"({"dtype": "F31", "data": 1})"), HasSubstr("unknown dtype \"F31\""));
  EXPECT_THAT(value_error(R"({"dtype": 1, "data": 1})"), HasSubstr("where a string belongs"));
  EXPECT_THAT(value_error(R"({"dtype": "C64", "data": 1})"), HasSubstr("unsupported in JSON"));
  EXPECT_THAT(value_error(R"({"dtype": "F8_E4M3", "data": 1})"), HasSubstr("unsupported in JSON"));
}

TEST(Json, RefusesFalseShapes) {
  const auto with = [](const std::string& shape, const std::string& data) {
    return value_error(R"({"shape": )" + shape + R"(, "data": )" + data + "}");
  };
  EXPECT_THAT(with("[3]", "[1, 2]"), HasSubstr("has 2 numbers where its shape [3] takes 3"));
  EXPECT_THAT(with("[2]", "1"), HasSubstr("has 1 numbers"));
  EXPECT_THAT(with("[2, 1]", "[[1, 2]]"),
              HasSubstr("are nested as [1, 2] and its shape is [2, 1]"));
  EXPECT_THAT(with("[4294967296, 4294967296]", "[]"), HasSubstr("too large"));
  EXPECT_THAT(with("[0, 4294967296, 4294967296]", "[]"), HasSubstr("too large"));
  EXPECT_THAT(with("[-1]", "[]"), HasSubstr("where non-negative integers belong"));
  EXPECT_THAT(with("[1.0]", "[1]"), HasSubstr("where non-negative integers belong"));
  EXPECT_THAT(with("[1e3]", "[1]"), HasSubstr("where non-negative integers belong"));
  EXPECT_THAT(with("[true]", "[1]"), HasSubstr("where non-negative integers belong"));
  EXPECT_THAT(with("[[1]]", "[1]"), HasSubstr("where non-negative integers belong"));
  EXPECT_THAT(with("1", "[1]"), HasSubstr("where non-negative integers belong"));
  std::string ones = "1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  EXPECT_THAT(with("[" + ones + "]", "[1]"), HasSubstr("more than 64 dimensions"));
}

TEST(Json, RefusesDuplicates) {
  EXPECT_THAT(parse_error(R"({"t": 1, "u": 2, "t": 3})"), HasSubstr("t: is in the file twice"));
  EXPECT_THAT(value_error(R"({"data": 1, "data": 2})"), HasSubstr("has \"data\" twice"));
  EXPECT_THAT(value_error(R"({"shape": [], "shape": []})"), HasSubstr("has \"shape\" twice"));
  EXPECT_THAT(value_error(R"({"dtype": "F32", "dtype": "F32"})"), HasSubstr("has \"dtype\" twice"));
}

TEST(Json, SyntaxErrorsTellTheLine) {
  EXPECT_THAT(parse_error("{\n\"t\": [1,\n2,\n,3]}"), HasSubstr("line 4: invalid JSON"));
  EXPECT_THAT(parse_error("{\"t\": [1, 2"), HasSubstr("line 1: invalid JSON"));
  EXPECT_THAT(parse_error("{\"t\": 1}\n}"), HasSubstr("line 2: invalid JSON"));
  EXPECT_THAT(parse_error("{\"t\": 1}{}"), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error("{\"t\": 01}"), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error("{\"t\": .5}"), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error("{\"t\": 1,}"), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error("{'t': 1}"), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error("{\"\xFF\": 1}"), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error("{\"t\": 1}\n// comment"), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error(""), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_error(std::string("{}\0", 3)), HasSubstr("zero byte"));
  EXPECT_THAT(parse_error("[]"), HasSubstr("is a list where a model is an object"));
  EXPECT_THAT(parse_error("1"), HasSubstr("is a number where a model is an object"));
  EXPECT_THAT(parse_error("{\"\": 1}"), HasSubstr("a tensor without a name"));
}

TEST(Json, NumbersThatAreNotFiniteAreNamed) {
  for (const std::string word : {"NaN", "nan", "Infinity", "-Infinity", "inf", "-inf"}) {
    EXPECT_THAT(parse_error("{\"t\": [1,\n " + word + ", 2]}"),
                HasSubstr("line 2: " + word + " is not JSON"));
  }
}

TEST(Json, EveryTruncationIsRefused) {
  const std::string whole =
      R"({"a": [[1.5, -2], [3e2, 4]], "b": {"dtype": "I8", "shape": [2], "data": [1, 2]}, "c": 1})";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(parse_error(whole.substr(0, size)), "(no error)") << size;
  }
  EXPECT_EQ(parse_error(whole), "(no error)");
}

template <typename T>
void expect_round_trip(Dtype dtype, const std::vector<T>& values) {
  const Folder folder;
  write_json(OneTensor<T>(dtype, values), folder / "m.json", Overwrite::kRefuse, {});
  const auto back = open_json(folder / "m.json");
  ASSERT_EQ(back->tensors().size(), 1U);
  EXPECT_EQ(back->tensors()[0].dtype, dtype);
  EXPECT_EQ(back->tensors()[0].shape, Shape{values.size()});
  const std::string expected(reinterpret_cast<const char*>(values.data()),
                             values.size() * sizeof(T));
  EXPECT_TRUE(test::read_tensor(*back, 0) == expected) << name_of(dtype);
}

template <typename Float, typename Bits>
std::vector<Float> random_floats() {
  std::vector<Float> values = {0,
                               -Float{0},
                               1,
                               std::numeric_limits<Float>::max(),
                               std::numeric_limits<Float>::min(),
                               -std::numeric_limits<Float>::denorm_min(),
                               Float{1} / 3};
  std::mt19937_64 random(3);
  while (values.size() < 400000) {
    const auto value = std::bit_cast<Float>(static_cast<Bits>(random()));
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

TEST(Json, FloatsRoundTrip) {
  expect_round_trip(Dtype::kF32, random_floats<float, std::uint32_t>());
  expect_round_trip(Dtype::kF64, random_floats<double, std::uint64_t>());
}

TEST(Json, AllHalvesRoundTrip) {
  for (const Dtype dtype : {Dtype::kF16, Dtype::kBF16}) {
    std::vector<std::uint16_t> finite;
    for (std::uint32_t i = 0; i < 65536; ++i) {
      const auto half = static_cast<std::uint16_t>(i);
      float value = 0;
      to_floats(dtype, std::as_bytes(std::span(&half, 1)), std::span(&value, 1));
      if (std::isfinite(value)) finite.push_back(half);
    }
    expect_round_trip(dtype, finite);
  }
}

TEST(Json, IntegersRoundTrip) {
  expect_round_trip<std::int8_t>(Dtype::kI8, {-128, 0, 127});
  expect_round_trip<std::uint8_t>(Dtype::kU8, {0, 255});
  expect_round_trip<std::uint8_t>(Dtype::kBool, {0, 1, 1});
  expect_round_trip<std::int16_t>(Dtype::kI16, {-32768, 32767});
  expect_round_trip<std::uint16_t>(Dtype::kU16, {0, 65535});
  expect_round_trip<std::int32_t>(Dtype::kI32, {INT32_MIN, INT32_MAX});
  expect_round_trip<std::uint32_t>(Dtype::kU32, {0, UINT32_MAX});
  expect_round_trip<std::int64_t>(Dtype::kI64, {INT64_MIN, INT64_MIN + 1, INT64_MAX, 1});
  expect_round_trip<std::uint64_t>(Dtype::kU64, {UINT64_MAX, UINT64_MAX - 1, 1});
  expect_round_trip<float>(Dtype::kF32, {});
}

TEST(Json, WritesTheFewestDigits) {
  const Folder folder;
  write_json(OneTensor<float>(Dtype::kF32, {0.1F, -2, 1e20F, -0.0F}), folder / "m.json",
             Overwrite::kRefuse, {});
  EXPECT_EQ(test::read_file(folder / "m.json"),
            R"({"t":{"dtype":"F32","shape":[4],"data":[0.1,-2,1e+20,-0.0]}})"
            "\n");
}

TEST(Json, RefusesToWriteWhatJsonLacks) {
  const Folder folder;
  const auto refused = [&](const ModelReader& model) {
    return error_of([&] { write_json(model, folder / "m.json", Overwrite::kRefuse, {}); });
  };
  EXPECT_THAT(refused(OneTensor<float>(Dtype::kF32, {1, NAN})),
              HasSubstr("t: element 1 is nan, which JSON does not have"));
  EXPECT_THAT(refused(OneTensor<double>(Dtype::kF64, {-INFINITY})), HasSubstr("element 0 is -inf"));
  for (const Dtype dtype : {Dtype::kC64, Dtype::kF8E4M3, Dtype::kF8E5M2}) {
    test::MemoryModel model;
    model.add("t", {0}, dtype);
    EXPECT_THAT(refused(model), HasSubstr("t: JSON holds no "));
  }
  EXPECT_EQ(folder.files(), 0U);
}

}  // namespace
}  // namespace wquant
