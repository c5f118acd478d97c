"""Loads files that the tests wrote with NumPy and compares them with their elements.

usage: check_numpy_files.py FOLDER

FOLDER/list.txt has a line "dtype extent extent ... name" for each array, and FOLDER/number.raw its
elements, numbered from 0. The arrays must be in FOLDER/m.npz and in FOLDER/m/name.npy.
"""

import sys
import zipfile

import numpy as np

CODES = {"BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "F16": "<f2",
         "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
         "C64": "<c8"}


def main(folder):
    with open(f"{folder}/list.txt", encoding="utf-8") as listing:
        lines = listing.read().splitlines()
    archive = np.load(f"{folder}/m.npz", allow_pickle=False)
    assert zipfile.ZipFile(f"{folder}/m.npz").testzip() is None
    assert len(archive.files) == len(lines), archive.files
    for number, line in enumerate(lines):
        dtype, *shape, name = line.split(" ")
        with open(f"{folder}/{number}.raw", "rb") as file:
            expected = np.frombuffer(file.read(), CODES[dtype]).reshape([int(n) for n in shape])
        assert archive.files[number] == name, (archive.files[number], name)
        for array in (archive[name], np.load(f"{folder}/m/{name}.npy", allow_pickle=False)):
            assert array.dtype.str == CODES[dtype], (name, array.dtype)
            assert array.shape == expected.shape, (name, array.shape)
            assert array.tobytes() == expected.tobytes(), name


main(sys.argv[1])
