# No line of a table is wider than 100 columns, however long the names are, and names stay whole.
python3=/usr/bin/python3
$python3 - <<END
import numpy as np
w = np.random.default_rng(1).normal(0, 1, (8, 3, 2, 2)).astype(np.float32)
layers = {f"model.decoder.layers.{i}.self_attention.query_projection.weight": w for i in (8, 9)}
np.savez("long.npz", **layers, **{"n" * 300: w, "w" * 20: w.reshape(1, 8, 1, 3, 1, 2, 1, 2, 1, 1)})
END
wquant -v long.npz
wquant inspect long.npz
wquant inspect long.exp4.safetensors >out.txt; cat out.txt; grep -v ^settings: out.txt >table.txt
wquant long.npz --dry-run >>table.txt
wquant inspect long.npz >>table.txt
! grep -E "^.{101}" table.txt >&2
