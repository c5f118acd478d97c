#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace wquant {

/// What kind of failure an Error is; the program turns it into its exit code.
enum class ErrorKind {
  kFailed,       ///< I/O failed, or the input is damaged or unsupported.
  kUsage,        ///< The caller asked for something that does not exist or contradicts itself.
  kLimit,        ///< A limit that the user set was not met.
  kInterrupted,  ///< The user stopped the run.
};

/// The one exception type of the library. what() reads "FILE: TENSOR: problem: remedy" with the
/// parts that are known; names are escaped so that a message is always one printable line.
///
/// Code that knows only the problem throws; code that knows the tensor or the file catches, adds it
/// with at_tensor() / at_file() (the first one given stays) and rethrows. Both throw nothing.
class Error : public std::exception {
 public:
  explicit Error(std::string problem, std::string remedy = {}, ErrorKind kind = ErrorKind::kFailed);

  Error& at_tensor(std::string_view name);
  Error& at_file(std::string_view path);

  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  void compose();

  std::string file_, tensor_, problem_, remedy_, message_;
  ErrorKind kind_;
};

}  // namespace wquant
