"""Sets of assumptions at their edges: one alone, other start years, and what comes between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from points import idle_works
from random_cases import crowded_case, small_case, treasury_case
from random_sets import drawn_with_sets
from small import Raw, near
from two_sets import sampled, two_sets

import vorrat
from models.faults import ScenarioError
from models.files.reading import cases_by_assumption_set, read_case_text
from models.results import Comparison
from models.scenario.case import Case
from optimizer.cli import run_command_line
from optimizer.errors import Infeasible, Interrupted
from optimizer.model.commitment import Commitment
from optimizer.model.decision_tree import read_assumption_sets
from optimizer.model.instance import COMMON_GROUP
from optimizer.page.scenario_store import Question
from optimizer.solve import planner
from optimizer.solve.session import Session
from optimizer.solve.solver_result import Incumbent
from optimizer.solve.verification import broken_rules

DRAWS: dict[str, Any] = {"small": small_case, "treasury": treasury_case, "crowded": crowded_case}


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("method", ["extensive", "decomposition"])
@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind in DRAWS for seed in (1, 2)])
def test_one_set_has_no_regret(kind: str, seed: int, method: Any) -> None:
    raw = drawn_with_sets(kind, seed, DRAWS[kind], "regret")
    (last,) = [*raw["assumptions"].items()][-1:]
    raw["assumptions"] = {last[0]: {**last[1], "weight": 1.0}}
    try:
        found = planner.solve_to_plan(Case.model_validate(raw), method=method, gap=1e-6)
    except Infeasible:
        return
    size = max(1.0, abs(found.under[0].best or 0.0))
    assert abs(found.certificate.objective) <= 1e-5 * size
    assert found.certificate.bound is not None
    assert found.certificate.bound <= 1e-5 * size


@pytest.mark.parametrize(("right", "left"), [(0.4, 0.4), (0.0, None)])
def test_what_runs_under_a_floor_is_no_more_than_its_offtake(
    right: float, left: float | None
) -> None:
    """Half of the output is reserved, and runs under the floor; by the second set less may be."""
    raw = idle_works()
    path = "funders.fund.instruments.floor.offtake_per_share"
    raw["assumptions"] = {
        "all": {"weight": 0.5, "set": {}},
        "less": {"weight": 0.5, "set": {path: right}},
    }
    _, tree = read_assumption_sets(Case.model_validate(raw))
    floor, group = ("works", "fund", "floor"), COMMON_GROUP
    plan = Commitment(
        start={"works": 2026},
        share={floor: 1.0},
        market={"works": 1.0},
        offtake={("works", group): 0.5},
        floored={("works", group, "fund", "floor"): 0.5},
    )
    found = tree.combine_leaf_plans([plan])
    kept = {} if left is None else {("works", group, "fund", "floor"): near(left)}
    assert found.floored == kept
    assert not any("floored" in fault for fault in broken_rules(tree.instances[1], found))


def later(over: str | None) -> Raw:
    """By one expert works can begin in 2026, by the other in 2029 at the earliest."""
    raw = sampled(over, 50)
    raw["funders"]["fund"]["budget_meur"] = 30.0
    raw["projects"]["works"] |= {"earliest_start": 2026, "latest_start": 2029}
    patch = {"projects.works.earliest_start": 2029}
    raw["assumptions"] = {
        "early": {"weight": 0.5, "set": {}},
        "late": {"weight": 0.5, "set": patch},
    }
    return raw


@pytest.mark.slow
def test_regret_is_taken_from_the_best_plan_of_the_set_by_itself() -> None:
    """Which may begin before all sets allow."""
    raw = later("regret")
    early = planner.solve_to_plan(
        cases_by_assumption_set(Case.model_validate(raw))["early"], gap=0.0
    )
    found = planner.solve_to_plan(Case.model_validate(raw), gap=0.0)
    assert [built.start for built in early.projects] == [2026]
    assert [built.start for built in found.projects] == [2029]
    assert found.under[0].best == near(early.certificate.objective)
    assert found.under[0].regret == near(found.under[0].objective - early.certificate.objective)


def test_a_plan_that_another_set_does_not_allow_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(later(None)), encoding="utf-8")
    found = vorrat.analyse("assumptions", vorrat.read(file), gap=1e-4).result
    early, late = found.plans
    assert early.projects == {"works": 2026}
    assert late.projects == {"works": 2029}
    assert early.under["late"].broken_rules
    assert early.under["early"].regret == near(0)
    assert late.under["early"].regret > 0


@pytest.mark.slow
def test_a_session_goes_from_a_file_to_its_sets_and_back() -> None:
    session = Session()
    for over in (None, "mean", "regret", None, "worst", "mean"):
        case = Case.model_validate(sampled(over, 60))
        asked = session.ask(case, gap=1e-6).objective
        alone = planner.solve_to_plan(case, gap=1e-6).certificate.objective
        assert asked == pytest.approx(alone, rel=1e-5, abs=1e-5)


def test_an_interrupt_during_the_search_for_best_plans_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no plan for all sets by then."""
    search, asked = planner.solve_problem, list[int]()

    def interrupted(problem: planner.Problem, **how: Any) -> Any:
        asked.append(len(problem.set_problems))
        found = search(problem, **how)
        return replace(found, solution=replace(found.solution, interrupted=True))

    monkeypatch.setattr(planner, "solve_problem", interrupted)
    with pytest.raises(Interrupted):
        planner.solve_to_plan(Case.model_validate(sampled("regret", 60)))
    assert asked == [0]


