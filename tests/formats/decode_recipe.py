"""Runs the decoder that docs/format.md shows.

    decode_recipe.py FORMAT.md FILE... OUT    writes every tensor of the FILEs, one after the other
    decode_recipe.py FORMAT.md FILE           prints the names of damaged parts, one a line

Floating-point tensors are written as float32, the others as they are.
"""

import re
import sys

import numpy as np


def recipe(path):
    """The names that the page's python blocks define."""
    with open(path, encoding="utf-8") as f:
        blocks = re.findall(r"^```python\n(.*?)^```$", f.read(), re.MULTILINE | re.DOTALL)
    names = {}
    exec(compile("\n".join(blocks), path, "exec"), names)
    return names


def main(page, *paths):
    names = recipe(page)
    if len(paths) == 1:
        print("\n".join(names["damaged"](paths[0])))
        return
    with open(paths[-1], "wb") as f:
        for w in names["load"](*paths[:-1]).values():
            f.write((w.astype("<f4") if w.dtype.kind == "f" else w).tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
