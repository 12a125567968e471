"""Saved results that were edited by hand: refused, or shown with what is wrong at their head."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from edited_results import edited
from evaluations import by_hand
from one_point import frontier
from openpyxl import load_workbook
from participations import participation
from saved_plans import chains, nothing, rich, treasury, tutorial, with_residual_values
from splits import split
from three_forms import from_mine_to_magnet

from models.language import using
from models.results import Evaluation, Frontier, Plan, Result
from models.results.base import SEAL_FIELD, compute_seal
from models.results.caveats import NO_CAVEATS
from models.results.inconsistencies import find_inconsistencies
from models.scenario.case import Case
from optimizer.analyses.document_dispatch import build_result_document
from optimizer.cli import run_command_line, saved_results
from optimizer.report.render import html
from optimizer.solve.consistency import find_discrepancies
from optimizer.solve.planner import solve_to_plan as solved

HEAD = "Not reliable"
CHANGED = "was changed after it was written"
UNCONFIRMED = "It cannot be confirmed that"
Raw = dict[str, Any]


@cache
def _text() -> str:
    return tutorial().model_dump_json(indent=2)


def plan() -> Raw:
    """The plan of the tutorial as it is written."""
    found: Raw = json.loads(_text())
    return found


def write(content: Any, folder: Path, name: str = "plan.json") -> str:
    file = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    return str(file)


def resealed(content: Raw) -> Raw:
    return content | {SEAL_FIELD: compute_seal(content)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which no manifest lies."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("made", [rich, treasury, tutorial, with_residual_values, nothing])
def test_every_plan_that_is_made_is_whole(made: Callable[[], Plan], folder: Path) -> None:
    found = saved_results.read_result(write(made().model_dump_json(), folder))
    assert (found.result, found.doubts) == (made(), NO_CAVEATS)


@pytest.mark.parametrize("made", [by_hand, split, participation])
def test_so_is_every_other_result(made: Callable[[], Result], folder: Path) -> None:
    content = json.loads(made().model_dump_json())
    assert content[SEAL_FIELD] == compute_seal(content)
    assert list(find_inconsistencies(made())) == list(find_discrepancies(made())) == []


def test_the_seal_holds_when_another_program_writes_the_document(folder: Path) -> None:
    """Keys in another order, other blanks, whole numbers without a point."""

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: whole(value[key]) for key in sorted(value)}
        if isinstance(value, list):
            return [whole(item) for item in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    again = json.dumps(whole(plan()), indent=7)
    assert again != _text()
    assert saved_results.read_result(write(again, folder)).doubts == NO_CAVEATS


def test_the_seal_follows_the_content() -> None:
    other = tutorial().model_copy(update={"title": "Another"})
    text = other.model_dump_json()
    assert json.loads(text)[SEAL_FIELD] == compute_seal(json.loads(text)) != plan()[SEAL_FIELD]
    assert Plan.model_validate_json(text) == other
    assert SEAL_FIELD not in other.model_dump()


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_what_was_changed_is_reported_in_every_medium(
    language: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = plan()
    content["certificate"]["seconds"] += 1
    file = write(content, folder)
    changed = CHANGED if language == "en" else "wurde geändert, nachdem es geschrieben war"
    asked = ["--language", language]
    assert (
        run_command_line(["report", file, "--out", "page.html", "--excel", "book.xlsx", *asked])
        == 1
    )
    assert changed in capsys.readouterr().err
    page = Path("page.html").read_text(encoding="utf-8")
    assert changed in page[: page.index("<main>")]
    assert (HEAD in page) == (language == "en")
    assert run_command_line(["workbook", file, "--out", "book.xlsx", "--force", *asked]) == 1
    assert changed in capsys.readouterr().err
    first = load_workbook("book.xlsx").worksheets[0]
    assert any(changed in str(cell.value) for row in first.iter_rows(max_row=6) for cell in row)
    assert run_command_line(["compare", file, "--quiet", *asked]) == 1
    said = capsys.readouterr()
    assert changed in said.err
    assert changed in " ".join(said.out.split("\n")[:6])


def test_a_whole_result_is_shown_without_a_word(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(_text(), folder)
    assert run_command_line(["report", file, "--out", "page.html"]) == 0
    assert run_command_line(["workbook", file, "--out", "book.xlsx"]) == 0
    assert run_command_line(["compare", file, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert HEAD not in Path("page.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_without_a_seal_a_sound_result_is_shown_with_a_note(
    language: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing seal is noted, and the exit code is 0."""
    content = plan()
    del content[SEAL_FIELD]
    file = write(content, folder)
    unknown = UNCONFIRMED if language == "en" else "Es lässt sich nicht bestätigen, dass"
    asked = ["--language", language]
    assert (
        run_command_line(["report", file, "--out", "page.html", "--excel", "book.xlsx", *asked])
        == 0
    )
    said = capsys.readouterr().err
    assert said.startswith({"en": "NOTE: ", "de": "HINWEIS: "}[language] + f"{file}: {unknown}")
    page = Path("page.html").read_text(encoding="utf-8")
    head = page[: page.index("<main>")]
    assert unknown in head
    assert ("Not confirmed to be as it was written" in head) == (language == "en")
    assert HEAD not in page
    assert run_command_line(["workbook", file, "--out", "book.xlsx", "--force", *asked]) == 0
    assert unknown in capsys.readouterr().err
    first = load_workbook("book.xlsx").worksheets[0]
    assert any(unknown in str(cell.value) for row in first.iter_rows(max_row=6) for cell in row)
    assert run_command_line(["compare", file, "--quiet", *asked]) == 0
    said_twice = capsys.readouterr()
    assert unknown in said_twice.err
    assert unknown in " ".join(said_twice.out.split("\n")[:6])
    # A figure that does not add up is another matter, with or without a seal.
    content["certificate"]["objective"] += 1
    file = write(content, folder)
    assert run_command_line(["report", file, "--out", "page.html", "--force"]) == 1
    assert HEAD in Path("page.html").read_text(encoding="utf-8") or language == "de"
    content[SEAL_FIELD] = None
    assert CHANGED in saved_results.read_result(write(content, folder)).doubts.contradictions[0]


