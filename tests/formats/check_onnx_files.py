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
    "Add": lambda values, node: values[0] + values[1],
    "Sub": lambda values, node: values[0] - values[1],
    "Mul": lambda values, node: values[0] * values[1],
    "Gather": lambda values, node: values[0][values[1]],
    "Reshape": lambda values, node: values[0].reshape(values[1]),
    "Tile": lambda values, node: np.tile(values[0], values[1]),
    "Cast": lambda values, node: values[0].astype(
        onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[node.attribute[0].i]),
}


def run_split(values, node):
    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    sizes = values[1] if len(values) > 1 else attributes["split"]
    return np.split(values[0], np.cumsum(sizes)[:-1], attributes.get("axis", 0))


def run(values, node):
    """The outputs of a node."""
    if node.op_type == "Split":
        return run_split(values, node)
    return [OPERATORS[node.op_type](values, node)]


def tensors_of(model):
    """Initializers, constants, and what nodes make of nothing but them."""
    values = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif all(name in values for name in node.input):
            outputs = run([values[name] for name in node.input], node)
            values.update(zip(node.output, outputs))
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
