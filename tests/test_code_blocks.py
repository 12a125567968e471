"""What the pages show as code is run: each command, from top to bottom of its page, in a folder
like a reader's; programs in Python; YAML and JSON against the models.

What cannot be run by a test is named in ``ELSEWHERE``, with what stands for it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from code_blocks import (
    CONTEXT,
    PAGES,
    ROOT,
    RUN_LONG,
    Block,
    blocks,
    files_told,
    is_long,
    is_synopsis,
    lightened,
    walks,
)
from pydantic import TypeAdapter, ValidationError

from models.scenario.case import Case
from optimizer.cli import vorrat
from optimizer.cli.scenario_files import template

SHELL, ELSEWHERE = "sh", {
    "uv": "what `make release` does in environments of its own",
    "winget": "on Windows only",
    "powershell": "on Windows only",
    "podman": "by hand: needs a container engine",
    "pip": "what `make release` does in environments of its own",
    "openssl": "tests/page makes secrets of its own",
    "make": "a target, see below; what it does is what .ci/run does",
    "cd": "a folder of the reader's",
}  # fmt: skip
"""Programs that no test runs here, and why."""
SHOWN = {"text", "nginx", "ini", "powershell", "snakemake", ""}
"""Languages of blocks that are looked at elsewhere, or that are no code: formulas and output."""
NO_PLAN = 'vorrat solve scenarios/tutorial.yaml --set "policy.must_build=[recycling]"'
PLAN = "vorrat solve scenarios/germany-2026.yaml --gap 0.05 --out"
BEFORE = {
    "vorrat compare scenario.yaml --variants": "vorrat solve scenario.yaml --out results/last_year",
    "vorrat evaluate results/japan": "vorrat solve scenarios/japan-2010.yaml --gap 0.05"
    " --variant stake_beside_guarantee --out results/japan",
    "vorrat stress results": f"{PLAN} results",
    "vorrat alternatives scenarios": f"{PLAN} results",
    "vorrat sensitivity scenarios": f"{PLAN} results/base",
    "vorrat solve scenarios/germany-2026.yaml --out results/base": f"{PLAN} results/fund_2500",
    "vorrat brief results": f"{PLAN} results/germany",
}
"""What a reader has done before a block that begins like this, of a page to look things up in."""
EVERY = [block for page in PAGES for block in blocks(page)]
WALKS = [walk for page in PAGES for walk in walks(page)]


def named(block: Block) -> str:
    return block.name


def test_every_block_has_a_language_that_a_test_knows() -> None:
    known = SHOWN | {SHELL, "bash", "yaml", "json", "python", "pycon"}
    assert [block.name for block in EVERY if block.language not in known] == []
    assert len(EVERY) > 100


def test_no_code_is_indented_only() -> None:
    """Such a block has no language, and no test finds it."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        plain = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.M | re.S)
        assert not re.search(r"\A    \S|(?<=\n\n)    (vorrat|make|python) ", plain), page.name


@pytest.mark.slow
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk[0].name)
def test_commands_do_what_they_say(walk: list[Block], tmp_path: Path) -> None:
    folder = reader_folder(tmp_path)
    for name, text in files_told(walk[0].path).items():
        (folder / name).write_text(text, encoding="utf-8")
    lines = [line for block in walk for line in block.commands()]
    if len(walk) == 1:
        lines[:0] = [line for begin, line in BEFORE.items() if lines[0].startswith(begin)]
    unwritten: set[str] = set()
    for line in lines:
        words = shlex.split(line)
        if words[0] == "make":
            targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
            assert set(words[1:]) - {w for w in words if "=" in w} <= set(targets), line
        elif words[0] == "python":
            knows_its_options(words)
        elif words[0] != "vorrat":
            assert words[0] in ELSEWHERE, line
        elif is_synopsis(line):
            is_called_like_that(words)
        elif words[1] == "open":
            opens(words[2:], folder)
        elif is_read_alone(words, walk[0].page) or not unwritten.isdisjoint(words):
            is_understood(words)
            unwritten |= {words[at + 1] for at, word in enumerate(words) if word == "--out"}
        else:
            runs(line, folder)


