#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace wquant {

/// A folder of its own in TMPDIR (or /tmp), for the user alone; removed with all that is in it.
class PrivateFolder {
 public:
  /// Throws Error.
  PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  ~PrivateFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Throws Error (usage) for a command without {}.
void check_evaluation_command(const std::string& command);

/// The command with the path for every {}, as find -exec does it. The path is quoted for a shell
/// where it holds anything that one would understand.
std::string command_for(const std::string& command, const std::filesystem::path& path);

/// The last number of a text, infinite and NaN included; digits that follow a letter, as in top5,
/// are none.
std::optional<double> last_number(std::string_view text);

/// A command that /bin/sh runs in a process group of its own, without standard input. The
/// destructor ends the whole group.
class Evaluation {
 public:
  /// Starts the command; what it prints goes to files in `folder`. Throws Error.
  Evaluation(std::string command, const std::filesystem::path& folder);
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;
  ~Evaluation();

  /// Whether it has ended.
  bool done();

  /// The last number that it printed, once it is done. Throws Error with the command and the last
  /// lines of its output when it failed or the number is not there or not finite.
  [[nodiscard]] double score() const;

 private:
  [[noreturn]] void fail(const std::string& problem, const std::string& remedy) const;

  const std::string command_;
  const std::filesystem::path out_, err_;
  pid_t pid_ = -1;  ///< Of the shell and of the group; -1: ended.
  int status_ = 0;
};

}  // namespace wquant
