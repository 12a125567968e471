"""Scenarios and results that Vorrat 0.1.0 wrote are read by this version.

``tests/older/0.1.0`` holds them: made by that version, on the last state of the tree before
scenarios knew chains, and never changed since. docs/upgrade.md says what is promised.
"""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path
from typing import Any

import pytest

from models.files import read_case
from models.results import Plan, Stress
from models.results.base import document_models
from models.results.legacy_documents import upgrade_document, writing_version
from optimizer.cli import rerun, run_command_line, saved_results
from optimizer.solve.checked_solution import input_hash

TESTS = Path(__file__).parent
OLDER = TESTS / "older" / "0.1.0"
SCENARIOS = [
    "tutorial.yaml",
    "two_companies.yaml",
    "tutorial.xlsx",
    "redaction/public/scenario.yaml",
    "../../scenarios/germany-2026-oxides.yaml",
]
RESULTS = [
    "plan",
    "comparison",
    "evaluation",
    "explanation",
    "alternatives",
    "sensitivity",
    "stress",
    "frontier",
    "target",
    "split",
    "participation",
    "batch",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the older files as the current folder, for a Vorrat that is installed as 0.2.0."""
    folder = tmp_path / "older"
    shutil.copytree(OLDER, folder)
    monkeypatch.chdir(folder)
    for module in (saved_results, rerun):
        monkeypatch.setattr(module, "installed_version", lambda: "0.2.0")
    return folder


def content(path: str) -> Any:
    return json.loads((OLDER / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", SCENARIOS)
def test_scenarios_are_read_unchanged(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["validate", str(OLDER / file)]) == 0
    assert "error" not in capsys.readouterr().err


def test_a_scenario_still_means_what_it_meant() -> None:
    """The hash of its content is the one that the older plan states."""
    case = read_case(OLDER / "tutorial.yaml").case
    assert input_hash(case) == content("plan/plan.json")["certificate"]["input_sha256"]
    assert read_case(OLDER / "tutorial.xlsx").case.projects == case.projects


@pytest.mark.quick(1)
@pytest.mark.parametrize("name", RESULTS)
def test_results_are_whole_and_shown(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their seals and manifests hold, and their figures still add up."""
    assert run_command_line(["report", name, "--out", "page.html"]) == 0
    assert run_command_line(["workbook", name, "--out", "book.xlsx"]) == 0
    said = capsys.readouterr().err
    assert "WARNING" not in said
    assert "NOTE" not in said


def test_results_beside_their_plan_are_shown_with_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = ["evaluation", "explanation", "sensitivity", "stress"]
    assert run_command_line(["report", "plan", *beside, "--out", "page.html"]) == 0
    assert "WARNING" not in capsys.readouterr().err
    assert (here / "page.html").stat().st_size > 50_000


def test_what_is_needed_is_what_was_demanded(here: Path) -> None:
    """Without chains nothing else is."""
    plan, stress = (
        saved_results.read_result("plan").result,
        saved_results.read_result("stress").result,
    )
    assert isinstance(plan, Plan)
    assert [year.need_t for year in plan.materials[0].by_year.values()] == [40.0] * 3
    assert isinstance(stress, Stress)
    (short,) = stress.materials
    assert short.need_t == short.demand_t == (40.0,)
    assert short.made_t == short.taken_t == {"market": (0.0,), "plan": (0.0,)}
    assert (stress.plants, stress.events[0].profile) == ((), None)


def test_other_versions_are_read_as_they_are() -> None:
    older = content("plan/plan.json")
    assert upgrade_document(older) != older
    older["certificate"]["versions"]["vorrat"] = "0.2.0"
    assert upgrade_document(older) is older


@pytest.mark.parametrize("path", sorted(one.relative_to(OLDER).as_posix() for one in
                                        OLDER.glob("*/*.json")))  # fmt: skip
def test_every_result_is_one_of_this_version(path: str) -> None:
    made = content(path)
    document_models()[made["kind"]].model_validate(upgrade_document(made))
    assert writing_version(made) in ("0.1.0", None)
    assert made["schema_version"] == 1


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    "command",
    [
        ["compare", "plan", "tutorial.yaml"],
        ["explain", "plan"],
        ["stress", "plan", "--event", "export_stop 2027"],
        ["brief", "comparison", "--out", "brief"],
        pytest.param(["evaluate", "plan"], marks=pytest.mark.slow),
        pytest.param(["brief", "plan", "--out", "brief"], marks=pytest.mark.slow),
        pytest.param(["alternatives", "plan"], marks=pytest.mark.slow),
        pytest.param(["sensitivity", "plan"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_analyses_take_an_older_plan(command: list[str], here: Path) -> None:
    assert run_command_line(command) == 0


@pytest.mark.quick(2)
@pytest.mark.parametrize("name", ["plan", "stress", "comparison", "target", "sensitivity"])
def test_older_results_come_out_the_same_again(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the last bit, where machine and Python are those of then; what the older version did not
    write is not compared."""
    (manifest,) = (here / name).glob("*.manifest.json")
    then = json.loads(manifest.read_text(encoding="utf-8"))["platform"]
    now = {"system": platform.system(), "machine": platform.machine()}
    alike = now.items() <= then.items() and then["python"] == platform.python_version()
    code = run_command_line(["rerun", name, "--out", "again"])
    assert code == 0 or (code == 1 and not alike)
    assert ("Reproduced" in capsys.readouterr().out) == (code == 0)


def test_another_project_is_a_difference_in_results_of_any_version() -> None:
    """A field may be new; an entry of a list, or a year of a mapping, is not."""
    then = {"projects": [{"id": "a"}], "buy_t": {"2030": 1.0}}
    now = {"projects": [{"id": "a"}, {"id": "b"}], "buy_t": {"2030": 1.0, "2031": 2.0}}
    more = {**now, "clustering": None}
    found = [("plan.json", *one) for one in rerun._differences(then, more, ())]
    assert [(one[1], rerun._is_new_field(one)) for one in found] == [
        ("projects.1", False),
        ("buy_t.2031", False),
        ("clustering", True),
    ]


def test_unreadable_results_name_their_version_and_a_remedy(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = content("plan/plan.json")
    del made["outcome"]
    (here / "plan" / "plan.json").write_text(json.dumps(made), encoding="utf-8")
    for command in (["report"], ["compare"], ["evaluate"], ["workbook", "--out", "book.xlsx"]):
        assert run_command_line([*command, "plan"]) == 2
        assert (
            "'plan/plan.json' is no result of this version: outcome: Field required. Vorrat 0.1.0 "
            "wrote it: make it again from its scenario, where a manifest lies beside it by "
            "'vorrat rerun plan --out NEW'." in capsys.readouterr().err
        )
    assert run_command_line(["rerun", "plan", "--out", "new"]) == 1
    assert run_command_line(["report", "new", "--out", "page.html"]) == 0


def test_a_later_format_is_reported_as_such(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (here / "tutorial.yaml").read_text(encoding="utf-8")
    (here / "later.yaml").write_text(text.replace("schema_version: 1", "schema_version: 2"))
    assert run_command_line(["validate", "later.yaml"]) == 2
    reported = "this version of Vorrat does not know format 2; take a later version, or write 1"
    assert reported in capsys.readouterr().err


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_results_of_development_versions_are_read_unchanged(version: str) -> None:
    """It says 0.1.0 of itself, and what chains need as well."""
    reported = {
        "versions": {"vorrat": version},
        "chains": [{"demand_t": 1, "need_t": 2}, {"demand_t": 3}],
    }
    assert upgrade_document(reported) == reported
