# The loop keeps what matters and comes to the same bytes when it is killed before or after every
# command; every method runs; other settings are refused; more rounds go on.
regression=$(dirname "$0")/../regression.py
/usr/bin/python3 "$regression" new start.npz y.npy
mkdir "odd 'folder"
cat >trainer.sh <<'SH'
# Every command is killed together with wquant before it, then after it, then lives.
count=0
if [ -e calls ]; then
  count=$(wc -l <calls)
  echo call >>calls
fi
parent=$(ps -o ppid= $PPID)
[ -e calls ] && [ $((count % 3)) = 0 ] && kill -9 $parent && exit 1
/usr/bin/python3 "$@" || exit 1
[ -e calls ] && [ $((count % 3)) = 1 ] && kill -9 $parent
exit 0
SH
loop() {
  local state=$1
  shift
  wquant prune start.npz --train "sh trainer.sh '$regression' train {weights} {mask} {target} {output}; exit \$?" \
    --evaluate "sh trainer.sh '$regression' loss {}; exit \$?" --target y.npy --state "$state" "$@"
}
loop "odd 'folder/state" -o pruned.npz --mask mask.npz --rounds 3 --html history.html
/usr/bin/python3 -c "import xml.etree.ElementTree as x; x.parse('history.html')" && echo "a page"
touch calls
runs=0
until loop killed -q -o killed.npz --mask killed-mask.npz --rounds 3 2>/dev/null; do
  runs=$((runs + 1))
  ((runs < 100)) || exit 1
done
rm calls
((runs > 20)) && echo "killed often"
cmp pruned.npz killed.npz && cmp mask.npz killed-mask.npz && cmp killed/state.json "odd 'folder/state/state.json" && echo "same bytes"
ls -d killed/wquant-* 2>/dev/null || echo "no temporary folder is left"
loop killed -q --force -o again.npz --rounds 3 && cmp pruned.npz again.npz && echo "done twice"
loop killed -q -o other.npz --fraction 0.2 || echo "exit $?"
loop two -q -o two.npz --rounds 2
loop two -q --force -o two.npz --rounds 3 && cmp pruned.npz two.npz && echo "more rounds go on"
loop magnitude -o magnitude.npz --method magnitude --rounds 2 --json | grep -E '"(best_zeros|method|stopped)"'
loop random -q -o random.npz --method random --rounds 2
/usr/bin/python3 - <<'PY'
import numpy as np

kept, mask = np.load("pruned.npz")["w"], np.load("mask.npz")["w"]
assert (mask[:6] == 1).all() and (kept[mask == 0] == 0).all() and (mask == 0).sum() >= 4
print("what matters is kept")
PY
