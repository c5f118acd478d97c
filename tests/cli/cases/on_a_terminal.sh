# On a terminal a line tells how far a long run is, and goes when it ends; a model does not come from one.
cat >terminal.py <<'PY'
import os
import pty
import sys

sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
PY
terminal() { /usr/bin/python3 terminal.py "$@"; }
terminal wquant compare model.npz --bits 2-4 --eval 'sleep 0.6; echo 1 {}' >compare.txt
tr '\r' '\n' <compare.txt | cat -v
terminal wquant compare -q model.npz --bits 2-4 --eval 'sleep 0.6; echo 1 {}' >quiet.txt
grep -q ' left' quiet.txt || echo "quiet"
code=0
terminal wquant - -o out.safetensors || code=$?
echo "typed $code"
