"""Runs the decoder that docs/format.md shows.

    decode_recipe.py FORMAT.md FILE OUT    writes every tensor of FILE, one after the other, to OUT
    decode_recipe.py FORMAT.md FILE        prints the names of damaged parts, one a line

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


def main(page, path, out=None):
    names = recipe(page)
    if out is None:
        print("\n".join(names["damaged"](path)))
        return
    with open(out, "wb") as f:
        for w in names["load"](path).values():
            f.write((w.astype("<f4") if w.dtype.kind == "f" else w).tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
