"""Writes arrays with NumPy in every way it has, and beside them what a reader must give.

usage: make_numpy_files.py FOLDER

FOLDER/list.txt has a line "name dtype extent extent ..." for each array, and FOLDER/name.raw its
elements in C order, little-endian. The arrays are in folder/name.npy and in each *.npz.
"""

import io
import os
import sys
import zipfile

import numpy as np

NAMES = {"b1": "BOOL", "u1": "U8", "i1": "I8", "u2": "U16", "i2": "I16", "f2": "F16", "u4": "U32",
         "i4": "I32", "f4": "F32", "u8": "U64", "i8": "I64", "f8": "F64", "c8": "C64"}
SHAPES = [(), (1,), (7,), (0,), (3, 0, 2), (4, 5), (1, 6), (2, 3, 4), (5, 1, 3, 2), (257, 129)]


class Pipe(io.RawIOBase):
    """A file that cannot seek: zipfile then writes data descriptors."""

    def __init__(self, path):
        super().__init__()
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def close(self):
        self.file.close()
        super().close()


def make_arrays():
    rng = np.random.default_rng(7)
    arrays = {}
    for code in NAMES:
        for number, shape in enumerate(SHAPES):
            count = int(np.prod(shape))
            raw = rng.integers(0, 2 if code == "b1" else 256, count * int(code[1]), dtype="u1")
            array = raw.view("<" + code).reshape(shape)
            for order in "CF":
                for end in "<>":
                    name = f"{code}/{number}{order}{'lb'[end == '>']}"
                    arrays[name] = array.astype(array.dtype.newbyteorder(end), order=order)
    return arrays


def write_npz(path, arrays, method, force_zip64=False, version=None, stream=None):
    with zipfile.ZipFile(stream or path, "w", method) as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=force_zip64) as member:
                np.lib.format.write_array(member, array, version, allow_pickle=False)


def main(folder):
    arrays = make_arrays()
    with open(f"{folder}/list.txt", "w") as listing:
        for name, array in arrays.items():
            code = array.dtype.str[1:]
            print(name, NAMES[code], *array.shape, file=listing)
            for kind, suffix in (("raw", "raw"), ("folder", "npy")):
                os.makedirs(os.path.dirname(f"{folder}/{kind}/{name}"), exist_ok=True)
            little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
            with open(f"{folder}/raw/{name.replace('/', '_')}.raw", "wb") as file:
                file.write(little.tobytes())
            np.save(f"{folder}/folder/{name}.npy", array)
    np.savez(f"{folder}/savez.npz", **arrays)
    np.savez_compressed(f"{folder}/compressed.npz", **arrays)
    write_npz(f"{folder}/zip64.npz", arrays, zipfile.ZIP_STORED, force_zip64=True, version=(2, 0))
    write_npz(f"{folder}/small.npz", arrays, zipfile.ZIP_DEFLATED, version=(3, 0))
    write_npz("", arrays, zipfile.ZIP_DEFLATED, stream=Pipe(f"{folder}/piped.npz"))
    write_npz("", arrays, zipfile.ZIP_STORED, stream=Pipe(f"{folder}/piped_stored.npz"))
    np.savez(f"{folder}/empty.npz")


main(sys.argv[1])
