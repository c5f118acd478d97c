#include "formats/gguf_blocks.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/float_convert.h"
#include "wquant/error.h"

namespace wquant {
namespace {

// A block of a quantized type holds 32 elements: a scale d, in some types a minimum m, both half
// floats, and the codes q. Where codes have 4 bits or more, byte i holds the lowest four bits of
// element i and, above them, of element i + 16; the fifth bits of all are one 32-bit number.

constexpr std::size_t kHalf = kGgufBlock / 2;

float half_at(const std::byte* at) {
  float value = 0;
  to_floats(Dtype::kF16, {at, 2}, {&value, 1});
  return value;
}

std::uint32_t nibble(const std::byte* codes, std::size_t element) {
  const auto byte = std::to_integer<std::uint32_t>(codes[element % kHalf]);
  return element < kHalf ? byte & 0xF : byte >> 4;
}

std::uint32_t fifth_bit(const std::byte* bits, std::size_t element) {
  std::uint32_t all = 0;
  std::memcpy(&all, bits, sizeof all);
  return (all >> element & 1) << 4;
}

void decode_q8_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (std::size_t i = 0; i < kGgufBlock; ++i) {
    out[i] = d * static_cast<float>(std::to_integer<std::int8_t>(block[2 + i]));
  }
}

void decode_q4_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (std::size_t i = 0; i < kGgufBlock; ++i) {
    out[i] = d * (static_cast<float>(nibble(block + 2, i)) - 8);
  }
}

void decode_q4_1(const std::byte* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (std::size_t i = 0; i < kGgufBlock; ++i) {
    out[i] = d * static_cast<float>(nibble(block + 4, i)) + m;
  }
}

void decode_q5_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (std::size_t i = 0; i < kGgufBlock; ++i) {
    out[i] = d * (static_cast<float>(nibble(block + 6, i) | fifth_bit(block + 2, i)) - 16);
  }
}

void decode_q5_1(const std::byte* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (std::size_t i = 0; i < kGgufBlock; ++i) {
    out[i] = d * static_cast<float>(nibble(block + 8, i) | fifth_bit(block + 4, i)) + m;
  }
}

constexpr GgufType kTypes[] = {
    {0, "F32", Dtype::kF32, 1, 4},
    {1, "F16", Dtype::kF16, 1, 2},
    {2, "Q4_0", Dtype::kF32, kGgufBlock, 18, decode_q4_0},
    {3, "Q4_1", Dtype::kF32, kGgufBlock, 20, decode_q4_1},
    {6, "Q5_0", Dtype::kF32, kGgufBlock, 22, decode_q5_0},
    {7, "Q5_1", Dtype::kF32, kGgufBlock, 24, decode_q5_1},
    {8, "Q8_0", Dtype::kF32, kGgufBlock, 34, decode_q8_0},
    {24, "I8", Dtype::kI8, 1, 1},
    {25, "I16", Dtype::kI16, 1, 2},
    {26, "I32", Dtype::kI32, 1, 4},
    {27, "I64", Dtype::kI64, 1, 8},
    {28, "F64", Dtype::kF64, 1, 8},
    {30, "BF16", Dtype::kBF16, 1, 2},
};

/// Names of all types by their codes, for messages.
constexpr std::array<std::string_view, 40> kNames = {
    "F32",     "F16",    "Q4_0",    "Q4_1",  "4",      "5",     "Q5_0",  "Q5_1",
    "Q8_0",    "Q8_1",   "Q2_K",    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",
    "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS",
    "I8",      "I16",    "I32",     "I64",   "F64",    "IQ1_M", "BF16",  "31",
    "32",      "33",     "TQ1_0",   "TQ2_0", "36",     "37",    "38",    "MXFP4"};

}  // namespace

const GgufType& gguf_type(std::uint32_t code) {
  for (const GgufType& type : kTypes) {
    if (type.code == code) return type;
  }
  throw Error(fmt::format("is of type {}, which is not read",
                          code < kNames.size() ? std::string(kNames[code]) : std::to_string(code)),
              "convert the model to F16, BF16, F32 or Q8_0");
}

}  // namespace wquant
