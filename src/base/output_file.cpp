#include "base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "wquant/error.h"

namespace wquant {
namespace {

/// Paths of open temporary files, where a signal handler finds them. A slot is claimed by `used`,
/// filled, and published by `ready`.
struct Slot {
  std::atomic<bool> used, ready;
  std::array<char, PATH_MAX> path;
};
std::array<Slot, 64> slots;

int claim_slot(const std::string& path) {
  if (path.size() >= PATH_MAX) return -1;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].used.exchange(true)) continue;
    std::memcpy(slots[i].path.data(), path.c_str(), path.size() + 1);
    slots[i].ready = true;
    return static_cast<int>(i);
  }
  return -1;
}

void free_slot(int slot) {
  if (slot < 0) return;
  slots[static_cast<std::size_t>(slot)].ready = false;
  slots[static_cast<std::size_t>(slot)].used = false;
}

/// Bytes after which the disk is told to begin: the final sync then has little left to wait for.
constexpr std::uint64_t kWriteBack = std::uint64_t{8} << 20;

constexpr std::uint64_t kMovedAtOnce = std::uint64_t{1} << 20;

void sync_folder(const std::filesystem::path& folder) {
  const int fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);  // Not every file system can; the rename itself has succeeded.
  close(fd);
}

}  // namespace

OutputFile::OutputFile(std::filesystem::path path, Overwrite overwrite, std::uint64_t size)
    : path_(std::move(path)), overwrite_(overwrite) {
  struct stat status = {};
  const bool exists = stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    throw Error("is a folder", "give a file name with -o").at_file(path_.string());
  }
  if (exists && !S_ISREG(status.st_mode)) {
    throw Error("exists and is not a regular file", "give another name with -o")
        .at_file(path_.string());
  }
  if (exists && overwrite_ == Overwrite::kRefuse) {
    throw Error("exists", "give --force to replace it").at_file(path_.string());
  }
  // A symbolic link stays and its target is replaced.
  if (exists) path_ = std::filesystem::canonical(path_);
  std::string name = (path_.parent_path() / ".wquant-XXXXXX").string();
  fd_ = mkostemp(name.data(), O_CLOEXEC);
  if (fd_ < 0) fail("cannot create a file in its folder", errno);
  temporary_ = name;
  slot_ = claim_slot(name);
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(fd_, exists ? status.st_mode & 07777U : 0666U & ~mask);
  if (size == 0) return;
  const int code = posix_fallocate(fd_, 0, static_cast<off_t>(size));
  if (code != 0 && code != EOPNOTSUPP && code != EINVAL) {
    unlink(temporary_.c_str());
    free_slot(slot_);
    close(fd_);
    fail("cannot reserve its space", code);
  }
}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
  free_slot(slot_);
}

void OutputFile::append(std::span<const std::byte> bytes) {
  write_at(appended_, bytes);
  appended_ += bytes.size();
}

void OutputFile::append(std::string_view text) { append(std::as_bytes(std::span(text))); }

void OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write", written < 0 ? errno : ENOSPC);
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    start_writing(static_cast<std::uint64_t>(written));
  }
}

void OutputFile::move_down(std::uint64_t from, std::uint64_t to, std::uint64_t size) {
  if (from == to) return;
  std::vector<std::byte> bytes(std::min(size, kMovedAtOnce));
  while (size > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(size, bytes.size());
    const ssize_t got = pread(fd_, bytes.data(), wanted, static_cast<off_t>(from));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("cannot read it back", got < 0 ? errno : EIO);
    const auto moved = static_cast<std::uint64_t>(got);
    write_at(to, std::span(bytes).first(moved));
    from += moved;
    to += moved;
    size -= moved;
  }
}

void OutputFile::cut(std::uint64_t size) {
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0) fail("cannot write", errno);
}

void OutputFile::start_writing(std::uint64_t more) {
  const std::uint64_t before = written_.fetch_add(more);
  if (before / kWriteBack == (before + more) / kWriteBack) return;
  sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);  // Only a hint.
}

void OutputFile::commit() {
  if (fsync(fd_) != 0) fail("cannot write", errno);
  if (overwrite_ == Overwrite::kRefuse) {
    // link() fails where somebody made the file meanwhile; rename() would replace it.
    if (link(temporary_.c_str(), path_.c_str()) == 0) {
      unlink(temporary_.c_str());
    } else if (errno == EEXIST) {
      throw Error("exists", "give --force to replace it").at_file(path_.string());
    } else if (rename(temporary_.c_str(), path_.c_str()) != 0) {
      fail("cannot rename to it", errno);
    }
  } else if (rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail("cannot rename to it", errno);
  }
  free_slot(slot_);
  if (close(std::exchange(fd_, -1)) != 0) fail("cannot write", errno);
  sync_folder(path_.parent_path());
}

void OutputFile::fail(const char* doing, int code) const {
  throw Error(std::string(doing) + ": " + std::generic_category().message(code))
      .at_file(path_.string());
}

void remove_temporary_files() {
  for (Slot& slot : slots) {
    if (slot.ready) unlink(slot.path.data());
  }
}

}  // namespace wquant
