#include "formats/pytorch.h"

#include <gmock/gmock.h>

#include "formats/pytorch_names.h"
#include "formats/pytorch_support.h"

namespace wquant {
namespace {

using test::call;
using test::dict;
using test::error_of;
using test::Folder;
using test::global;
using test::legacy_head;
using test::legacy_tail;
using test::number;
using test::numbers;
using test::pickled;
using test::pytorch_zip;
using test::ramp;
using test::read_tensor;
using test::storage;
using test::tensor;
using test::text;
using test::tuple;
using testing::ElementsAre;
using testing::HasSubstr;

std::string weights() { return storage("0", 12); }
std::string good() { return tensor(weights(), 0, {3, 4}, {4, 1}); }

std::string zip_of(const std::string& object) {
  return pytorch_zip(pickled(object), {{"0", ramp()}});
}
std::string zip_of_w(const std::string& value) { return zip_of(dict({{"w", value}})); }
std::string legacy_of(const std::string& object) {
  return legacy_head() + pickled(object) + legacy_tail({{"0", ramp()}});
}

std::string open_error(const Folder& folder, std::string_view bytes) {
  return test::read_error(open_pytorch, folder / "m.pt", bytes);
}

std::vector<std::string> names_of(const ModelReader& model) {
  std::vector<std::string> names;
  for (const TensorInfo& info : model.tensors()) names.push_back(info.name);
  return names;
}

TEST(PyTorchFile, BothFormsAreReadAndViewed) {
  const Folder folder;
  const std::string object = dict({{"w", good()}});
  for (const std::string& bytes : {zip_of(object), legacy_of(object)}) {
    test::write_file(folder / "m.pt", bytes);
    const auto model = open_pytorch(folder / "m.pt");
    EXPECT_THAT(names_of(*model), ElementsAre("w"));
    EXPECT_EQ(model->tensors()[0].shape, (std::vector<std::uint64_t>{3, 4}));
    EXPECT_EQ(read_tensor(*model, 0), ramp());
    EXPECT_EQ(model->view(0).size(), 48U);
    EXPECT_TRUE(pytorch_claims({folder / "m.pt", false, bytes.substr(0, 4096)}));
  }
}

TEST(PyTorchFile, StridedTensorIsGatheredFromAnyByte) {
  const Folder folder;
  test::write_file(folder / "m.pt", zip_of_w(tensor(weights(), 1, {4, 2}, {1, 5})));
  const auto model = open_pytorch(folder / "m.pt");
  std::string expected;
  for (const std::size_t element : {1U, 6U, 2U, 7U, 3U, 8U, 4U, 9U}) {
    expected += ramp().substr(element * 4, 4);
  }
  EXPECT_TRUE(model->view(0).empty());
  for (std::size_t first = 0; first <= expected.size(); ++first) {
    for (std::size_t size = 0; size <= expected.size() - first; ++size) {
      std::string out(size, '\0');
      model->read(0, first, std::as_writable_bytes(std::span(out)));
      EXPECT_EQ(out, expected.substr(first, size));
    }
  }
  std::vector<std::byte> out(4);
  EXPECT_THAT(error_of([&] { model->read(0, 29, out); }), HasSubstr("w: range lies outside"));
}

TEST(PyTorchFile, TensorsOfOneStorageAreKnownAsTheSame) {
  const Folder folder;
  const std::string part = tensor(weights(), 4, {4}, {1});
  test::write_file(folder / "m.pt", zip_of(dict({{"a", part},
                                                 {"b", good()},
                                                 {"c", part},
                                                 {"d", tensor(weights(), 4, {2, 2}, {2, 1})},
                                                 {"e", good()}})));
  const auto model = open_pytorch(folder / "m.pt");
  std::vector<std::size_t> firsts;
  for (std::size_t i = 0; i < 5; ++i) firsts.push_back(model->same_as(i));
  EXPECT_THAT(firsts, ElementsAre(0, 1, 0, 3, 1));
}

TEST(PyTorchFile, DtypeMayBeAnArgument) {
  const Folder folder;
  const auto typed = [](const char* dtype) {
    return call(global("torch._utils", "_rebuild_tensor_v3"),
                {storage("0", 48, "UntypedStorage"), number(3), numbers({5}), numbers({1}), "\x89",
                 test::hooks(), global("torch", dtype), dict({})});
  };
  test::write_file(folder / "m.pt",
                   zip_of(dict({{"a", typed("uint16")}, {"b", typed("float8_e5m2")}})));
  const auto model = open_pytorch(folder / "m.pt");
  EXPECT_EQ(model->tensors()[0].dtype, Dtype::kU16);
  EXPECT_EQ(read_tensor(*model, 0), ramp().substr(6, 10));
  EXPECT_EQ(model->tensors()[1].dtype, Dtype::kF8E5M2);
  EXPECT_EQ(read_tensor(*model, 1), ramp().substr(3, 5));
}

TEST(PyTorchFile, WhatLeadsToAllTensorsIsNotInTheirNames) {
  const auto names = [](const std::vector<PytorchPath>& paths) {
    return pytorch_names(paths, "alone");
  };
  EXPECT_THAT(names({}), ElementsAre());
  EXPECT_THAT(names({{}}), ElementsAre("alone"));
  EXPECT_THAT(names({{"w"}}), ElementsAre("w"));
  EXPECT_THAT(names({{"s", "w"}}), ElementsAre("w"));
  EXPECT_THAT(names({{"s", "m", "w"}, {"s", "m", "x", "y"}}), ElementsAre("w", "x.y"));
  EXPECT_THAT(names({{"s", "a", "w"}, {"s", "b", "w"}}), ElementsAre("a.w", "b.w"));
  EXPECT_THAT(names({{"s", "w"}, {"o", "w"}}), ElementsAre("s.w", "o.w"));
  EXPECT_THAT(names({{"s", "w"}, {"s"}}), ElementsAre("s.w", "s"));
  EXPECT_THAT(names({{"s", "module.w"}, {"s", "module.x"}}), ElementsAre("w", "x"));
  EXPECT_THAT(names({{"module.w"}, {"modules.x"}}), ElementsAre("module.w", "modules.x"));
  EXPECT_THAT(names({{"module."}}), ElementsAre("module."));
  EXPECT_EQ(error_of([&] { names({{"a", "b"}, {"a.b"}}); }), "a.b: is in the file twice");
}

TEST(PyTorchFile, ContainersOfEveryKindAreSearched) {
  const Folder folder;
  const std::string ordered = call(global("collections", "OrderedDict"), {}) + "(" + text("w") +
                              good() + "u}" + text("_metadata") + "Nsb";
  const std::string by_number = "}" + number(-3) + good() + "s";
  test::write_file(folder / "m.pt", zip_of(dict({{"o", ordered},
                                                 {"t", tuple({"N", good()})},
                                                 {"l", "]" + good() + "a"},
                                                 {"n", by_number},
                                                 {"x", "}NK\1s"},
                                                 {"y", "N"}})));
  EXPECT_THAT(names_of(*open_pytorch(folder / "m.pt")), ElementsAre("o.w", "t.1", "l.0", "n.-3"));
}

TEST(PyTorchFile, DamageOfAPackedStorageIsFoundWhenItIsRead) {
  const Folder folder;
  std::string bytes = zip_of(dict({{"w", good()}}));
  const std::size_t at = bytes.find(ramp());
  ASSERT_NE(at, std::string::npos);
  bytes[at + 3] ^= 1;
  test::write_file(folder / "m.pt", bytes);
  EXPECT_THAT(error_of([&] { read_tensor(*open_pytorch(folder / "m.pt"), 0); }),
              HasSubstr("m.pt: "));
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;
};

std::string nested(std::size_t levels) {
  std::string object = good();
  for (std::size_t i = 0; i < levels; ++i) object = tuple({object});
  return object;
}

std::string repeated(std::string_view opcodes, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += opcodes;
  return all;
}

/// A list that holds the list before it twice, `levels` deep.
std::string doubling(std::size_t levels, const std::string& first) {
  std::string object = "]q\1" + first;
  for (std::size_t i = 0; i < levels; ++i) object += "](h\1h\1eq\1";
  return object;
}

/// Arguments of _rebuild_tensor_v2 as they are given.
std::string made_of(const std::vector<std::string>& arguments) {
  return zip_of_w(call(global("torch._utils", "_rebuild_tensor_v2"), arguments));
}

std::vector<Hostile> hostile_tensors() {
  constexpr std::int64_t kMost = INT64_MAX;
  const auto one = [](std::int64_t offset, const std::vector<std::int64_t>& shape,
                      const std::vector<std::int64_t>& strides) {
    return zip_of_w(tensor(weights(), offset, shape, strides));
  };
  const std::string n = number(0), shape = numbers({2}), strides = numbers({1});
  return {
      {"OneElementMore", one(0, {13}, {1}), "w: shape [13] with strides [1] does not fit the 12"},
      {"OffsetTooFar", one(1, {12}, {1}), "does not fit the 11 elements"},
      {"OffsetAtTheEnd", one(12, {1}, {1}), "does not fit the 0 elements"},
      {"OffsetBeyondTheEnd", one(13, {0}, {1}), "begins at element 13 of a storage of 12"},
      {"OffsetHuge", one(kMost, {1}, {1}), "begins at element 9223372036854775807"},
      {"OffsetNegative", one(-1, {1}, {1}), "its storage offset is no whole number"},
      {"ShapeNegative", one(0, {-1}, {1}), "its shape is no whole number"},
      {"StrideNegative", one(11, {2}, {-1}), "its strides is no whole number"},
      {"StrideTooLong", one(0, {2, 2}, {11, 1}), "does not fit"},
      {"StrideHuge", one(0, {3}, {kMost}), "does not fit"},
      {"StridesWrapAround", one(0, {3, 3}, {kMost, kMost}), "does not fit"},
      {"ShapeHuge", one(0, {kMost, kMost}, {0, 0}), "is too large"},
      {"ShapeWrapsBesideZero", one(0, {kMost, kMost, 0}, {1, 1, 1}), "is too large"},
      {"Repeated", one(0, {1 << 29}, {0}), "w: repeats 4 bytes to 2147483648"},
      {"FewerStrides", one(0, {2, 2}, {1}), "has 1 strides for 2 dimensions"},
      {"ManyDimensions", one(0, std::vector<std::int64_t>(65, 1), std::vector<std::int64_t>(65, 1)),
       "more than 64 dimensions"},
      {"FewArguments", made_of({weights(), n, shape}), "w: is described by too few values"},
      {"NoStorage", made_of({"N", n, shape, strides}), "its storage is no storage"},
      {"OffsetIsText", made_of({weights(), text("0"), shape, strides}), "offset is no whole"},
      {"ShapeIsNumber", made_of({weights(), n, n, strides}), "its shape is no tuple"},
      {"ShapeOfText", made_of({weights(), n, tuple({text("2")}), strides}),
       "its shape is no whole"},
      {"Conjugated", made_of({weights(), n, shape, strides, "\x89", "N", dict({{"conj", "\x88"}})}),
       "is a lazily conjugated or negated view"},
      {"Untyped", made_of({storage("0", 48, "UntypedStorage"), n, shape, strides}),
       "has a storage without a dtype"},
      {"TypeIsNoStorage", made_of({storage("0", 48, "float32"), n, shape, strides}),
       "has a storage of type torch.float32"},
      {"TypeIsUnknown", made_of({storage("0", 48, "QInt8Storage"), n, shape, strides}),
       "refuses global torch.QInt8Storage"},
      {"TypeIsText",
       made_of({tuple({text("storage"), text("x"), text("0"), text("cpu"), n}) + "Q", n, shape,
                strides}),
       "has a storage without a type"},
      {"PartOfAStorage",
       made_of({tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"),
                       number(12), numbers({1})}) +
                    "Q",
                n, shape, strides}),
       "part of another"},
      {"OtherObject", zip_of(tuple({text("module"), "N", "N", "N", "N"}) + "Q"),
       "names an object outside the file"},
      {"StorageIsNumber", zip_of("K\1Q"), "names an object outside the file"},
      {"StorageSizeNegative", zip_of(storage("0", -1)), "its storage size is no whole number"},
      {"StorageSizeHuge", zip_of(storage("0", kMost)), "is too large"},
      {"StorageTwoSizes", zip_of(tuple({good(), storage("0", 11)})),
       "describes storage 0 twice, as 48 and as 44 bytes"},
      {"KeyIsNumber",
       zip_of(tuple({text("storage"), global("torch", "FloatStorage"), n, text("cpu"), n}) + "Q"),
       "outside the file"},
      {"LongKey", zip_of(storage(std::string(200, 'k'), 1)), "outside the file"},
      {"ParameterOfNothing",
       zip_of_w(call(global("torch._utils", "_rebuild_parameter"), {"N", "\x88", "N"})),
       "w: is a parameter of what is no tensor"},
      {"ParameterOfNone", zip_of_w(call(global("torch._utils", "_rebuild_parameter"), {})),
       "w: is described by too few values"},
  };
}

