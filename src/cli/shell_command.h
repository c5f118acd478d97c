#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wquant {

/// A folder of its own in TMPDIR (or /tmp), for the user alone; removed with all that is in it.
class PrivateFolder {
 public:
  /// Throws Error.
  PrivateFolder();
  /// In another folder.
  explicit PrivateFolder(const std::filesystem::path& above);
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  ~PrivateFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A word of a command that stands for a path: "{}".
struct PlacedPath {
  std::string_view place;
  std::filesystem::path path;
};

/// Throws Error (usage) for a command of that option without the place.
void check_place(std::string_view option, const std::string& command, std::string_view place);

/// The command with the paths in all of their places, as find -exec does it. A path is quoted for a
/// shell where it holds anything that one would understand.
std::string command_for(const std::string& command, std::span<const PlacedPath> paths);

/// The last number of a text, infinite and NaN included; digits that follow a letter, as in top5,
/// are none.
std::optional<double> last_number(std::string_view text);

/// A command that /bin/sh runs in a process group of its own, without standard input. The
/// destructor ends the whole group.
class ShellCommand {
 public:
  /// Starts the command; what it prints goes to files in `folder`. Throws Error.
  ShellCommand(std::string command, const std::filesystem::path& folder);
  ShellCommand(const ShellCommand&) = delete;
  ShellCommand& operator=(const ShellCommand&) = delete;
  ~ShellCommand();

  /// Whether it has ended.
  bool done();

  // Once it is done:

  /// Throws Error with the command and the last lines of its output when it failed.
  void require_success() const;
  /// The last number that it printed. Throws Error, too, when there is none.
  [[nodiscard]] double number() const;
  /// The same; throws Error for one that is not finite.
  [[nodiscard]] double score() const;
  /// Shows the last lines of its output and throws Error with the command.
  [[noreturn]] void fail(const std::string& problem, const std::string& remedy) const;

 private:
  const std::string command_;
  const std::filesystem::path out_, err_;
  pid_t pid_ = -1;  ///< Of the shell and of the group; -1: ended.
  int status_ = 0;
};

}  // namespace wquant
