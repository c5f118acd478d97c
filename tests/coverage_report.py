"""Adds up what gcov counted. Usage: coverage_report.py BUILD SOURCES

Lines are those that any object of them has code for; a line ran if it did in any. Error handling is what throws or
makes an error, and all of a catch block.
"""

import collections
import json
import re
import subprocess
import sys
from pathlib import Path

ERROR = re.compile(r"\b(throw|catch|fail\w*|refuse\w*|Error)\b.*[({]")
CATCH = re.compile(r"\bcatch \(.*\{$")


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
                    files[(build / file["file"]).resolve()][line["line_number"]] += line["count"]
    return files


def error_lines(text):
    """Numbers of the lines of error handling, from 1 on."""
    numbers, end = set(), None
    for number, line in enumerate(text, 1):
        if end and line.startswith(end):
            end = None
        if end or ERROR.search(line):
            numbers.add(number)
        if CATCH.search(line):
            end = line[:len(line) - len(line.lstrip())] + "}"
    return numbers


def share(part, whole):
    return f"{part} of {whole} ({100 * part / max(whole, 1):.2f} %)"


def main():
    build, sources = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    total = handled = 0
    missed, missed_errors = [], []
    for path, lines in sorted(counted_lines(build).items()):
        if not path.is_relative_to(sources):
            continue
        text = path.read_text(encoding="utf-8").splitlines()
        errors = error_lines(text) & lines.keys()
        total, handled = total + len(lines), handled + len(errors)
        here = sorted(number for number, count in lines.items() if count == 0)
        reached = len(lines) - len(here)
        print(f"{100 * reached / len(lines):6.1f} %  {reached:4} of {len(lines):4}  {path.relative_to(sources)}")
        for number in here:
            listed = missed_errors if number in errors else missed
            listed.append(f"{path.relative_to(sources)}:{number}: {text[number - 1].strip()}")
    print("\nError handling that did not run:", *missed_errors, sep="\n")
    print("\nOther lines that did not run:", *missed, sep="\n")
    unreached = len(missed) + len(missed_errors)
    print(f"\nlines that ran: {share(total - unreached, total)}")
    print(f"lines of error handling: {handled}, of which did not run: {share(len(missed_errors), handled)}, "
          f"{100 * len(missed_errors) / max(total, 1):.2f} % of all lines")
    return 0 if total else 1


if __name__ == "__main__":
    sys.exit(main())
