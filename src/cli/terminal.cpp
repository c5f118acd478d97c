#include "cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "base/text.h"
#include "cli/signals.h"
#include "wquant/error.h"

namespace wquant {
namespace {

using std::chrono::milliseconds;

std::string duration_text(double seconds) {
  const auto whole = std::lround(std::min(seconds, 359999.0));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

std::string progress_text(double seconds, std::uint64_t done, std::uint64_t total,
                          std::string_view things) {
  const double rate = static_cast<double>(done) / seconds;
  const double left = static_cast<double>(total - done) / rate;
  const std::string pace = things.empty() ? byte_text(static_cast<std::uint64_t>(rate)) + "/s"
                                          : fmt::format("{} of {} {}", done, total, things);
  return fmt::format("{:3.0f} %  {}  {} left",
                     100 * static_cast<double>(done) / static_cast<double>(total), pace,
                     duration_text(left));
}

}  // namespace

void guard_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    // open() takes the lowest free number, and the lower ones are in use by now.
    if (fcntl(stream, F_GETFD) == -1) open("/dev/null", O_RDONLY);
  }
}

bool speaks_utf8() {
  // The first that is set counts, see locale(7).
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it.
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

void start_log() {
  auto logger =
      std::make_shared<spdlog::logger>("wquant", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("wquant: %v");
  spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const Talk& talk) {
  spdlog::set_level(talk.quiet     ? spdlog::level::err
                    : talk.verbose ? spdlog::level::debug
                                   : spdlog::level::info);
}

void print_result(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void flush_result() {
  errno = 0;
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!failed) return;
  std::string problem = "cannot write to standard output";
  if (errno != 0) problem += fmt::format(": {}", std::strerror(errno));
  throw Error(problem);
}

ProgressLine::ProgressLine(const Talk& talk, std::string_view things)
    : enabled_(talk.progress && !talk.quiet && isatty(STDERR_FILENO) != 0),
      things_(things),
      start_(Clock::now()),
      next_(start_ + milliseconds(1000)) {}

ProgressLine::~ProgressLine() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressLine::update(std::uint64_t done, std::uint64_t total) {
  if (!enabled_ || done == 0 || done > total) return;
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + milliseconds(100);
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  fmt::print(stderr, "\r{}\x1b[K", progress_text(seconds, done, total, things_));
}

RunOptions run_options(ProgressLine& line, unsigned threads) {
  RunOptions options;
  options.threads = threads;
  options.progress = [&line](std::uint64_t done, std::uint64_t total) { line.update(done, total); };
  options.stop = &stop_flag();
  return options;
}

}  // namespace wquant
