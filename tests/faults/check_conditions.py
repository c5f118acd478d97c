"""Circumstances that a program cannot choose: a disk that is full, a folder that nobody may write to, an
input that shrinks while it is read, another file system, no place for temporary files.

Usage: check_conditions.py WQUANT

What takes privileges that are not there is skipped, and said so.
"""

import array
import json
import os
import random
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from check_faults import Sandbox, content

NOBODY = 65534
QUANTIZE = "--bits 3 model.json -o {}out.safetensors"
failures = []


def expect(what, is_true, found=""):
    print(f"{'ok' if is_true else 'FAILED'}: {what}")
    if not is_true:
        failures.append(what)
        print(f"    {found}")


def temporary(folder):
    return [path for path in folder.rglob("*") if ".wquant-" in path.name]


def write_large_model(path, megabytes):
    """A safetensors file of random weights."""
    rng = random.Random(1)
    block = array.array("f", [rng.gauss(0, 1) for _ in range(1 << 18)]).tobytes()
    size = megabytes << 20
    header = json.dumps({"w": {"dtype": "F32", "shape": [megabytes, 1 << 18],
                               "data_offsets": [0, size]}}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _ in range(megabytes):
            file.write(block)


def shrink_once(sandbox, path, delay):
    command = ["large.safetensors", "-o", "out.safetensors", "--bits", "3"]
    with subprocess.Popen([sandbox.wquant, *command, "--force", "-q"], cwd=sandbox.folder, text=True,
                          stderr=subprocess.PIPE) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and path.name not in maps.read_text(encoding="utf-8"):
            time.sleep(0.001)
        time.sleep(delay)
        os.truncate(path, 1 << 20)
        message = process.stderr.read()
    return process.returncode, message


def check_shrinking(sandbox):
    """Whenever it shrinks: the old output stays, or the new one was complete before."""
    path = sandbox.folder / "large.safetensors"
    old = b"what was there before"
    noticed = 0
    for delay in (0, 0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.1):
        write_large_model(path, 48)
        (sandbox.folder / "out.safetensors").write_bytes(old)
        code, message = shrink_once(sandbox, path, delay)
        is_told = code == 1 and message.startswith("wquant: ") and message.count("\n") == 1
        kept = (sandbox.folder / "out.safetensors").read_bytes() == old
        expect(f"input that shrinks after {delay} s", code == 0 or (is_told and kept),
               f"exit code {code}, {message!r}")
        noticed += code == 1
        expect("no temporary file stays", not temporary(sandbox.folder))
    expect("a shrunken input was noticed", noticed > 0)
    path.unlink()


def run_as_nobody(sandbox, command):
    def drop():
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    return subprocess.run(sandbox.arguments(command), cwd=sandbox.folder, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=drop if os.geteuid() == 0 else None)


def check_read_only(sandbox):
    os.chmod(sandbox.folder, 0o555)
    try:
        run = run_as_nobody(sandbox, QUANTIZE.format(""))
    except (PermissionError, subprocess.SubprocessError) as error:
        return print(f"skipped: a folder that is read-only ({error})")
    finally:
        os.chmod(sandbox.folder, 0o755)
    expect("folder that is read-only", run.returncode == 1 and "Permission denied" in run.stderr,
           f"exit code {run.returncode}, {run.stderr!r}")


def run_on_tmpfs(sandbox, size, script):
    """Runs a script with a file system of that size as folder `small`; only the script sees it."""
    (sandbox.folder / "small").mkdir(exist_ok=True)
    whole = f"mount -t tmpfs -o size={size} tmpfs small || exit 77\n{script}"
    return subprocess.run(["unshare", "--mount", "sh", "-c", whole], cwd=sandbox.folder, text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def check_full_disk(sandbox):
    command = f"{sandbox.wquant} -q --force {QUANTIZE.format('small/')}"
    script = (f"echo old >small/out.safetensors; {command}; code=$?; ls -A small; "
              "cat small/out.safetensors; exit $code")
    try:
        run = run_on_tmpfs(sandbox, "8k", script)
    except FileNotFoundError:
        return print("skipped: a full disk (no unshare)")
    if run.returncode == 77 or "unshare" in run.stderr:
        return print("skipped: a full disk (a file system takes privileges)")
    expect("disk that is full", run.returncode == 1 and "No space left" in run.stderr,
           f"exit code {run.returncode}, {run.stderr!r}")
    expect("old output on it stays, and nothing else", run.stdout.split() == ["out.safetensors", "old"],
           repr(run.stdout))
    run = run_on_tmpfs(sandbox, "1m", f"{command} && cat small/out.safetensors | cksum")
    assert sandbox.run(QUANTIZE.format("")).returncode == 0
    same = subprocess.run("cksum <out.safetensors", shell=True, cwd=sandbox.folder, text=True, check=True,
                          stdout=subprocess.PIPE)
    expect("output on another file system", run.returncode == 0 and run.stdout == same.stdout,
           f"{run.returncode} {run.stderr} {run.stdout} {same.stdout}")


def check_no_temporary_folder(sandbox):
    model = (sandbox.folder / "model.json").read_bytes()
    with zipfile.ZipFile(sandbox.folder / "model.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        data = array.array("f", range(64)).tobytes()
        head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (8, 8), }"
        head += b" " * (117 - len(head)) + b"\n"
        archive.writestr("w.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data)
    missing = str(sandbox.folder / "missing")
    run = sandbox.run("--bits 3 model.npz -o out.safetensors", TMPDIR=missing)
    expect("packed input without a temporary folder", run.returncode == 0, run.stderr)
    run = subprocess.run(sandbox.arguments("--bits 3 - -o out.safetensors"), cwd=sandbox.folder,
                         input=model, check=False, env={**os.environ, "TMPDIR": missing},
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect("standard input without a temporary folder",
           run.returncode == 1 and b"set TMPDIR" in run.stderr, f"{run.returncode} {run.stderr}")
    (sandbox.folder / "model.npz").unlink()


def main():
    sandbox = Sandbox(sys.argv[1], 200)
    os.chmod(sandbox.folder, 0o755)
    for check in (check_shrinking, check_read_only, check_full_disk, check_no_temporary_folder):
        sandbox.clear()
        check(sandbox)
        left = [name for name in content(sandbox.folder) if ".wquant-" in name]
        expect(f"{check.__name__}: nothing is left behind", not left, left)
    shutil.rmtree(sandbox.folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
