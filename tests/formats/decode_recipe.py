"""Runs the decoder that docs/format.md shows, with that of docs/coding.md for codes that are stored at
their entropy.

    decode_recipe.py FORMAT.md FILE... OUT    writes every tensor of the FILEs, one after the other
    decode_recipe.py FORMAT.md FILE           prints the names of damaged parts, one a line

Floating-point tensors are written as float32, the others as they are.
"""

import os
import re
import sys

import numpy as np


def recipe(page):
    """The names that the python blocks of the page, and of coding.md beside it, define."""
    names = {}
    for path in (os.path.join(os.path.dirname(page), "coding.md"), page):
        with open(path, encoding="utf-8") as f:
            blocks = re.findall(r"^```python\n(.*?)^```$", f.read(), re.MULTILINE | re.DOTALL)
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
