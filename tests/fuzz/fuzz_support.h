#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "wquant/error.h"
#include "wquant/model.h"

namespace wquant::fuzz {

/// The input as a file in memory.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::uint8_t> bytes) : fd_(memfd_create("input", 0)) {
    const auto size = static_cast<ssize_t>(bytes.size());
    if (fd_ < 0 || ::write(fd_, bytes.data(), bytes.size()) != size) std::abort();
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(fd_); }

  [[nodiscard]] std::filesystem::path path() const {
    return "/proc/self/fd/" + std::to_string(fd_);
  }

 private:
  int fd_;
};

/// Reads the start, the end and an odd middle of a tensor and compares them with its view.
inline void read_tensor(const ModelReader& model, std::size_t index) {
  constexpr std::uint64_t kMost = 4096;
  const std::uint64_t size = model.tensors()[index].bytes();
  const std::span<const std::byte> view = model.view(index);
  if (!view.empty() && view.size() != size) std::abort();
  for (const std::uint64_t first : {std::uint64_t{0}, size / 3, size - std::min(size, kMost)}) {
    std::vector<std::byte> out(std::min(size - first, kMost));
    model.read(index, first, out);
    if (view.empty() || out.empty()) continue;
    if (std::memcmp(out.data(), view.data() + first, out.size()) != 0) std::abort();
  }
}

/// Opens the model and reads of its first tensors; whatever is wrong with it must be an Error.
template <typename Open>
void open_and_read(Open&& open, const std::filesystem::path& path) {
  try {
    const auto model = open(path);
    const std::size_t count = std::min<std::size_t>(model->tensors().size(), 64);
    for (std::size_t i = 0; i < count; ++i) read_tensor(*model, i);
  } catch (const Error& error) {
    if (std::strlen(error.what()) == 0) std::abort();
  }
}

}  // namespace wquant::fuzz
