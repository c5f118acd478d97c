"""Files that are made to harm: each command ends in time, within a limit of memory, with the documented exit
code and one line; what a name holds is escaped in every output, and no path outside the output is touched.

Usage: check_hostile.py WQUANT

WQUANT_CASE_SECONDS is how long a command may take (20).
"""

import csv
import html.parser
import io
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

MEMORY = 1 << 30  # Bytes of address space.
SECONDS = int(os.environ.get("WQUANT_CASE_SECONDS", "20"))
EVIL_NAMES = ("../../evil", "/tmp/wquant-evil", "a/../../../evil", "new\nline", "bell\x07\x1b[31mred",
              "<script>alert(1)</script>", "quote\"comma,'", "=1+1", "\u202eright", "nul\u0000", "x" * 300)
failures = []


def expect(what, is_true, found=""):
    if not is_true:
        failures.append(what)
        print(f"FAILED: {what}\n    {str(found)[:600]}")


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Runner:
    def __init__(self, wquant, folder):
        self.wquant, self.folder, self.runs = wquant, folder, 0

    def __call__(self, *arguments):
        self.runs += 1
        try:
            return subprocess.run([self.wquant, *arguments], cwd=self.folder, check=False, timeout=SECONDS,
                                  preexec_fn=limit, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(arguments, 124, b"", b"took too long")


def safetensors(header, data=b"", length=None):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def npy(shape, data=b"", descr="<f4"):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(head) + 1) + head + b"\n" + data


def npz(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    warnings.simplefilter("ignore")  # Of names that come twice.
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def text(value):
    return struct.pack("<Q", len(value)) + value


def gguf(tensors, pairs, rest=b""):
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + rest


def gguf_tensor(shape):
    dims = b"".join(struct.pack("<Q", d) for d in shape)
    return gguf(1, 0, text(b"w") + struct.pack("<I", len(shape)) + dims + struct.pack("<IQ", 0, 0))


DEEP = 200_000
F8 = b"\0" * 8
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
    "count.npy": npy("(4294967296, 4294967296)"),
    "negative.npy": npy("(-1, 4)", F8),
    "long.npy": npy("(" + "9" * 5000 + ",)"),
    "deep.npy": npy("(" * DEEP + ")" * DEEP),
    "objects.npy": npy("(2,)", F8, "|O"),
    "claims.npz": npz([("w.npy", npy("(1099511627776,)", b"\0" * 100_000))]),
    "twice.npz": npz([("w.npy", npy("(2,)", F8)), ("w.npy", npy("(2,)", F8))]),
    "bomb.npz": npz([("w.npy", npy("(2,)", F8 + b"\0" * (64 << 20)))]),
    "tensors.gguf": gguf((1 << 63) - 1, 0),
    "pairs.gguf": gguf(0, (1 << 64) - 1),
    "text.gguf": gguf(0, 1, struct.pack("<Q", (1 << 64) - 1) + b"name"),
    "array.gguf": gguf(0, 1, text(b"a") + struct.pack("<IIQ", 9, 0, (1 << 62))),
    "arrays.gguf": gguf(0, 1, text(b"a") + struct.pack("<IIQ", 9, 9, 1) * 100_000),
    "count.gguf": gguf_tensor([1 << 32, 1 << 32]),
    "dimensions.gguf": gguf(1, 0, text(b"w") + struct.pack("<I", (1 << 32) - 1)),
    "varint.onnx": b"\x08\x07\x3a" + b"\xff" * 9 + b"\x01",
    "deep.pkl.pt": b"\x80\x02" + b"(" * DEEP + b".",
    "nothing": b"",
}


def check_refused(run):
    for name, data in REFUSED.items():
        path = run.folder / name
        path.write_bytes(data)
        for command in (["inspect", name], [name, "-o", "out.safetensors"], ["verify", name],
                        ["compare", name, "--bits", "2"]):
            result = run(*command)
            is_line = result.stderr.startswith(b"wquant: ") and result.stderr.count(b"\n") == 1
            expect(f"{name}: {command[0]}", result.returncode == 1 and is_line and not result.stdout,
                   f"exit code {result.returncode} {result.stderr[-300:]}")
        expect(f"{name}: nothing is written", not (run.folder / "out.safetensors").exists())
        path.unlink()


