#include "formats/pickle.h"

#include <gmock/gmock.h>

#include "formats/pytorch_support.h"

namespace wquant {
namespace {

using namespace std::string_literals;
using test::dict;
using test::error_of;
using test::global;
using test::le;
using test::number;
using test::pickled;
using test::text;
using test::tuple;
using testing::HasSubstr;

/// Knows a.b alone, as number 7.
std::optional<std::size_t> globals(std::string_view module, std::string_view name) {
  if (module == "a" && name == "b") return 7;
  return std::nullopt;
}

Pickle parse(std::string_view bytes) { return parse_pickle(bytes, globals); }

/// The value as text, so that a whole tree can be compared.
std::string show(const Pickle& pickle, PickleRef ref) {
  const PickleValue& value = pickle.at(ref);
  std::string items;
  for (const PickleRef item : value.items) items += show(pickle, item) + ",";
  switch (value.kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return value.number != 0 ? "True" : "False";
    case PickleKind::kInteger:
      return std::to_string(value.number);
    case PickleKind::kBigInteger:
      return "big" + std::to_string(value.text.size());
    case PickleKind::kReal:
      return "real";
    case PickleKind::kText:
      return "'" + std::string(value.text) + "'";
    case PickleKind::kBytes:
      return "b'" + std::string(value.text) + "'";
    case PickleKind::kTuple:
      return "(" + items + ")";
    case PickleKind::kList:
      return "[" + items + "]";
    case PickleKind::kDict:
      return "{" + items + "}";
    case PickleKind::kGlobal:
      return "global" + std::to_string(value.number);
    case PickleKind::kCall:
      return "call<" + items + ">";
    case PickleKind::kPersistent:
      return "outside<" + items + ">";
  }
  return "?";
}

std::string shown(std::string_view opcodes) {
  const std::string bytes = pickled(opcodes);
  const Pickle pickle = parse(bytes);
  return show(pickle, pickle.root);
}

struct Sound {
  std::string opcodes;
  const char* shown;
};

TEST(Pickle, EveryOpcodeGivesItsValue) {
  const std::vector<Sound> sounds = {
      {"N", "None"},
      {"\x88", "True"},
      {"\x89", "False"},
      {"K\xff", "255"},
      {"M\xff\xff", "65535"},
      {"J\xff\xff\xff\xff", "-1"},
      {"J\0\0\0\x80"s, "-2147483648"},
      {"\x8a\0"s, "0"},
      {"\x8a\x01\x80", "-128"},
      {"\x8a\x02\x80\0"s, "128"},
      {number(INT64_MIN), "-9223372036854775808"},
      {"\x8a\x09" + le(0, 9), "big9"},
      {"\x8b" + le(2, 4) + le(513, 2), "513"},
      {"G12345678", "real"},
      {"U\2ab", "'ab'"},
      {"T" + le(2, 4) + "ab", "'ab'"},
      {"\x8c\2ab"s, "'ab'"},
      {text("ab"), "'ab'"},
      {"\x8d" + le(2, 8) + "ab", "'ab'"},
      {"C\2ab", "b'ab'"},
      {"B" + le(2, 4) + "ab", "b'ab'"},
      {"\x8e" + le(2, 8) + "ab", "b'ab'"},
      {"\x96" + le(2, 8) + "ab", "b'ab'"},
      {")", "()"},
      {"]", "[]"},
      {"}", "{}"},
      {"\x8f(NNe", "[None,None,]"},
      {"\x8f(NN\x90", "[None,None,]"},
      {tuple({"N", "K\1"}), "(None,1,)"},
      {"(NK\1l", "[None,1,]"},
      {"(NK\1d", "{None,1,}"},
      {"(NK\1\x91", "[None,1,]"},
      {"K\1\x85", "(1,)"},
      {"K\1K\2\x86", "(1,2,)"},
      {"K\1K\2K\3\x87", "(1,2,3,)"},
      {"]K\1a", "[1,]"},
      {"](K\1K\2e", "[1,2,]"},
      {"}K\1K\2s", "{1,2,}"},
      {dict({{"a", "N"}, {"b", ")"}}), "{'a',None,'b',(),}"},
      {"K\1K\2" + "0"s, "1"},
      {"K\1(K\2K\3" + "1"s, "1"},
      {"K\1" + "2\x86"s, "(1,1,)"},
      {"K\1q\5" + "0h\5"s, "1"},
      {"K\1r" + le(1 << 30, 4) + "0j" + le(1 << 30, 4), "1"},
      {"K\1\x94K\2\x94" + "0"s + "0h\1"s, "2"},
      {global("a", "b"), "global7"},
      {text("a") + text("b") + "\x93", "global7"},
      {global("a", "b") + "(NtR", "call<global7,(None,),>"},
      {global("a", "b") + ")R(K\1K\2u", "call<global7,(),1,2,>"},
      {"](K\1e}b", "[1,]"},
      {"K\1Q", "outside<1,>"},
      {"\x95" + le(1, 8) + "N", "None"},
  };
  for (const Sound& sound : sounds) {
    const std::string found = error_of([&] { EXPECT_EQ(shown(sound.opcodes), sound.shown); });
    EXPECT_EQ(found, "(no error)") << sound.shown;
  }
}

TEST(Pickle, EndsAtItsEndMark) {
  EXPECT_EQ(parse(pickled("N") + "rest").size, 4U);
  EXPECT_EQ(parse("N.").size, 2U);
}

TEST(Pickle, ListMayContainItself) {
  const Pickle pickle = parse(pickled("]q\1h\1a"));
  EXPECT_EQ(pickle.at(pickle.root).items, std::vector<PickleRef>{pickle.root});
}

struct Hostile {
  std::string bytes;
  const char* message;
};

TEST(Pickle, HostilePicklesAreRefusedWithTheReason) {
  const std::string system = "refuses global os.system: only tensors and plain values are read";
  const std::vector<Hostile> hostiles = {
      {"", "its pickle is cut off"},
      {"\x80", "is cut off"},
      {"\x80\x06.", "is of protocol 6"},
      {pickled(""), "takes a value from an empty stack (at byte 3)"},
      {pickled("I1\n"), "holds opcode 0x49 at byte 2, which is unsupported"},
      {pickled("\xff"), "holds opcode 0xff"},
      {pickled(")\x81"), "holds opcode 0x81"},
      {pickled("(i"), "holds opcode 0x69"},
      {pickled("\x82\1"), "holds opcode 0x82"},
      {pickled(global("os", "system")), system.c_str()},
      {pickled(text("os") + text("system") + "\x93"), system.c_str()},
      {pickled(global("a", "b.__globals__")), "refuses global a.b.__globals__"},
      {pickled(global("a", "b\x1b[31m")), "refuses global a.b\\x1b[31m"},
      {pickled(global("a", std::string(10'000, 'x'))), "xxx...: only"},
      {pickled("ca"), "is cut off"},
      {pickled("ca\nb"), "is cut off"},
      {pickled("NN\x93"), "names a global by what is no text"},
      {pickled("N)R"), "calls what is no global"},
      {pickled(global("a", "b") + "NR"), "or without a tuple"},
      {pickled(text("os.system") + "(NtR"), "calls what is no global"},
      {pickled("h\1"), "recalls a value that it did not remember"},
      {pickled("j" + le(1U << 31, 4)), "recalls a value that it did not remember"},
      {pickled("q\1"), "takes a value from an empty stack"},
      {pickled("0"), "takes a value from an empty stack"},
      {pickled("N(0"), "takes a value from an empty stack"},
      {pickled("Nt"), "lacks a mark"},
      {pickled("1"), "lacks a mark"},
      {pickled("(Nu"), "has a key without a value"},
      {pickled("((NNu"), "takes a value from an empty stack"},
      {pickled("N(NNu"), "adds to what is no container"},
      {pickled("](NNu"), "adds to what is no container"},
      {pickled("}(NNe"), "adds to what is no container"},
      {pickled("NNa"), "adds to what is no container"},
      {pickled("(Nd"), "has a key without a value"},
      {pickled("N\x86"), "takes a value from an empty stack"},
      {pickled("b"), "takes a value from an empty stack"},
      {pickled("Q"), "takes a value from an empty stack"},
      {"\x80\x02X" + le(4, 4) + "abc", "is cut off"},
      {"\x80\x02X" + le(~0U, 4) + "abc", "is cut off"},
      {"\x80\x02\x8d" + le(~std::uint64_t{0}, 8) + "abc", "is cut off"},
      {"\x80\x02\x8b" + le(~0U, 4) + "abc", "is cut off"},
      {std::string("\x80\x02").append(1 << 23, 'N'), "has more than 4194304 values"},
      {std::string("\x80\x02N").append(1 << 25, '2'), "has more than 16777216 opcodes"},
      {std::string("\x80\x02").append(1 << 25, '('), "has more than 16777216 opcodes"},
  };
  for (std::size_t i = 0; i < hostiles.size(); ++i) {
    EXPECT_THAT(error_of([&] { parse(hostiles[i].bytes); }), HasSubstr(hostiles[i].message)) << i;
  }
}

TEST(Pickle, EveryTruncationIsRefused) {
  const std::string whole = pickled(dict({{"a", number(5)}, {"b", global("a", "b") + ")R"}}));
  (void)parse(whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(error_of([&] { parse(whole.substr(0, size)); }), "(no error)") << size;
  }
}

}  // namespace
}  // namespace wquant
