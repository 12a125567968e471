"""One question after the other of problems that remember each other: nothing is proven amiss.

What is known of the problem before, cuts, plans, a basis and the leaves of its tree, may make an
answer quicker; it must never make it another.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from random_cases import crowded_case, deals_case, lasting_case, small_case, treasury_case
from random_chains import chain_case
from random_worlds import world_case

from models.scenario.case import Case
from optimizer.errors import Infeasible
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import read_instance
from optimizer.model.rule_declaration import ExtraRules
from optimizer.model.states import read_states
from optimizer.solve.decomposition import MasterModel, branch_and_cut
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.session import Session

Raw = dict[str, Any]

GAP, SLACK, STEPS = 1e-6, 3e-6, 6
DRAW: dict[str, Callable[[Any], Raw]] = {
    "small": small_case,
    "crowded": crowded_case,
    "treasury": treasury_case,
    "lasting": lasting_case,
    "deals": deals_case,
    "world": world_case,
    "chain": chain_case,
}
DRAWN = [(kind, seed) for kind in DRAW for seed in range(30)]
OF_FIGURES = (
    "budget_meur",
    "ticket_min_meur",
    "ticket_max_meur",
    "max_share",
    "market_finance_max",
    "capex_meur",
    "price_eur_per_t",
    "storage_eur_per_t_year",
    "max_t",
    "max_purchase_t_per_year",
    "annual_probability",
    "success_probability",
    "eur_per_t",
    "t_per_year",
    "initial_t",
    "cost_weight",
    "home_share",
    "refill_t_per_year",
)
"""Fields whose numbers a question changes: of the first stage, of recourse, of its multipliers."""
SHARES = ("max_share", "market_finance_max", "home_share")


def figures(part: Any, below: tuple[Any, ...] = (), named: str = "") -> list[tuple[Any, ...]]:
    """Places of the numbers of such fields."""
    found = []
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, own in items:
        name = key if key in OF_FIGURES else named if isinstance(key, int) else ""
        if isinstance(own, dict | list):
            found += figures(own, (*below, key), name)
        elif name and isinstance(own, int | float) and not isinstance(own, bool):
            found.append((*below, key))
    return found


def asked(draw: random.Random, raw: Raw) -> Raw:
    """The same with one or two figures changed, or a project forced in or out."""
    raw = copy.deepcopy(raw)
    policy = raw.setdefault("policy", {})
    if raw.get("projects") and draw.random() < 0.25:
        policy |= {"must_build": [], "must_not_build": []}
        field = draw.choice(["must_build", "must_not_build"])
        policy[field] = [draw.choice(list(raw["projects"]))]
        return raw
    for _ in range(draw.choice([1, 1, 2])):
        *way, last = draw.choice(figures(raw))
        at: Any = raw
        for step in way:
            at = at[step]
        factor = draw.choice([0.0, 0.5, 0.8, 0.95, 1.05, 1.25, 2.0])
        share = any(name in SHARES or "probability" in str(name) for name in (*way, last))
        at[last] = min(at[last] * factor, 1.0) if share else at[last] * factor
    return raw


def valid(raw: Raw) -> Case | None:
    """The scenario, unless a figure came to be one that is refused."""
    try:
        return Case.model_validate(raw)
    except ValidationError:
        return None


def optimum(scenario: Case) -> float | None:
    """By the extensive form, which knows of no other problem; None where there is no plan."""
    instance = read_instance(scenario)
    solution = solve_extensive_form(
        DecisionTree.of(instance), [read_states(instance)], gap=GAP, threads=1
    ).solution
    assert solution.ending in ("optimal", "infeasible")
    return solution.objective


@pytest.mark.quick(every=107, ci=53)
@pytest.mark.parametrize(("kind", "seed"), DRAWN)
def test_a_chain_of_questions_is_answered_as_each_of_them_alone(kind: str, seed: int) -> None:
    """Questions change the base scenario or the last one, and some are repeated."""
    draw = random.Random(f"session {kind} {seed}")
    first = DRAW[kind](random.Random(f"{kind} {seed}").choice)
    session, raws = Session(threads=1), [first]
    for number in range(STEPS):
        raw = raws[0]
        if number:
            again = draw.random() < 0.3
            raw = draw.choice(raws) if again else asked(draw, draw.choice([raws[0], raws[-1]]))
        scenario = valid(raw)
        if scenario is None:
            continue
        raws.append(raw)
        best = optimum(scenario)
        try:
            found = session.ask(scenario, gap=GAP).certificate
        except Infeasible:
            assert best is None
            continue
        assert best is not None
        assert found.status == "optimal"
        assert found.objective == pytest.approx(best, abs=SLACK * max(0.1, abs(best)))
        assert found.bound is not None
        assert found.bound <= best + SLACK * max(0.1, abs(best))


@pytest.mark.slow
@pytest.mark.quick(3)
@pytest.mark.parametrize("seed", range(20))
def test_a_new_tree_and_an_earlier_one_prove_the_same(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of them a change of the budget leads to."""
    raw = crowded_case(random.Random(f"two trees {seed}").choice)
    budget = 0.25 * sum(project["capex_meur"] for project in raw["projects"].values())
    objectives = []
    for max_open_share in (-1.0, branch_and_cut.MAX_OPEN_SHARE, 2.0):
        monkeypatch.setattr(branch_and_cut, "MAX_OPEN_SHARE", max_open_share)
        session = Session(threads=1)
        for factor in (1.0, 0.6, 1.2):
            policy = raw.get("policy", {}) | {"budget_meur": factor * budget}
            case = Case.model_validate(raw | {"policy": policy})
            with suppress(Infeasible):
                found = session.ask(case, gap=GAP).certificate
                assert found.status == "optimal"
                objectives.append(found.objective)
    steps = len(objectives) // 3
    assert objectives[:steps] * 3 == pytest.approx(objectives, rel=SLACK, abs=SLACK)


@pytest.mark.quick(10)
@pytest.mark.parametrize("seed", range(50))
def test_a_master_problem_with_other_budgets_is_that_of_a_new_one(seed: int) -> None:
    """To the last bit; every other changed figure makes a new one."""
    draw = random.Random(f"budgets {seed}")
    raw = [crowded_case, treasury_case, deals_case, world_case][seed % 4](draw.choice)
    other = copy.deepcopy(raw)
    for part in (other.get("policy", {}), *other["funders"].values()):
        if part.get("budget_meur") is not None:
            part["budget_meur"] = draw.choice([0.0, draw.uniform(0, 9), 1e12])
    model = MasterModel(read_instance(Case.model_validate(raw)))
    assert model.for_other_budgets(model.instance) is None  # before it is compiled
    assert len(model.compiled.row_keys)
    new = MasterModel(read_instance(Case.model_validate(other)))
    shared = model.for_other_budgets(new.instance)
    assert shared is not None
    assert shared.pyomo_model is model.pyomo_model
    for name in ("cost", "row_lower", "row_upper", "lower", "upper"):
        for one, same in (
            (new.compiled, shared.compiled),
            (new.reduced_program, shared.reduced_program),
        ):
            assert np.array_equal(getattr(one.program, name), getattr(same.program, name))
    raw["policy"] = raw.get("policy", {}) | {"max_public_share": 0.123}
    assert model.for_other_budgets(read_instance(Case.model_validate(raw))) is None
    ruled = replace(new.instance, extra_rules=ExtraRules(print, "rule", "here", "0"))
    assert model.for_other_budgets(ruled) is None
