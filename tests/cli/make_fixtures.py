#!/usr/bin/env python3
"""Makes the models that the command-line tests work on.

make_fixtures.py FOLDER          sound models, and models that are damaged or unusable
make_fixtures.py --damage FOLDER damaged copies of FOLDER/quantized.safetensors
"""

import io
import json
import os
import pickle
import struct
import sys
import zipfile

import numpy as np


def npy_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def safetensors_bytes(header, data):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(text)) + text + data


def varint(value):
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def message(*fields):
    """A protobuf message of (number, value) pairs; a value is a number, text or a message."""
    data = b""
    for number, value in fields:
        if isinstance(value, int):
            data += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            data += varint(number << 3 | 2) + varint(len(value)) + value
    return data


def onnx_bytes(*tensors, opset=13):
    graph = message(*((5, tensor) for tensor in tensors))
    return message((1, 8), (7, graph), (8, message((2, opset))))


def onnx_tensor(name, array, *data):
    head = [(1, extent) for extent in array.shape] + [(2, 1), (8, name)]
    return message(*head, *(data or [(9, array.tobytes())]))


def external_tensor(name, array, location):
    entry = message((1, "location"), (2, location))
    return onnx_tensor(name, array, (13, entry), (14, 1))


def model_arrays():
    rng = np.random.default_rng(1)
    return {
        "conv.weight": rng.normal(0, 0.1, (8, 4, 3, 3)).astype(np.float32),
        "fc.weight": rng.laplace(0, 0.05, (16, 40)).astype(np.float32),
        "fc.bias": rng.normal(0, 1, 16).astype(np.float32),
        "half.weight": rng.normal(0, 1, (10, 12)).astype(np.float16),
        "double.weight": rng.normal(0, 1, (7, 9)),
        "steps": np.array([1000], dtype=np.int64),
        "table": np.arange(12, dtype=np.int32).reshape(3, 4),
    }


def spoiled(array, value, count):
    array = array.copy()
    array.flat[5 : 5 + count] = value
    return array


def make_models():
    arrays = model_arrays()
    weight = arrays["fc.weight"]
    np.savez("model.npz", **arrays)
    np.savez_compressed("packed.npz", **arrays)
    np.save("one.npy", weight)
    for folder in ("folder", "folder/block"):
        os.makedirs(folder, exist_ok=True)
    np.save("folder/first.npy", weight)
    np.save("folder/block/second.npy", weight[:4])
    write("model.json", json.dumps({"w": weight[:3].tolist(), "b": [1, 2, 3]}))
    data = weight.tobytes()
    header = {"w": {"dtype": "F32", "shape": list(weight.shape), "data_offsets": [0, len(data)]}}
    write("model.safetensors", safetensors_bytes(header, data))
    bias = arrays["fc.bias"]
    tensors = onnx_tensor("fc.weight", weight), onnx_tensor("fc.bias", bias)
    write("model.onnx", onnx_bytes(*tensors))
    write("old.onnx", onnx_bytes(*tensors, opset=6))
    pruned = np.random.default_rng(3).laplace(0, 0.05, (60, 20, 3, 3)).astype(np.float32)
    pruned[np.abs(pruned) < 0.05] = 0
    np.savez("sparse.npz", **{"fc.weight": weight, "conv.weight": pruned})
    write("sparse.onnx", onnx_bytes(onnx_tensor("conv.weight", pruned)))
    np.savez("biases.npz", a=arrays["fc.bias"], b=arrays["fc.bias"])
    np.savez("nan.npz", **dict(arrays, **{"fc.weight": spoiled(weight, np.nan, 3)}))
    np.savez("inf.npz", **dict(arrays, **{"fc.weight": spoiled(weight, -np.inf, 1)}))
    np.savez("clash.npz", **{"w": weight, "w.codes": np.zeros(5, np.uint8)})
    np.savez("bytes.npz", **{name: np.ones(array.shape, np.uint8) for name, array in arrays.items()})
    np.savez("reshaped.npz", **dict(arrays, **{"conv.weight": arrays["conv.weight"].reshape(8, 36)}))
    np.savez("more.npz", **arrays, more=bias)
    np.savez("longname.npz", **{"n" * 5000: weight})
    np.savez("big.npz", w=np.random.default_rng(2).normal(0, 1, (1500, 2000)).astype(np.float32))
    write("old.safetensors", "somebody's file")
    write("old.report.json", "{}")
    write("nothing.json", "{}")
    write("same.report.json", "{}")
    os.symlink("same.report.json", "same.safetensors")
    write("notes.txt", "nothing that a program could read\n")


