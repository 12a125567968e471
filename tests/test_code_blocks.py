"""What the pages show as code is run: each command, from top to bottom of its page, in a folder
like a reader's; programs in Python; YAML and JSON against the models.

Large scenarios are cut down first, see ``cut_down``, so that all can be run. What a page shows for
a cluster is in ``test_deploy``, and ``ELSEWHERE`` names what no test can run, with the reason.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import psutil
import pytest
import yaml
from code_blocks import (
    APART,
    CONTEXT,
    PAGES,
    ROOT,
    SHELLS,
    Block,
    as_reader,
    blocks,
    files_described,
    is_large,
    is_synopsis,
    lightened,
    opens,
    parameters,
    reader_folder,
    walks,
)
from pydantic import TypeAdapter, ValidationError

from models.files import shipped_files
from models.results import Plan
from models.scenario.references import Case
from optimizer.cli import further_analyses, report, run_command_line, vorrat

ELSEWHERE = {
    "uv": "what `make release` does in environments of its own",
    "winget": "on Windows only",
    "powershell": "on Windows only",
    "podman": "by hand: needs a container engine",
    "pip": "what `make release` does in environments of its own",
    "minisign": "by hand: keys are made and asked for a password",
    "openssl": "tests/page makes secrets of its own",
    "cd": "a folder of the reader's",
    "$env:HTTPS_PROXY": "a setting of the reader's network",
    "$env:UV_SYSTEM_CERTS": "a setting of the reader's network",
}  # fmt: skip
"""Programs that no test runs here, and why."""
SHOWN = {"diff", "text", "nginx", "snakemake", "bash", "pycon", ""}
"""Languages of blocks that are run or read in ``test_deploy`` and ``test_facade``, or that are no
code: formulas and output."""
STARTED = 3.0
"""Seconds of processor time for which a benchmark has to run, if it does not end well before."""
NO_START = {
    "benchmarks/against_mpi_sppy.py": "takes what no lock holds, as the line before it says",
    "benchmarks/published_recourse.py": "takes files that are published elsewhere",
}
"""Benchmarks of which options are looked up alone, and why."""
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
GERMAN = {
    page: page.with_name(page.name.replace(".de.", ".")) for page in PAGES if ".de." in page.name
}
"""Pages whose commands and programs are those of an English page, which are run."""
LENGTHY = {"benchmarks.md", "policy.md"}
"""Pages whose commands take minutes: all benchmarks, and a run of germany-2026 with everything."""
WALKS = [
    pytest.param(
        walk,
        id=walk[0].name,
        marks=[pytest.mark.exhaustive]
        if page.name in LENGTHY
        or (
            page.name in APART
            and any(is_large(line) for block in walk for line in block.commands())
        )
        else [],
    )
    for page in PAGES
    if page not in GERMAN
    for walk in walks(page)
]
"""What readers type one after the other. Examples of options on large scenarios take minutes."""


def named(block: Block) -> str:
    return block.name


def test_every_block_has_a_language_that_a_test_knows() -> None:
    known = SHOWN | {*SHELLS, "yaml", "json", "python"}
    assert [block.name for block in EVERY if block.language not in known] == []
    assert len(EVERY) > 100


def test_no_code_is_indented_only() -> None:
    """Such a block has no language, and no test finds it."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        plain = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.M | re.S)
        assert not re.search(r"\A    \S|(?<=\n\n)    (vorrat|make|python) ", plain), page.name


def steps(page: Path) -> list[Any]:
    """What the commands and programs of a page are, whatever names they give to files and texts."""
    found: list[Any] = []
    for block in blocks(page):
        if block.language == "python":
            found.append([type(node).__name__ for node in ast.walk(ast.parse(block.text))])
        elif block.language in SHELLS:
            for words in map(shlex.split, block.commands()):
                options = [word for word in words if word.startswith("-") and word != "--language"]
                found.append([words[0], *([words[1], *options] if words[0] == "vorrat" else [])])
    return found


@pytest.mark.parametrize("page", GERMAN, ids=lambda page: page.name)
def test_a_german_page_has_the_commands_and_programs_of_the_english_one(page: Path) -> None:
    assert steps(page) == steps(GERMAN[page])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_the_options_that_a_page_gives_them(page: Path) -> None:
    for block in blocks(page):
        for line in block.commands() if block.language in SHELLS else ():
            words = shlex.split(line)
            if words[0] == "vorrat" and not is_synopsis(line) and not words[1].startswith("-"):
                given = {word.partition("=")[0] for word in words[2:] if word.startswith("--")}
                assert given <= parameters(words[1]) | {"--help"}, line


