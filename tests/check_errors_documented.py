"""Every public function tells whether and what it throws: its comment, that of the declarations that it stands
among, or that of its class. Usage: check_errors_documented.py FOLDER_OF_HEADERS
"""

import re
import sys
from pathlib import Path

SAYS = re.compile(r"\b[Tt]hrows?\b")
CLASS = re.compile(r"^(?:struct|class) (\w+)[^;]*\{$")
# What the compiler makes, and members that hold a function.
EXEMPT = re.compile(r"= (?:default|delete)\b|\bstd::function<")
FUNCTION = re.compile(r"(\w+)\(")


def statements(text):
    """(comment, code) of every declaration; code ends with ';', '{' or '}'. Bodies of functions are left out."""
    comment, code, body, is_above = "", "", 0, False
    for line in text.splitlines():
        words, _, note = line.partition("//")
        words = words.strip()
        if not words and not code and not body:
            comment = comment + note if is_above else note
            is_above = bool(note)
            continue
        is_above = False
        if body:
            body += words.count("{") - words.count("}")
            continue
        code, comment = f"{code} {words}".strip(), comment + note
        if not re.search(r"[;{}:]$", words):
            continue
        is_body = "{" in words and FUNCTION.search(code)
        body = words.count("{") - words.count("}") if is_body else 0
        yield comment, code
        code = ""
        if CLASS.search(words) or words in ("public:", "private:"):
            comment = ""


def undocumented(header):
    classes, is_private = [], False
    for comment, code in statements(header.read_text(encoding="utf-8")):
        if found := CLASS.search(code):
            classes.append((found[1], comment))
        elif code == "};" and classes:
            classes.pop()
            is_private = False
        elif code in ("public:", "private:"):
            is_private = code == "private:"
        elif not is_private and not EXEMPT.search(code) and (name := FUNCTION.search(code)):
            if not any(SAYS.search(text) for text in (comment, *(text for _, text in classes))):
                yield "::".join([*(name for name, _ in classes), name[1]])


def main():
    headers = sorted(Path(sys.argv[1]).glob("*.h"))
    missing = [f"{header}: {name}" for header in headers for name in undocumented(header)]
    print("\n".join(missing or [f"{len(headers)} headers: every function tells what it throws"]))
    return 1 if missing or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
