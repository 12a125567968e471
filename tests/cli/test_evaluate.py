"""``vorrat evaluate``: options, files, texts and exit codes.

What the parts find is tried elsewhere: here those that solve are left out or stand still.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from evaluations import by_hand, sampled, saved
from saved_plans import tutorial

from models.results import Evaluation
from optimizer.analyses.evaluation import plan_evaluation as judging
from optimizer.cli import run_command_line

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Arguments that each part of the evaluation gets, in a folder with a plan; all parts are
    stubs."""
    monkeypatch.chdir(tmp_path)
    Path("best").mkdir()
    Path("best/plan.json").write_text(saved(sampled()).model_dump_json(), encoding="utf-8")
    calls: list[tuple[str, Any]] = []

    def answers(name: str, value: Any) -> None:
        def part(*args: Any, **options: Any) -> Any:
            calls.append((name, (args, options)))
            return value

        monkeypatch.setattr(judging, name, part)

    found = by_hand()
    for name, value in {
        "release_policy_outcomes": found.rules,
        "estimate_optimality_gap": found.gap,
        "compute_information_value": found.information,
        "compute_tail_premium": found.tail,
    }.items():
        answers(name, value)
    return calls


def evaluation(capfd: Capture, *args: str, code: int = 0) -> Evaluation:
    assert (
        run_command_line(["evaluate", "best", "--states", "50", *args, "--json", "--quiet"]) == code
    )
    return Evaluation.model_validate_json(capfd.readouterr().out)


