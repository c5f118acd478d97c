#include "quant/coding_sink.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "base/spool_file.h"
#include "coding/coded_tensor.h"
#include "coding/rans.h"
#include "coding/zero_mask.h"
#include "quant/mask_packer.h"
#include "quant/zero_level.h"

namespace wquant {
namespace {

using CodeCounts = std::array<std::uint64_t, kMostLevels>;

/// Several tables: a count need not wait for the one before.
using CountTables = std::array<CodeCounts, 4>;

void count_codes(std::span<const std::uint8_t> codes, CountTables& tables) {
  for (std::size_t i = 0; i < codes.size(); ++i) ++tables[i % tables.size()][codes[i]];
}

/// How often each code occurs, up to the largest that does.
std::vector<std::uint64_t> counts_of(const CountTables& tables) {
  std::vector<std::uint64_t> counts;
  for (std::size_t code = 0; code < kMostLevels; ++code) {
    std::uint64_t count = 0;
    for (const CodeCounts& table : tables) count += table[code];
    counts.push_back(count);
  }
  while (counts.size() > 1 && counts.back() == 0) counts.pop_back();
  return counts;
}

}  // namespace

/// The codes of a tensor as they come.
struct CodingSink::Codes {
  explicit Codes(std::uint64_t count) : spool(count) {}

  [[nodiscard]] std::uint64_t count() const { return spool.bytes().size(); }

  /// Calls f with the codes of each block, and gives their memory back.
  template <typename F>
  void for_each_block(F&& f) const {
    const std::span<const std::byte> bytes = spool.bytes();
    for (std::uint64_t first = 0; first < bytes.size(); first += kBlockCodes) {
      const auto block = bytes.subspan(first, std::min(kBlockCodes, bytes.size() - first));
      f(std::span(reinterpret_cast<const std::uint8_t*>(block.data()), block.size()));
      spool.release(first, block.size());
    }
  }

  SpoolFile spool;
  std::atomic<std::uint64_t> received = 0;
};

CodingSink::CodingSink(const Plan& plan, const std::vector<TensorReport>& reports, PartSink& sink)
    : plan_(plan), reports_(reports), sink_(sink), coded_(plan.tensors.size()) {}

CodingSink::~CodingSink() = default;

bool CodingSink::is_coded(std::size_t tensor) const {
  const PlannedTensor& planned = plan_.tensors[tensor];
  return planned.quantized && planned.settings.coding == Coding::kEntropy;
}

bool CodingSink::is_masked(std::size_t tensor) const {
  return reports_[tensor].codebook.masked_code.has_value();
}

CodingSink::Codes& CodingSink::codes_of(std::size_t tensor) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Codes>& codes = codes_[tensor];
  if (!codes) codes = std::make_unique<Codes>(plan_.tensors[tensor].info.count());
  return *codes;
}

void CodingSink::write(std::size_t tensor, Part part, std::uint64_t offset,
                       std::span<const std::byte> bytes) {
  const bool coded = is_coded(tensor);
  const bool waits = part == Part::kCodes ? coded || is_masked(tensor) : coded;
  if (!waits || part == Part::kScales) return sink_.write(tensor, part, offset, bytes);
  if (part == Part::kLevels) {
    coded_[tensor].levels.assign(bytes.begin(), bytes.end());
    return write_levels(tensor);
  }
  Codes& codes = codes_of(tensor);
  std::ranges::copy(bytes, codes.spool.bytes().begin() + static_cast<std::ptrdiff_t>(offset));
  codes.spool.release(offset, bytes.size());
  // Who does not bring the last ones must not touch them after that: another thread may end them.
  const std::uint64_t count = codes.count();
  if (codes.received.fetch_add(bytes.size()) + bytes.size() < count) return;
  coded ? code(tensor, codes) : mask(tensor, codes);
  const std::lock_guard lock(mutex_);
  codes_.erase(tensor);
}

