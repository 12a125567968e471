"""The worked examples of docs/extending.md, applied to a copy of the sources and tried there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "extending.md"
COPIED = ("models", "optimizer", "vorrat", "scenarios", "docs", "tests")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def section(name: str) -> str:
    found = re.search(
        rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S
    )
    assert found
    return found[1]


def changes(text: str) -> Iterator[tuple[str, bool, list[str]]]:
    """The changes in the blocks of a text: the file, whether it is new, and the lines."""
    for block in re.findall(r"^```diff\n(.*?)^```", text, re.M | re.S):
        heads = re.split(r"^(---|\+\+\+) (\S+)\n", block, flags=re.M)
        assert not heads[0]
        for kind, file, lines in zip(heads[1::3], heads[2::3], heads[3::3], strict=True):
            yield file, kind == "+++", lines.splitlines()


@cache
def before(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def changed(text: str, lines: list[str]) -> str:
    """A text with the lines that a change adds, at the only place where the others stand."""
    old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    assert f"\n{text}".count(f"\n{old}") == 1, old
    return f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]


def apply(text: str, folder: Path) -> set[str]:
    """Apply the changes to a copy of the sources; return the files."""
    files = set()
    for file, is_new, lines in changes(text):
        target = folder / file
        assert is_new != target.exists(), file
        target.parent.mkdir(exist_ok=True)
        if is_new:
            content = "".join(f"{line[1:]}\n" for line in lines)
        else:
            content = changed(target.read_text(encoding="utf-8"), lines)
        target.write_text(content, encoding="utf-8")
        files.add(file)
    return files


SECTIONS = ("A rule", "An instrument", "An analysis", "A table")


@pytest.mark.parametrize("name", SECTIONS)
def test_the_places_of_an_example_are_there(name: str) -> None:
    """Seen at once, where a change of the sources moves them; that it works is tried below."""
    for file, is_new, lines in changes(section(name)):
        if is_new:
            assert not (ROOT / file).exists()
        else:
            changed(before(file), lines)


def test_a_rule_takes_eight_files() -> None:
    assert len({file for file, _, _ in changes(section("A rule"))}) == 8


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in SECTIONS:
        apply(section(name), folder)
    return folder


def run(copy: Path, *arguments: str) -> str:
    """What Python prints in the copy; kernels are run as Python, since they are compiled again."""
    environment = os.environ | {"PYTHONPATH": str(copy), "VORRAT_LANGUAGE": "en"}
    environment |= {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def vorrat(copy: Path, *arguments: str) -> str:
    program = "from optimizer.cli import main; main()"
    return run(copy, "-c", program, *arguments)


@pytest.mark.slow
def test_all_pass_the_tests_of_rules_and_texts(copy: Path) -> None:
    files = [
        *("formulation/test_policy_limits.py", "formulation/test_document.py", "test_terms.py"),
        *("optima/test_treasury.py", "test_language.py", "test_docs.py"),
    ]
    paths = [f"tests/{file}" for file in files]
    chosen = ["-m", "not slow", "-k", "not test_docs or scenario_format"]
    assert " passed" in run(copy, "-m", "pytest", "-n", "0", *chosen, *paths)


@pytest.mark.slow
def test_the_rule_is_kept_and_named(copy: Path) -> None:
    setting = "policy.max_projects_by_country={DE: 0}"
    assert run(copy, "-c", "import optimizer; print(optimizer.__file__)").startswith(str(copy))
    plan = json.loads(vorrat(copy, "solve", "scenarios/tutorial.yaml", "--set", setting, "--json"))
    assert plan["projects"] == []
    vorrat(copy, "solve", "scenarios/tutorial.yaml", "--set", setting, "--out", "out")
    vorrat(copy, "report", "out/plan.json", "--out", "out/plan.html", "--language", "de")
    page = (copy / "out" / "plan.html").read_text(encoding="utf-8")
    assert "Zahl der Projekte, höchstens in Deutschland: 0." in page


@pytest.mark.slow
def test_the_instrument_comes_back_by_its_terms(copy: Path) -> None:
    terms = {"kind": "convertible_loan", "term_years": 5, "interest_rate": 0.03}
    settings = [
        f"--set=funders.fund.instruments.equity.{field}={value}"
        for field, value in (terms | {"expected_return": 0.04}).items()
    ]
    plan = json.loads(vorrat(copy, "solve", "scenarios/tutorial.yaml", *settings, "--json"))
    returned = next(it["returned_meur"] for it in plan["accounts"] if it["funder"] == "fund")
    interest, *_, sale = returned.values()
    assert len(returned) == 5
    assert sale / interest == pytest.approx((0.03 + 1.04**5) / 0.03, rel=1e-5)


@pytest.mark.slow
def test_the_analysis_answers_in_both_languages(copy: Path) -> None:
    found = json.loads(vorrat(copy, "stocks", "scenarios/tutorial.yaml", "--json"))
    assert found["expected"] < found["expected_with_stocks_alone"] < found["without_plan"]
    assert "Stocks alone avoid" in vorrat(copy, "stocks", "scenarios/tutorial.yaml")
    german = vorrat(copy, "stocks", "scenarios/tutorial.yaml", "--language", "de")
    assert "Lager allein vermeiden" in german


@pytest.mark.slow
def test_the_table_is_in_the_plan(copy: Path) -> None:
    assert "What is built in each country" in vorrat(copy, "solve", "scenarios/tutorial.yaml")
