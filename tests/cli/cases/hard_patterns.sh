# Patterns that make a backtracking matcher recurse deeply or take exponential time.
/usr/bin/python3 - <<END
import numpy as np
np.savez("long.npz", **{"a" * 4096: np.ones((2, 2), np.float32), "b": np.ones((2, 2), np.float32)})
END
for pattern in 'b|((((((a))))))*c' 'b|(a|a)*c' 'b|.*.*z' 'b|(a*)*c' '^(?!a)'; do
  wquant --include "$pattern" long.npz --dry-run -q
done