def reader_folder(tmp_path: Path) -> Path:
    """A folder like a fresh clone, with the program on the path and some scenarios of one's own."""
    folder = tmp_path / "reader"
    for name in ("scenarios", "tests/scenarios"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "cases").mkdir()
    (folder / "private").mkdir()  # where private files would lie
    for name in ("one", "two"):
        shutil.copyfile(ROOT / "scenarios" / "tutorial.yaml", folder / "cases" / f"{name}.yaml")
    shutil.copyfile(ROOT / "scenarios" / "tutorial.yaml", folder / "my-scenario.yaml")
    (folder / "scenario.yaml").write_text(template("en"), encoding="utf-8")
    (folder / "secret").write_text("0" * 64, encoding="utf-8")
    (folder / "secret").chmod(0o600)
    program = tmp_path / "bin" / "vorrat"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m optimizer "$@"\n', "utf-8")
    program.chmod(0o755)
    return folder


def runs(line: str, folder: Path) -> None:
    """The command of a page ends as it should; results of lines before may be written again."""
    path = f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "PYTHONPATH": str(ROOT), "VORRAT_LANGUAGE": "en", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", lightened(line)],
        cwd=folder,
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == (3 if line == NO_PLAN else 0), f"{line}\n{done.stdout}{done.stderr}"


def is_called_like_that(words: list[str]) -> None:
    """The line that heads a section is what the program says of itself."""
    if not words[1].startswith("["):  # of the program itself
        command = vorrat.get_command(CONTEXT, words[1])
        assert command is not None, words
        pieces = command.collect_usage_pieces(click.Context(command))
        assert words[2:][: len(pieces) - 1] == pieces[1:], f"{words}: {pieces}"


def is_read_alone(words: list[str], page: str) -> bool:
    """Whether a command would take long, and its like is run elsewhere."""
    return "--everything" in words or (page not in RUN_LONG and is_long(shlex.join(words)))


def is_understood(words: list[str]) -> None:
    """Options are read alone: of a long command whose like is run on another page, and of all that
    ``run --everything`` does, which tests/cli/test_run.py does on a small scenario."""
    command = vorrat.get_command(CONTEXT, words[1])
    assert command is not None
    parser = command.make_parser(CONTEXT)
    parser.parse_args(words[2:])


def opens(words: list[str], folder: Path) -> None:
    """Options and files are taken; tests/page has pages opened."""
    command = vorrat.get_command(CONTEXT, "open")
    assert command is not None
    there = [w for word in words for w in ([*map(str, folder.glob(word))] or [word])]
    there = [str(folder / w) if (folder / w).exists() else w for w in there]
    command.make_context("open", there, parent=CONTEXT)


def knows_its_options(words: list[str]) -> None:
    """A benchmark, which may run for hours, is there and names the options that a page gives it."""
    program = (ROOT / words[1]).read_text(encoding="utf-8")
    assert [w for w in words[2:] if w.startswith("--") and f'"{w}"' not in program] == [], words


PYTHON = [block for block in EVERY if block.language == "python"]


@pytest.mark.slow
@pytest.mark.parametrize("block", PYTHON, ids=named)
def test_programs_run(block: Block, tmp_path: Path) -> None:
    folder = reader_folder(tmp_path)
    for name in ("tutorial", "einfuehrung"):  # as their page had them written
        shutil.copyfile(folder / "scenarios" / "tutorial.yaml", folder / f"{name}.yaml")
    subprocess.run(
        [sys.executable, "-P", "-c", block.text],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=600,
    )


DATA = [block for block in EVERY if block.language in ("yaml", "json")]


@pytest.mark.parametrize("block", DATA, ids=named)
def test_data_is_what_the_models_take(block: Block) -> None:
    """Whole scenarios are read in tests/test_docs.py; of a part, each section is."""
    read: Any = json.loads(block.text) if block.language == "json" else [
        *yaml.safe_load_all(block.text)
    ]  # fmt: skip
    assert read
    if block.language == "yaml" and isinstance(read[0], dict) and "schema_version" not in read[0]:
        sections = {f.alias or name: f for name, f in Case.model_fields.items()}
        for name, value in read[0].items():
            if name in sections and "table" not in value:
                holds(sections[name].annotation, value)


def holds(kind: Any, value: Any) -> None:
    """A section says nothing wrong; what it lacks may be in a file that it lies over."""
    wrong: list[str] = []
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        wrong = [str(one) for one in error.errors() if one["type"] != "missing"]
    assert wrong == []