void CodingSink::restart(std::size_t tensor, Part part) {
  if ((is_coded(tensor) || is_masked(tensor)) && part == Part::kCodes) {
    const std::lock_guard lock(mutex_);
    codes_.erase(tensor);
    coded_[tensor].level_bytes = 0;
  }
  sink_.restart(tensor, part);
}

void CodingSink::code(std::size_t tensor, const Codes& codes) {
  CountTables tables = {};
  codes.for_each_block([&](std::span<const std::uint8_t> block) { count_codes(block, tables); });
  const EntropyEncoder encoder(counts_of(tables));
  std::vector<std::uint32_t> block_bytes(count_blocks(codes.count()));
  std::uint64_t at = coded_head(encoder.table(), block_bytes).size();
  std::vector<std::uint8_t> coded;
  auto size = block_bytes.begin();
  codes.for_each_block([&](std::span<const std::uint8_t> block) {
    coded.clear();
    encoder.encode_block(block, coded);
    *size++ = static_cast<std::uint32_t>(coded.size());
    sink_.write(tensor, Part::kCodes, at, std::as_bytes(std::span(coded)));
    at += coded.size();
  });
  const std::vector<std::uint8_t> head = coded_head(encoder.table(), block_bytes);
  sink_.write(tensor, Part::kCodes, 0, std::as_bytes(std::span(head)));
  sink_.end_part(tensor, Part::kCodes, at);
  coded_[tensor].bytes = at;
  coded_[tensor].level_bytes = encoder.table().levels() * sizeof(float);
  write_levels(tensor);
}

/// The mask, then the other codes.
void CodingSink::mask(std::size_t tensor, const Codes& codes) {
  const TensorReport& report = reports_[tensor];
  MaskPacker packer(*report.codebook.masked_code, report.settings.bits);
  std::uint64_t mask_at = 0;
  std::uint64_t at = mask_bytes(codes.count());
  std::vector<std::uint8_t> mask, packed;
  const auto write_packed = [&] {
    if (packed.empty()) return;
    sink_.write(tensor, Part::kCodes, at, std::as_bytes(std::span(packed)));
    at += packed.size();
    packed.clear();
  };
  codes.for_each_block([&](std::span<const std::uint8_t> block) {
    packer.add(block, mask, packed);
    sink_.write(tensor, Part::kCodes, mask_at, std::as_bytes(std::span(mask)));
    mask_at += mask.size();
    mask.clear();
    write_packed();
  });
  packer.finish(packed);
  write_packed();
  sink_.end_part(tensor, Part::kCodes, at);
  coded_[tensor].bytes = at;
}

/// As many as codes have, once both are there. The steps of one tensor's work that bring levels and
/// the last codes follow one another.
void CodingSink::write_levels(std::size_t tensor) {
  const Coded& coded = coded_[tensor];
  if (coded.levels.empty() || coded.level_bytes == 0) return;
  sink_.write(tensor, Part::kLevels, 0, std::span(coded.levels).first(coded.level_bytes));
  sink_.end_part(tensor, Part::kLevels, coded.level_bytes);
}

void CodingSink::report_sizes(std::vector<TensorReport>& reports) const {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const PlannedTensor& planned = plan_.tensors[i];
    const Coded& coded = coded_[i];
    if (is_masked(i)) {
      reports[i].coded_bytes = coded.bytes;
      reports[i].bytes =
          coded.bytes + part_size(planned, Part::kLevels) + part_size(planned, Part::kScales);
      reports[i].codebook.bits = planned.settings.bits;
      reports[i].codebook.levels = levels_to_store(reports[i].codebook, planned.settings.bits);
    }
    if (!is_coded(i) || planned.same_as) continue;
    reports[i].coded_bytes = coded.bytes;
    reports[i].bytes = coded.bytes + coded.level_bytes + part_size(planned, Part::kScales);
    reports[i].codebook.levels.resize(coded.level_bytes / sizeof(float));
  }
}

}  // namespace wquant