@pytest.mark.slow
@pytest.mark.parametrize("walk", WALKS)
def test_commands_do_what_they_say(
    walk: list[Block],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = reader_folder(tmp_path)
    in_a_hurry(folder, monkeypatch)
    for name, text in files_described(walk[0].path).items():
        (folder / name).write_text(text, encoding="utf-8")
    lines = [line for block in walk for line in block.commands()]
    if len(walk) == 1:
        lines[:0] = [line for begin, line in BEFORE.items() if lines[0].startswith(begin)]
    for line in lines:
        words = shlex.split(line)
        if words[0] == "make":
            subprocess.run([words[0], "--dry-run", *words[1:]], cwd=ROOT, check=True)
        elif words[0] == "python":
            begins(words, folder)
        elif words[0] != "vorrat":
            assert words[0] in ELSEWHERE, line
        elif is_synopsis(line):
            is_called_like_that(words)
        elif words[1] != "open":
            code = 3 if line == NO_PLAN else 0
            assert runs(lightened(line), folder) == code, f"{line}\n{capfd.readouterr()}"
        elif "--scheduler" not in words:  # test_deploy has a cluster
            opens(words[2:], folder)


def in_a_hurry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ships is what lies here; what the program chooses itself is as coarse as the rest, and
    done in one process, whose start would take longer than most of these problems."""
    quick = report.quick_evaluation_options

    def few(plan: Plan) -> dict[str, Any]:
        return {**quick(plan), "gap": 0.05, "states": 60}

    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0}, raising=False)
    monkeypatch.setattr(shipped_files, "_scenario_folder", lambda: folder / "scenarios")
    monkeypatch.setattr(report, "quick_evaluation_options", few)
    monkeypatch.setattr(further_analyses, "quick_evaluation_options", few)
    for name, value in (("GAP", 0.05), ("COARSE_GAP", 0.05), ("FRONTIER_POINTS", 3)):
        monkeypatch.setattr(further_analyses, name, value)


def runs(command: str, folder: Path) -> int:
    """The exit code of a command: in this process, which spares it a start, but for what a shell
    has to do with it."""
    if re.search("[*>]", command):
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=as_reader(folder), timeout=600
        )
        return done.returncode
    return run_command_line(shlex.split(command)[1:])


def is_called_like_that(words: list[str]) -> None:
    """The line that heads a section is what the program says of itself."""
    if not words[1].startswith("["):  # of the program itself
        command = vorrat.get_command(CONTEXT, words[1])
        assert command is not None, words
        pieces = command.collect_usage_pieces(click.Context(command))
        assert words[2:][: len(pieces) - 1] == pieces[1:], f"{words}: {pieces}"


def begins(words: list[str], folder: Path) -> None:
    """A benchmark, which may run for hours, takes its options and works for some seconds."""
    program = ROOT / words[1]
    if words[1] in NO_START:
        text = program.read_text(encoding="utf-8")
        assert [w for w in words[2:] if w.startswith("--") and f'"{w}"' not in text] == [], words
        return
    with psutil.Popen(
        [sys.executable, program, *words[2:]],
        cwd=folder,
        env=as_reader(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while True:
            with suppress(subprocess.TimeoutExpired):
                said = process.communicate(timeout=0.2)[1]
                assert process.returncode == 0, f"{words}\n{said}"
                return
            family = [process, *process.children(recursive=True)]
            if worked(family) > STARTED:
                break
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()


def worked(family: list[psutil.Process]) -> float:
    """Seconds of processor time that processes have used."""
    total = 0.0
    for one in family:
        with suppress(psutil.NoSuchProcess):
            used = one.cpu_times()
            total += used.user + used.system
    return total


PYTHON = [
    block
    for block in EVERY
    if block.language == "python" and block.path not in GERMAN and "dask_jobqueue" not in block.text
]


@pytest.mark.slow
@pytest.mark.parametrize("block", PYTHON, ids=named)
def test_programs_run(block: Block, tmp_path: Path) -> None:
    folder = reader_folder(tmp_path)
    text = (folder / "scenarios" / "tutorial.yaml").read_text(encoding="utf-8")
    for name in ("tutorial", "einfuehrung"):  # as their page had them written
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-P", "-c", block.text],
        cwd=folder,
        env=as_reader(folder),
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
            is_mapping = isinstance(value, dict)
            states = value.get("states", ()) if is_mapping else ()
            is_table = (is_mapping and "table" in value) or "table" in states
            if name in sections and not is_table:
                holds(sections[name].annotation, value)


def holds(kind: Any, value: Any) -> None:
    """A section says nothing wrong; what it lacks may be in a file that it lies over."""
    wrong: list[str] = []
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        wrong = [str(one) for one in error.errors() if one["type"] != "missing"]
    assert wrong == []
