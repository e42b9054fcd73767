#!/usr/bin/env python3
"""What a page of the guide shows on a terminal is what happens.

Usage: console_test.py PAGE --programs FOLDER... [--prefix FOLDER] [--flags FLAGS]

Runs the ```console blocks of a page one after another, as its reader would: in an empty folder, into which the page's
other blocks are written where they belong to the folder of the page's own project (examples/guide/<page>/). A line that
begins with `$ ` is a command, what follows is all that it prints, errors too. `...` there stands for anything within a
line, and alone for any number of lines. A command that ends with ` &` goes on until `kill %1` (%2, %3: the second, the
third) or the end of the page, and what it is to print is waited for.

On the page /opt/parley is where Parley is installed, /tmp is a folder for sockets and /run/user/1000 the user's own;
here they are folders of the test. --flags are what the installed library was compiled with.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"(?://|#) ([\w./-]+\.(?:h|cpp|txt))\n")


def commands_of(block):
    """[(command, the lines that it is to print)]"""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and found[-1][0].endswith("\\"):
            found[-1][0] = found[-1][0][:-1].rstrip() + " " + line.strip()
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"a console block begins with a command: {line}")
    return found


def pattern_of(lines):
    """What matches the lines that a page shows, `...` being anything."""
    parts = []
    for line in lines:
        if line == "...":
            parts.append("(?:.*\n)*")
        else:
            parts.append(".*".join(re.escape(part) for part in line.split("...")) + "\n")
    return re.compile("".join(parts))


def replace_all(names, text):
    """Whole parts of paths, each once."""
    return re.sub("(" + "|".join(map(re.escape, names)) + r")(?![\w-])", lambda found: names[found[1]], text)


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, place, programs, prefix, flags):
        self.folder = place / "project"
        names = {"/run/user/1000": place / "run", "/tmp": place / "tmp", "/opt/parley": prefix}
        for folder in (self.folder, place / "run", place / "tmp"):
            folder.mkdir()
        self.names = {shown: str(real) for shown, real in names.items() if real}
        self.background = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        paths = [*programs, *([prefix / "bin"] if prefix else []), environment["PATH"]]
        self.environment = {**environment, "PATH": ":".join(map(str, paths)), "XDG_RUNTIME_DIR": str(place / "run"),
                            "XDG_CONFIG_HOME": str(place / "run"), "CXXFLAGS": flags, "TERM": "dumb"}

    def really(self, text):
        return replace_all(self.names, text)

    def shown(self, text):
        return replace_all({real: shown for shown, real in self.names.items()}, text)

    def write(self, name, text):
        """One more part of a file."""
        path = self.folder / name
        before = path.read_text(encoding="utf-8") + "\n" if path.exists() else ""
        path.write_text(before + text, encoding="utf-8")

    def spawn(self, command):
        return subprocess.Popen(["bash", "-c", command], cwd=self.folder, env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def do(self, command, expected):
        really = self.really(command)
        print(f"$ {command}", flush=True)
        if match := re.fullmatch(r"export (\w+)=(.*)", really):
            self.environment[match[1]] = self.output_of(f"echo {match[2]}").rstrip("\n")
            return
        if match := re.fullmatch(r"kill %(\d)", really):
            self.end(self.background[int(match[1]) - 1])
            return
        if really.endswith(" &"):
            process = self.spawn("exec " + really[:-2])
            self.background.append(process)
            output = "".join(process.stdout.readline() for _ in expected)
        else:
            output = self.output_of(really)
        shown = self.shown(output)
        print(shown, end="", flush=True)
        if not pattern_of(expected).fullmatch(shown):
            raise SystemExit("this is not what the page shows:\n" + "\n".join(expected))

    def output_of(self, command):
        with self.spawn(command) as process:
            return process.communicate(timeout=800)[0]

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
            process.wait()
        process.stdout.close()

    def end_all(self):
        for process in self.background:
            self.end(process)


def read_page(page, reader):
    """Does what a page says, and raises SystemExit where something else happens."""
    project = f"examples/guide/{page.stem}/"
    written = set()
    has_commands = False
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        mark = MARK.match(text)
        if language == "console":
            has_commands = True
            for command, expected in commands_of(text):
                reader.do(command, expected)
        elif mark and mark[1].startswith(project):
            written.add(mark[1])
            reader.write(mark[1].removeprefix(project), text[mark.end():])
    if not has_commands:
        raise SystemExit(f"{page} runs nothing")
    for path in sorted(written):
        made = (reader.folder / path.removeprefix(project)).read_text(encoding="utf-8")
        whole = (ROOT / path).read_text(encoding="utf-8")
        if made.split() != whole.split():
            raise SystemExit(f"whoever writes down what the page shows does not get {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--programs", type=Path, nargs="*", default=[])
    parser.add_argument("--prefix", type=Path)
    parser.add_argument("--flags", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="guide-") as place:
        reader = Reader(Path(place), arguments.programs, arguments.prefix, arguments.flags)
        try:
            read_page(arguments.page, reader)
        finally:
            reader.end_all()


if __name__ == "__main__":
    sys.exit(main())
