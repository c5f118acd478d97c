# Names from files cannot break a message or a table: control characters are masked.
/usr/bin/python3 - <<END
import numpy as np
np.savez("odd.npz", **{"a\\033[31m\\nb": np.full((2, 2), np.nan, np.float32)})
END
wquant inspect odd.npz
wquant odd.npz
