"""Writes ONNX models with the onnx package, and beside them what a reader must give.

usage: make_onnx_files.py FOLDER

FOLDER/list.txt has a line "name dtype extent extent ..." for each tensor of raw.onnx, typed.onnx and
external.onnx, and FOLDER/raw/name.raw its elements. net.onnx, old.onnx (opset 7, where initializers
are inputs), half.onnx, double.onnx and bytes.onnx (its weights in Constant nodes) are networks that
run: image [N, 3, 6, 6] -> logits [N, 5].
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DTYPES = {"FLOAT": ("F32", "f4"), "UINT8": ("U8", "u1"), "INT8": ("I8", "i1"),
          "UINT16": ("U16", "u2"), "INT16": ("I16", "i2"), "INT32": ("I32", "i4"),
          "INT64": ("I64", "i8"), "BOOL": ("BOOL", "?"), "FLOAT16": ("F16", "u2"),
          "DOUBLE": ("F64", "f8"), "UINT32": ("U32", "u4"), "UINT64": ("U64", "u8"),
          "COMPLEX64": ("C64", "c8"), "BFLOAT16": ("BF16", "u2")}
FIELDS = {"FLOAT": "float_data", "DOUBLE": "double_data", "INT64": "int64_data",
          "UINT32": "uint64_data", "UINT64": "uint64_data", "COMPLEX64": "float_data"}
SHAPES = [(), (1,), (7,), (0,), (3, 0, 2), (4, 5), (2, 3, 4), (257, 129)]


def make_arrays():
    rng = np.random.default_rng(5)
    for kind, (name, code) in DTYPES.items():
        for number, shape in enumerate(SHAPES):
            size = int(np.prod(shape)) * np.dtype(code).itemsize
            raw = rng.integers(0, 2 if code == "?" else 256, size, dtype="u1")
            if code in ("f4", "c8"):  # Python's numbers keep no signaling NaN.
                raw = rng.normal(0, 1, size // 4).astype("f4").view("u1")
            yield f"{name}/{number}", kind, raw.view(code).reshape(shape)


def raw_tensor(name, kind, array):
    return helper.make_tensor(name, TensorProto.DataType.Value(kind), array.shape, array.tobytes(),
                              raw=True)


def typed_tensor(name, kind, array):
    tensor = TensorProto(name=name, data_type=TensorProto.DataType.Value(kind), dims=array.shape)
    values = array.ravel()
    if kind == "COMPLEX64":
        values = values.view("f4")
    field = getattr(tensor, FIELDS.get(kind, "int32_data"))
    if values.size:
        field.extend(values.tolist())
    return tensor


def model_of(tensors, opset=13, nodes=(), inputs=(), outputs=(), ir=8):
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(tensors))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)],
                              producer_name="test")
    model.ir_version = ir
    return model


def write_listed(folder):
    arrays = list(make_arrays())
    os.makedirs(f"{folder}/raw", exist_ok=True)
    with open(f"{folder}/list.txt", "w", encoding="utf-8") as listing:
        for name, kind, array in arrays:
            print(name, DTYPES[kind][0], *array.shape, file=listing)
            with open(f"{folder}/raw/{name.replace('/', '_')}.raw", "wb") as file:
                file.write(array.tobytes())
    onnx.save(model_of(raw_tensor(*one) for one in arrays), f"{folder}/raw.onnx")
    onnx.save(model_of(typed_tensor(*one) for one in arrays), f"{folder}/typed.onnx")
    onnx.save_model(model_of(raw_tensor(*one) for one in arrays), f"{folder}/external.onnx",
                    save_as_external_data=True, location="external.bin", size_threshold=100)


def network(dtype, opset, ir, as_constants=False):
    rng = np.random.default_rng(9)
    shapes = {"conv.weight": (7, 3, 3, 3), "conv.bias": (7,), "fc1": (252, 11), "fc2": (11, 5),
              "out.bias": (5,)}
    weights = [numpy_helper.from_array(rng.laplace(0, 0.1, shape).astype(dtype), name)
               for name, shape in shapes.items()]
    shape = numpy_helper.from_array(np.array([-1, 252], np.int64), "flat")
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype)) if hasattr(
        helper, "np_dtype_to_tensor_dtype") else onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)]
    nodes = [helper.make_node("Cast", ["image"], ["x"], to=kind),
             helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], pads=[1, 1, 1, 1]),
             helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("Reshape", ["b", "flat"], ["c"]),
             helper.make_node("MatMul", ["c", "fc1"], ["d"]),
             helper.make_node("Relu", ["d"], ["wq0"]),
             helper.make_node("MatMul", ["wq0", "fc2"], ["e"]),
             helper.make_node("Add", ["e", "out.bias"], ["f"]),
             helper.make_node("Cast", ["f"], ["logits"], to=TensorProto.FLOAT)]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 6, 6])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 5])]
    tensors = weights + [shape]
    if as_constants:
        constants = [helper.make_node("Constant", [], [one.name], value=one) for one in tensors]
        return model_of([], opset, constants + nodes, inputs, outputs, ir)
    if ir < 4:
        inputs += [helper.make_tensor_value_info(one.name, one.data_type, one.dims)
                   for one in tensors]
    return model_of(tensors, opset, nodes, inputs, outputs, ir)


def main(folder):
    write_listed(folder)
    models = {"net": network("f4", 13, 8), "old": network("f4", 7, 3),
              "half": network("f2", 13, 8), "double": network("f8", 13, 8),
              "bytes": network("f4", 13, 8, as_constants=True)}
    for name, model in models.items():
        onnx.checker.check_model(model)
        onnx.save(model, f"{folder}/{name}.onnx")


if __name__ == "__main__":
    main(sys.argv[1])
