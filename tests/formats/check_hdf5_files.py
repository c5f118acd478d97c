"""Checks the HDF5 files that the tests wrote like others.

usage: check_hdf5_files.py FOLDER

FOLDER/back.NAME.h5 must be FOLDER/NAME.h5 in all but the numbers of NAME.npz, which it must hold;
the same for FOLDER/back.NAME.keras and its weights.
"""

import glob
import io
import sys
import zipfile

import h5py
import numpy as np


def attributes(item):
    return {key: (np.asarray(value).dtype.str, np.asarray(value).tolist())
            for key, value in item.attrs.items()}


def objects(file):
    found = {"/": file}
    file.visititems(lambda name, item: found.update({name: item}))
    return found


def check(path, original, expected):
    with h5py.File(path) as back, h5py.File(original) as like:
        ours, theirs = objects(back), objects(like)
        assert list(ours) == list(theirs), path
        for name, item in theirs.items():
            assert attributes(ours[name]) == attributes(item), name
            if not isinstance(item, h5py.Dataset):
                continue
            assert (ours[name].dtype, ours[name].shape) == (item.dtype, item.shape), name
            assert ours[name].chunks == item.chunks, name
            key = name if name in expected.files else name.split("/", 2)[2]
            little = expected[key].dtype.newbyteorder("<")
            assert ours[name][()].astype(little).tobytes() == expected[key].tobytes(), name


def check_archive(path, original, expected):
    with zipfile.ZipFile(path) as back, zipfile.ZipFile(original) as like:
        assert back.testzip() is None
        assert back.namelist() == like.namelist(), back.namelist()
        for name in like.namelist():
            if name == "model.weights.h5":
                check(io.BytesIO(back.read(name)), io.BytesIO(like.read(name)), expected)
            else:
                assert back.read(name) == like.read(name), name


def main(folder):
    paths = glob.glob(f"{folder}/back.*")
    assert len(paths) >= 2, paths
    for path in paths:
        name, extension = path.rsplit("/", 1)[1].split(".")[1:]
        check_one = {"h5": check, "keras": check_archive}[extension]
        check_one(path, f"{folder}/{name}.{extension}", np.load(f"{folder}/{name}.npz"))


if __name__ == "__main__":
    main(sys.argv[1])
