"""``vorrat report`` and ``vorrat workbook`` of a saved participation."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook
from pages import read
from participations import participation
from saved_plans import nothing

from optimizer.cli import run_command_line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a participation in ``share``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "share").mkdir()
    file = tmp_path / "share" / "participation.json"
    file.write_text(participation().model_dump_json(indent=2), encoding="utf-8")
    return tmp_path


@pytest.mark.quick(1)
@pytest.mark.parametrize("given", ["share", "share/participation.json"])
def test_the_page_stands_beside_it(
    given: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["report", given, "--excel", "out.xlsx", "--charts", "pictures"]) == 0
    page = Path("share") / "report.html"
    assert capsys.readouterr().out == f"{page}\nout.xlsx\n"
    assert "Chips AG does best" in read((folder / page).read_text(encoding="utf-8")).text
    assert load_workbook(folder / "out.xlsx").sheetnames[1] == "Best share and limit"
    names = sorted(path.name for path in (folder / "pictures").iterdir())
    assert names[0] == "01-public.png"
    assert len(names) == 4


def test_a_workbook_in_german(folder: Path) -> None:
    call = ["workbook", "share", "--out", "out.xlsx", "--language", "de"]
    assert run_command_line(call) == 0
    assert load_workbook(folder / "out.xlsx").sheetnames[1] == "Bester Anteil und Obergrenze"


def test_nothing_goes_beside_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "plan.json").write_text(nothing().model_dump_json(), encoding="utf-8")
    assert run_command_line(["report", "plan.json", "share"]) == 2
    assert "do not go together" in capsys.readouterr().err


def test_a_plan_in_the_same_folder_comes_first(folder: Path) -> None:
    (folder / "share" / "plan.json").write_text(nothing().model_dump_json(), encoding="utf-8")
    assert run_command_line(["report", "share"]) == 0
    page = (folder / "share" / "report.html").read_text(encoding="utf-8")
    assert "build and buy nothing" in page


def test_one_of_another_version_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "old.json").write_text('{"kind": "participation"}', encoding="utf-8")
    assert run_command_line(["report", "old.json"]) == 2
    assert "is no result of this version: title: Field required." in capsys.readouterr().err
