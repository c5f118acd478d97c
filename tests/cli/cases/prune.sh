# What is removed is what numpy ranks first, whatever the formats and the number of threads; what was
# removed before stays, by its mask or by its zeros.
cat >models.py <<'PY'
import numpy as np

rng = np.random.default_rng(7)
control = {"fc": rng.normal(size=(300, 70)), "conv": rng.normal(size=(9, 8, 3, 3)), "bias": rng.normal(size=9)}
control = {name: w.astype("f4") for name, w in control.items()}
control["fc"][:5] = 0
np.savez("control.npz", **control)
for name in ("low", "high"):
    np.savez(name, **{n: (w * (1 + 0.1 * rng.normal(size=w.shape))).astype("f4") for n, w in control.items()})
PY
cat >check.py <<'PY'
import sys

import numpy as np

control, low, high, pruned, mask = (np.load(name + ".npz") for name in ("control", "low", "high", *sys.argv[1:]))
names = ("fc", "conv")
flat = lambda model: np.concatenate([model[name].ravel() for name in names])
c = flat(control)
with np.errstate(all="ignore"):
    score = sum(np.where(flat(p) == c, 0, np.abs((flat(p) - c) / flat(p))) for p in (low, high))
score[c == 0] = -1
count = round(0.1 * c.size)
kept = np.ones(c.size)
kept[c == 0] = 0
kept[np.argsort(-score, kind="stable")[:count]] = 0
assert mask.files == list(names) and flat(mask).dtype == np.uint8
assert (flat(mask) == kept).all() and (flat(pruned) == c * kept).all()
assert (pruned["bias"] == control["bias"]).all()
print("as numpy ranks them")
PY
/usr/bin/python3 models.py
wquant prune control.npz --perturbed low.npz high.npz -o pruned.npz --mask mask.npz
/usr/bin/python3 check.py pruned mask
for threads in 1 3; do
  wquant prune -q control.npz --perturbed low.npz high.npz -o p.npz --mask m.npz --threads $threads --force
  cmp p.npz pruned.npz && cmp m.npz mask.npz && echo "same bytes with $threads"
done
wquant prune -q control.npz --perturbed low.npz high.npz -o pruned.pt --mask mask.safetensors
wquant prune -q pruned.pt --previous-mask mask.safetensors --method magnitude -o further.npz --mask further-mask.npz
wquant prune -q pruned.npz --method magnitude -o again.npz --mask again-mask.npz
cmp further.npz again.npz && cmp further-mask.npz again-mask.npz && echo "mask and zeros say the same"
wquant prune control.npz --perturbed low.npz high.npz --fold control.npz high.npz --fold low.npz high.npz --dry-run --json |
  grep -E '"(method|weights|zeros_before|removed|ties_kept)"' | head -5
wquant prune model.onnx --method random --seed 5 -o pruned.onnx --include fc && wquant inspect pruned.onnx >/dev/null && echo onnx
