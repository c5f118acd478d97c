#include "cli/standard_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <span>
#include <system_error>
#include <vector>

#include "base/spool_file.h"
#include "base/text.h"
#include "base/usage.h"
#include "cli/signals.h"
#include "wquant/error.h"
#include "wquant/formats.h"

namespace wquant {
namespace {

/// A folder of its own for the file "stdin". Both are gone when it goes out of scope: a reader that
/// has the file open keeps the content.
class InputSpool {
 public:
  InputSpool() : folder_(temporary_folder() + "/wquant-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) fail(errno);
    fd_ = open(path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd_ < 0) {
      const int code = errno;
      rmdir(folder_.c_str());
      fail(code);
    }
  }
  InputSpool(const InputSpool&) = delete;
  InputSpool& operator=(const InputSpool&) = delete;
  ~InputSpool() {
    close(fd_);
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }

  [[nodiscard]] std::string path() const { return folder_ + "/stdin"; }

  void write(std::span<const char> bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

 private:
  [[noreturn]] void fail(int code) const {
    throw Error("cannot keep standard input in " + printable(folder_) + ": " +
                    std::generic_category().message(code),
                "set TMPDIR to a folder with more space");
  }

  std::string folder_;
  int fd_ = -1;
};

void copy_standard_input(const InputSpool& spool) {
  std::vector<char> bytes(std::size_t{1} << 20);
  for (;;) {
    check_stop();
    const ssize_t size = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      throw Error("cannot read standard input: " + std::generic_category().message(errno));
    }
    if (size == 0) return;
    spool.write(std::span(bytes).first(static_cast<std::size_t>(size)));
  }
}

}  // namespace

std::unique_ptr<ModelReader> open_input(const std::string& name) {
  if (name != kStandardInput) return open_model(name);
  if (isatty(STDIN_FILENO) != 0) {
    fail_usage("standard input is a terminal", "pipe a model into it, or name a file");
  }
  const InputSpool spool;
  copy_standard_input(spool);
  return open_model(spool.path());
}

}  // namespace wquant
