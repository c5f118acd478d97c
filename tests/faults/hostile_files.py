"""Files that are made to harm, for check_hostile.py: how the formats are built, and what must be refused."""

import io
import json
import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib

F8 = b"\0" * 8
DEEP = 200_000
HUGE = 10 << 30  # Bytes that a bomb unpacks to.


def safetensors(header, data=b"", length=None):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def npy(shape, data=b"", descr="<f4"):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(head) + 1) + head + b"\n" + data


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    warnings.simplefilter("ignore")  # Of names that come twice.
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def deflated(head, zeros):
    """A raw deflate stream of some bytes and so many MiB of zeros, without making these."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = pack.compress(head) + pack.flush(zlib.Z_FULL_FLUSH)
    step = pack.compress(bytes(1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH)
    return begin + step * zeros + pack.flush(zlib.Z_FINISH)


def zip_that_claims(members):
    """A zip64 archive of raw deflate streams: name, stream, size that is claimed. Their CRC is 0."""
    body, entries = b"", b""
    for name, stream, size in members:
        name = name.encode()
        both = struct.pack("<HHQQ", 1, 16, size, len(stream))
        fixed = struct.pack("<HHHHIIIHH", 0, 8, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(both))
        entries += b"PK\x01\x02" + struct.pack("<HH", 45, 45) + fixed + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        entries += name + both
        body += b"PK\x03\x04" + struct.pack("<H", 45) + fixed + name + both + stream
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(entries), len(body), 0)
    return body + entries + b"PK\x05\x06" + end


def overlapping():
    """A stored member whose bytes are another member."""
    inner = zip_of([("b.npy", npy("(2,)", F8))], zipfile.ZIP_STORED)
    outer = bytearray(zip_of([("a.npy", inner), ("b.npy", npy("(2,)", F8))], zipfile.ZIP_STORED))
    directory = outer.rindex(b"PK\x01\x02")
    outer[directory + 42:directory + 46] = struct.pack("<I", outer.index(b"PK\x03\x04", 1))
    return bytes(outer)


def text(value):
    return struct.pack("<Q", len(value)) + value


def gguf(tensors, pairs, rest=b""):
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + rest


def gguf_tensor(shape, kind=0, offset=0):
    dims = b"".join(struct.pack("<Q", d) for d in shape)
    return gguf(1, 0, text(b"w") + struct.pack("<I", len(shape)) + dims + struct.pack("<IQ", kind, offset))


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A field of a protobuf message: a whole number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx_tensor(dims, *more):
    return b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, b"w") + b"".join(more)


def onnx(*tensors):
    return field(1, 8) + field(7, b"".join(field(5, t) for t in tensors))


def outside(location, **numbers):
    pairs = {"location": location, **{key: str(value) for key, value in numbers.items()}}
    return field(14, 1) + b"".join(field(13, field(1, key.encode()) + field(2, value.encode()))
                                   for key, value in pairs.items())


def number(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def word(value):
    return b"X" + struct.pack("<I", len(value)) + value


def state_dict(shape, stride, count=2, offset=0, key=b"0", call=b"ctorch._utils\n_rebuild_tensor_v2\n"):
    """A pickle of one tensor in a storage of `count` elements."""
    storage = b"(" + word(b"storage") + b"ctorch\nFloatStorage\n" + word(key) + word(b"cpu") + number(count) + b"tQ"
    sizes = b"".join(b"(" + b"".join(map(number, values)) + b"t" for values in (shape, stride))
    hooks = b"ccollections\nOrderedDict\n)R"
    return b"\x80\x02}" + word(b"w") + call + b"(" + storage + number(offset) + sizes + b"\x89" + hooks + b"tRs."


def pytorch(*arguments, data=F8, **more):
    return zip_of([("a/data.pkl", state_dict(*arguments, **more)), ("a/data/0", data)])


def legacy(count):
    """An old file of torch.save whose only storage claims so many elements."""
    magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    system = pickle.dumps({"protocol_version": 1001, "little_endian": True,
                           "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    state = state_dict([2], [1], count).replace(number(count) + b"tQ", number(count) + b"NtQ")
    return magic + b"\x80\x02M\xe9\x03." + system + state + pickle.dumps(["0"], 2) + struct.pack("<Q", count) + F8


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def torch_tar(**members):
    system = pickle.dumps({"protocol_version": 1000, "little_endian": True,
                           "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    zero = pickle.dumps(0, 2)
    return tar({"sys_info": system, "pickle": b"\x80\x02}.", "storages": zero, "tensors": zero, **members})


def resized(archive):
    """The tar archive with a first member of 8 GB."""
    head = bytearray(archive)
    head[124:136] = b"77777777777\0"
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head)


def index(weights):
    return json.dumps({"metadata": {}, "weight_map": weights}).encode()


BIG_NPY = npy(f"({HUGE // 4096}, 1024)")
HUGE_MIB = HUGE >> 20

# What must be refused: file name, bytes.
REFUSED = {
    "length.safetensors": safetensors(b"{}", length=(1 << 64) - 1),
    "length_signed.safetensors": safetensors(b"{}", length=1 << 63),
    "count_2_64.safetensors": safetensors({"w": tensor([1 << 32, 1 << 32], 0, 0)}),
    "bytes_2_64.safetensors": safetensors({"w": tensor([1 << 62], 0, 0)}),
    "dimension.safetensors": safetensors(b'{"w":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}'),
    "offsets.safetensors": safetensors({"w": tensor([2], 0, (1 << 63))}, F8),
    "backwards.safetensors": safetensors({"w": tensor([2], 8, 0)}, F8),
    "overlap.safetensors": safetensors({"v": tensor([2], 0, 8), "w": tensor([2], 4, 12)}, F8 + F8),
    "deep.safetensors": safetensors(b'{"w":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "twice.safetensors": safetensors(b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
                                     b'"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', F8),
    "deep.json": b"[" * DEEP + b"1" + b"]" * DEEP,
    "deep_object.json": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "twice.json": b'{"w":[1,2],"w":[3,4]}',
    "number.json": b'{"w":[1e999999999,2]}',
    "nan_word.json": b'{"w":[nope,2]}',
    "ragged.json": b'{"w":[[1,2],[3]]}',
    "count.npy": npy("(4294967296, 4294967296)"),
    "negative.npy": npy("(-1, 4)", F8),
    "long.npy": npy("(" + "9" * 5000 + ",)"),
    "deep.npy": npy("(" * DEEP + ")" * DEEP),
    "objects.npy": npy("(2,)", F8, "|O"),
    "claims.npz": zip_of([("w.npy", npy("(1099511627776,)", b"\0" * 100_000))]),
    "twice.npz": zip_of([("w.npy", npy("(2,)", F8)), ("w.npy", npy("(2,)", F8))]),
    "bomb.npz": zip_of([("w.npy", npy("(2,)", F8 + b"\0" * (64 << 20)))]),
    "bomb_claims_all.npz": zip_that_claims([("w.npy", deflated(npy("(2,)"), HUGE_MIB), len(npy("(2,)")) + HUGE)]),
    "ratio.npz": zip_that_claims([("w.npy", deflated(npy("(2,)"), 1), 1 << 50)]),
    "overlap.npz": overlapping(),
    "tensors.gguf": gguf((1 << 63) - 1, 0),
    "billion.gguf": gguf(10**9, 0, b"\0" * 1000),
    "pairs.gguf": gguf(0, (1 << 64) - 1),
    "text.gguf": gguf(0, 1, struct.pack("<Q", (1 << 64) - 1) + b"name"),
    "array.gguf": gguf(0, 1, text(b"a") + struct.pack("<IIQ", 9, 0, (1 << 62))),
    "arrays.gguf": gguf(0, 1, text(b"a") + struct.pack("<IIQ", 9, 9, 1) * 100_000),
    "count.gguf": gguf_tensor([1 << 32, 1 << 32]),
    "offset.gguf": gguf_tensor([32], offset=1 << 63),
    "kind.gguf": gguf_tensor([32], kind=0xFFFFFFFF),
    "dimensions.gguf": gguf(1, 0, text(b"w") + struct.pack("<I", (1 << 32) - 1)),
    "varint.onnx": b"\x08\x07\x3a" + b"\xff" * 9 + b"\x01",
    "count.onnx": onnx(onnx_tensor([1 << 32, 1 << 32], field(9, F8))),
    "negative.onnx": onnx(onnx_tensor([-1, 2], field(9, F8))),
    "short.onnx": onnx(onnx_tensor([4], field(9, F8))),
    "twice.onnx": onnx(onnx_tensor([2], field(9, F8)), onnx_tensor([2], field(9, F8))),
    "parent.onnx": onnx(onnx_tensor([2], outside("../../../../etc/passwd"))),
    "root.onnx": onnx(onnx_tensor([2], outside("/etc/passwd"))),
    "itself.onnx": onnx(onnx_tensor([1 << 40], outside("itself.onnx"))),
    "beyond.onnx": onnx(onnx_tensor([2], outside("beyond.onnx", offset=1 << 63, length=8))),
    "deep.pkl.pt": b"\x80\x02" + b"(" * DEEP + b".",
    "count.pth": pytorch([1 << 32, 1 << 32], [1, 1]),
    "stride.pth": pytorch([2, 2], [1 << 62, 1 << 62]),
    "backwards.pth": pytorch([2], [-1], offset=1),
    "offset.pth": pytorch([2], [1], offset=1 << 62),
    "storage.pth": pytorch([2], [1], count=1 << 62),
    "path.pth": pytorch([2], [1], key=b"../../../etc/passwd"),
    "program.pth": pytorch([2], [1], call=b"cos\nsystem\n"),
    "bomb.pth": zip_that_claims([("a/data.pkl", deflated(b"\x80\x02", HUGE_MIB), HUGE + 2)]),
    "bomb_order.pth": zip_that_claims([("a/data.pkl", deflated(state_dict([2], [1]), 0), len(state_dict([2], [1]))),
                                       ("a/byteorder", deflated(b"", HUGE_MIB), HUGE)]),
    "legacy.pth": legacy(1 << 62),
    "storages_tar.pth": torch_tar(storages=pickle.dumps(10**18, 2)),
    "tensors_tar.pth": torch_tar(tensors=pickle.dumps(10**18, 2)),
    "size_tar.pth": resized(torch_tar()),
    "path.safetensors.index.json": index({"w": "../../../etc/passwd"}),
    "itself.safetensors.index.json": index({"w": "itself.safetensors.index.json"}),
    "missing.safetensors.index.json": index({f"w{i}": f"{i}.safetensors" for i in range(10_000)}),
    "number.safetensors.index.json": index({"w": 1}),
    "deep.safetensors.index.json": b'{"weight_map":' + b"[" * DEEP,
    "damaged.keras": zip_of([("model.weights.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 1000)]),
    "damaged.h5": b"\x89HDF\r\n\x1a\n" + b"\0" + b"\xff" * 1000,
    "nothing": b"",
}
