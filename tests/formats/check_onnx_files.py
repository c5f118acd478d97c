"""Checks the ONNX models that the tests quantized.

usage: check_onnx_files.py FOLDER

Each FOLDER/q.*.onnx must be valid, its nodes must make exactly the tensors in the .npz file of the
same name, and each FOLDER/back.*.onnx must hold them as its weights. Nodes are run with numpy.
"""

import glob
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPERATORS = {
    "MatMul": lambda values, node: values[0] @ values[1],
    "Floor": lambda values, node: np.floor(values[0]),
    "Gather": lambda values, node: values[0][values[1]],
    "Reshape": lambda values, node: values[0].reshape(values[1]),
    "Cast": lambda values, node: values[0].astype(
        onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[node.attribute[0].i]),
}


def run_slice(values, node):
    if len(values) > 1:
        return values[0][values[1][0]:values[2][0]]
    bounds = {one.name: helper.get_attribute_value(one)[0] for one in node.attribute}
    return values[0][bounds["starts"]:bounds["ends"]]


def tensors_of(model):
    """Initializers, constants, and what nodes make of nothing but them."""
    values = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif all(name in values for name in node.input):
            run = OPERATORS.get(node.op_type, run_slice)
            values[node.output[0]] = run([values[name] for name in node.input], node)
    return values


def check(path, expected):
    model = onnx.load(path)
    onnx.checker.check_model(path, full_check=True)
    values = tensors_of(model)
    for name in expected.files:
        got, wanted = values[name], expected[name]
        assert got.dtype == wanted.dtype and got.shape == wanted.shape, (path, name)
        assert got.tobytes() == wanted.tobytes(), (path, name)


def main(folder):
    paths = sorted(glob.glob(f"{folder}/q.*.onnx") + glob.glob(f"{folder}/back.*.onnx"))
    assert len(paths) > 40, paths
    for path in paths:
        parts = path.rsplit("/", 1)[1].split(".")
        check(path, np.load(f"{folder}/{parts[1]}.{parts[2]}.npz"))


if __name__ == "__main__":
    main(sys.argv[1])
