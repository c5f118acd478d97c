#pragma once

#include <atomic>

namespace wquant {

/// Makes the first SIGINT, SIGTERM or SIGHUP set stop_flag() and the second remove the temporary
/// files and end the process with code 130. A closed pipe becomes a write error instead of a
/// signal. A mapped file that somebody shrinks ends the process with a message and code 1, without
/// temporary files.
void install_signal_handlers();

/// True once the user asked the program to stop.
const std::atomic<bool>& stop_flag();

/// Throws Error (interrupted) when stop_flag() is set.
void check_stop();

}  // namespace wquant