def test_of_several_plans_the_one_that_was_changed_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = plan()
    content["currency"] = "USD"
    write(_text(), folder, "good.json")
    write(content, folder, "bad.json")
    assert run_command_line(["report", "good.json", "bad.json", "--out", "page.html"]) == 1
    err = capsys.readouterr().err
    assert "'bad.json' was changed" in err
    assert "good.json" not in err
    page = Path("page.html").read_text(encoding="utf-8")
    assert HEAD in page[: page.index("<main>")]


def test_a_changed_plan_is_not_sealed_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = plan()
    content["title"] = "Better"
    file = write(content, folder)
    assert run_command_line(["compare", file, "--quiet", "--out", "results"]) == 1
    found = json.loads(Path("results/comparison.json").read_bytes())
    assert CHANGED in found["doubts"][0]
    manifest = json.loads(Path("results/comparison.manifest.json").read_bytes())
    assert (manifest["repeatable"], manifest["why_not"]) == (True, None)
    (copy,) = Path("results/plans").glob("*/plan.json")
    assert copy.read_bytes() == Path(file).read_bytes()
    del content[SEAL_FIELD]
    file = write(content, folder)
    assert run_command_line(["compare", file, "--quiet", "--out", "results", "--force"]) == 0
    found = json.loads(Path("results/comparison.json").read_bytes())
    assert found["doubts"] == []
    assert UNCONFIRMED in found["unconfirmed"][0]
    assert saved_results.read_result(str(copy)).doubts.contradictions == ()
    assert UNCONFIRMED in saved_results.read_result(str(copy)).doubts.unconfirmed[0]


