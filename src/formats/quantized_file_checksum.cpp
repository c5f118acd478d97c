#include "formats/quantized_file_checksum.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <utility>

#include "base/staged_work.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Bytes of a file that are read at a time.
constexpr std::uint64_t kSlab = std::uint64_t{4} << 20;

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/// The checksums of slabs of a file.
class SlabChecksums : public StagedWork {
 public:
  SlabChecksums(const MappedFile& file, std::span<const FileRange> slabs,
                std::vector<std::uint32_t>& found)
      : file_(file), slabs_(slabs), found_(found) {}

  std::uint64_t begin_stage() override { return std::exchange(begun_, true) ? 0 : slabs_.size(); }
  void run_part(std::uint64_t part, unsigned /*worker*/) override {
    found_[part] = crc32_of(file_, slabs_[part].begin, slabs_[part].size);
  }
  void leave(unsigned /*worker*/) override {}
  void end_stage() override {}

 private:
  const MappedFile& file_;
  const std::span<const FileRange> slabs_;
  std::vector<std::uint32_t>& found_;  // By slab.
  bool begun_ = false;
};

}  // namespace

std::uint32_t combine_checksums(std::uint32_t first, std::uint32_t second,
                                std::uint64_t second_size) {
  return static_cast<std::uint32_t>(
      crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

std::uint32_t crc32_of(std::span<const std::byte> bytes, std::uint32_t before) {
  return bytes.empty() ? before : libdeflate_crc32(before, bytes.data(), bytes.size());
}

std::uint32_t crc32_of(const MappedFile& file, std::uint64_t first, std::uint64_t size,
                       std::uint32_t before, const std::function<void(std::uint64_t)>& done) {
  for (const std::uint64_t end = first + size; first < end;) {
    const std::uint64_t part = std::min(kSlab, end - first);
    before = crc32_of(file.bytes().subspan(first, part), before);
    file.release(first, part);
    done(part);
    first += part;
  }
  return before;
}

std::vector<std::uint32_t> checksums_of(const MappedFile& file, std::span<const FileRange> ranges,
                                        unsigned threads) {
  std::vector<FileRange> slabs;
  for (const FileRange& range : ranges) {
    for (std::uint64_t done = 0; done < range.size; done += kSlab) {
      slabs.push_back({range.begin + done, std::min(kSlab, range.size - done)});
    }
  }
  std::vector<std::uint32_t> of_slabs(slabs.size());
  auto work = std::make_unique<SlabChecksums>(file, slabs, of_slabs);
  run_staged(thread_count(threads), [&] { return std::exchange(work, nullptr); });
  std::vector<std::uint32_t> sums;
  std::size_t slab = 0;
  for (const FileRange& range : ranges) {
    std::uint32_t sum = 0;
    for (std::uint64_t done = 0; done < range.size; done += slabs[slab++].size) {
      sum = combine_checksums(sum, of_slabs[slab], slabs[slab].size);
    }
    sums.push_back(sum);
  }
  return sums;
}

std::string checksum_text(std::uint32_t checksum) { return fmt::format("{:08x}", checksum); }

std::optional<std::uint32_t> checksum_from_text(std::string_view text) {
  if (text.size() != 8 || !std::all_of(text.begin(), text.end(), is_lower_hex)) return {};
  std::uint32_t checksum = 0;
  std::from_chars(text.data(), text.data() + text.size(), checksum, 16);
  return checksum;
}

void RangeChecksum::add(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  Range range{bytes.size(), crc32_of(bytes)};
  const std::lock_guard lock(mutex_);
  auto next = ranges_.lower_bound(offset);
  if (next != ranges_.end() && next->first - offset < range.size) {
    throw Error("bytes were written twice");
  }
  if (next != ranges_.begin()) {
    const auto [begin, before] = *std::prev(next);
    if (offset - begin < before.size) throw Error("bytes were written twice");
    if (offset - begin == before.size) {
      range = {before.size + range.size,
               combine_checksums(before.checksum, range.checksum, range.size)};
      offset = begin;
      ranges_.erase(std::prev(next));
    }
  }
  if (next != ranges_.end() && next->first - offset == range.size) {
    const Range after = next->second;
    range = {range.size + after.size,
             combine_checksums(range.checksum, after.checksum, after.size)};
    ranges_.erase(next);
  }
  ranges_.emplace(offset, range);
}

void RangeChecksum::clear() {
  const std::lock_guard lock(mutex_);
  ranges_.clear();
}

std::optional<std::uint32_t> RangeChecksum::complete(std::uint64_t size) const {
  const std::lock_guard lock(mutex_);
  if (size == 0) return ranges_.empty() ? std::optional<std::uint32_t>(0) : std::nullopt;
  if (ranges_.size() != 1) return {};
  const auto& [offset, range] = *ranges_.begin();
  if (offset != 0 || range.size != size) return {};
  return range.checksum;
}

}  // namespace wquant
