"""Runs the commands of Markdown files and compares what they print.

Usage: check_readme.py WORK_FOLDER FILE.md ...

In a block fenced as ```console every line "$ COMMAND" is run by bash, and the lines up to the next
command are what it must print (stdout and stderr). A line "..." stands for any lines. All blocks of
a file run in one new folder that holds a copy of the project's data/. Other blocks are not run.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path


def commands(text):
    """Yields (command, expected output) for each command of the text."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        command = None
        expected = []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    yield command, expected
                command, expected = line[2:], []
            else:
                expected.append(line)
        if command:
            yield command, expected


def matches(expected, printed):
    """True when the lines agree; "..." in the expected ones stands for any lines."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


def data_of(path):
    """The folder data/ that lies beside the file or above."""
    return next(folder / "data" for folder in path.parents if (folder / "data").is_dir())


def check_file(path, work):
    """Runs a file's commands; returns the number of those that print something else."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copytree(data_of(path), work / "data")
    failures = 0
    for command, expected in commands(path.read_text(encoding="utf-8")):
        run = subprocess.run(["bash", "-c", command], cwd=work, stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        printed = [line.rstrip() for line in run.stdout.splitlines()]
        if not matches(expected, printed):
            failures += 1
            print(f"{path}: $ {command}", "--- expected", *expected, "--- printed", *printed,
                  f"--- exit code {run.returncode}", sep="\n")
    return failures


def main():
    """Checks the files named on the command line."""
    work, *files = map(Path, sys.argv[1:])
    failures = sum(check_file(path, work / path.stem) for path in files)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
