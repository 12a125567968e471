"""What a second reader found: each case was wrong once."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from plan_workbooks import workbook_of_plan
from random_cases import small_case
from random_reviews import drawn_with_review
from review_cases import SEEN, lasting_cut
from small import CHINA, Raw, case, cut, near, project, state, stockpile
from spreadsheets import results

from models.files import read_case_text
from models.language import using
from models.results import Plan
from models.scenario.references import Case
from optimizer.analyses.analysis_options import ReviewOptions
from optimizer.analyses.comparison.plan_comparison import compare_plans
from optimizer.analyses.deferral import review_value as waiting
from optimizer.analyses.plan.companion_results import find_mismatch
from optimizer.analyses.plan.document import brief_figures
from optimizer.analyses.registry import build_result_document
from optimizer.errors import Infeasible, NoPlan
from optimizer.model.commitment import Commitment
from optimizer.model.review import with_information_sets
from optimizer.report.document import Bullets, Document, Facts, Text
from optimizer.solve import planner
from optimizer.solve.planner import Problem, solve_and_certify, solve_to_plan

PRICES = [
    {"name": "low", "probability": 0.5, "eur_per_t": 5_000},
    {"name": "high", "probability": 0.5, "eur_per_t": 15_000},
]
FLOOR = {"kind": "price_floor", "floor_eur_per_t": {"ore": 30_000}, "offtake_per_share": 1.0}


def with_floor(observe: list[Raw], seed: int = 3) -> Raw:
    """Works that the market builds with a floor, whose cost hangs on the price that is seen."""
    floor = {"floor": FLOOR | {"market_finance_per_share": 1.0}}
    hazards = cut([1.0, 1.0, 1.0])
    hazards["cut"]["annual_probability"] = 0.5
    return case(
        2029,
        materials={"ore": {"price_eur_per_t": 10_000, "price_states": PRICES}},
        funders={"fund": {"kind": "public", "name": "Fund", "instruments": floor}},
        supply=CHINA,
        hazards=hazards,
        projects={"works": project(100, 6, earliest_start=2026, latest_start=2027)},
        uncertainty={"sample": {"states": 30, "seed": seed}},
        review={"year": 2027, "observe": observe},
        objective={"cost_weight": 1.0},
    )


def waited(raw: Raw, **options: Any) -> tuple[Any, Plan]:
    return waiting.evaluate_review(
        read_case_text(yaml.safe_dump(raw)), ReviewOptions(gap=1e-7, **options)
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 4])
def test_what_is_not_seen_any_more_is_still_drawn(seed: int) -> None:
    """Without the price among what is observed, floors cost what they did in the same states."""
    found, _ = waited(with_floor([{"price": "ore"}, {"hazard": "cut"}], seed), more=0)
    assert found.review.now is not None
    for row in found.observing:
        assert row.objective is not None
        assert row.objective <= found.review.now + 1e-5
        assert row.worth >= -1e-5


def test_a_branch_without_states_has_the_observed_price() -> None:
    instance = Problem.from_case(Case.model_validate(with_floor([{"price": "ore"}]))).instance
    states = Problem.from_case(Case.model_validate(with_floor([{"price": "ore"}]))).states
    low, high = (path.information_set for path in instance.branches)
    only_low = [s for s in states if s.price_states == (("ore", 0),)]
    seen = with_information_sets(instance, only_low, [low, high])
    assert [path.probability for path in seen.branches][1] == 0
    floored = Commitment({"works": 2027}, {("works", "fund", "floor"): 1.0})
    costs = [seen.on_branch(g).cash_flows("works", "fund", "floor", 2027).net_cost for g in (1, 0)]
    expected = [
        instance.on_branch(g).cash_flows("works", "fund", "floor", 2027).net_cost for g in (1, 0)
    ]
    assert costs == near(expected)
    assert costs[0] < costs[1]
    assert floored.on_branch(1) is floored


@pytest.mark.slow
def test_regret_is_taken_from_the_same_best_plans() -> None:
    """An observation without information has no value, also with minimax regret."""
    raw = lasting_cut({"year": 2027, "observe": [{"hazard": "cut"}, {"hazard": "noise"}]})
    raw["uncertainty"]["states"] = [
        state("calm", 0.25),
        state("cut", 0.25, 2026),
        state("loud", 0.25) | {"events": [{"hazard": "noise", "start": 2026}]},
        state("both", 0.25, 2026),
    ]
    raw["uncertainty"]["states"][3]["events"].append({"hazard": "noise", "start": 2026})
    raw["assumptions"] = {
        "filed": {"weight": 0.5, "set": {}},
        "dear": {"weight": 0.5, "set": {"projects.works.capex_meur": 12}},
    }
    raw["objective"]["over_assumptions"] = "regret"
    found, _ = waited(raw, more=0)
    reported = {row.hazard: row for row in found.observing}
    assert reported["noise"].worth == near(0)
    assert reported["cut"].worth >= -1e-6


def test_a_row_that_fails_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise NoPlan("no time")

    monkeypatch.setattr(waiting, "_solve_with_observations", fails)
    raw = lasting_cut({"year": 2027, "observe": [{"hazard": "cut"}, {"hazard": "noise"}]})
    found, made = waited(raw)
    assert [row.status for row in found.observing] == ["limit"] * len(found.observing)
    assert found.objective == near(made.certificate.objective) == near(8)


@pytest.mark.slow
def test_half_of_the_time_left_goes_to_the_plan_without_deferral(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float | None] = []
    found_now = planner._solve_without_review

    def reported(problem: Problem, method: Any, **how: Any) -> Any:
        asked.append(how["time_limit"])
        return found_now(problem, method, **how)

    def slow(problem: Problem, **_: Any) -> Problem:
        threading.Event().wait(0.3)
        return problem

    monkeypatch.setattr(planner, "_solve_without_review", reported)
    monkeypatch.setattr(planner, "with_reference_optima", slow)
    solve_and_certify(
        Problem.from_case(Case.model_validate(lasting_cut(SEEN))), gap=0.0, time_limit=100.0
    )
    assert asked[0] is not None
    assert 0 < asked[0] <= 99.7


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("seed", range(12))
def test_deferral_never_raises_the_objective(seed: int) -> None:
    """Whatever the gap: within it a search may find a worse one."""
    raw = drawn_with_review("small", 700 + seed, small_case)
    try:
        made = solve_to_plan(Case.model_validate(raw), gap=0.2)
    except Infeasible:
        return
    assert made.review is not None
    assert made.review.worth is not None
    assert made.review.worth >= -1e-9


def left_late(budget: float = 6.0) -> Raw:
    raw = lasting_cut(SEEN)
    raw["funders"]["fund"]["budget_meur"] = budget
    raw["funders"]["fund"]["instruments"]["equity"]["grant_equivalent"] = 1.0
    raw["policy"] = {"state_aid": {"max_meur": 6}}
    return raw


def test_limits_are_those_of_the_group_that_uses_most() -> None:
    made = solve_to_plan(Case.model_validate(left_late()), gap=0.0)
    (line,) = made.budget_lines
    assert sum(line.used_meur.values()) == near(6)
    (aid,) = brief_figures(made).fiscal.aid
    assert (aid.project, aid.aid_meur, aid.binds) == ("works", near(6), True)
    reported = [row[-1] for row in results(workbook_of_plan(made))["Checks"].values if row]
    assert "DOES NOT ADD UP" not in reported


def texts(document: Document) -> str:
    parts = [part for section in document.sections for part in section.parts]
    found = [part for part in [*document.answer, *parts] if isinstance(part, str)]
    found += [part.text for part in [*document.answer, *parts] if isinstance(part, Text)]
    found += [item for part in document.answer if isinstance(part, Bullets) for item in part.items]
    facts = [fact for part in document.answer if isinstance(part, Facts) for fact in part.facts]
    return "\n".join([*found, *map(str, facts)]).replace("\u202f", " ").replace("\xa0", " ")


def test_the_answer_reports_decisions_deferred_to_the_review() -> None:
    made = solve_to_plan(Case.model_validate(left_late()), gap=0.0)
    said = texts(build_result_document(made))
    assert "support up to 1 project from 2027 on" in said
    assert "build and buy nothing" not in said
    assert "a mean over what may have been seen" in said
    assert "means over the groups" in said
    with using("de"):
        assert "ab 2027 bis zu 1 Projekt fördern" in texts(build_result_document(made))


def test_purchases_made_now_are_reported() -> None:
    raw = lasting_cut(SEEN, projects={})
    raw["stockpiles"] = [stockpile(max_t=100, max_purchase_t_per_year={2026: 50, 2027: 0})]
    raw["objective"]["cost_weight"] = 0.1
    made = solve_to_plan(Case.model_validate(raw), gap=0.0)
    document = build_result_document(made)
    (section,) = [one for one in document.sections if one.id == "review"]
    assert any("Now: purchases for 1 stockpile." in str(part) for part in section.parts)


def test_a_comparison_tells_what_is_decided_later() -> None:
    later, now = (
        solve_to_plan(Case.model_validate(left_late() | {"review": review}), gap=0.0, title=name)
        for name, review in (("later", SEEN), ("now", None))
    )
    found = compare_plans([later, now], ["later", "now"])
    (works,) = found.projects
    assert works.built_in == "some"
    assert (works.options["later"].start, works.options["later"].probability) == (2027, near(0.5))
    assert any(change.subject == "review" for change in found.unlike)
    build_result_document(found)


def test_the_value_of_deferral_belongs_to_a_plan_without_review_or_with_the_same() -> None:
    found, made = waited(lasting_cut(SEEN))
    alone = solve_to_plan(Case.model_validate(lasting_cut()), gap=0.0)
    other = {"year": 2027, "observe": [{"hazard": "noise"}]}
    another = solve_to_plan(Case.model_validate(lasting_cut(other)), gap=0.0)
    assert [find_mismatch(found, one) for one in (made, alone, another)] == ["", "", "scenario"]
    said = texts(build_result_document(alone, waiting=found))
    assert "What can be left to 2027" in said
    assert "That is worth 2 million EUR" in said


def test_an_interrupt_ends_the_search_and_keeps_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that is interrupted during the first search returns the plan without deferral."""
    found_now = planner._solve_without_review

    def stopped(problem: Problem, method: Any, **how: Any) -> Any:
        found = found_now(problem, method, **how)
        assert found is not None
        return replace(found, interrupted=True)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the search goes on")

    problem = Problem.from_case(Case.model_validate(lasting_cut(SEEN)))
    monkeypatch.setattr(planner, "_solve_without_review", stopped)
    plain = planner.solve_problem
    monkeypatch.setattr(
        planner,
        "solve_problem",
        lambda of, **how: never() if of.instance.branches else plain(of, **how),
    )
    found = solve_and_certify(problem, gap=0.0)
    assert found.interrupted
    assert found.objective == near(10)


def test_all_plans_over_sets_count_groups_of_all(tmp_path: Path) -> None:
    """An observation with too many groups in another set is reported as such, not as a fault of the
    file."""
    raw = lasting_cut({"year": 2027, "observe": [{"hazard": "cut"}]})
    raw["assumptions"] = {"one": {"weight": 1.0, "set": {}}}
    raw["objective"]["over_assumptions"] = "mean"
    found, _ = waited(raw)
    assert all(row.groups <= 8 for row in found.observing)