std::vector<Hostile> hostile_files() {
  const std::string object = dict({{"w", good()}});
  const std::string pickle = pickled(object);
  const auto zip = [&](const std::string& bytes) { return pytorch_zip(pickle, {{"0", bytes}}); };
  const std::string tail = legacy_tail({{"0", ramp()}});
  const auto legacy = [&](const std::string& after) { return legacy_head() + pickle + after; };
  const std::string system = call(global("os", "system"), {text("touch pwned")});
  return {
      {"Empty", "", "begins neither like a zip archive nor like a file of torch.save"},
      {"Pickle", pickle, "begins neither like"},
      {"DtypeIsText",
       zip_of_w(call(global("torch._utils", "_rebuild_tensor_v3"),
                     {storage("0", 48, "UntypedStorage"), number(3), numbers({5}), numbers({1}),
                      "\x89", test::hooks(), text("uint16"), dict({})})),
       "w: its dtype is no dtype"},
      {"System", zip_of(system), "refuses global os.system: only"},
      {"SystemInOldForm", legacy_of(system), "refuses global os.system: only"},
      {"SystemBeforeTheObject", legacy_head().append(pickled(system)), "refuses global os.system"},
      {"SystemInTheKeys", legacy(pickled(system)), "refuses global os.system"},
      {"Module", zip_of(global("__torch__.m", "Net") + ")R"), "refuses global __torch__.m.Net"},
      {"NoTensor", zip_of("N"), "holds no tensor"},
      {"EmptyDict", zip_of(dict({})), "holds no tensor"},
      {"SameNameTwice", zip_of(dict({{"w", good()}, {"w", good()}})), "w: is in the file twice"},
      {"OddKey", zip_of("}N" + good() + "s"), "neither text nor a whole number"},
      {"ContainsItself", zip_of("]q\1h\1a"), "is nested more than 64 levels deep"},
      {"DictContainsItself", zip_of("}q\1(" + text("a") + "h\1u"), "or contains itself"},
      {"Deep", zip_of(nested(65)), "is nested more than 64 levels deep"},
      {"Doubling", zip_of(doubling(40, good() + "a")), "too many tensors"},
      {"DoublingNothing", zip_of(doubling(40, "")), "holds more than 4194304 values"},
      {"LongKeyInManyPlaces",
       zip_of(text(std::string(1 << 20, 'k')) + "q\1" + good() + "q\2}(" + repeated("h\1h\2", 300) +
              "u"),
       "holds too many tensors, or too long names"},
      {"BigEndian", pytorch_zip(pickle, {{"0", ramp()}}, "big"), "has byte order \"big\""},
      {"NoStorage", pytorch_zip(pickle, {}), "storage 0 is missing"},
      {"OtherStorage", pytorch_zip(pickle, {{"1", ramp()}}), "storage 0 is missing"},
      {"StorageShort", zip(ramp().substr(1)), "storage 0 has 47 bytes where 48 are due"},
      {"StorageLong", zip(ramp() + "x"), "storage 0 has 49 bytes where 48 are due"},
      {"NoPickle", test::zip_bytes({{"m/version", "3\n"}}), "no data.pkl"},
      {"TwoPickles", test::zip_bytes({{"m/data.pkl", pickle}, {"n/data.pkl", pickle}}),
       "holds two files data.pkl"},
      {"LegacyVersion", legacy_head(1002) + pickle + tail, "is of version 1002"},
      {"LegacyBigEndian", legacy_head(1001, "\x89") + pickle + tail, "has byte order \"big\""},
      {"LegacyMoreBytes", legacy(tail + "x"), "1 bytes follow the last storage"},
      {"LegacyNoKeys", legacy(""), "its pickle is cut off"},
      {"LegacyNoKey", legacy(legacy_tail({})), "storage 0 is missing"},
      {"LegacyOtherKey", legacy(legacy_tail({{"1", ramp()}})), "lists storage 1, which is unknown"},
      {"LegacyKeyTwice", legacy(legacy_tail({{"0", ramp()}, {"0", ramp()}})),
       "lists storage 0, which is unknown or listed twice"},
      {"LegacyCountShort", legacy(legacy_tail({{"0", ramp().substr(4)}})),
       "storage 0 has 11 elements where 12 are due"},
      {"LegacyDataShort", legacy(tail.substr(0, tail.size() - 1)), "its storages are cut off"},
  };
}

