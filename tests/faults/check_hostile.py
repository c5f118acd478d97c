"""Files that are made to harm: each command ends in time, within a limit of memory, with the documented exit
code and one line; what a name holds is escaped in every output, and no path outside the output is touched.

Usage: check_hostile.py WQUANT

WQUANT_CASE_SECONDS is how long a command may take (20).
"""

import base64
import csv
import html.parser
import io
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

from hostile_files import (BIG_NPY, F8, HUGE, HUGE_MIB, REFUSED, deflated, field, gguf, index, npy, onnx,
                           safetensors, tensor, text, zip_of, zip_that_claims)

MEMORY = 1 << 30  # Bytes of address space.
SECONDS = int(os.environ.get("WQUANT_CASE_SECONDS", "20"))  # Of a processor, and of a clock.
EVIL_NAMES = ("../../evil", "/tmp/wquant-evil", "a/../../../evil", "new\nline", "bell\x07\x1b[31mred",
              "<script>alert(1)</script>", "quote\"comma,'", "=1+1", "\u202eright", "nul\u0000", "x" * 300)
failures = []


def expect(what, is_true, found=""):
    if not is_true:
        failures.append(what)
        print(f"FAILED: {what}\n    {str(found)[:600]}")


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


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


def refused(run, name, *commands):
    """That each command refuses the model of that name: exit code 1 and one line."""
    for command in commands or (["inspect", name], [name, "-o", "out.safetensors"], ["verify", name],
                                ["compare", name, "--bits", "2"]):
        result = run(*command)
        is_line = result.stderr.startswith(b"wquant: ") and result.stderr.count(b"\n") == 1
        expect(f"{name}: {command}", result.returncode == 1 and is_line and not result.stdout,
               f"exit code {result.returncode} {result.stderr[-300:]}")
    out = run.folder / "out.safetensors"
    expect(f"{name}: nothing is written", not out.exists())
    out.unlink(missing_ok=True)


def check_refused(run):
    for name, data in REFUSED.items():
        (run.folder / name).write_bytes(data)
        refused(run, name)
        (run.folder / name).unlink()


def check_bombs(run):
    """What is honest about its size takes the room that it says, which is not there; what is not ends early."""
    (run.folder / "honest.npz").write_bytes(
        zip_that_claims([("w.npy", deflated(BIG_NPY, HUGE_MIB), len(BIG_NPY) + HUGE)]))
    refused(run, "honest.npz")
    (run.folder / "small.npz").write_bytes(
        zip_that_claims([("w.npy", deflated(npy("(2,)"), HUGE_MIB), len(npy("(2,)")) + 8)]))
    refused(run, "small.npz", ["small.npz", "--all", "-o", "out.safetensors"], ["verify", "small.npz"])


def check_folders(run):
    """Pipes, which nobody writes into, and links."""
    for name in ("npy", "shards", "index", "links", "loop"):
        (run.folder / name).mkdir()
    os.mkfifo(run.folder / "npy" / "w.npy")
    os.mkfifo(run.folder / "shards" / "a.safetensors")
    (run.folder / "shards" / "model.safetensors.index.json").write_bytes(index({"w": "a.safetensors"}))
    os.mkfifo(run.folder / "index" / "model.safetensors.index.json")
    (run.folder / "links" / "w.npy").symlink_to("/etc/passwd")
    (run.folder / "loop" / "loop").symlink_to(".")
    for name in ("npy", "shards", "index", "links", "loop"):
        refused(run, name)
    os.mkfifo(run.folder / "pipe.bin")
    for name in ("pipe.bin", "outside.onnx"):
        location = field(13, field(1, b"location") + field(2, b"pipe.bin"))
        weights = field(1, 2) + field(2, 1) + field(8, b"w") + field(14, 1) + location
        (run.folder / "outside.onnx").write_bytes(onnx(weights))
        refused(run, name)


# What a quantized file's header may be made to say: pattern, what takes its place.
LIES = (
    (rb'\[4,4\]', b"[4294967296,4294967296]"), (rb'\[4,4\]', b"[4611686018427387904]"), (rb'\[4,4\]', b"[0]"),
    (rb'bits\\":3', rb'bits\":4000000000'), (rb'bits\\":3', rb'bits\":-1'),
    (rb'run\\":4', rb'run\":0'), (rb'run\\":4', rb'run\":18446744073709551615'),
    (rb'index\\":0', rb'index\":18446744073709551615'), (rb'index\\":0', rb'index\":1'),
    (rb'wquant.version":"1"', b'wquant.version":"2"'), (rb'wquant.tensors":"', b'wquant.tensors":"' + b"[" * 100_000),
    (rb'"w.levels":', b'"w.levelz":'), (rb'"dtype":"U8"', b'"dtype":"F64"'),
    (rb'\\"dtype\\":\\"F32', rb'\"dtype\":\"I8'), (rb'granularity\\":\\"channel', rb'granularity\":\"layer'),
)


def with_checksum(header):
    """The header, padded, with its own checksum."""
    key = b'"wquant.header_checksum":"'
    header += b" " * (-len(header) % 8)
    at = header.index(key) + len(key)
    blank = header[:at] + b"00000000" + header[at + 8:]
    return blank[:at] + b"%08x" % zlib.crc32(blank) + blank[at + 8:]


