#include "cli/signals.h"

#include <unistd.h>
#include <csignal>
#include <string_view>

#include "base/output_file.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::atomic<bool> stop{false};
std::atomic<bool> lost{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the handler may only use what never locks");

void on_signal(int /*signal*/) {
  if (!stop.exchange(true)) return;
  remove_temporary_files();
  _exit(130);
}

/// A page of a mapped file is not there any more. The thread cannot go on; only what is safe in a
/// handler may be done. Several threads may come here at once: the first speaks, the others wait
/// for the end.
void on_lost_page(int /*signal*/) {
  while (lost.exchange(true)) pause();
  constexpr std::string_view kMessage =
      "wquant: a file that is read became shorter meanwhile, or its disk failed: run again when "
      "nobody writes to it\n";
  remove_temporary_files();
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(1);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before = {};
  sigaction(SIGHUP, nullptr, &before);
  // nohup has it ignored.
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
  action.sa_handler = on_lost_page;
  sigaction(SIGBUS, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

const std::atomic<bool>& stop_flag() { return stop; }

void check_stop() {
  if (stop) throw Error("interrupted", "", ErrorKind::kInterrupted);
}

}  // namespace wquant
