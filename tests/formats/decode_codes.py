"""Decodes with the decoder that docs/coding.md shows.

    decode_codes.py FOLDER    writes the codes of every FOLDER/COUNT.coded to FOLDER/COUNT.codes
"""

import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True
from decode_recipe import recipe  # noqa: E402

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "coding.md"


def main(folder):
    decode = recipe(PAGE)["decode_codes"]
    for path in pathlib.Path(folder).glob("*.coded"):
        codes = decode(np.fromfile(path, "u1"), int(path.stem))
        codes.tofile(path.with_suffix(".codes"))


main(sys.argv[1])