@pytest.mark.parametrize("reader", ["report", "workbook", "compare"])
def test_edits_that_cannot_be_rendered_are_refused(
    reader: str, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an unedited result it is reported as an error of the program."""

    def lacks(*_: Any, **__: Any) -> Any:
        raise KeyError("2028")

    monkeypatch.setattr("optimizer.analyses.plan.document.build_document", lacks)
    monkeypatch.setattr("optimizer.analyses.comparison.plan_comparison.compare_plans", lacks)
    changed = plan()
    changed["title"] = "Another"
    for content, code, said in ((changed, 2, "Make it again"), (plan(), 5, "unexpected KeyError")):
        file = write(content, folder)
        out = ["--out", "book.xlsx"] if reader == "workbook" else []
        assert run_command_line([reader, file, *out]) == code
        assert said in capfd.readouterr().err


def test_without_a_seal_the_manifest_identifies_the_result(folder: Path) -> None:
    scenario = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"
    assert run_command_line(["solve", str(scenario), "--out", "results", "--quiet"]) == 0
    file = Path("results/plan.json")
    content = json.loads(file.read_bytes())
    listed = json.loads(Path("results/plan.manifest.json").read_bytes())
    seal = content.pop(SEAL_FIELD)
    text = json.dumps(content)
    file.write_text(text, encoding="utf-8")
    (doubt,) = saved_results.read_result("results").doubts.all
    assert "is not the file that 'plan.manifest.json' lists" in doubt
    lonely = write(content, folder, "lonely.json")
    assert saved_results.read_result(lonely).doubts.contradictions == ()
    assert UNCONFIRMED in saved_results.read_result(lonely).doubts.unconfirmed[0]
    # An earlier version has written it so, and the manifest with it.
    from hashlib import sha256

    listed["outputs"][0]["sha256"] = sha256(text.encode()).hexdigest()
    write(listed, folder / "results", "plan.manifest.json")
    assert saved_results.read_result("results").doubts == NO_CAVEATS
    # With its seal it is what it says, but not what the manifest says.
    content["title"] = "Better"
    write(resealed(content | {SEAL_FIELD: seal}), folder / "results")
    (doubt,) = saved_results.read_result("results").doubts.all
    assert "lists" in doubt


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        (lambda p: p["stockpiles"][0]["buy_t"].update({"20x6": 1.0}), "stockpiles.0.buy_t.20x6",
         "is not in its scenario, whose years are 2026"),
        (lambda p: p["stockpiles"][0]["planned_t"].pop("2027"), "stockpiles.0.planned_t",
         "'2027' is missing"),
        (lambda p: p["materials"].append(p["materials"][0]), "materials", "stands twice"),
        (lambda p: p["funders"][0].update(id="nobody"), "funders.0.id", "'nobody' is not in"),
        (lambda p: p["projects"][0].update(start=2199), "projects.0.start", "'2199' is not in"),
        (lambda p: p["projects"][0].update(market_share=1.5), "projects.0.market_share",
         "less than or equal to 1"),
        (lambda p: p["accounts"][0]["returned_meur"].update({"soon": 1.0}),
         "accounts.0.returned_meur.soon", "match pattern"),
        (lambda p: p["outcome"]["distribution"]["levels"].pop(), "outcome.distribution.with_plan",
         "as many as levels"),
        (lambda p: p["outcome"]["distribution"]["levels"].reverse(), "outcome.distribution.levels",
         "have to be 0, 0.01"),
        (lambda p: p["outcome"].update(worst=1e300), "outcome.worst", "larger than any figure"),
        (lambda p: p["scenario"]["supply"][0].update(material="unobtainium"),
         "the document", "supply.0.material: error: there is no material 'unobtainium'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(
    change: Callable[[Raw], Any], where: str, says: str, folder: Path
) -> None:
    content = plan()
    change(content)
    with pytest.raises(click.UsageError) as refused:
        saved_results.read_result(write(resealed(content), folder))
    assert f"no result of this version: {where}: " in refused.value.message
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda p: p["certificate"].update(objective=1.0), "certificate.objective"),
        (lambda p: p["certificate"].update(gap=0.5), "certificate.gap"),
        (lambda p: p["certificate"].update(status="limit"), "certificate.status"),
        (lambda p: p["certificate"].update(input_sha256="ab" * 32), "certificate.input_sha256"),
        (lambda p: p["certificate"].update(states=7), "certificate.states"),
        (lambda p: p["outcome"].update(net_cost_meur=1.0), "outcome.net_cost_meur"),
        (lambda p: p["outcome"].update(expected=0.5), "materials: expected"),
        (lambda p: p["outcome"].update(worst=1e6), "outcome.distribution.with_plan"),
        (lambda p: p["materials"][0].update(expected=1e5), "materials: expected"),
        (lambda p: p["materials"][0]["by_year"]["2027"].update(demand_t=1.0),
         "by_year.2027.demand_t"),
        (lambda p: p["consumers"][0].update(expected_without_plan=1.0), "consumers: expected"),
        (lambda p: p["projects"][0].update(capex_meur=1.0), "capex_meur"),
        (lambda p: p["projects"][0].update(market_share=0.9), "shares"),
        (lambda p: p["stockpiles"][0]["planned_t"].update({"2027": 1e5}), "planned_t.2027"),
        (lambda p: p["spend_meur"]["fund"].update({"2026": 99.0}), "spend_meur.fund.2026"),
        (lambda p: p["accounts"][0].update(committed_meur=0.1), "committed_meur"),
        (lambda p: p["accounts"].pop(), "accounts"),
        (lambda p: p["budget_lines"][0].update(total_meur=1e4), "total_meur"),
    ],
)  # fmt: skip
def test_figures_are_computed_whoever_sets_the_seal(
    change: Callable[[Raw], Any], path: str, folder: Path
) -> None:
    content = plan()
    change(content)
    found = find_discrepancies(Plan.model_validate(content))
    assert any(path in one.location for one in found)
    doubts = saved_results.read_result(write(resealed(content), folder)).doubts.contradictions
    assert doubts
    assert all("does not add up" in doubt for doubt in doubts)


@pytest.mark.quick(1)
@pytest.mark.parametrize("allocation", ["pooled", "entitled"])
def test_plans_with_chains_add_up(allocation: str) -> None:
    """Also where a stockpile has the id of a project, and where nobody needs what is made last."""
    raw = from_mine_to_magnet(allocation)
    for id_ in ("mine", "refinery", "magnet_plant"):
        renamed = json.loads(json.dumps(raw).replace("oxide_reserve", id_))
        assert list(find_discrepancies(solved(Case.model_validate(renamed)))) == []
    for row in raw["demand"]:
        row["t_per_year"] = 0 if row["material"] == "magnet" else row["t_per_year"]
    assert list(find_discrepancies(solved(Case.model_validate(raw)))) == []


def test_what_a_chain_or_a_clock_is_of_has_to_be_there() -> None:
    content = chains().model_dump(mode="json")
    content["chains"][0]["plants"][0]["id"] = "nowhere"
    found = [one.location for one in find_discrepancies(Plan.model_validate(content))]
    assert "chains.0.plants.nowhere" in found


@pytest.mark.quick(1, ci=5)
@pytest.mark.parametrize("seed", range(60))
def test_edits_are_refused_or_reported(seed: int, folder: Path) -> None:
    """Every accepted edit renders as a page. With a recomputed seal fewer edits are detected, and
    none crashes."""
    for again in (False, True):
        text = edited(plan(), seed, resealed=again)
        try:
            found = saved_results.read_result(write(text, folder))
        except click.UsageError:
            continue
        content = json.loads(text)
        assert again or found.doubts.all or compute_seal(content) == compute_seal(plan())
        assert isinstance(found.result, Plan)
        with using("de"):
            assert html.render_page(build_result_document(found.result), found.doubts)


@pytest.mark.parametrize(
    ("varied", "expected", "gap", "holds"),
    [
        ("funders.fund.budget_meur", 1e6, 0.501, True),
        ("funders.fund.budget_meur", 1e6, 501.0, False),
        ("funders.fund.budget_meur", None, 0.501, True),
        ("funders.fund.budget_meur", None, 502.0, False),
        # Of the worst states alone, of which nothing is lost.
        ("objective.cvar.weight", 1e6, 501.0, True),
        ("objective.cvar.weight", 1e6, 0.501, False),
    ],
)
def test_the_gap_is_relative_to_at_least_a_millionth_of_the_damage_without_a_plan(
    varied: str, expected: float | None, gap: float, holds: bool
) -> None:
    content = json.loads(frontier(tutorial(), varied, 1.0))
    if expected is not None:
        content["without_plan"] = {"expected": expected, "cvar": 5e2, "worst": 5e2}
    content["points"][0] |= {"objective": 1e-3, "bound": -0.5, "gap": gap}
    found = [one.location for one in find_discrepancies(Frontier.model_validate(content))]
    assert ("points.0.gap" in found) != holds


def test_a_bound_may_be_above_the_objective_by_rounding() -> None:
    """Earlier versions did not cut it off there."""
    content = plan()
    proof = content["certificate"]
    proof["bound"] = proof["objective"] * (1 + 1e-9)
    assert list(find_discrepancies(Plan.model_validate(content))) == []
    proof["bound"] = proof["objective"] * (1 + 1e-4)
    (found,) = find_discrepancies(Plan.model_validate(content))
    assert found.location == "certificate.objective"


def test_a_mean_of_no_gaps_is_reported() -> None:
    content = json.loads(by_hand().model_dump_json())
    content["gap"]["replications"] = []
    found = list(find_discrepancies(Evaluation.model_validate(content)))
    names = ("mean.value", "solver_share", "lower_bound")
    assert [one.location for one in found] == [f"gap.{name}" for name in names]


@pytest.mark.parametrize(
    ("varied", "fits"), [("horizon.last_year", True), ("funders.fund.budget_meur", False)]
)
def test_plans_of_a_frontier_over_the_horizon_have_their_years(varied: str, fits: bool) -> None:
    content = json.loads(frontier(tutorial(), "funders.fund.budget_meur", 1.0))
    content["varied"] = varied
    content["points"][0]["projects"] = {"refinery": 2040}
    found = [where for where, _ in find_inconsistencies(Frontier.model_validate(content))]
    assert found == ([] if fits else ["points.0.projects.refinery"])


@pytest.fixture
def both(folder: Path) -> Path:
    """A folder that compare wrote."""
    scenario = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"
    asked = [str(scenario), f"{scenario}@half_the_fund", "--base", "half_the_fund"]
    assert run_command_line(["compare", *asked, "--out", "both", "--quiet"]) == 0
    return folder / "both"


@pytest.mark.slow
def test_of_a_comparison_seal_manifest_and_figures_are_checked(
    both: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, manifest = both / "comparison.json", both / "comparison.manifest.json"
    capsys.readouterr()
    assert run_command_line(["report", "both"]) == 0
    assert capsys.readouterr().err == ""
    content = json.loads(file.read_bytes())
    content["options"][0]["benefit"]["expected"]["avoided"] += 1.0
    write(content, both, file.name)
    assert run_command_line(["report", "both", "--excel", "book.xlsx", "--force"]) == 1
    said = capsys.readouterr().err
    assert "comparison.json' was changed" in said
    assert "is not the file that 'comparison.manifest.json' lists" in said
    assert "does not add up: options.0.benefit.expected.avoided" in said
    assert HEAD in (both / "report.html").read_text(encoding="utf-8")
    write(resealed(content), both, file.name)
    manifest.unlink()
    assert run_command_line(["workbook", "both", "--out", "book.xlsx", "--force"]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "does not add up" in said


@pytest.mark.slow
def test_of_a_comparison_the_plans_are_checked(
    both: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = both / "plans" / "half_the_fund" / "plan.json"
    content = json.loads(file.read_bytes())
    write({**content, "certificate": {**content["certificate"], "ended": "well"}}, file.parent)
    capsys.readouterr()
    assert run_command_line(["report", "both"]) == 1
    assert "half_the_fund/plan.json' was changed" in capsys.readouterr().err
    (both / "comparison.manifest.json").unlink()
    del content[SEAL_FIELD]
    write(content, file.parent)
    assert run_command_line(["report", "both", "--force"]) == 0
    assert UNCONFIRMED in capsys.readouterr().err
    # What spoke against a plan when it was compared still does.
    comparison = json.loads((both / "comparison.json").read_bytes())
    comparison["doubts"] = ["'plan.json' was changed"]
    write(resealed(comparison), both, "comparison.json")
    assert run_command_line(["report", "both", "--force"]) == 1
    assert "'plan.json' was changed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_comparison_of_an_earlier_version_is_completed(
    both: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing fields come from plans in the same folder; without them the comparison is shown as it
    is."""
    content = json.loads((both / "comparison.json").read_bytes())
    for name in ("efficient", "dominated", "industry_alone", "over_industry", "own_views"):
        del content[name]
    del content["names"]["instruments"]
    write(resealed(content), both, "comparison.json")
    (both / "comparison.manifest.json").unlink()
    write(resealed(content), both.parent, "alone.json")
    capsys.readouterr()
    assert run_command_line(["report", "both"]) == 0
    assert capsys.readouterr().err == ""
    assert 'data-name="steps"' in (both / "report.html").read_text(encoding="utf-8")
    assert run_command_line(["report", "alone.json", "--out", "alone.html"]) == 0
    page = Path("alone.html").read_text(encoding="utf-8")
    assert 'data-name="options"' in page
    assert 'data-name="steps"' not in page
    # What it does say must still be what the plans make of it.
    content["options"][0]["benefit"]["expected"]["avoided"] += 1.0
    write(resealed(content), both, "comparison.json")
    assert run_command_line(["report", "both", "--force"]) == 1
    assert "does not add up" in capsys.readouterr().err


@pytest.mark.slow
def test_edits_of_a_comparison_are_refused_or_reported(both: Path) -> None:
    (both / "comparison.manifest.json").unlink()
    whole = json.loads((both / "comparison.json").read_bytes())
    for seed in range(15):
        for again in (False, True):
            text = edited(whole, seed, resealed=again)
            write(text, both, "comparison.json")
            code = run_command_line(["report", "both", "--force"])
            same = compute_seal(json.loads(text)) == compute_seal(whole)
            assert code in ((0, 1, 2) if again or same else (1, 2)), seed
