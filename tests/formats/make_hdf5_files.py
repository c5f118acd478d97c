"""Writes HDF5 files with h5py, and beside them what a reader must give.

usage: make_hdf5_files.py FOLDER

FOLDER/list.txt has a line "name dtype extent extent ..." for each tensor of plain.h5, chunked.h5,
latest.h5, userblock.h5 and model.keras, and FOLDER/raw/name.raw its elements, '_' for each '/'.
keras.h5 has names as Keras 2 gives them (names.txt), axes.h5 layers of every order, the others are not to be read.
"""

import os
import sys
import zipfile

import h5py
import numpy as np

NAMES = {"u1": "U8", "i1": "I8", "u2": "U16", "i2": "I16", "f2": "F16", "u4": "U32", "i4": "I32",
         "f4": "F32", "u8": "U64", "i8": "I64", "f8": "F64", "?": "BOOL"}
NAMES_OF_MATRICES = [f"layers/F32/vars/{number}l" for number in range(5, 8)]
SHAPES = [(), (1,), (7,), (0,), (3, 0, 2), (4, 5), (2, 3, 4), (257, 129)]


def make_arrays():
    rng = np.random.default_rng(3)
    arrays = {}
    for code in NAMES:
        for number, shape in enumerate(SHAPES):
            size = int(np.prod(shape)) * np.dtype(code).itemsize
            raw = rng.integers(0, 2 if code == "?" else 256, size, dtype="u1")
            for end in "<>":
                kind = np.dtype(code).newbyteorder(end)
                name = f"layers/{NAMES[code]}/vars/{number}{'lb'[end == '>']}"
                arrays[name] = raw.view(code).reshape(shape).astype(kind)
    return arrays


def write(path, arrays, **options):
    chunks = options.pop("chunks", False)
    with h5py.File(path, "w", **options) as file:
        for number, (name, array) in enumerate(arrays.items()):
            packed = {}
            if chunks and array.size:
                packed = [{"chunks": True}, {"compression": "gzip"},
                          {"compression": "gzip", "shuffle": True, "fletcher32": True}][number % 3]
            if not array.shape:
                packed = {}
            file.create_dataset(name, data=array, **packed).attrs["note"] = "of " + name


def write_keras(folder):
    rng = np.random.default_rng(4)
    weights = {"conv": ["conv/kernel:0", "conv/bias:0"], "none": [],
               "nested": ["conv/kernel:0", "dense/kernel:0"], "fixed": ["fixed/kernel:0", "fixed/b:0"],
               "cut": ["cut/kernel:0", "cut/bias:0"]}
    names = []
    with h5py.File(f"{folder}/keras.h5", "w") as file:
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, tensors in weights.items():
            group = root.create_group(layer)
            if layer == "cut":  # As long lists are.
                for number, name in enumerate(tensors):
                    group.attrs[f"weight_names{number}"] = [name]
            else:
                group.attrs["weight_names"] = (tensors if layer == "nested" else
                                               np.array(tensors, "S") if layer == "fixed" else
                                               [name.encode() for name in tensors])
            for name in tensors:
                group.create_dataset(name, data=rng.normal(0, 1, (6, 7)).astype("f4"))
                path = f"model_weights/{layer}/{name}"
                names.append(path if name == "conv/kernel:0" else name)
        file.create_dataset("optimizer/iterations", data=np.int64(5))
        file["optimizer/alias"] = h5py.SoftLink("/optimizer/iterations")
        names.append("optimizer/iterations")
    with open(f"{folder}/names.txt", "w", encoding="utf-8") as file:
        file.write("".join(f"{name}\n" for name in sorted(names)))


def write_damaged(folder):
    """A file with one byte of a packed chunk changed, and the name of its dataset."""
    with h5py.File(f"{folder}/chunked.h5") as file:
        name = next(name for name in NAMES_OF_MATRICES if file[name].compression == "gzip")
        chunk = file[name].id.get_chunk_info(0)
    with open(f"{folder}/chunked.h5", "rb") as file:
        data = bytearray(file.read())
    data[chunk.byte_offset + chunk.size // 2] ^= 1
    with open(f"{folder}/damaged.h5", "wb") as file:
        file.write(data)
    with open(f"{folder}/damaged.txt", "w", encoding="utf-8") as file:
        file.write(name)


def write_axes(folder):
    shapes = {"conv2d/kernel": (3, 2, 4, 5), "depthwise_conv2d/depthwise_kernel": (3, 2, 4, 1),
              "conv2d_transpose/kernel": (3, 2, 5, 4), "dense/kernel": (6, 7)}
    with h5py.File(f"{folder}/axes.h5", "w") as file:
        for name, shape in shapes.items():
            file[name] = np.zeros(shape, "f4")


def write_unreadable(folder):
    def one(name):
        return h5py.File(f"{folder}/{name}.h5", "w")

    with one("text") as file:
        file["words"] = ["a", "b"]
    with one("compound") as file:
        file["pairs"] = np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])
    with one("link") as file:
        file["elsewhere"] = h5py.ExternalLink("plain.h5", "/layers")
    with one("outside") as file:
        file.create_dataset("data", (4,), "f4", external=[("/etc/passwd", 0, 16)])
    with one("virtual") as file:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("plain.h5", "x", shape=(4,))
        file.create_virtual_dataset("data", layout)


def main(folder):
    arrays = make_arrays()
    os.makedirs(f"{folder}/raw", exist_ok=True)
    with open(f"{folder}/list.txt", "w", encoding="utf-8") as listing:
        for name, array in arrays.items():
            print(name, NAMES[array.dtype.str[1:].replace("b1", "?")], *array.shape, file=listing)
            little = array.astype(array.dtype.newbyteorder("<"))
            with open(f"{folder}/raw/{name.replace('/', '_')}.raw", "wb") as file:
                file.write(little.tobytes())
    write(f"{folder}/plain.h5", arrays)
    write(f"{folder}/chunked.h5", arrays, chunks=True)
    write(f"{folder}/latest.h5", arrays, libver="latest")
    write(f"{folder}/userblock.h5", arrays, userblock_size=2048)
    for name, method in (("model", zipfile.ZIP_STORED), ("packed", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(f"{folder}/{name}.keras", "w", method) as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("assets/", "")
            archive.writestr("assets/words.txt", "one two " * 99)
            archive.write(f"{folder}/{'chunked' if name == 'packed' else 'plain'}.h5",
                          "model.weights.h5")
    write_keras(folder)
    write_axes(folder)
    write_damaged(folder)
    write_unreadable(folder)


if __name__ == "__main__":
    main(sys.argv[1])
