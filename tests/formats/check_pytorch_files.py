"""Loads a file that the tests wrote with PyTorch and compares it with its elements.

usage: check_pytorch_files.py FOLDER

FOLDER/list.txt has a line "dtype extent extent ... name" for each tensor of FOLDER/m.pt, and
FOLDER/number.raw its elements, numbered from 0. Of tensors with the same number of elements and
dtype those whose names end in "tied" share the storage of the one before.
"""

import sys
import zipfile

import torch

DTYPES = {"BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16,
          "F16": torch.float16, "BF16": torch.bfloat16, "I32": torch.int32, "F32": torch.float32,
          "I64": torch.int64, "F64": torch.float64, "C64": torch.complex64}


def expected_tensor(raw, dtype, shape):
    if not raw:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)


def same_bits(a, b):
    if a.numel() == 0:
        return True
    if a.dtype == torch.complex64:
        a, b = torch.view_as_real(a), torch.view_as_real(b)
    return torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))


def main(folder):
    with open(f"{folder}/list.txt", encoding="utf-8") as listing:
        lines = listing.read().splitlines()
    assert zipfile.ZipFile(f"{folder}/m.pt").testzip() is None
    for model in (torch.load(f"{folder}/m.pt"), torch.load(f"{folder}/m.pt", weights_only=True)):
        names = list(model)
        assert len(names) == len(lines), names
        for number, line in enumerate(lines):
            dtype, *shape, name = line.split(" ")
            tensor = model[name]
            assert names[number] == name, (names[number], name)
            assert tensor.dtype == DTYPES[dtype], (name, tensor.dtype)
            assert list(tensor.shape) == [int(n) for n in shape], (name, tensor.shape)
            assert tensor.is_contiguous(), name
            with open(f"{folder}/{number}.raw", "rb") as file:
                assert same_bits(tensor, expected_tensor(file.read(), tensor.dtype, tensor.shape))
            if name.endswith("tied"):
                assert tensor.data_ptr() == model[names[number - 1]].data_ptr(), name


main(sys.argv[1])