def evil_model(count=16):
    header, at = {}, 0
    for name in EVIL_NAMES:
        header[name] = tensor([4, count // 4], at, at + 4 * count)
        at += 4 * count
    numbers = [((i * 37) % 101 - 50) / 64 for i in range(at // 4)]
    return safetensors(header, struct.pack(f"<{len(numbers)}f", *numbers))


def has_controls(output):
    decoded = output.decode("utf-8")
    return any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in decoded)


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)


def names_in(value):
    """All names of tensors in a JSON value."""
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if not isinstance(value, dict):
        return set()
    own = {value["name"]} if isinstance(value.get("name"), str) else set()
    return own.union(*map(names_in, value.values()))


def check_names(run):
    """Names are data: whole in JSON, escaped elsewhere, and no path."""
    (run.folder / "evil.safetensors").write_bytes(evil_model())
    quantize = ["evil.safetensors", "-o", "out.safetensors", "--force", "--html", "out.html"]
    for what in (quantize, ["inspect", "evil.safetensors"], ["inspect", "evil.safetensors", "--histogram"],
                 ["verify", "out.safetensors"], ["compare", "evil.safetensors", "--bits", "2", "--csv"],
                 ["verify", "out.safetensors", "--against", "evil.safetensors"],
                 ["compare", "evil.safetensors", "--bits", "2", "--html", "compared.html", "--force"]):
        result = run(*what)
        expect(f"names: {what}", result.returncode == 0 and not has_controls(result.stdout + result.stderr),
               result)
    for what in (quantize + ["--json"], ["inspect", "evil.safetensors", "--json"],
                 ["inspect", "out.safetensors", "--json"], ["compare", "evil.safetensors", "--bits", "2", "--json"]):
        result = run(*what)
        names = set(EVIL_NAMES)
        found = names_in(json.loads(result.stdout or "null"))
        expect(f"names in JSON: {what}", found == names, found ^ names)
    rows = list(csv.reader(io.StringIO(run("compare", "evil.safetensors", "--bits", "2-3", "--csv").stdout.decode())))
    expect("CSV has rows of one length", len({len(row) for row in rows}) == 1, rows)
    for page in ("out.html", "compared.html"):
        tags = Tags()
        tags.feed((run.folder / page).read_text(encoding="utf-8"))
        expect(f"{page} holds no element of a name", "script" not in tags.found or
               "alert(1)" not in (run.folder / page).read_text(encoding="utf-8").replace("&lt;script&gt;alert(1)", ""))


def check_paths(run):
    """Whatever the format makes of names, nothing appears outside of its output."""
    outer = run.folder
    inner = outer / "inner" / "most"
    inner.mkdir(parents=True)
    shutil.copy(outer / "out.safetensors", inner / "q.safetensors")
    run.folder = inner
    before = {path for path in outer.rglob("*")}
    for output in (["--format", "npy-folder", "-o", "back"], ["-o", "back.npz"], ["-o", "back.pth"],
                   ["-o", "back.safetensors"]):
        result = run("dequantize", "q.safetensors", *output)
        expect(f"dequantize {output}", result.returncode in (0, 1), result)
    strangers = [path for path in outer.rglob("*") if path not in before and
                 not path.relative_to(outer).as_posix().startswith("inner/most/back")]
    expect("nothing lies outside of the output", not strangers, strangers)
    expect("nothing lies where a name points", not Path("/tmp/wquant-evil").exists()
           and not list(outer.parent.glob("evil*")))
    run.folder = outer


def check_sizes(run):
    """Much of what is allowed: a name of 10 MB, a hundred thousand empty tensors."""
    name = "n" * 10_000_000
    (run.folder / "long.safetensors").write_bytes(safetensors({name: tensor([2, 4], 0, 32)}, F8 * 4))
    for what in (["inspect", "long.safetensors"], ["long.safetensors", "-o", "out.safetensors", "--force"],
                 ["verify", "out.safetensors"]):
        result = run(*what)
        expect(f"a name of 10 MB: {what[0]}", result.returncode in (0, 1) and len(result.stdout) < 1 << 20
               and b"out of memory" not in result.stderr, result.stderr[-300:])
    many = {f"t{i}": tensor([0, 1 << 40], 0, 0) for i in range(100_000)}
    (run.folder / "many.safetensors").write_bytes(safetensors(many))
    for what in (["inspect", "many.safetensors"], ["many.safetensors", "-q", "-o", "out.safetensors", "--force"]):
        result = run(*what)
        expect(f"100,000 empty tensors: {what[0]}", result.returncode == 0, (result.returncode, result.stderr))


def check_nonfinite(run):
    for value in ("nan", "inf", "-inf"):
        numbers = [float(value) if i == 5 else i / 8 - 1 for i in range(16)]
        (run.folder / "bad.safetensors").write_bytes(
            safetensors({"w": tensor([4, 4], 0, 64)}, struct.pack("<16f", *numbers)))
        for settings in ([], ["--granularity", "channel"], ["--coding", "entropy"], ["--mode", "kmeans"]):
            result = run("bad.safetensors", "-o", "out.safetensors", "--force", *settings)
            expect(f"{value} {settings}", result.returncode == 1 and b"w: holds 1 NaN or infinite" in result.stderr,
                   result)
        result = run("bad.safetensors", "-o", "out.safetensors", "--force", "--nonfinite", "keep")
        expect(f"{value} is kept", result.returncode == 0, result)


def main():
    folder = Path(tempfile.mkdtemp(prefix="wquant-hostile-"))
    run = Runner(sys.argv[1], folder)
    for check in (check_refused, check_names, check_paths, check_sizes, check_nonfinite):
        check(run)
    print(f"{run.runs} runs within {MEMORY >> 20} MiB and {SECONDS} s each, {len(failures)} went wrong")
    shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