def test_an_evaluation_as_json(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    found = evaluation(capfd, "--gap", "0.1", "--out", "judged")
    assert (found.title, found.fresh.states, found.fresh.seed) == ("A small case", 50, 8)
    assert [name for name, _ in asked] == [
        "release_policy_outcomes",
        "estimate_optimality_gap",
        "compute_information_value",
        "compute_tail_premium",
    ]
    assert found.tail == by_hand().tail
    assert Evaluation.model_validate_json(Path("judged/evaluation.json").read_bytes()) == found
    assert {"read", "fresh", "rules", "replications", "information"} <= found.seconds.keys()


def test_what_is_asked_reaches_the_parts(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    reported = ["--reserve", "0.1", "--reserve", "0.1", "--reserve", "1", "--seed", "3"]
    reported += ["--replications", "4", "--replication-states", "9", "--wait-and-see", "5"]
    reported += ["--tail-weight", "0.7", "--time-limit", "9", "--jobs", "1"]
    evaluation(capfd, "--gap", "0.1", *reported)
    by_name = dict(asked)
    assert by_name["release_policy_outcomes"][0][3] == (0.1, 1.0)
    assert by_name["estimate_optimality_gap"][0][1:] == (4, 9)
    assert by_name["compute_information_value"][1]["max_states"] == 5
    assert by_name["compute_tail_premium"][1]["weight"] == 0.7
    assert by_name["compute_tail_premium"][1]["time_limit"] == 9


def test_quick_solves_nothing(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    evaluation(capfd, "--quick")
    assert [name for name, _ in asked] == ["release_policy_outcomes"]


def test_parts_are_left_out_by_zero(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    zero = ("replications", "wait-and-see", "tail-weight")
    found = evaluation(capfd, *(part for name in zero for part in (f"--{name}", "0")))
    assert [name for name, _ in asked] == ["release_policy_outcomes"]
    assert (found.gap, found.information, found.tail) == (None,) * 3


def test_a_solve_that_did_not_reach_the_gap_answers_1(
    asked: list[tuple[str, Any]], capfd: Capture
) -> None:
    evaluation(capfd, "--gap", "1e-6", code=1)


def test_the_text_begins_with_the_answer(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    assert run_command_line(["evaluate", "best/plan.json", "--states", "500", "--quick"]) == 0
    said = capfd.readouterr()
    reported = "The plan is judged on 500 states that it was not made for."
    assert said.out.startswith(f"How good is the plan? A small case\n\n{reported}")
    assert "best/plan.json: 1 material" in said.err.replace("\\", "/")
    assert (
        run_command_line(["evaluate", "best", "--states", "50", "--quick", "--language", "de"]) == 0
    )
    assert "für die er nicht gemacht wurde" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--seed", "7"], "that of the plan's own states"),
        (["--replications", "1"], "two at least"),
        (["--reserve", "2"], "not in the range"),
        (["--states", "1"], "not in the range"),
        (["--quick", "--wait-and-see", "3"], "--wait-and-see and --quick exclude each other"),
        (["--quick", "--tail-weight", "0.3"], "--tail-weight and --quick"),
        (["--states-of", "case.yaml", "--replications", "0"], "not on --states-of"),
        (["--states-of", "case.yaml", "--seed", "7"], "that of the plan's own states"),
        (["--variant", "one"], "go with --states-of"),
    ],
)
def test_what_makes_no_sense_is_refused(
    asked: list[tuple[str, Any]], capfd: Capture, args: list[str], says: str
) -> None:
    assert run_command_line(["evaluate", "best", *args, "--quiet"]) == 2
    assert says in capfd.readouterr().err
    assert asked == []


def test_options_of_what_is_not_drawn_are_warned_of(
    asked: list[tuple[str, Any]], capfd: Capture
) -> None:
    Path("best/plan.json").write_text(tutorial().model_dump_json(), encoding="utf-8")
    args = ["evaluate", "best", "--quick", "--quiet", "--json"]
    assert run_command_line(args) == 0
    assert capfd.readouterr().err == ""
    assert run_command_line([*args, "--states", "50", "--seed", "4"]) == 0
    said = capfd.readouterr()
    assert "without effect: --states, --seed" in said.err
    assert json.loads(said.out)["fresh"]["seed"] is None


def test_a_scenario_is_no_plan(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    assert run_command_line(["evaluate", "case.yaml"]) == 2
    assert "is a scenario" in capfd.readouterr().err


def test_results_are_not_overwritten_unasked(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    evaluation(capfd, "--quick", "--out", "best")
    assert run_command_line(["evaluate", "best", "--quick", "--out", "best"]) == 2
    assert "--force" in capfd.readouterr().err
    evaluation(capfd, "--quick", "--out", "best", "--force")


def test_a_plan_that_was_changed_is_refused(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    content = json.loads(Path("best/plan.json").read_bytes())
    content["certificate"]["objective"] *= 0.5
    Path("best/plan.json").write_text(json.dumps(content), encoding="utf-8")
    assert run_command_line(["evaluate", "best", "--quiet"]) == 5
    assert "its file says" in capfd.readouterr().err


@pytest.mark.slow
def test_a_page_and_a_workbook_are_made_of_it(asked: list[tuple[str, Any]], capfd: Capture) -> None:
    evaluation(capfd, "--gap", "0.1", "--out", "judged")
    assert run_command_line(["report", "judged", "--excel", "judged.xlsx"]) == 0
    assert "How good is the plan?" in Path("judged/report.html").read_text(encoding="utf-8")
    assert "How good is the plan?" in str(openpyxl.load_workbook("judged.xlsx").properties.title)
    # Beside its plan it is part of the report on that.
    assert run_command_line(["report", "judged/evaluation.json", "best", "--out", "both.html"]) == 0
    assert "How much is unsure" in Path("both.html").read_text(encoding="utf-8")


def test_in_the_states_of_another_scenario_nothing_is_solved(
    asked: list[tuple[str, Any]], capfd: Capture
) -> None:
    other = sampled(uncertainty={"states": [{"probability": 1, "name": "calm"}]})
    Path("other.json").write_text(json.dumps(other), encoding="utf-8")
    found = evaluation(capfd, "--states-of", "other.json")
    assert found.states_of is not None
    assert (found.fresh.states, found.fresh.sampled) == (1, False)
    assert [name for name, _ in asked] == ["release_policy_outcomes"]
    assert (
        run_command_line(["evaluate", "best", "--states-of", "other.json", "--tail-weight", "0.3"])
        == 2
    )
    assert "--tail-weight rests on the plan's own scenario" in capfd.readouterr().err
    assert run_command_line(["evaluate", "best", "--variant", "calm"]) == 2
    assert "go with --states-of" in capfd.readouterr().err
