"""The code that pages show, block by block, and how a command of theirs is run in a test."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from optimizer.cli import vorrat

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CONTEXT = click.Context(vorrat)
LARGE = re.compile(
    r"(tests/)?(scenarios/)?(germany|deutschland|[ck]onsortium)[\w-]*(\.yaml|\.xlsx)?(@\w+)?$"
)
"""What a command names if it is about one of the large scenarios."""
SOLVED = re.compile(r"german|deutschland|[ck]onsortium|^results$|^results/base$")
"""Or about a plan of it."""


APART = {"commands.md"}
"""Pages to look things up in: nobody goes through them from top to bottom."""
LONG = {
    *("alternatives", "batch", "brief", "compare", "explain", "explore", "frontier", "participate"),
    *("run", "sensitivity", "split", "target"),
}
"""What solves many times."""
RUN_LONG = {"README.md"}
"""Where it is run of a large scenario; its like on other pages is read alone."""


@dataclass(frozen=True)
class Block:
    """What stands in one fence of a page."""

    path: Path
    line: int
    language: str
    text: str

    @property
    def page(self) -> str:
        """The name of the page."""
        return self.path.name

    @property
    def name(self) -> str:
        """Page and line."""
        return f"{self.page}:{self.line}"

    def commands(self) -> Iterator[str]:
        """The lines of a block for a shell, each without its comment and whole again."""
        for line in re.sub(r" *\\\n *", " ", self.text).splitlines():
            if said := re.sub(r"(^| +)#( .*)?$", "", line).strip():
                yield said


def blocks(page: Path) -> list[Block]:
    """All that a page has in fences, from top to bottom."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        inner = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, match[2], inner))
    return found


def files_told(page: Path) -> dict[str, str]:
    """Files that a page shows whole, each announced by its name and a colon."""
    text = page.read_text(encoding="utf-8")
    return dict(re.findall(r"`([\w-]+\.yaml)`:\n\n```yaml\n(.*?)^```$", text, re.M | re.S))


def walks(page: Path) -> list[list[Block]]:
    """The blocks for a shell that a reader of a page goes through in one folder."""
    shell = [block for block in blocks(page) if block.language == "sh"]
    return [[block] for block in shell] if page.name in APART else [shell] if shell else []


def is_synopsis(command: str) -> bool:
    """Whether a line says how a command is called, with words that stand for others."""
    return bool(re.search(r"(?<![\w-])[A-Z_]{4,}(\.\.\.)?\]?( |$)|\[PATH\]|YEAR for", command))


def is_long(command: str) -> bool:
    """Whether a command solves a large scenario, or asks of a plan of one, many times."""
    name, *words = shlex.split(command)[1:]
    return name in LONG and any(LARGE.match(word) or SOLVED.search(word) for word in words)


def parameters(name: str) -> set[str]:
    """The names of all options of a command."""
    command = vorrat.get_command(CONTEXT, name)
    assert command is not None, f"there is no vorrat {name}"
    return {option for parameter in command.params for option in parameter.opts}


def lightened(command: str) -> str:
    """A command about a large scenario with 12 states and a gap of 5 %; others as they are.

    The last of two values counts, so that what the page says is read as well.
    """
    words = shlex.split(command)
    options, more = parameters(words[1]), []
    if words[1] in ("init", "validate"):
        return command
    if "--set" in options and any(LARGE.match(word) for word in words[2:]):
        more.append("--set uncertainty.sample.states=12")
    if any(SOLVED.search(word) for word in words[2:]):
        wide = "--gap" in options and "--tolerance" not in options
        more += ["--gap 0.05"] * wide + ["--states 60"] * ("--states" in words)
    head, sign, target = command.partition(" > ")
    return " ".join([head, *more]) + f"{sign}{target}"