def check_quantized(run):
    """Headers that lie, under their right checksum."""
    numbers = struct.pack("<16f", *(((i * 37) % 101 - 50) / 64 for i in range(16)))
    (run.folder / "w.safetensors").write_bytes(safetensors({"w": tensor([4, 4], 0, 64)}, numbers))
    result = run("w.safetensors", "-o", "q.safetensors", "--bits", "3", "--granularity", "channel")
    expect("a small file is quantized", result.returncode == 0, result)
    whole = (run.folder / "q.safetensors").read_bytes()
    size = struct.unpack("<Q", whole[:8])[0]
    header, data = whole[8:8 + size], whole[8 + size:]
    assert with_checksum(header) == header
    for pattern, lie in LIES:
        # The settings of the run, which are for information, say some of it too.
        begin = header.index(b'"wquant.tensors') if rb'\":' in lie else 0
        found = re.compile(pattern).search(header, begin)
        expect(f"{pattern} is in the header", found, header)
        changed = with_checksum(header[:found.start()] + lie + header[found.end():])
        (run.folder / "lie.safetensors").write_bytes(safetensors(changed, data))
        refused(run, "lie.safetensors", ["inspect", "lie.safetensors"], ["verify", "lie.safetensors"],
                ["dequantize", "lie.safetensors", "-o", "out.safetensors"])
    packed = run("w.safetensors", "-o", "e.safetensors", "--coding", "entropy")
    expect("a small file is coded", packed.returncode == 0, packed)
    whole = (run.folder / "e.safetensors").read_bytes()
    size = struct.unpack("<Q", whole[:8])[0]
    bomb = base64.b64encode(deflated(b"", 1 << 10))
    changed = re.sub(rb'wquant.packed":"[^"]*', lambda found: b'wquant.packed":"' + bomb, whole[8:8 + size].rstrip())
    (run.folder / "lie.safetensors").write_bytes(safetensors(with_checksum(changed), whole[8 + size:]))
    refused(run, "lie.safetensors", ["inspect", "lie.safetensors"], ["verify", "lie.safetensors"])


def check_hdf5(run):
    try:
        import h5py  # pylint: disable=import-outside-toplevel
    except ImportError:
        return print("skipped: HDF5 files (no h5py)")
    def write(name, fill):
        with h5py.File(run.folder / name, "w") as file:
            fill(file)
    write("sparse.h5", lambda file: file.create_dataset("w", (1 << 10, 1 << 20), "f4", chunks=(1 << 10, 1 << 10)))
    write("huge.h5", lambda file: file.create_dataset("w", (1 << 31, 1 << 30), "f8", chunks=(1 << 10, 1 << 10)))
    write("outside.h5", lambda file: file.create_dataset("w", (4, 4), "f4", external=[("/etc/passwd", 0, 64)]))
    write("other.h5", lambda file: file.update({"w": h5py.ExternalLink("/etc/passwd", "/w")}))
    for name in ("sparse", "huge", "outside", "other"):
        refused(run, f"{name}.h5")


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
    """A name of 10 MB is allowed."""
    name = "n" * 10_000_000
    (run.folder / "long.safetensors").write_bytes(safetensors({name: tensor([2, 4], 0, 32)}, F8 * 4))
    for what in (["inspect", "long.safetensors"], ["long.safetensors", "-o", "out.safetensors", "--force"],
                 ["verify", "out.safetensors"]):
        result = run(*what)
        expect(f"a name of 10 MB: {what[0]}", result.returncode in (0, 1) and len(result.stdout) < 1 << 20
               and b"out of memory" not in result.stderr, result.stderr[-300:])


def empty_tensors(count):
    """A safetensors file of so many."""
    entries = (f'"t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(count))
    return safetensors(("{" + ",".join(entries) + "}").encode())


def check_many(run):
    """A hundred thousand empty tensors in every format, and as many as a header of 100 MB can name."""
    count = 100_000
    named = b"".join(text(b"t%d" % i) + struct.pack("<IQIQ", 1, 0, 0, 0) for i in range(count))
    files = {
        "many.safetensors": empty_tensors(count),
        "many.json": ("{" + ",".join(f'"t{i}":[]' for i in range(count)) + "}").encode(),
        "many.gguf": gguf(count, 0, named),
        "many.onnx": onnx(*(field(1, 0) + field(2, 1) + field(8, b"t%d" % i) for i in range(count))),
        "many.npz": zip_of(((f"t{i}.npy", npy("(0,)")) for i in range(count // 4)), zipfile.ZIP_STORED),
        "many.safetensors.index.json": index({f"t{i}": "many.safetensors" for i in range(count)}),
    }
    for name, data in files.items():
        (run.folder / name).write_bytes(data)
        for what in (["inspect", name], [name, "-q", "-o", "out.safetensors", "--force"]):
            result = run(*what)
            expect(f"{name}: {what}", result.returncode == 0, (result.returncode, result.stderr[-300:]))
    (run.folder / "out.safetensors").unlink()
    (run.folder / "most.safetensors").write_bytes(empty_tensors(1_600_000))
    refused(run, "most.safetensors", ["inspect", "most.safetensors"], ["most.safetensors", "-o", "out.safetensors"])


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
    for check in (check_refused, check_bombs, check_folders, check_quantized, check_hdf5, check_names, check_paths,
                  check_sizes, check_many, check_nonfinite):
        check(run)
    print(f"{run.runs} runs within {MEMORY >> 20} MiB and {SECONDS} s each, {len(failures)} went wrong")
    shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
