"""The code that pages show, block by block, and how a command of theirs is run in a test."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from open_page import opened
from published_files import comtrade, mcs_2025, pink_sheet, trade

from optimizer.cli import vorrat
from optimizer.cli.scenario_files import starter_scenario_text

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CONTEXT = click.Context(vorrat)
LARGE = re.compile(r"german|deutschland|[ck]onsortium|japan|^results(/base|/plan.json)?$")
"""What a command names if it is about one of the large scenarios, or about a plan of one."""
SHELLS = ("sh", "powershell")
"""Languages of blocks that a reader types, a command a line."""
APART = {"commands.md", "benchmarks.md"}
"""Reference pages, whose blocks are independent of each other."""
DROPPED = (
    "japanese_model|rohstofffonds_as_budgeted|german_industry|trading_house_alone|costly|tense"
)
"""Variants and sets of assumptions that no page names."""
KEPT = re.compile(
    "(id|big_hill_germanium|caremag|ibu_tec_lfp|lcm_lacq|magnets_germany|rocktech_guben|sangdong_2"
    "|solvay_la_rochelle|stade_gallium|zinnwald),"
)
"""Rows of projects of germany-2026 that a test of pages can still build."""
LIGHTER = {
    r"alternatives": "--count 2",
    r"evaluate (?!.*--(quick|states-of))": "--states 60 --replications 2 --replication-states 6",
    r"evaluate .*--quick": "--states 60",
    r"explore (?!.*--move)": "--move deals=2,3",
    r"explore .*--move": "--no-variants",
    r"participate": "--steps 2 --refine 1 --public 2",
    r"split": "--exact-up-to 3 --orders 4",
    r"target (?!.*--days)": "--tolerance 200",
}
"""What makes a command about them lighter, by what it begins like after ``vorrat``."""
FEWER = {
    rf"^  ({DROPPED}):\n(    .*\n|\n)+": "",
    r"(?<=weight: {value: )0\.4\b": "0.8",  # weights of sets add up to one
    r"(?<=last_year: )2040\b": "2030",
    r"(?<=states: )(1000|200)\b": "6",
}
"""What is replaced in them, by what."""
STARTS = """\
from pathlib import Path
from models.files import shipped_files
shipped_files._scenario_folder = lambda: Path({folder!r}) / "scenarios"
"""
"""What each process runs first, so that the shipped scenarios are those of a folder. A copy of the
package there would have to be compiled again."""


def cut_down(scenarios: Path) -> None:
    """Leave the large ones in a folder all that pages name, but few years, states and variants."""
    for path in scenarios.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for old, new in FEWER.items():
            text = re.sub(old, new, text, flags=re.MULTILINE)
        path.write_text(text, encoding="utf-8")
    projects = scenarios / "germany-2026" / "projects.csv"
    rows = projects.read_text(encoding="utf-8").splitlines(keepends=True)
    projects.write_text("".join(row for row in rows if KEPT.match(row)), encoding="utf-8")


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


def files_described(page: Path) -> dict[str, str]:
    """Files that a page shows whole, each announced by its name and a colon."""
    text = page.read_text(encoding="utf-8")
    return dict(re.findall(r"`([\w-]+\.yaml)`:\n\n```yaml\n(.*?)^```$", text, re.M | re.S))


def walks(page: Path) -> list[list[Block]]:
    """The blocks for a shell that a reader of a page goes through in one folder."""
    shell = [block for block in blocks(page) if block.language in SHELLS]
    return [[block] for block in shell] if page.name in APART else [shell] if shell else []


def is_synopsis(command: str) -> bool:
    """Whether a line says how a command is called, with words that stand for others."""
    return bool(
        re.search(r"(?<![\w-])(DIR|[A-Z_]{4,})(\.\.\.)?\]?(\.\.\.)?( |$)|YEAR for", command)
    )


def parameters(name: str) -> set[str]:
    """The names of all options of a command."""
    command = vorrat.get_command(CONTEXT, name)
    assert command is not None, f"there is no vorrat {name}"
    return {o for one in command.params for o in (*one.opts, *one.secondary_opts)}


def is_large(command: str) -> bool:
    """Whether a command is about one of the large scenarios, or about a plan of one."""
    words = shlex.split(command)
    return words[0] == "vorrat" and any(LARGE.search(word) for word in words[2:])


def lightened(command: str) -> str:
    """A command about a large scenario with a gap of 5 % and few of what it counts; others as is.

    The last of two values counts, so that what the page says is read as well.
    """
    words = shlex.split(command)
    name, options, more = words[1], parameters(words[1]), []
    if name != "init" and is_large(command):
        if "--gap" in options and "--tolerance" not in options:
            more = ["--gap 0.05"]
        said = " ".join(words[1:])
        more += [lighter for begin, lighter in LIGHTER.items() if re.match(begin, said)]
    head, sign, target = command.partition(" > ")
    return " ".join([head, *more]) + f"{sign}{target}"


def reader_folder(tmp_path: Path) -> Path:
    """A folder like a fresh clone, with additional scenarios, and the program next to it."""
    folder = tmp_path / "reader"
    for name in ("scenarios", "tests/scenarios"):
        shutil.copytree(ROOT / name, folder / name)
        cut_down(folder / name)
    (folder / "cases").mkdir()
    (folder / "private").mkdir()  # where private files would lie
    for name in ("cases/one", "cases/two", "my-scenario"):
        shutil.copyfile(ROOT / "scenarios" / "tutorial.yaml", folder / f"{name}.yaml")
    (folder / "scenario.yaml").write_text(starter_scenario_text("en"), encoding="utf-8")
    start = tmp_path / "start" / "sitecustomize.py"
    start.parent.mkdir()
    start.write_text(STARTS.format(folder=str(folder)), "utf-8")
    pink_sheet(folder / "CMO-Historical-Data-Monthly.xlsx")
    nickel = {"commodity": "Nickel", "TYPE": "Mine production, nickel content"}
    world = [("Indonesia", "2,030,000", "2,200,000"), ("Canada", "159,000", "190,000e")]
    mcs_2025(folder / "MCS2025_World_Data.csv", world, **nickel)
    bought = [trade("CD", 80_000_000), trade("FR", 5_000_000, flowCode="X")]
    comtrade(folder / "TradeData.csv", bought)
    program = tmp_path / "bin" / "vorrat"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m optimizer "$@"\n', "utf-8")
    program.chmod(0o755)
    return folder


def as_reader(folder: Path) -> dict[str, str]:
    """Environment variables with the program and its environment on the path."""
    path = [str(folder.parent / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    paths = os.pathsep.join([str(folder.parent / "start"), str(ROOT)])
    own = {"PYTHONPATH": paths, "VORRAT_LANGUAGE": "en", "NO_COLOR": "1"}
    return os.environ | own | {"PATH": os.pathsep.join(path)}


def opens(words: list[str], folder: Path) -> None:
    """A page is served on a free port."""
    there = [w for word in words for w in ([*map(str, folder.glob(word))] or [word])]
    there = [str(folder / w) if (folder / w).exists() else w for w in there]
    with opened(*there, "--port", "0") as server:
        if "--base-url" not in words:  # its address is that of a proxy
            assert server.visitor().request("GET", "/").status == 200
