#include "cli/signals.h"

#include <unistd.h>
#include <csignal>

#include "base/output_file.h"
#include "wquant/error.h"

namespace wquant {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the handler may only use what never locks");

void on_signal(int /*signal*/) {
  if (!stop.exchange(true)) return;
  remove_temporary_files();
  _exit(130);
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
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

const std::atomic<bool>& stop_flag() { return stop; }

void check_stop() {
  if (stop) throw Error("interrupted", "", ErrorKind::kInterrupted);
}

}  // namespace wquant
