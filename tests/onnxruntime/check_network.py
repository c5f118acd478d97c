"""Checks one quantized ONNX model and prints what was found.

usage: check_network.py ORIGINAL.onnx FORM ACCURACY EXPECTED DIFFERENCE

FORM.onnx is the quantized model, FORM.safetensors the quantized file of the same weights, which tells
the bytes of their parts; ACCURACY is the model's, EXPECTED that of the dequantized weights, DIFFERENCE
the largest of the logits.
"""

import json
import os
import struct
import sys

import onnx

MOST_BYTES, MOST_DIFFERENCE = 1.03, 1e-4


def data_bytes(tensor):
    """Of a tensor's elements in its message."""
    return len(tensor.raw_data) + 4 * len(tensor.float_data) + 8 * len(tensor.int64_data)


def graph_bytes(path):
    """Of a model without the elements of its initializers."""
    model = onnx.load(path)
    elements = sum(data_bytes(tensor) for tensor in model.graph.initializer)
    return os.path.getsize(path) - elements


def parts_bytes(path):
    """Of all stored tensors of a quantized file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(entry["data_offsets"][1] - entry["data_offsets"][0]
               for name, entry in header.items() if name != "__metadata__")


def kept_bytes(path, names):
    """Of a model's initializers that the quantized file does not know: shapes and the like."""
    return sum(data_bytes(tensor) for tensor in onnx.load(path).graph.initializer
               if tensor.name not in names)


def model_names(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        metadata = json.loads(file.read(length))["__metadata__"]
    return set(json.loads(metadata["wquant.tensors"])) | set(json.loads(metadata["wquant.kept"]))


def main(original, form, accuracy, expected, difference):
    onnx.checker.check_model(onnx.load(f"{form}.onnx"), full_check=True)
    parts = parts_bytes(f"{form}.safetensors")
    parts += kept_bytes(original, model_names(f"{form}.safetensors"))
    size = os.path.getsize(f"{form}.onnx") / (parts + graph_bytes(original))
    problems = [text for is_wrong, text in (
        (size > MOST_BYTES, "too large"),
        (float(accuracy) != float(expected), f"accuracy should be {expected}"),
        (not float(difference) <= MOST_DIFFERENCE, "other logits")) if is_wrong]
    print(f"{form:28} size {100 * (size - 1):+5.2f} %  accuracy {accuracy}  logits {difference}",
          *problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
