"""``vorrat report`` and ``vorrat workbook`` of a saved split."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook
from pages import read
from saved_plans import tutorial
from splits import split

from models.results import Split
from optimizer.cli import run_command_line


def save(found: Split, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(found.model_dump_json(), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a split in ``joint`` and a plan in ``plan``."""
    monkeypatch.chdir(tmp_path)
    save(split(), tmp_path / "joint" / "split.json")
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text(tutorial().model_dump_json(), encoding="utf-8")
    return tmp_path


def of_the_plan() -> Split:
    return split(input_sha256=tutorial().certificate.input_sha256)


@pytest.mark.slow
@pytest.mark.parametrize("given", ["joint", "joint/split.json"])
def test_a_split_makes_a_page_of_its_own(
    given: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["report", given, "--charts", "pictures", "--excel", "book.xlsx"]) == 0
    page = Path("joint") / "report.html"
    assert capsys.readouterr().out.splitlines() == [str(page), "book.xlsx"]
    assert "Together the 3 companies gain" in read(page.read_text(encoding="utf-8")).text
    assert len(list((folder / "pictures").iterdir())) == 6
    assert load_workbook(folder / "book.xlsx").sheetnames[2] == "Players"


def test_a_split_makes_a_workbook_of_its_own(folder: Path) -> None:
    assert run_command_line(["workbook", "joint", "--out", "x.xlsx", "--language", "de"]) == 0
    assert "Gruppen" in load_workbook(folder / "x.xlsx").sheetnames


@pytest.mark.slow
def test_a_split_in_the_folder_joins_the_report_of_its_plan(folder: Path) -> None:
    save(of_the_plan(), folder / "plan" / "split.json")
    assert run_command_line(["report", "plan", "--excel", "x.xlsx"]) == 0
    page = (folder / "plan" / "report.html").read_text(encoding="utf-8")
    assert 'id="split"' in page
    assert "Groups" in load_workbook(folder / "x.xlsx").sheetnames


def test_a_split_that_is_named_beside_a_plan_joins_it(folder: Path) -> None:
    save(of_the_plan(), folder / "mine.json")
    assert run_command_line(["report", "plan", "mine.json", "--out", "x.html"]) == 0
    assert 'id="split"' in (folder / "x.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["plan", "plan", "joint"], "do not go together"),
        (["plan", "joint"], "was computed for another scenario than"),
    ],
)
def test_what_does_not_go_together_is_refused(
    given: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["report", *given, "--out", "x.html"]) == 2
    assert says in capsys.readouterr().err
    assert run_command_line(["workbook", *given, "--out", "x.xlsx"]) == 2
    assert not (folder / "x.html").exists()
    assert not (folder / "x.xlsx").exists()


def test_a_split_of_another_version_is_reported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "odd.json").write_text('{"kind": "split"}', encoding="utf-8")
    assert run_command_line(["report", "odd.json"]) == 2
    assert "is no result of this version: title: Field required." in capsys.readouterr().err
