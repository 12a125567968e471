"""Faults of reviews in scenario files, and reports on plans with a review."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from review_cases import SEEN, lasting_cut
from small import CHINA, Raw, case, cut, near, project, stockpile

from models.faults import ScenarioError
from models.files.reading import read_case_text
from models.language import using
from models.results import Evaluation, Plan
from models.scenario.case import Case
from optimizer.analyses.analysis_options import EvaluateOptions
from optimizer.analyses.evaluation.plan_evaluation import evaluate_plan
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.cli import child_process, run_command_line
from optimizer.errors import Misuse
from optimizer.model.review import branch_state_indices, read_information_set
from optimizer.model.states import State
from optimizer.page.scenario_store import Question
from optimizer.report.document import Bullets
from optimizer.solve import planner
from optimizer.solve.certification import solve_problem
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.planner import Problem, plan_from_incumbent, solve_to_plan
from optimizer.solve.solver_result import Incumbent

PRICES = {
    "ore": {
        "price_eur_per_t": 10_000,
        "price_states": [
            {"name": "low", "probability": 0.5, "eur_per_t": 5_000},
            {"name": "high", "probability": 0.5, "eur_per_t": 15_000},
        ],
    }
}


@pytest.mark.parametrize(
    ("review", "says", "line"),
    [
        ({"year": 2026, "observe": [{"hazard": "cut"}]}, "nothing is seen before 2026", "year"),
        ({"year": 2031, "observe": [{"hazard": "cut"}]}, "lies outside the horizon", "year"),
        ({"year": 2027, "observe": []}, "nothing is observed", "observe"),
        ({"year": 2027, "observe": [{"hazard": "cuts"}]}, "there is no hazard 'cuts'", "cuts"),
        ({"year": 2027, "observe": [{}]}, "is one of 'hazard', 'regime' and 'price'", "{}"),
        (
            {"year": 2027, "observe": [{"hazard": "cut", "regime": True}]},
            "is one of 'hazard', 'regime' and 'price'",
            "hazard: cut",
        ),
        ({"year": 2027, "observe": [{"regime": True}]}, "have no regimes", "regime"),
        ({"year": 2027, "observe": [{"price": "ore"}]}, "is the same in all states", "price"),
        ({"year": 2027, "observe": [{"price": "tin"}]}, "there is no material 'tin'", "tin"),
        (
            {"year": 2027, "observe": [{"hazard": "cut"}, {"hazard": "cut"}]},
            "observed already, by observe.0",
            "hazard",
        ),
        ({"observe": [{"hazard": "cut"}]}, "'year' is missing", "review"),
    ],
)
def test_faults_are_reported_at_their_line(review: Raw, says: str, line: str) -> None:
    text = yaml.safe_dump(lasting_cut(review), sort_keys=False, default_flow_style=False)
    with pytest.raises(ScenarioError) as reported:
        read_case_text(text)
    fault = next(one for one in reported.value.faults if one.severity == "error")
    assert says in fault.message
    assert fault.location is not None
    lines = text.splitlines()
    assert line in lines[fault.location.line - 1]
    assert fault.location.line > lines.index("review:")


def many_prices(count: int) -> Raw:
    names = [f"m{n}" for n in range(count)]
    materials = dict.fromkeys(names, PRICES["ore"])
    observe = [{"price": m} for m in names]
    demand = [{"consumer": "industry", "material": m, "t_per_year": 100} for m in names]
    damage = [{"material": m, "steps": [{"share": 1.0, "eur_per_t": 1e5}]} for m in names]
    sample = {"sample": {"states": 500, "seed": 1}}
    return case(
        2027,
        materials=materials,
        demand=demand,
        damage=damage,
        hazards={},
        review={"year": 2027, "observe": observe},
        uncertainty=sample,
    )


def test_more_than_eight_groups_are_a_fault() -> None:
    assert len(Problem.from_case(Case.model_validate(many_prices(3))).instance.branches) == 8
    with pytest.raises(ScenarioError) as reported:
        Problem.from_case(Case.model_validate(many_prices(4)))
    (fault,) = reported.value.faults
    assert fault.message == "the review splits the states into 16 groups, more than 8"
    assert fault.path == ("review", "observe", 0)
    assert "without which there are 8" in fault.hint


def test_too_many_groups_are_reported_at_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(yaml.safe_dump(many_prices(4), default_flow_style=False), encoding="utf-8")
    assert run_command_line(["solve", str(file)]) == 2
    said = capsys.readouterr().err
    assert "many.yaml:" in said
    assert "the review splits the states into 16 groups" in said


def sampled(**sections: Any) -> Raw:
    """Imports that are lost for long, now and then, in sampled states."""
    raw = case(
        2030,
        supply=CHINA,
        hazards=cut([1.0, 0.8, 0.8, 0.5]),
        projects={"works": project(60, 12, home_share=0.5)},
        stockpiles=[stockpile(max_t=100)],
        uncertainty={"sample": {"states": 200, "seed": 1}},
        review={"year": 2028, "observe": [{"hazard": "cut"}]},
        objective={"cost_weight": 1.0},
    )
    return raw | sections


def test_a_plan_reads_back_as_it_was() -> None:
    found = solve_to_plan(Case.model_validate(sampled()), gap=1e-6)
    read = Plan.model_validate_json(found.model_dump_json())
    again = load_saved_plan(read)
    assert again.solution.objective == near(found.certificate.objective)
    assert again.solution.to_plan().review == found.review.model_copy(  # type: ignore[union-attr]
        update=dict.fromkeys(("now", "now_bound", "worth", "worth_least", "worth_most"))
    )


def test_unseen_states_take_the_nearest_branch() -> None:
    """One of two observations is equal in all states of the plan."""
    raw = lasting_cut({"year": 2027, "observe": [{"hazard": "cut"}, {"hazard": "noise"}]})
    instance = Problem.from_case(Case.model_validate(raw)).instance
    assert [path.information_set for path in instance.branches] == [("no", "no"), ("yes", "no")]
    state = State("new", 1.0, (("cut", 0), ("noise", 0)))
    assert read_information_set(instance, state) == ("yes", "yes")
    calm, struck = branch_state_indices(instance, [state, State("calm", 0.0)])
    assert (calm.tolist(), struck.tolist()) == ([1], [0])


def test_evaluate_puts_fresh_states_into_their_groups() -> None:
    saved = load_saved_plan(solve_to_plan(Case.model_validate(sampled()), gap=1e-6))
    options = EvaluateOptions(states=5_000, seed=7)
    found = evaluate_plan(saved, options)
    assert isinstance(found, Evaluation)
    reported, error = found.fresh.objective, found.fresh.objective.standard_error
    assert error is not None
    assert (
        abs(reported.value - saved.solution.objective)
        <= 6 * error + 0.05 * saved.solution.objective
    )
    assert found.gap is None
    assert found.information is None
    assert found.budget_risk is None
    assert all(rule.above_foresight.value >= -1e-9 for rule in found.rules)


def test_regimes_are_reported_by_name() -> None:
    raw = lasting_cut({"year": 2027, "observe": [{"regime": True}]})
    for state, regime in zip(raw["uncertainty"]["states"], ("calm", "tense"), strict=True):
        state["regimes"] = {2026: regime}
    raw["uncertainty"]["regimes"] = {
        "first": {"calm": 0.5, "tense": 0.5},
        "yearly": {"calm": {"calm": 1}, "tense": {"tense": 1}},
        "names": {"tense": {"en": "Tense", "de": "Angespannt"}},
    }
    found = solve_to_plan(Case.model_validate(raw), gap=0.0)
    with using("de"):
        (section,) = [one for one in build_result_document(found).sections if one.id == "review"]
    (tree,) = [part for part in section.parts if isinstance(part, Bullets)]
    assert ["2026 „calm“ ist" in tree.items[1], "2026 „Angespannt“ ist" in tree.items[2]] == [1, 1]


@pytest.mark.quick(1)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_plan_is_reported_as_a_short_tree(language: Any) -> None:
    found = solve_to_plan(Case.model_validate(lasting_cut(SEEN)), gap=0.0)
    with using(language):
        document = build_result_document(found)
    (section,) = [one for one in document.sections if one.id == "review"]
    (tree,) = [part for part in section.parts if isinstance(part, Bullets)]
    wanted = {
        "en": [
            "Now: nothing.",
            "In 2027, if “Cut” has not come before 2027 (50 %): nothing else.",
            "In 2027, if “Cut” has come before 2027 (50 %): Works (2027).",
        ],
        "de": [
            "Jetzt: nichts.",
            "2027, wenn „Cut“ vor 2027 nicht eingetreten ist (50 %): keine weitere Entscheidung.",
            "2027, wenn „Cut“ vor 2027 eingetreten ist (50 %): Works (2027).",
        ],
    }
    reported = [str(one).replace("\u202f", " ").replace("\xa0", " ") for one in tree.items]
    assert reported == wanted[language]


def test_other_analyses_refuse_a_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "later.yaml"
    file.write_text(yaml.safe_dump(lasting_cut(SEEN)), encoding="utf-8")
    for command in ("alternatives", "sensitivity", "frontier"):
        arguments = ["--vary", "funders.fund.budget_meur"] if command == "frontier" else []
        assert run_command_line([command, str(file), *arguments]) == 2
        assert "does not work with a review" in capsys.readouterr().err
    problem = Problem.from_case(Case.model_validate(lasting_cut(SEEN)))
    bare = replace(problem.instance, branches=())
    with pytest.raises(Misuse):  # of what was read without looking at its states
        solve_problem(replace(problem, instance=bare))


def test_the_page_solves_without_deferral() -> None:
    reading = read_case_text(yaml.safe_dump(lasting_cut(SEEN)))
    asked, made = Question("later").apply_to(reading)
    assert asked.case.review is None
    assert made == {"review": "null"}


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_the_last_reported_incumbent_is_the_plan(method: Any, tmp_path: Path) -> None:
    """By way of a file, as it goes to another process when the search is stopped."""
    case, heard = Case.model_validate(lasting_cut(SEEN)), list[Incumbent]()
    found = solve_to_plan(case, method=method, gap=0.0, on_incumbent=heard.append)
    link = child_process.SupervisorLink(tmp_path, "killed")
    link.save_checkpoint(heard[-1], input_hash(case))
    saved = plan_from_incumbent(case, link.load_checkpoint()[0], ending="killed")
    assert saved.review is not None
    assert found.review is not None
    assert [g.projects for g in saved.review.groups] == [g.projects for g in found.review.groups]
    assert saved.certificate.objective == near(8)


def test_a_stopped_run_has_the_plan_without_deferral(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search with the review begins when that is found, and has no time left."""
    found_now = planner._solve_without_review

    def then_stop(problem: Problem, method: Any, **how: Any) -> Any:
        found = found_now(problem, method, **how)
        how["stop"].set()
        return found

    monkeypatch.setattr(planner, "_solve_without_review", then_stop)
    problem = Problem.from_case(Case.model_validate(lasting_cut(SEEN)))
    found = planner.solve_and_certify(
        problem, method="decomposition", gap=0.0, stop=threading.Event()
    )
    assert found.objective == near(10)
    assert found.certificate.bound is None or found.certificate.bound <= 8 + 1e-6
    assert found.to_plan().review is not None
