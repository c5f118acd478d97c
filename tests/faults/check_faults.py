"""Lets every call that writes fail, one a run, and kills runs at any moment: the old output must stay
or the new one be complete.

Usage: check_faults.py WQUANT FAULTY_IO_LIBRARY faults|signals

WQUANT_TEST_MOMENTS is the number of moments for each signal and command (20).
"""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

INPUTS = {"model.json", "packed.safetensors", "packed.report.json", "deflated.npz"}
# What is run, and the same with other settings for the output that is there before and is replaced; without
# one the output is new.
COMMANDS = {
    "quantize": ("--bits 3 model.json -o out.safetensors", "--bits 2 model.json -o out.safetensors"),
    "entropy": ("--coding entropy --bits 2 model.json -o out.safetensors",
                "--bits 4 model.json -o out.safetensors"),
    "half": ("--coding f16 model.json -o out.safetensors", "--bits 4 model.json -o out.safetensors"),
    "shards": ("--bits 3 --shard-size 200B model.json -o out",
               "--bits 2 --shard-size 200B model.json -o out"),
    "stdin": ("--bits 3 - -o out.safetensors", "--bits 2 - -o out.safetensors"),
    "deflated": ("--bits 3 deflated.npz -o out.safetensors", None),
    "npz": ("dequantize packed.safetensors -o out.npz", None),
    "safetensors": ("dequantize packed.safetensors -o back.safetensors", None),
    "folder": ("dequantize packed.safetensors --format npy-folder -o out", None),
    "pytorch": ("dequantize packed.safetensors -o out.pth", None),
}


def make_model(rows):
    rng = random.Random(1)
    return {name: [[rng.gauss(0, 1) for _ in range(16)] for _ in range(rows)] for name in "abc"}


def content(folder):
    """The output's files with their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name not in INPUTS}


class Sandbox:
    """A folder with a model and what a command has made of it before."""

    def __init__(self, wquant, rows):
        self.wquant, self.replaces = wquant, True
        self.folder = Path(tempfile.mkdtemp(prefix="wquant-faults-"))
        (self.folder / "model.json").write_text(json.dumps(make_model(rows)), encoding="utf-8")
        self.run("--bits 3 model.json -o packed.safetensors")
        self.deflate()

    def deflate(self):
        """A NumPy archive whose members need a place to unpack them."""
        plain = self.folder / "plain.npz"
        self.run("dequantize packed.safetensors -o plain.npz")
        with zipfile.ZipFile(plain) as stored, \
             zipfile.ZipFile(self.folder / "deflated.npz", "w", zipfile.ZIP_DEFLATED) as deflated:
            for name in stored.namelist():
                deflated.writestr(name, stored.read(name))
        plain.unlink()

    def arguments(self, command):
        return [self.wquant, *command.split(), "-q", *(["--force"] if self.replaces else [])]

    def run(self, command, pass_fds=(), **environment):
        with (self.folder / "model.json").open("rb") as model:
            return subprocess.run(self.arguments(command), cwd=self.folder, text=True, check=False,
                                  env={**os.environ, **environment}, stdin=model, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, pass_fds=pass_fds)

    def clear(self):
        for path in self.folder.iterdir():
            if path.name in INPUTS:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def restore(self, files):
        self.clear()
        for name, data in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(data)


def states(sandbox, command, before):
    """The output before and after."""
    sandbox.clear()
    if before:
        assert sandbox.run(before).returncode == 0
    old = content(sandbox.folder)
    assert sandbox.run(command).returncode == 0
    return old, content(sandbox.folder)


def mixture(found, old, new):
    """What is neither old nor new; None when all is."""
    for name, data in found.items():
        if data not in (old.get(name), new.get(name)):
            return f"{name} is neither the old nor the new one"
    missing = [name for name in old if name in new and name not in found]
    return f"{missing[0]} is gone" if missing else None


def count_calls(sandbox, command, library):
    with tempfile.TemporaryFile() as report:
        number = report.fileno()
        sandbox.run(command, pass_fds=[number], LD_PRELOAD=library, FAULTY_REPORT=str(number),
                    FAULTY_ERROR=str(errno.EIO))
        report.seek(0)
        return int(report.read())


def check_call(sandbox, command, library, call, error, old, new):
    """What is wrong after call number `call` has failed; None: nothing."""
    sandbox.restore(old)
    run = sandbox.run(command, LD_PRELOAD=library, FAULTY_CALL=str(call), FAULTY_ERROR=str(error))
    found = content(sandbox.folder)
    if run.returncode == 0:
        return None if found == new else "done, but the output is not the new one"
    if error == 0:
        return f"a short write is no error, exit code {run.returncode}: {run.stderr}"
    if run.returncode != 1 or os.strerror(error) not in run.stderr:
        return f"exit code {run.returncode}, {run.stderr.strip()!r}"
    return mixture(found, old, new)


def check_faults(wquant, library):
    failures, runs = 0, 0
    sandbox = Sandbox(wquant, 12)
    for name, (command, before) in COMMANDS.items():
        sandbox.replaces = True
        old, new = states(sandbox, command, before)
        sandbox.clear()
        sandbox.replaces = before is not None
        for call in range(1, count_calls(sandbox, command, library) + 1):
            for error in (errno.EIO, errno.ENOSPC, errno.EOPNOTSUPP, 0):
                runs += 1
                wrong = check_call(sandbox, command, library, call, error, old, new)
                if wrong:
                    failures += 1
                    print(f"{name}: call {call}, error {error}: {wrong}")
    print(f"{runs} runs with a fault, {failures} went wrong")
    shutil.rmtree(sandbox.folder)
    return failures


def check_signal(sandbox, command, number, delay, old, new):
    """What is wrong after a signal at that moment; None: nothing."""
    sandbox.restore(old)
    with subprocess.Popen(sandbox.arguments(command), cwd=sandbox.folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(delay)
        process.send_signal(number)
        code = process.wait()
    found = content(sandbox.folder)
    if number == signal.SIGKILL:  # Nobody can clean up after it.
        found = {key: data for key, data in found.items() if ".wquant-" not in key}
    if code == 0 and found != new:
        return "done, but the output is not the new one"
    if code not in (0, -number if number == signal.SIGKILL else 130, -number):
        return f"exit code {code}"
    return mixture(found, old, new)


def check_signals(wquant):
    failures, runs = 0, 0
    moments = int(os.environ.get("WQUANT_TEST_MOMENTS", "20"))
    sandbox = Sandbox(wquant, 4000)
    rng = random.Random(2)
    for name in ("quantize", "entropy", "shards", "npz"):
        command, before = COMMANDS[name]
        old, new = states(sandbox, command, before)
        begin = time.monotonic()
        sandbox.run(command)
        length = time.monotonic() - begin
        for number in (signal.SIGINT, signal.SIGKILL):
            for _ in range(moments):
                runs += 1
                wrong = check_signal(sandbox, command, number, rng.uniform(0, 1.1 * length), old, new)
                if wrong:
                    failures += 1
                    print(f"{name}: signal {number}: {wrong}")
    print(f"{runs} runs with a signal, {failures} went wrong")
    shutil.rmtree(sandbox.folder)
    return failures


def main():
    wquant, library, what = sys.argv[1:]
    failures = check_faults(wquant, library) if what == "faults" else check_signals(wquant)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
