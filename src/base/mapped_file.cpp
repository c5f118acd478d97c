#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "wquant/error.h"

namespace wquant {
namespace {

/// Linux maps that many bytes around a page that is touched, and since 6.18 all of a large folio of
/// the page cache: the first pages of a range may have brought back some before it.
constexpr std::uint64_t kFaultAround = std::uint64_t{64} << 10;
constexpr std::uint64_t kLargestFolio = std::uint64_t{2} << 20;

[[noreturn]] void fail(const std::filesystem::path& path, const char* doing, int code) {
  throw Error(std::string(doing) + ": " + std::generic_category().message(code))
      .at_file(path.string());
}

/// Of larger files the descriptor is kept, unless so many are open: a model may lie in more files
/// than a process may have open.
constexpr std::size_t kLarge = std::size_t{64} << 20;
constexpr int kMostOpen = 64;

/// Closes the descriptor when it goes out of scope.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  // A pipe of that name would let the program wait for who writes into it.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail(path, "cannot open", errno);
  Descriptor guard{fd};
  struct stat status = {};
  if (fstat(fd, &status) != 0) fail(path, "cannot read", errno);
  if (!S_ISREG(status.st_mode)) throw Error("not a regular file").at_file(path.string());
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* data = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) fail(path, "cannot map", errno);
  data_ = static_cast<const std::byte*>(data);
  if (size_ >= kLarge && fd < kMostOpen) descriptor_ = std::exchange(guard.fd, -1);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
  if (descriptor_ >= 0) close(descriptor_);
}

void MappedFile::copy(std::uint64_t first, std::span<std::byte> out) const {
  while (descriptor_ >= 0 && !out.empty()) {
    const ssize_t size = pread(descriptor_, out.data(), out.size(), static_cast<off_t>(first));
    if (size <= 0) break;  // What cannot be read so is asked for as any other page.
    first += static_cast<std::uint64_t>(size);
    out = out.subspan(static_cast<std::size_t>(size));
  }
  if (!out.empty()) std::memcpy(out.data(), data_ + first, out.size());
}

void MappedFile::release(std::uint64_t first, std::uint64_t size) const {
  const ByteRange range = released_.add({first, first + size});
  if (range.begin == range.end) return;
  const std::uint64_t begin =
      (range.begin - std::min(range.begin, kFaultAround)) / kLargestFolio * kLargestFolio;
  const std::uint64_t end =
      std::min<std::uint64_t>((range.end + kFaultAround - 1) / kFaultAround * kFaultAround, size_);
  madvise(const_cast<std::byte*>(data_ + begin), end - begin, MADV_DONTNEED);
}

PassingRead::~PassingRead() { file_.release(0, file_.bytes().size()); }

void PassingRead::reach(std::uint64_t offset) {
  constexpr std::uint64_t kStep = std::uint64_t{8} << 20;
  if (offset < done_ + kStep) return;
  file_.release(done_, offset - done_);
  done_ = offset;
}

}  // namespace wquant
