#include "cli/shell_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <vector>

#include "base/spool_file.h"
#include "base/text.h"
#include "base/usage.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

/// What is looked at of what a command printed: its end.
constexpr std::streamoff kTail = std::streamoff{1} << 16;
constexpr std::size_t kShownLines = 15;
/// Time that a command gets to end by itself when it is asked to.
constexpr std::chrono::milliseconds kGrace{1000}, kPoll{5};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_plain(char c) { return is_word(c) || std::strchr("/.-+,:@%=", c) != nullptr; }

std::string quoted(const std::string& text) {
  if (std::ranges::all_of(text, is_plain)) return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string tail_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kTail));
  return {std::istreambuf_iterator<char>(file), {}};
}

void log_tail(const fs::path& path) {
  std::vector<std::string_view> lines;
  const std::string text = tail_of(path);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  const std::size_t first = lines.size() > kShownLines ? lines.size() - kShownLines : 0;
  for (std::size_t i = first; i < lines.size(); ++i) {
    spdlog::error("| {}", printable(lines[i], 500));
  }
}

std::string ending_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with code {}", WEXITSTATUS(status));
}

/// What is set for the process before the shell begins.
class SpawnSetup {
 public:
  SpawnSetup(const fs::path& out, const fs::path& err) {
    posix_spawn_file_actions_init(&files_);
    constexpr int kWrite = O_WRONLY | O_CREAT | O_EXCL;
    posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files_, STDOUT_FILENO, out.c_str(), kWrite,
                                     S_IRUSR | S_IWUSR);
    posix_spawn_file_actions_addopen(&files_, STDERR_FILENO, err.c_str(), kWrite,
                                     S_IRUSR | S_IWUSR);
    posix_spawnattr_init(&attributes_);
    sigset_t ignored;
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &ignored);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }

  /// An error number, or 0.
  int spawn(pid_t& pid, std::string command) const {
    std::string shell = "/bin/sh", option = "-c";
    const std::array<char*, 4> arguments = {shell.data(), option.data(), command.data(), nullptr};
    return posix_spawn(&pid, shell.c_str(), &files_, &attributes_, arguments.data(), environ);
  }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

}  // namespace

PrivateFolder::PrivateFolder() : PrivateFolder(temporary_folder()) {}

PrivateFolder::PrivateFolder(const fs::path& above) {
  std::string name = (above / "wquant-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw Error(fmt::format("cannot make a temporary folder in {}: {}", printable(above.string()),
                            std::strerror(errno)),
                "set TMPDIR to a folder that can be written");
  }
  path_ = name;
}

PrivateFolder::~PrivateFolder() {
  std::error_code code;
  fs::remove_all(path_, code);
}

void check_place(std::string_view option, const std::string& command, std::string_view place) {
  if (command.find(place) != std::string::npos) return;
  fail_usage(fmt::format("{} \"{}\" has no {}", option, printable(command), place),
             fmt::format("write {} where the path shall stand", place));
}

std::string command_for(const std::string& command, std::span<const PlacedPath> paths) {
  std::string result;
  for (std::size_t at = 0; at < command.size();) {
    const std::string_view rest = std::string_view(command).substr(at);
    const auto found = std::ranges::find_if(
        paths, [&](const PlacedPath& placed) { return rest.starts_with(placed.place); });
    result += found == paths.end() ? std::string(1, rest.front()) : quoted(found->path.string());
    at += found == paths.end() ? 1 : found->place.size();
  }
  return result;
}

std::optional<double> last_number(std::string_view text) {
  std::optional<double> last;
  for (std::size_t at = 0; at < text.size();) {
    double value = 0;
    const bool inside = at > 0 && (is_word(text[at - 1]) || text[at - 1] == '.');
    const char* const begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
    const bool found = !inside && error != std::errc::invalid_argument;
    if (error == std::errc::result_out_of_range) value = HUGE_VAL;
    // A number may have a unit right after it, the words nan and inf may not go on.
    const bool cut = end != text.data() + text.size() && is_word(*end) && !std::isfinite(value);
    if (found && !cut) last = value;
    at += found && !cut ? static_cast<std::size_t>(end - begin) : 1;
  }
  return last;
}

ShellCommand::ShellCommand(std::string command, const fs::path& folder)
    : command_(std::move(command)), out_(folder / "stdout"), err_(folder / "stderr") {
  const int code = SpawnSetup(out_, err_).spawn(pid_, command_);
  if (code == 0) return;
  pid_ = -1;
  throw Error(fmt::format("cannot start a shell: {}", std::strerror(code)));
}

ShellCommand::~ShellCommand() {
  if (pid_ < 0) return;
  kill(-pid_, SIGTERM);
  const auto end = std::chrono::steady_clock::now() + kGrace;
  while (!done() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kPoll);
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  waitpid(pid_, &status_, 0);
}

bool ShellCommand::done() {
  if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) != 0) pid_ = -1;
  return pid_ < 0;
}

void ShellCommand::require_success() const {
  if (WIFEXITED(status_) && WEXITSTATUS(status_) == 0) return;
  fail(ending_text(status_), "repair the command");
}

double ShellCommand::number() const {
  require_success();
  const std::optional<double> last = last_number(tail_of(out_));
  if (!last) fail("printed no number", "let its last number be the score");
  return *last;
}

double ShellCommand::score() const {
  const double score = number();
  if (!std::isfinite(score)) fail("printed a score that is not finite", "look at the model");
  return score;
}

void ShellCommand::fail(const std::string& problem, const std::string& remedy) const {
  log_tail(out_);
  log_tail(err_);
  throw Error(fmt::format("the command {} {}", printable(command_, 1000), problem), remedy);
}

}  // namespace wquant