def test_what_is_hidden_is_hidden_in_sets_as_well(tmp_path: Path) -> None:
    """All of them go: without one the weights of the others would not add up."""
    file, raw = tmp_path / "case.yaml", sampled(None, 20)
    raw["assumptions"]["often"]["set"]["demand.0.t_per_year"] = 103.7
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    out = tmp_path / "out"
    words = ["redact", str(file), "--consumer", "industry", "--out", str(out), "--quiet"]
    assert run_command_line(words) == 0
    public = (out / "scenario.yaml").read_text(encoding="utf-8")
    assert "103.7" not in public
    assert "assumptions" not in yaml.safe_load(public)


@pytest.mark.slow
def test_a_weight_may_have_a_source_in_a_workbook(tmp_path: Path) -> None:
    file, raw = tmp_path / "case.yaml", sampled("mean", 20)
    raw["assumptions"]["often"]["weight"] = {"value": 0.4, "note": "a guess", "confidence": "low"}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    book = str(tmp_path / "case.xlsx")
    assert run_command_line(["init", book, "--excel", "--from", str(file)]) == 0
    assert vorrat.read(book).case.assumptions == vorrat.read(file).case.assumptions
    weight = vorrat.read(book).case.assumptions["often"].weight
    assert (weight.note, weight.confidence) == ("a guess", "low")


def test_a_set_reaches_a_year_beside_a_source() -> None:
    raw = sampled("mean", 20)
    raw["demand"][0]["t_per_year"] = {"value": {2026: 100, 2030: 120}, "note": "x"}
    raw["assumptions"]["often"]["set"] = {"demand.0.t_per_year.value.2030": 200}
    case = read_case_text(yaml.safe_dump(raw)).case
    under = cases_by_assumption_set(case)["often"]
    assert under.demand[0].t_per_year.at(2030) == 200


def test_small_numbers_of_a_set_and_of_its_scenario_are_read() -> None:
    """JSON writes 0.00002 as 2e-05, which YAML takes for a text."""
    raw = sampled("mean", 20)
    raw["policy"] = {"max_public_share": 5e-05}
    raw["assumptions"]["often"]["set"]["objective.cost_weight"] = 2e-05
    case = cases_by_assumption_set(Case.model_validate(raw))["often"]
    assert (case.policy.max_public_share, case.objective.cost_weight) == (5e-05, 2e-05)


def test_a_set_keeps_the_seed() -> None:
    """Fresh states would not be fresh under it."""
    raw = sampled("mean", 20)
    raw["assumptions"]["often"]["set"] = {"uncertainty.sample.seed": 2}
    with pytest.raises(ScenarioError, match="seed"):
        read_case_text(yaml.safe_dump(raw))


def test_options_seen_under_other_assumptions_are_not_compared(tmp_path: Path) -> None:
    """A plan over sets that omit the base case is reported for its first set."""
    file, raw = tmp_path / "case.yaml", sampled(None, 40)
    patch = {"hazards.cut.annual_probability": 0.2}
    raw["assumptions"]["as_filed"]["set"] = patch
    raw["variants"] = {"experts": {"set": {"objective.over_assumptions": "mean"}}}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    out = tmp_path / "out"
    assert run_command_line(["compare", str(file), "--variants", "--out", str(out), "--quiet"]) == 0
    found = Comparison.model_validate_json((out / "comparison.json").read_bytes())
    bars = {bar for one in found.unlike for bar in one.bars}
    assert "damage" in bars


def test_the_page_takes_a_set_in_place_of_all() -> None:
    reading = read_case_text(yaml.safe_dump(sampled("mean", 20)))
    asked, _ = Question("x", None, (("assumptions", "often"),)).apply_to(reading)
    assert asked.case.objective.over_assumptions is None
    assert asked.case.hazards["cut"].annual_probability.values[0] == 0.3
    moved = (("assumptions", "often"), ("hazards.cut.annual_probability", "0.1"))
    asked, _ = Question("x", None, moved).apply_to(reading)
    assert asked.case.hazards["cut"].annual_probability.values[0] == 0.1


def test_a_session_finds_the_least_regret() -> None:
    assert Session().ask(Case.model_validate(two_sets("regret"))).objective == near(5)


@pytest.mark.slow
def test_a_plan_of_least_regret_is_salvaged() -> None:
    """The salvaged plan has no bound, since a new search may find other best plans."""
    case = Case.model_validate(sampled("regret", 60))
    found = planner.solve_and_certify(planner.Problem.from_case(case), gap=1e-6)
    reported = Incumbent(
        "decomposition", found.commitment, found.objective, found.certificate.bound
    )
    made = planner.plan_from_incumbent(case, reported, ending="killed")
    assert made.certificate.bound is None
    assert made.certificate.status == "limit"
    assert made.certificate.objective == pytest.approx(found.objective, abs=0.1)
