#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "wquant/error.h"

namespace wquant {

/// Held around every call of the HDF5 library, which is not for several threads at once, and keeps
/// it from printing its errors. Closing a handle is such a call, too.
class Hdf5Lock {
 public:
  Hdf5Lock() : guard_(mutex()) { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

 private:
  static std::recursive_mutex& mutex() {
    static std::recursive_mutex mutex;
    return mutex;
  }

  std::lock_guard<std::recursive_mutex> guard_;
};

/// An object of the library, closed when it goes out of scope.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  /// Throws Error (`problem`) for the negative id of a failed call.
  Hdf5Handle(hid_t id, Close close, const char* problem) : id_(id), close_(close) {
    if (id < 0) throw Error(problem, "the file may be damaged");
  }
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  ~Hdf5Handle() {
    if (id_ < 0) return;
    const Hdf5Lock lock;
    close_(id_);
  }

  [[nodiscard]] hid_t get() const { return id_; }

 private:
  hid_t id_;
  Close close_;
};

}  // namespace wquant