class RunsACommand:
    """An object whose pickle, if it were obeyed, would leave a file behind."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


def torch_bytes(pickled, byte_order="little"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("m/data.pkl", pickled)
        archive.writestr("m/byteorder", byte_order)
        archive.writestr("m/version", "3\n")
    return stream.getvalue()


def gguf_bytes(code, data):
    tensor = struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, 256, code, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor
    return header + bytes(-len(header) % 32) + data


def make_foreign():
    """Models of other programs that cannot be read."""
    command = torch_bytes(pickle.dumps({"w": RunsACommand()}, protocol=2))
    write("command.pt", command)
    write("command.th", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."
          + pickle.dumps(RunsACommand(), protocol=2))
    write("cut.pt", command[:-30])
    write("text.pt", "this is no archive")
    write("plain.pt", torch_bytes(pickle.dumps({"epoch": 3}, protocol=2)))
    write("opposite.pt", torch_bytes(pickle.dumps({}, protocol=2), "big"))
    write("k.gguf", gguf_bytes(12, bytes(144)))
    write("cut.gguf", gguf_bytes(0, bytes(1023)))
    os.makedirs("shards", exist_ok=True)
    write("shards/model.safetensors.index.json",
          '{"weight_map": {"w": "../model.safetensors"}}')
    write("model.safetensors.index.json", '{"weight_map": {"w": "model.safetensors"}}')
    write("lacks.safetensors.index.json", '{"weight_map": {"v": "model.safetensors"}}')


def make_damaged():
    one = npy_bytes(model_arrays()["fc.weight"])
    npz = open("model.npz", "rb").read()
    header_end = one.index(b"\n")
    write("cut.npy", one[:-7])
    write("long.npy", one + b"12345")
    write("header.npy", one[:20] + b"?" * (header_end - 20) + one[header_end:])
    write("version.npy", one[:6] + b"\x09" + one[7:])
    write("bare.npy", one[:8])
    np.save("object.npy", np.array([[{}, []]], dtype=object), allow_pickle=True)
    np.save("text.npy", np.array([["a", "bc"]]))
    write("cut.npz", npz[: len(npz) // 2])
    at = npz.index(b"fc.weight.npy") + 300
    write("crc.npz", npz[:at] + bytes([npz[at] ^ 1]) + npz[at + 1 :])
    write("text.npz", "this is no archive")
    write("nothing.npz", b"")
    with zipfile.ZipFile("object.npz", "w") as archive:
        archive.writestr("w.npy", open("object.npy", "rb").read())
    os.makedirs("empty", exist_ok=True)
    write("cut.json", '{"w": [[1, 2], [3')
    write("ragged.json", '{"w": [[1, 2], [3]]}')
    write("word.json", '{"w": "many"}')
    write("array.json", "[1, 2, 3]")
    write("twice.json", '{"w": [[1, 2]], "w": [[3, 4]]}')


def make_damaged_others():
    weight = model_arrays()["fc.weight"]
    good = onnx_bytes(onnx_tensor("w", weight))
    write("cut.onnx", good[: len(good) // 2])
    write("empty.onnx", b"")
    write("size.onnx", onnx_bytes(onnx_tensor("w", weight, (9, weight.tobytes()[:-1]))))
    write("outside.onnx", onnx_bytes(external_tensor("w", weight, "../secret.bin")))
    write("absolute.onnx", onnx_bytes(external_tensor("w", weight, "/etc/passwd")))
    write("gone.onnx", onnx_bytes(external_tensor("w", weight, "gone.bin")))
    write("cut.h5", b"\x89HDF\r\n\x1a\n" + bytes(40))
    write("text.h5", "nothing")


def make_damaged_safetensors():
    entry = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    write("cut.safetensors", safetensors_bytes({"w": entry}, bytes(9)))
    write("long.safetensors", safetensors_bytes({"w": entry}, bytes(20)))
    write("huge.safetensors", struct.pack("<Q", 1 << 60) + b'{"w": 1}')
    write("broken.safetensors", safetensors_bytes(b'{"w": {"dtype": ', bytes(16)))
    write("dtype.safetensors", safetensors_bytes({"w": dict(entry, dtype="Q7")}, bytes(16)))
    write("size.safetensors", safetensors_bytes({"w": dict(entry, shape=[3, 3])}, bytes(16)))
    overflow = dict(entry, shape=[1 << 62, 1 << 62])
    write("overflow.safetensors", safetensors_bytes({"w": overflow}, bytes(16)))
    overlap = {"v": entry, "w": dict(entry, data_offsets=[8, 24])}
    write("overlap.safetensors", safetensors_bytes(overlap, bytes(24)))


def make_damaged_quantized():
    good = open("quantized.safetensors", "rb").read()
    header_size = struct.unpack("<Q", good[:8])[0] + 8

    def flipped(at):
        return good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :]

    write("flipped-data.safetensors", flipped(header_size + 3))
    write("flipped-end.safetensors", flipped(len(good) - 1))
    write("flipped-header.safetensors", flipped(good.index(b"centroid")))
    write("flipped-rho.safetensors", flipped(good.index(b'rho\\":0.') + 9))
    write("cut-data.safetensors", good[:-3])
    write("cut-header.safetensors", good[: header_size // 2])
    write("longer.safetensors", good + b"\0")
    write("later.safetensors", good.replace(b'"wquant.version":"1"', b'"wquant.version":"7"'))


def main():
    damage = sys.argv[1] == "--damage"
    folder = sys.argv[-1]
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    if damage:
        make_damaged_quantized()
        return
    make_models()
    make_foreign()
    make_damaged()
    make_damaged_safetensors()
    make_damaged_others()


main()
