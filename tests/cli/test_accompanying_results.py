"""Accompanying results of a plan: found in its folder or given, and refused if they belong to
another plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from evaluations import by_hand
from samples import explanation, sensitivity
from saved_plans import rich, tutorial
from splits import split

from models.results import Explanation, Plan, Result, Sensitivity
from optimizer.analyses.plan import companion_results
from optimizer.analyses.registry import build_result_document
from optimizer.cli import run_command_line, saved_results


def of(plan: Plan) -> dict[str, Result]:
    """A result of each kind that could be of this plan."""
    about = {"input_sha256": plan.certificate.input_sha256}
    objective = plan.certificate.objective
    own = sensitivity().own.model_copy(update={"objective": objective})
    found: list[Result] = [
        split(**about),
        by_hand(**about, own_objective=objective),
        explanation().model_copy(update=about | {"objective": objective}),
        sensitivity().model_copy(update=about | {"own": own}),
    ]
    return {companion_results.result_kind(one): one for one in found}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a plan in ``plan``."""
    monkeypatch.chdir(tmp_path)
    save(tutorial(), tmp_path / "plan" / "plan.json")
    return tmp_path


def save(found: Any, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(found.model_dump_json(), encoding="utf-8")
    return str(path)


def read(*given: str) -> dict[str, Any]:
    """By kind, what goes with the plan of what was given."""
    found, plans = saved_results.read_results(given)
    assert len(plans) == 1
    return companion_results.group_by_kind(one.result for one in found)


def test_every_kind_has_a_file_and_a_place() -> None:
    assert set(saved_results.COMPANION_FILES) == set(companion_results.COMPANION_KINDS)
    assert companion_results.REPEATABLE_KINDS == ("stress",)


@pytest.mark.quick(1)
@pytest.mark.parametrize("kind", ["split", "evaluation", "explanation", "sensitivity"])
def test_what_lies_beside_a_plan_goes_with_it(kind: str, folder: Path) -> None:
    found = of(tutorial())[kind]
    save(found, folder / "plan" / f"{kind}.json")
    assert read("plan") == {kind: found}


def test_what_is_given_takes_the_place_of_what_lies_there(folder: Path) -> None:
    mine, there = of(tutorial())["evaluation"], of(tutorial())["split"]
    save(mine.model_copy(update={"own_states": 7}), folder / "plan" / "evaluation.json")
    save(there, folder / "plan" / "split.json")
    assert read("plan", save(mine, folder / "mine.json")) == {"evaluation": mine, "split": there}


@pytest.mark.parametrize("kind", ["split", "evaluation", "explanation", "sensitivity"])
def test_results_of_another_scenario_are_refused_if_named_and_ignored_if_found(
    kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(of(rich())[kind], folder / "plan" / f"{kind}.json")
    assert run_command_line(["report", "plan", path]) == 2
    assert "was computed for another scenario than" in capsys.readouterr().err
    assert read("plan") == {}
    assert f"{kind}.json' is of another plan than" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["evaluation", "explanation", "sensitivity"])
def test_results_on_another_plan_are_refused(
    kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tutorial()
    worse = plan.certificate.model_copy(update={"objective": plan.certificate.objective + 1e-3})
    save(of(plan.model_copy(update={"certificate": worse}))[kind], folder / "other.json")
    assert run_command_line(["report", "plan", "other.json"]) == 2
    assert "was computed for another plan than" in capsys.readouterr().err


def test_one_of_a_kind_goes_with_a_plan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [save(of(tutorial())["evaluation"], folder / f"{name}.json") for name in "ab"]
    assert run_command_line(["report", "plan", *given]) == 2
    assert "do not go together" in capsys.readouterr().err


def test_a_document_takes_all_kinds_and_no_other() -> None:
    every = of(tutorial())
    assert isinstance(every["explanation"], Explanation)
    assert isinstance(every["sensitivity"], Sensitivity)
    assert build_result_document(tutorial(), **every).sections
    with pytest.raises(TypeError, match="unexpected keyword"):
        build_result_document(tutorial(), comparison=None)
