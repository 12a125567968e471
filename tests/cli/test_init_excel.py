"""``vorrat init --excel``: workbooks to start from, and the script that runs them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest
from workbooks import ROOT, TUTORIAL

from models.files import read_case, read_case_text
from optimizer.cli import run_command_line
from optimizer.cli.scenario_files import (
    OPENER_FILES,
    STARTER_FILE,
    opener_script,
    starter_scenario_text,
    starter_script,
)
from optimizer.solve.checked_solution import input_hash


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_starter_is_the_same_in_excel_and_yaml(folder, language, capsys):
    assert run_command_line(["init", "--excel", "--language", language]) == 0
    said = "is written; try:"
    assert f"scenario.xlsx {said} vorrat run scenario.xlsx" in capsys.readouterr().err
    read = read_case("scenario.xlsx", check_variants=True)
    assert read.warnings == ()
    assert input_hash(read.case) == input_hash(read_case_text(starter_scenario_text(language)).case)
    assert run_command_line(["validate", "scenario.xlsx"]) == 0


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_conversion_that_the_starter_shows_can_be_used(language):
    head, _, rest = starter_scenario_text(language).partition("# conversions:")
    block, _, rest = rest.partition("#                          ")
    magnet = "materials:\n  magnet: {price_eur_per_t: 60000}\n"
    text = head.replace("materials:\n", magnet, 1) + "conversions:" + block.replace("\n#", "\n")
    read = read_case_text(text + "\n#" + rest)
    assert read.case.conversions["magnet_makers"].inputs_t_per_t == {"dysprosium": 0.03}
    assert [one.message for one in read.warnings] == [
        "nobody demands 'magnet'",
        "a conversion into 'magnet', which nobody demands",
    ]


@pytest.mark.slow
def test_any_scenario_becomes_a_workbook(folder):
    assert run_command_line(["init", "--excel", "--from", str(TUTORIAL), "t.xlsx"]) == 0
    assert read_case("t.xlsx").case == read_case(TUTORIAL).case
    assert run_command_line(["init", "--excel", "--from", "t.xlsx", "again.xlsx"]) == 0
    assert read_case("again.xlsx").case == read_case(TUTORIAL).case


@pytest.mark.slow
def test_a_scenario_that_a_workbook_cannot_hold_is_refused(folder, capsys):
    text = TUTORIAL.read_text(encoding="utf-8").replace(
        "    capex_meur: {value: 6", '    tags: ["a;b"]\n    capex_meur: {value: 6'
    )
    (folder / "t.yaml").write_text(text, encoding="utf-8")
    assert run_command_line(["init", "--excel", "--from", "t.yaml", "t.xlsx"]) == 2
    assert "a workbook cannot hold this as it stands (projects.recycling.tags)" in (
        capsys.readouterr().err
    )
    assert not (folder / "t.xlsx").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "x.yaml"], "'x.yaml' cannot be read"),
        (["--excel", "x.yaml"], "'x.yaml' is no name of a workbook: it ends in .xlsx."),
        (["--excel", "--from", "nothing.yaml"], "cannot be read"),
    ],
)
def test_wrong_usage(folder, capsys, arguments, said):
    assert run_command_line(["init", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_nothing_is_overwritten_unasked(folder, capsys):
    (folder / "scenario.xlsx").write_text("kept")
    assert run_command_line(["init", "--excel"]) == 2
    assert "--force overwrites it" in capsys.readouterr().err
    assert run_command_line(["init", "--excel", "--force"]) == 0


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_script_for_windows(folder, language):
    """Windows wants CRLF, and before chcp it reads no letters but those of ASCII."""
    assert run_command_line(["init", "--excel", "--starter", "--language", language]) == 0
    raw = (folder / STARTER_FILE).read_bytes()
    assert raw == starter_script(language)
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n") > 30
    lines = raw.decode().split("\r\n")
    labels = {line[1:] for line in lines if line.startswith(":")}
    jumps = {line.rsplit("goto ", 1)[1] for line in lines if "goto " in line}
    assert jumps <= labels
    assert any(line.startswith('"%VORRAT%" run --open') and '"%BOOK%"' in line for line in lines)
    assert "pause" in lines


def test_what_opens_the_page_lies_beside_it_for_each_system(folder):
    assert run_command_line(["init", "--starter"]) == 0
    for name in OPENER_FILES:
        raw = (folder / name).read_bytes()
        assert raw == opener_script(name)
        assert b"vorrat open" in raw or b'"%VORRAT%" open' in raw
        windows = name.endswith(".cmd")
        assert raw.count(b"\r\n") == (raw.count(b"\n") if windows else 0)
        assert windows == raw.isascii()
        if not windows:
            assert (folder / name).stat().st_mode & 0o111


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
@pytest.mark.parametrize("name", ["vorrat-open.command", "vorrat-open.desktop"])
def test_a_double_click_opens_the_page_with_the_file_that_was_dropped(name, tmp_path):
    """By a command of that name, which says how it was called."""
    own = tmp_path / ".local" / "bin"
    own.mkdir(parents=True)
    (own / "vorrat").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    (own / "vorrat").chmod(0o755)
    (tmp_path / name).write_bytes(opener_script(name))
    command = ["sh", str(tmp_path / name)]
    if name.endswith(".desktop"):
        (line,) = (x for x in opener_script(name).decode().splitlines() if x.startswith("Exec="))
        # A text of such a file escapes backslashes; its quotes are like those of a shell.
        words = shlex.split(line[5:].replace("\\\\", "\\"))[:-1]
        command = [word.replace("\\$", "$") for word in words]
    done = subprocess.run(
        [*command, "my file.yaml"], env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "open|my file.yaml|"


def test_the_repository_keeps_scripts_in_the_form_of_windows():
    assert "*.cmd text eol=crlf" in (ROOT / ".gitattributes").read_text()


@pytest.mark.slow
def test_a_scenario_that_comes_along_is_named_and_brings_what_its_variants_include(
    tmp_path, monkeypatch, capsys
):
    """The line of the install pages; all variants of the workbook are read."""
    shipped = ROOT / "scenarios"
    monkeypatch.chdir(tmp_path)
    assert (
        run_command_line(["init", "--excel", "--starter", "--from", "germany-2026", "germany.xlsx"])
        == 0
    )
    included = tmp_path / "germany-2026" / "trading_house.yaml"
    assert included.read_bytes() == (shipped / "germany-2026" / "trading_house.yaml").read_bytes()
    assert "variants of the workbook include it" in capsys.readouterr().err
    assert run_command_line(["validate", "germany.xlsx"]) == 0
    made = read_case("germany.xlsx", check_variants=True).case
    assert input_hash(made) == input_hash(read_case(shipped / "germany-2026.yaml").case)
    assert made.counterfactual == "industry_alone"
    # Once more, under another name, though a folder of the scenario's name is there now.
    assert run_command_line(["init", "--excel", "--from", "germany-2026", "again.xlsx"]) == 0
    capsys.readouterr()
    assert run_command_line(["init", "--excel", "--from", "germany-2025", "x.xlsx"]) == 2
    assert "there are consortium, germany-2026, japan-2010, tutorial" in capsys.readouterr().err


@pytest.mark.slow
def test_what_a_variant_includes_once_more_comes_along(tmp_path, monkeypatch):
    """A variant replaces what the scenario includes, and a workbook holds only the latter."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    for name in ("common", "extra"):
        text = f"sources: {{{name}: {{kind: assumption, text: {name}}}}}"
        (tmp_path / "parts" / f"{name}.yaml").write_text(text)
    own = "  more: {set: {include: [parts/common.yaml, parts/extra.yaml]}}\n"
    text = TUTORIAL.read_text(encoding="utf-8").replace("variants:\n", f"variants:\n{own}")
    (tmp_path / "base.yaml").write_text(f"include: [parts/common.yaml]\n{text}", encoding="utf-8")
    (tmp_path / "out").mkdir()
    assert run_command_line(["init", "--excel", "--from", "base.yaml", "out/book.xlsx"]) == 0
    assert run_command_line(["validate", "out/book.xlsx"]) == 0


@pytest.mark.parametrize("name", ["base.xlsx", "base.XLSM"])
def test_a_workbook_is_written_with_excel_alone(folder, name, capsys):
    assert run_command_line(["init", name]) == 2
    assert "--excel" in capsys.readouterr().err
    assert not (folder / name).exists()