TEST(PyTorchFile, HostileFilesAreRefusedWithTheReason) {
  const Folder folder;
  for (const auto& list : {hostile_tensors(), hostile_files()}) {
    for (const Hostile& hostile : list) {
      SCOPED_TRACE(hostile.name);
      const std::string message = open_error(folder, hostile.bytes);
      EXPECT_THAT(message, HasSubstr(hostile.message));
      EXPECT_THAT(message, testing::StartsWith((folder / "m.pt").string() + ": "));
    }
  }
}

TEST(PyTorchFile, EveryTruncationIsRefused) {
  const Folder folder;
  const std::string object = dict({{"w", good()}});
  for (const std::string& whole : {zip_of(object), legacy_of(object)}) {
    EXPECT_EQ(open_error(folder, whole), "(no error)");
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(open_error(folder, whole.substr(0, size)), "(no error)") << size;
    }
  }
}

TEST(PyTorchFile, RefusesToWriteWhatPyTorchCannotHold) {
  const Folder folder;
  test::MemoryModel unsigned_model, binary;
  unsigned_model.add("u", {2}, Dtype::kU16);
  binary.add("a\xff", {1}, Dtype::kF32);
  const auto write = [&](const ModelReader& model) {
    return error_of([&] { write_pytorch(model, folder / "m.pt", Overwrite::kRefuse, {}); });
  };
  EXPECT_THAT(write(unsigned_model), HasSubstr("u: PyTorch has no storage of U16"));
  EXPECT_THAT(write(binary), HasSubstr("is not UTF-8"));
  EXPECT_EQ(folder.files(), 0U);
}

}  // namespace
}  // namespace wquant
