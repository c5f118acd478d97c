"""Writes tensors with PyTorch in every way it has, and beside them what a reader must give.

usage: make_pytorch_files.py FOLDER

FOLDER/list.txt has a line "name dtype extent extent ..." for each tensor, and FOLDER/raw/name.raw
its elements in C order, little-endian. The tensors are in each *.pt of FOLDER.
"""

import collections
import io
import os
import pickle
import struct
import sys
import tarfile

import torch

NAMES = {torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16",
         torch.float16: "F16", torch.bfloat16: "BF16", torch.int32: "I32", torch.float32: "F32",
         torch.int64: "I64", torch.float64: "F64", torch.complex64: "C64"}
SHAPES = [(), (1,), (7,), (0,), (3, 0, 2), (4, 5), (1, 6), (5, 1, 3, 2), (257, 129)]


def random(shape, dtype):
    if dtype == torch.complex64:
        return torch.complex(torch.randn(shape), torch.randn(shape))
    if dtype.is_floating_point:
        return torch.randn(shape).to(dtype)
    return torch.randint(0, 2 if dtype == torch.bool else 100, shape).to(dtype)


def make_tensors():
    torch.manual_seed(7)
    tensors = collections.OrderedDict()
    for dtype, code in NAMES.items():
        for number, shape in enumerate(SHAPES):
            tensors[f"{code}.{number}"] = random(shape, dtype)
        base = random((6, 10, 4), dtype)
        tensors[f"{code}.base"] = base
        tensors[f"{code}.tied"] = base
        tensors[f"{code}.part"] = base[2:5]
        tensors[f"{code}.row"] = base[3, 2:7, 1]
        tensors[f"{code}.steps"] = base[1::2, ::3, 1:]
        tensors[f"{code}.turned"] = base.permute(2, 0, 1)
        tensors[f"{code}.expanded"] = base[:1, :, :1].expand(3, 10, 5)
        tensors[f"{code}.last"] = base[5, 9, 3]
        if dtype.is_floating_point:
            tensors[f"{code}.parameter"] = torch.nn.Parameter(base)
    return tensors


def raw_bytes(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    if tensor.dtype == torch.bfloat16:
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes()


def nested(tensors):
    tree = {}
    for name, tensor in tensors.items():
        group, leaf = name.split(".")
        tree.setdefault(group, {})[leaf] = tensor
    return tree


def checkpoint(tensors):
    parallel = collections.OrderedDict((f"module.{k}", v) for k, v in tensors.items())
    parallel._metadata = {"": {"version": 1}}
    return {"epoch": 3, "best": 0.25, "state_dict": parallel, "losses": [1.5, None, True],
            "big": 2**100, "negative": -70000, "shape": torch.Size([2, 3]), "empty": ({}, "", ()),
            "device": torch.device("cpu"), "dtype": torch.float16}


def member(archive, name, data):
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1480000000.25
    archive.addfile(info, io.BytesIO(data))


def save_tar(value, path):
    """The form of torch.save before version 0.1.10."""
    tensors, storages, stream = {}, {}, io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            if not isinstance(item, torch.Tensor):
                return None
            tensors[item._cdata] = item
            return str(item._cdata)

    Pickler(stream, protocol=2).dump(value)
    data = pickle.dumps(len(tensors), 2)
    for key, tensor in tensors.items():
        storage = tensor.detach().storage()
        storage = storages.setdefault((storage.data_ptr(), storage.dtype), storage)
        data += pickle.dumps((key, storage._cdata, torch.FloatTensor), 2)
        rank = tensor.dim()
        data += struct.pack(f"<ii{2 * rank + 1}q", rank, 0, *tensor.shape, *tensor.stride(),
                            tensor.storage_offset())
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as archive:
        member(archive, "sys_info", pickle.dumps({"protocol_version": 1000, "little_endian": True,
                                                  "type_sizes": {"int": 4}}, 2))
        member(archive, "pickle", stream.getvalue())
        member(archive, "tensors", data)
        data = pickle.dumps(len(storages), 2)
        for storage in storages.values():
            kind = getattr(torch, storage.pickle_storage_type())
            data += pickle.dumps((storage._cdata, "cpu", kind), 2)
            data += struct.pack("<q", storage.size()) + bytes(storage.untyped())
        member(archive, "storages", data + pickle.dumps([], 2))


def same(tensors, path):
    loaded = torch.load(path)
    return list(loaded) == list(tensors) and all(
        raw_bytes(loaded[name]) == raw_bytes(tensor) for name, tensor in tensors.items())


def main(folder):
    tensors = make_tensors()
    os.makedirs(f"{folder}/raw", exist_ok=True)
    with open(f"{folder}/list.txt", "w", encoding="utf-8") as listing:
        for name, tensor in tensors.items():
            print(name, NAMES[tensor.dtype], *tensor.shape, file=listing)
            with open(f"{folder}/raw/{name}.raw", "wb") as file:
                file.write(raw_bytes(tensor))
    for kind, is_zip in (("zip", True), ("legacy", False)):
        for protocol in (2, 3, 4, 5):
            torch.save(tensors, f"{folder}/flat.{kind}.{protocol}.pt", pickle_protocol=protocol,
                       _use_new_zipfile_serialization=is_zip)
        for name, value in (("nested", nested(tensors)), ("checkpoint", checkpoint(tensors))):
            torch.save(value, f"{folder}/{name}.{kind}.pt", _use_new_zipfile_serialization=is_zip)
        torch.save(tensors["F32.turned"], f"{folder}/alone.{kind}",
                   _use_new_zipfile_serialization=is_zip)
        torch.save(list(tensors.values()), f"{folder}/listed.{kind}",
                   _use_new_zipfile_serialization=is_zip)
        torch.save(torch.nn.Linear(2, 3), f"{folder}/module.{kind}",
                   _use_new_zipfile_serialization=is_zip)
    save_tar(tensors, f"{folder}/tar.pt")
    if not same(tensors, f"{folder}/tar.pt"):
        raise SystemExit("PyTorch itself reads other tensors from tar.pt")


main(sys.argv[1])
