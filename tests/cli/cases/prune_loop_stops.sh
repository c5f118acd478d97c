# An interrupt ends the trainer and the state goes on; a trainer that fails, writes nothing, drops a
# tensor or leaves the mask is told with its last lines; one loop at a time has a state folder.
regression=$(dirname "$0")/../regression.py
/usr/bin/python3 "$regression" new start.npz y.npy
loop() {
  ${run-} wquant prune start.npz --evaluate "/usr/bin/python3 '$regression' loss {}" --target y.npy -o pruned.npz --rounds 1 "$@"
}
train="/usr/bin/python3 '$regression' train {weights} {mask} {target} {output}"
slow="echo \$\$ >>pids; if [ -e stop ]; then sleep 50; fi; $train"
touch stop
run=exec loop --state state --train "$slow" &
for ((i = 0; i < 500; ++i)); do
  [[ -s pids ]] && break
  sleep 0.05
done
loop --state state --train "$slow" || echo "second exit $?"
kill -INT $!
wait $! || echo "interrupted exit $?"
sleep 0.2
while read -r group; do pgrep -r D,R,S,T -g "$group" || echo gone; done <pids
rm stop
loop -q --state state --train "$slow" && echo "goes on"
try() { loop --force --state "$1" --train "$2" || echo "$1 exit $?"; }
try failing "echo before; echo what went wrong >&2; exit 7; : {weights} {mask} {target} {output}"
try nothing ": {weights} {mask} {target} {output}"
try dropped "cp y.npy {output}; : {weights} {mask} {target}"
cat >stray.py <<'PY'
import sys

import numpy as np

model = dict(np.load(sys.argv[1]))
model["w"] += 1
np.savez(sys.argv[2], **model)
PY
try stray "/usr/bin/python3 stray.py {weights} {output}; : {mask} {target}"
mkdir other && touch other/file
try other "$train"
