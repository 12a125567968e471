"""``vorrat alternatives``: files, output, refusals and page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.results import Alternatives, Plan
from optimizer.analyses.alternatives.near_optimal import AlternativesResult
from optimizer.cli import run_command_line

TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alternatives")
    code = run_command_line(
        ["alternatives", str(TUTORIAL), "--within", "30%", "--quiet", "--jobs", "1",
         "--assume", "dear: materials.gallium.price_eur_per_t=900000", "--out", str(out)]
    )  # fmt: skip
    assert code == 0
    return out


@pytest.mark.slow
def test_it_writes_the_document_and_every_plan(saved: Path) -> None:
    found = Alternatives.model_validate_json((saved / "alternatives.json").read_bytes())
    assert found.within == pytest.approx(0.3)
    assert found.exhausted
    assert len(found.alternatives) == 2
    for number in range(3):
        plan = Plan.model_validate_json((saved / "plans" / str(number) / "plan.json").read_bytes())
        assert plan.certificate.bound == pytest.approx(found.bound)
    kinds = [other.kind for other in found.others]
    assert kinds.count("variant") == 3
    stated = next(other for other in found.others if other.id == "dear")
    assert stated.settings == ("materials.gallium.price_eur_per_t=900000",)


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("language", "reported"),
    [
        ("en", ["The plan and its alternatives", "in most"]),
        ("de", ["Der Plan und seine Alternativen", "in den meisten"]),
    ],
)
def test_text_is_given_in_both_languages(
    language: str, reported: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["alternatives", str(TUTORIAL), "--within", "0.3", "--no-assumptions", "--quiet"]
    assert run_command_line([*arguments, "--jobs", "1", "--language", language]) == 0
    text = capsys.readouterr().out
    assert all(part in text for part in reported)


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_has_its_tables_and_the_chart_of_the_index(
    saved: Path, tmp_path: Path, language: str
) -> None:
    page = tmp_path / "page.html"
    given = str(saved / "alternatives.json")
    assert run_command_line(["report", given, "--out", str(page), "--language", language]) == 0
    text = page.read_text(encoding="utf-8")
    assert 'id="chart-robustness' in text
    assert text.count("<table") >= 4


@pytest.mark.slow
def test_a_saved_plan_is_compared_with_and_has_no_variants(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved / "plans" / "1"
    options = ["--within", "0.3", "--no-assumptions", "--json", "--jobs", "1"]
    assert run_command_line(["alternatives", str(folder), *options]) == 0
    reported = capsys.readouterr()
    found = Alternatives.model_validate_json(reported.out)
    plan = json.loads((folder / "plan.json").read_bytes())
    assert found.given
    assert found.others == ()
    assert set(found.plan.projects) == {project["id"] for project in plan["projects"]}
    assert found.plan.above > 0.1
    assert "no variants" in reported.err


@pytest.mark.parametrize(("share", "code"), [(1.0, 0), (0.9, 1)])
def test_a_best_plan_that_was_not_proven_is_reported_by_the_exit_code(
    share: float, code: int, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a limit ended its solve: all that follows is counted from a bound far below."""
    found = Alternatives.model_validate_json((saved / "alternatives.json").read_bytes())
    loose = found.model_copy(update={"bound": share * found.bound})
    monkeypatch.setattr(
        "optimizer.analyses.alternatives.near_optimal.find_alternatives",
        lambda *_, **__: AlternativesResult(loose, {}),
    )
    assert run_command_line(["alternatives", str(TUTORIAL), "--quiet", "--json"]) == code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--within", "-1"], "is not a share"),
        (["--within", "much"], "is not a share"),
        (["--assume", "no settings"], "is not of the form"),
        (["--assume", "name: materials"], "is not of the form"),
    ],
)
def test_what_is_not_understood_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["alternatives", str(TUTORIAL), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_path_is_reported_before_any_solve(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run_command_line(["alternatives", str(TUTORIAL), "--assume", "x: materials.tin.price=1"])
        == 2
    )
    assert "tin" in capsys.readouterr().err


def test_results_are_not_overwritten(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["alternatives", str(TUTORIAL), "--out", str(saved)]) == 2
    assert "--force" in capsys.readouterr().err


def test_a_workbook_has_the_sections_of_the_page(saved: Path, tmp_path: Path) -> None:
    book = tmp_path / "x.xlsx"
    assert run_command_line(["workbook", str(saved / "alternatives.json"), "--out", str(book)]) == 0
    assert book.stat().st_size > 5000
