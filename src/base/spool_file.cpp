#include "base/spool_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <string>
#include <system_error>

#include "base/text.h"
#include "wquant/error.h"

namespace wquant {
namespace {

/// Descriptor of a new file that has no name any more; -1 where none can be made.
int open_nameless(const std::string& folder) {
  std::string name = folder + "/wquant-XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd >= 0) unlink(name.c_str());
  return fd;
}

/// Reserves the space, since writing to a mapping that finds the disk full kills the process.
void reserve(int fd, std::uint64_t size, const std::string& folder) {
  int code = posix_fallocate(fd, 0, static_cast<off_t>(size));
  if (code == EOPNOTSUPP || code == EINVAL) {
    code = ftruncate(fd, static_cast<off_t>(size)) == 0 ? 0 : errno;
  }
  if (code == 0) return;
  close(fd);
  throw Error("cannot unpack " + byte_text(size) + " into " + printable(folder) + " (" +
                  std::generic_category().message(code) + ")",
              "set TMPDIR to a folder with more space");
}

}  // namespace

std::string temporary_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

SpoolFile::SpoolFile(std::uint64_t size) : size_(static_cast<std::size_t>(size)) {
  if (size == 0) return;
  if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    throw Error("cannot unpack " + byte_text(size));
  }
  const std::string folder = temporary_folder();
  const int fd = open_nameless(folder);
  is_file_ = fd >= 0;
  if (is_file_) reserve(fd, size, folder);
  const int flags = is_file_ ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
  void* data = mmap(nullptr, size_, PROT_READ | PROT_WRITE, flags, fd, 0);
  const int code = errno;
  if (is_file_) close(fd);
  if (data == MAP_FAILED) {
    throw Error("cannot unpack " + byte_text(size) + ": " + std::generic_category().message(code));
  }
  data_ = static_cast<std::byte*>(data);
}

SpoolFile::~SpoolFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

void SpoolFile::release(std::uint64_t first, std::uint64_t size) const {
  if (!is_file_) return;  // Anonymous memory would lose its content.
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t begin = (first + page - 1) / page * page;
  const std::uint64_t end = std::min<std::uint64_t>(first + size, size_) / page * page;
  if (begin < end) madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

}  // namespace wquant
