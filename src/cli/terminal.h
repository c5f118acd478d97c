#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "wquant/quantize.h"

namespace wquant {

/// How much the program says beside its result.
struct Talk {
  bool quiet = false;    ///< Errors only.
  bool verbose = false;  ///< More log.
  bool progress = true;  ///< False: no progress line even on a terminal.
};

/// Opens /dev/null in place of standard streams that are closed, so that no file of the program
/// gets their numbers: writing to a closed stdout stays an error.
void guard_standard_streams();

/// Whether the locale's character set is UTF-8.
bool speaks_utf8();

/// Sends the log to stderr as lines "wquant: ..." without colour.
void start_log();
/// Sets how much of the log is shown.
void set_log_level(const Talk& talk);

/// Writes a part of the result to stdout.
void print_result(std::string_view text);
/// Hands everything printed to the system. Throws Error when stdout takes it no longer.
void flush_result();

/// A line on stderr with percent, rate and time left of a long run, which is counted in bytes or in
/// what `things` names: only on a terminal, after the
/// first second, at most ten times a second; the destructor erases it. update() is called from one
/// thread at a time.
class ProgressLine {
 public:
  explicit ProgressLine(const Talk& talk, std::string_view things = {});
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  void update(std::uint64_t done, std::uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;

  const bool enabled_;
  const std::string_view things_;
  bool shown_ = false;
  const Clock::time_point start_;
  Clock::time_point next_;
};

/// Options of a run that shows its progress on `line` and ends when the user asks for it. `line`
/// must outlive the run.
RunOptions run_options(ProgressLine& line, unsigned threads = 0);

}  // namespace wquant
