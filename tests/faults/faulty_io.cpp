// Preloaded, lets one call that writes fail: the one whose number, from 1 on, is FAULTY_CALL. It
// fails with the error number FAULTY_ERROR; without one, it writes half of its bytes. At the end
// the number of calls goes to descriptor FAULTY_REPORT, if there is one.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace {

std::atomic<long> calls = 0;

long setting(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::atol(text);
}

/// Whether the call that is being made is the one that fails.
bool is_faulty() { return ++calls == setting("FAULTY_CALL"); }

template <typename F>
F original(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

template <typename... Parameters>
int call(const char* name, Parameters... parameters) {
  const long error = setting("FAULTY_ERROR");
  if (error != 0 && is_faulty()) {
    errno = static_cast<int>(error);
    return -1;
  }
  return original<int (*)(Parameters...)>(name)(parameters...);
}

/// `write` makes a call with so many bytes.
template <typename F>
ssize_t call_writing(size_t size, F&& write) {
  if (!is_faulty()) return write(size);
  const long error = setting("FAULTY_ERROR");
  if (error == 0) return write(size > 1 ? size / 2 : size);
  errno = static_cast<int>(error);
  return -1;
}

struct AtEnd {
  ~AtEnd() {
    const long descriptor = setting("FAULTY_REPORT");
    if (descriptor > 0) dprintf(static_cast<int>(descriptor), "%ld\n", calls.load());
  }
} at_end;

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  static const auto real = original<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return call_writing(size, [&](size_t n) { return real(fd, data, n, offset); });
}
ssize_t write(int fd, const void* data, size_t size) {
  static const auto real = original<ssize_t (*)(int, const void*, size_t)>("write");
  return call_writing(size, [&](size_t n) { return real(fd, data, n); });
}
int fsync(int fd) { return call("fsync", fd); }
int ftruncate(int fd, off_t size) noexcept { return call("ftruncate", fd, size); }
int rename(const char* from, const char* to) noexcept { return call("rename", from, to); }
int fchmodat(int folder, const char* name, mode_t mode, int flags) noexcept {
  return call("fchmodat", folder, name, mode, flags);
}
int renameat2(int from_fd, const char* from, int to_fd, const char* to, unsigned flags) noexcept {
  return call("renameat2", from_fd, from, to_fd, to, flags);
}
int link(const char* from, const char* to) noexcept { return call("link", from, to); }
int mkostemp(char* name, int flags) { return call("mkostemp", name, flags); }
// Only of new files: what counts lines opens its own, too.
int open(const char* name, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  if ((flags & O_EXCL) != 0) return call("open", name, flags, mode);
  return original<int (*)(const char*, int, ...)>("open")(name, flags, mode);
}
char* mkdtemp(char* name) noexcept {
  const long error = setting("FAULTY_ERROR");
  if (error != 0 && is_faulty()) {
    errno = static_cast<int>(error);
    return nullptr;
  }
  return original<char* (*)(char*)>("mkdtemp")(name);
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  const long error = setting("FAULTY_ERROR");
  if (error != 0 && is_faulty()) return static_cast<int>(error);
  return original<int (*)(int, off_t, off_t)>("posix_fallocate")(fd, offset, size);
}

}  // extern "C"
