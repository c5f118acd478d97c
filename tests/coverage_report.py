"""Adds up what gcov counted. Usage: coverage_report.py BUILD SOURCES

Lines are those that any object of them has code for; a line ran if it did in any.
"""

import collections
import json
import re
import subprocess
import sys
from pathlib import Path

# Code that stands for something going wrong.
ERROR_HANDLING = re.compile(r"\b(throw|catch|fail\w*|refuse\w*|Error)\b.*[({]")


def counted_lines(build):
    """By source file, how often each line ran."""
    files = collections.defaultdict(collections.Counter)
    objects = [str(path.resolve()) for path in build.rglob("*.gcda")]
    for first in range(0, len(objects), 50):
        run = subprocess.run(["gcov", "--json-format", "--stdout", *objects[first:first + 50]], cwd=build,
                             check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for document in run.stdout.splitlines():
            for file in json.loads(document)["files"]:
                for line in file["lines"]:
                    files[file["file"]][line["line_number"]] += line["count"]
    return files


def main():
    build, sources = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    total = ran = handled = 0
    missed = []
    for name, lines in sorted(counted_lines(build).items()):
        path = Path(name)
        if not path.is_relative_to(sources):
            continue
        here = sum(1 for count in lines.values() if count > 0)
        total, ran = total + len(lines), ran + here
        print(f"{100 * here / len(lines):6.1f} %  {here:4} of {len(lines):4}  {path.relative_to(sources)}")
        text = path.read_text(encoding="utf-8").splitlines()
        for number, count in sorted(lines.items()):
            if not ERROR_HANDLING.search(text[number - 1]):
                continue
            handled += 1
            if count == 0:
                missed.append(f"{path.relative_to(sources)}:{number}: {text[number - 1].strip()}")
    print(f"\n{100 * ran / total:.1f} % of {total} lines ran")
    print(f"{len(missed)} of {handled} lines of error handling did not, {100 * len(missed) / total:.1f} % of all lines:")
    print("\n".join(missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
