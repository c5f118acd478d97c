#!/usr/bin/env bash
# What a library must not do to its caller: print, end the process, keep state between calls.
# Usage: check_library.sh LIBRARY.a
set -euo pipefail
library=$1
# Names of constants, k..., aside, variables that are written: the temporary files that a signal handler may
# have to remove, the kernels that this machine can run, and the lock about libhdf5, which knows no threads.
allowed='(^|::)k[A-Z][A-Za-z0-9]*$|::slots$|^kernels\(\)::chosen$|^Hdf5Lock::mutex\(\)::mutex$|^std::__detail::'
status=0

enders='exit|_exit|_Exit|quick_exit|abort|__assert_fail|raise|kill'
printers='v?d?f?printf|__v?f?printf_chk|puts|putchar|putc|perror|stdout|stderr|std::c(out|err|log)'
calls=$(nm -C --undefined-only "$library" 2>/dev/null | sed -nE "s/^ +U ($enders|$printers)(@.*)?$/\1/p" | sort -u)
if [[ -n $calls ]]; then
  echo "the library prints or ends the process: $calls"
  status=1
fi

state=$(objdump -tC "$library" 2>/dev/null | sed -nE 's/^.* O \.(bss|data)(\.[^r][^\t ]*)?\t[0-9a-f]+ +//p' |
  sed -E 's/wquant:://; s/\.hidden //' | grep -v '^guard variable' | grep -vE "$allowed" || true)
if [[ -n $state ]]; then
  printf 'state that outlives a call:\n%s\n' "$state"
  status=1
fi
count=$(nm "$library" 2>/dev/null | wc -l)
if ((count < 1000)); then
  echo "hardly any symbols: $count"
  status=1
fi
exit $status
