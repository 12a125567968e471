"""Probability that budgets suffice: by hand, from other samples, and as reported."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from documents import is_whole_in_all_media, one_line, tables_in
from evaluations import by_hand, saved
from small import Raw, case, funder, near, project

from models.language import Language
from models.results import BudgetOdds, BudgetRisk, Estimate, Evaluation
from models.scenario.references import Case
from optimizer.analyses.analysis_options import EvaluateOptions
from optimizer.analyses.evaluation.plan_evaluation import compute_budget_risk, evaluate_plan
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.model.commitment import Commitment
from optimizer.model.instance import read_instance
from optimizer.model.states import sample_overruns, sample_states

OVERRUN = [
    {"by": 0.8, "probability": 0.2},
    {"by": 0.0, "probability": 0.4},
    {"by": 0.3, "probability": 0.4},
]
DRAWS = 40_000


def works(capex: float = 10, **fields: Any) -> Raw:
    return project(100, capex, home_share=1.0, capex_overrun=OVERRUN, **fields)


def risk(
    raw: Raw, start: dict[str, int], share: dict[str, float] | None = None
) -> dict[Any, BudgetOdds]:
    instance = read_instance(Case.model_validate(raw))
    held = {(p, "fund", "equity"): (share or {}).get(p, 1.0) for p in start}
    found = compute_budget_risk(instance, Commitment(start=start, share=held), DRAWS, 3)
    assert found is not None
    return {(one.funder, one.line, one.year): one for one in found.budgets}


def likely(odds: BudgetOdds, share: float) -> bool:
    """Whether the share of draws is what it should be, but for chance."""
    assert odds.holds.standard_error is not None
    return abs(odds.holds.value - share) <= 4 * max(odds.holds.standard_error, 1e-9)


def test_draws_have_the_chances_of_the_file() -> None:
    it = read_instance(Case.model_validate(case(projects={"works": works()})))
    drawn = sample_overruns(it, "works", DRAWS, 3)
    for by, chance in ((0.0, 0.4), (0.3, 0.4), (0.8, 0.2)):
        assert (drawn == by).mean() == pytest.approx(chance, abs=0.01)
    assert drawn.mean() == pytest.approx(0.28, abs=0.01)
    assert (sample_overruns(it, "works", 2 * DRAWS, 3)[:DRAWS] == drawn).all()
    assert (sample_overruns(it, "works", DRAWS, 4) != drawn).any()


def test_overruns_and_failures_of_projects_are_correlated() -> None:
    """With a correlation of 1 the works fail in the fifth of draws in which they cost 0.8 more."""
    raw = case(projects={"works": works() | {"success_probability": 0.8}})
    raw["uncertainty"] = {"sample": {"states": 1, "project_correlation": 1.0}}
    it = read_instance(Case.model_validate(raw))
    fails = np.array(["works" in s.failed_projects for s in sample_states(it, DRAWS, 3)])
    assert ((sample_overruns(it, "works", DRAWS, 3) == 0.8) == fails).mean() > 0.999


@pytest.mark.parametrize(
    ("budget", "holds", "missing"),
    [(9.9, 0, 0.1 + 2.8), (10, 0.4, 3 * 2 / 3 + 8 / 3), (13, 0.8, 5), (18, 1, None)],
)
def test_one_budget(budget: float, holds: float, missing: float | None) -> None:
    """Works cost 10, 13 or 18. With 10 a third of the times that it is not enough 8 are missing,
    else 3."""
    raw = case(projects={"works": works()}, funders={"fund": funder(budget=budget)})
    found = risk(raw, {"works": 2026})["fund", "budget", None]
    assert likely(found, holds)
    assert found.planned_meur == near(12.8)
    assert found.mean_meur == pytest.approx(12.8, rel=0.01)
    assert found.available_meur == near(budget)
    if missing is None:
        assert found.missing_meur is None
    else:
        assert found.missing_meur == pytest.approx(missing, rel=0.02)


def test_years_that_carry_over_and_lines() -> None:
    """Half of 10, 13 or 18 each year: 5, 6.5 or 9. Of 8 and 5 the first holds with 0.8; what it
    leaves, 3 or 1.5, lets the second hold as often. A premium of 1 million a year, which no overrun
    moves, is what a line of 2 is for. Public funders have 17 in all: 10 + 2 and 13 + 2 are less."""
    fund = funder() | {
        "budget_by_year_meur": {2026: 8, 2027: 5.5},
        "carry_over": True,
        "premium_charge": 0,
        "budget_lines": {
            "cash": {"kind": "cash", "total_meur": 15},
            "vows": {"kind": "commitment", "by_year_meur": {2026: 12}},
        },
    }
    raw = case(
        2027,
        projects={"works": works(capex_profile=[0.5, 0.5])},
        materials={
            "ore": {
                "price_eur_per_t": 10_000,
                "secured_premium_eur_per_t": 10_000,
                "premium_paid_by": {"fund": 1},
            }
        },
        funders={"fund": fund},
        policy={"budget_meur": 13.5},
    )
    instance = read_instance(Case.model_validate(raw))
    plan = Commitment(
        {"works": 2026}, {("works", "fund", "equity"): 1.0}, {}, {("works", "common"): 1.0}
    )
    one_line = compute_budget_risk(instance, plan, DRAWS, 3)
    assert one_line is not None
    found = {(one.funder, one.line, one.year): one for one in one_line.budgets}
    assert set(found) == {
        ("fund", "cash", None),
        ("fund", "vows", 2026),
        ("fund", "budget", 2026),
        ("fund", "budget", 2027),
        (None, "budget", None),
    }
    assert likely(found["fund", "budget", 2026], 0.8)
    assert found["fund", "budget", 2026].missing_meur == near(1)
    assert likely(found["fund", "budget", 2027], 0.8)
    assert found["fund", "budget", 2027].missing_meur == near(3.5)
    assert found["fund", "budget", 2027].available_meur == pytest.approx(
        5.5 + 0.4 * 3 + 0.4 * 1.5, rel=0.01
    )
    assert likely(found["fund", "cash", None], 0.8)  # 12, 15 or 20
    assert likely(found["fund", "vows", 2026], 0.4)  # 10, 13 or 18
    assert likely(found[None, "budget", None], 0.8)
    assert one_line.all_hold.value == found["fund", "vows", 2026].holds.value


def test_two_projects_are_drawn_each_by_itself() -> None:
    """10, 13 or 18 each, 28 together: not 13 + 18 or more, so 1 - 0.2 * (2 * 0.4 + 0.2)."""
    raw = case(projects={"one": works(), "two": works()}, funders={"fund": funder(budget=28)})
    found = risk(raw, {"one": 2026, "two": 2026})["fund", "budget", None]
    assert likely(found, 1 - 0.2 * (2 * 0.4 + 0.2))


def test_guarantees_outstanding() -> None:
    """6, 7.8 or 10.8 are guaranteed of works of 10, and 8 may be."""
    cover = {"kind": "guarantee", "failure_probability": 0.1, "offtake_per_share": 1.0}
    fund = {
        "kind": "public",
        "instruments": {"equity": cover},
        "budget_lines": {"stock": {"kind": "guarantee_stock", "limit_meur": 8}},
    }
    raw = case(projects={"works": works(market_finance_max=1)}, funders={"fund": fund})
    found = risk(raw, {"works": 2026}, {"works": 0.6})
    assert likely(found["fund", "stock", 2026], 0.8)
    assert found["fund", "stock", 2026].missing_meur == near(2.8)


def test_nothing_to_tell() -> None:
    """No project that may overrun, none that is started, and no budget with a limit."""
    limited, free = {"fund": funder(budget=99)}, {"fund": funder()}
    certain = {"works": project(100, 10)}
    for projects, funders, start in (
        (certain, limited, {"works": 2026}),
        ({"works": works()}, limited, {}),
        ({"works": works()}, free, {"works": 2026}),
    ):
        instance = read_instance(Case.model_validate(case(projects=projects, funders=funders)))
        held = {(p, "fund", "equity"): 1.0 for p in start}
        assert compute_budget_risk(instance, Commitment(start=start, share=held), 10, 1) is None


def test_an_evaluation_tells_it() -> None:
    """Also of a scenario that writes its states out; a budget at the contingency holds as often."""
    raw = case(
        projects={"works": works()},
        funders={"fund": funder(budget=13)},
        policy={"contingency": 0.8},
    )
    plan = load_saved_plan(saved(raw))
    assert [built.id for built in plan.plan.projects] == ["works"]
    found = evaluate_plan(plan, EvaluateOptions(states=DRAWS, quick=True))
    assert found.budget_risk is not None
    (one,) = found.budget_risk.budgets
    assert likely(one, 0.8)
    assert one.planned_meur == near(13)
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def shown() -> Evaluation:
    odds = BudgetOdds(
        funder="fund",
        line="budget",
        kind="budget",
        year=None,
        available_meur=13,
        planned_meur=13,
        mean_meur=12.8,
        holds=Estimate(value=0.8, standard_error=0.005),
        missing_meur=5,
    )
    lines = itertools.product((odds,), ({}, {"year": 2027}, {"funder": None, "missing_meur": None}))
    budgets = tuple(one.model_copy(update=changed) for one, changed in lines)
    known = BudgetRisk(draws=1000, seed=8, all_hold=odds.holds, budgets=budgets)
    return by_hand(budget_risk=known)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
def test_it_is_whole_in_all_media(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(shown(), language, untranslated)


def test_what_it_says() -> None:
    text = one_line(shown())
    assert "with 80.0 ± 1.0 % probability every budget is enough all the same." in text
    (table,) = [t for t in tables_in(shown()).values() if "Missing where it is not" in t.headers]
    assert table.values("Missing where it is not") == [5, 5, None]
