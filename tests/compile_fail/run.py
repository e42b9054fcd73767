#!/usr/bin/env python3
"""Compiles a snippet that misuses the library and demands that the compiler refuses it with the right words.

Usage: run.py SNIPPET -- COMPILER [FLAG...]

The snippet begins with one or more lines `// expect: <text>`. Each text must be part of an error (a note beside one is
not enough), and the compiler must fail.
"""

import subprocess
import sys
from pathlib import Path

MARK = "// expect: "


def expected_texts(snippet):
    texts = []
    for line in snippet.read_text(encoding="utf-8").splitlines():
        if not line.startswith(MARK):
            break
        texts.append(line[len(MARK):].strip())
    return texts


def main():
    snippet = Path(sys.argv[1])
    command = sys.argv[sys.argv.index("--") + 1:]
    texts = expected_texts(snippet)
    if not texts:
        print(f"{snippet.name}: the first line is not `{MARK}<text>`")
        return 1
    command += ["-fsyntax-only", "-ferror-limit=0", str(snippet)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        print(f"{snippet.name}: it compiles; expected was the error: {texts[0]}")
        return 1
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    missing = [text for text in texts if not any(text in line for line in errors)]
    for text in missing:
        print(f"{snippet.name}: no error says: {text}")
    if missing:
        print("the compiler said:")
        print(result.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
