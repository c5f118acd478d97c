#pragma once

namespace wquant {

/// The program: finds the command, runs it and turns errors into messages on stderr. Returns the
/// exit code: 0 done, 1 failed, 2 usage, 3 a limit was not met, 130 interrupted.
int run(int argc, char** argv);

}  // namespace wquant
