"""The decomposition and the extensive form: one optimum, bounds that hold, on random cases."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from random_cases import crowded_case, deals_case, lasting_case, small_case, treasury_case
from small import CHINA, case, cut, funder, project, state

from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition import solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]

GAP = 1e-6
SMALL, CROWDED, TREASURY, LASTING = range(80), range(160), range(80), range(60)
DEALS = range(80)
DRAWN = [("small", seed) for seed in SMALL] + [("crowded", seed) for seed in CROWDED]
DRAWN += [("treasury", seed) for seed in TREASURY] + [("lasting", seed) for seed in LASTING]
DRAWN += [("deals", seed) for seed in DEALS]


def drawn(kind: str, seed: int) -> Raw:
    draw = {"small": small_case, "crowded": crowded_case, "treasury": treasury_case}
    draw |= {"lasting": lasting_case, "deals": deals_case}
    return draw[kind](random.Random(f"{kind} {seed}").choice)


def optimum(scenario: Case) -> float | None:
    """By the extensive form; None where the rules allow no plan."""
    instance = read_instance(scenario)
    solved = solve_extensive_form(
        DecisionTree.of(instance), [read_states(instance)], gap=GAP, threads=1
    )
    if solved.solution.ending == "infeasible":
        return None
    assert solved.solution.ending == "optimal"
    return solved.solution.objective


def slack(value: float) -> float:
    """The gaps of both methods and the tolerances of the solver."""
    return 1e-7 + 3e-6 * abs(value)


@pytest.mark.quick(every=79, ci=23)
@pytest.mark.parametrize(("kind", "seed"), DRAWN)
def test_both_methods_find_one_optimum(kind: str, seed: int) -> None:
    """Proven to the gap asked for, by a bound below the optimum; or neither has a plan."""
    scenario = Case.model_validate(drawn(kind, seed))
    instance = read_instance(scenario)
    found = solve_by_decomposition(
        DecisionTree.of(instance), [read_states(instance)], gap=GAP, threads=1
    ).solution
    best = optimum(scenario)
    if best is None:
        assert found.ending == "infeasible"
        return
    assert found.ending == "optimal"
    assert found.objective is not None
    assert found.bound is not None
    assert found.objective == pytest.approx(best, rel=3e-6, abs=1e-7)
    assert found.bound <= best + slack(best)
    assert found.bound >= found.objective - GAP * abs(found.objective) - 1e-9


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("seed", range(10))
def test_plans_of_the_decomposition_pass_the_check(seed: int) -> None:
    """Every rule, and the objective, recomputed from outside; what has no plan has a conflict."""
    scenario = Case.model_validate(drawn("crowded", seed))
    best = optimum(scenario)
    if best is None:
        with pytest.raises(Infeasible):
            solve_to_plan(scenario, gap=GAP, threads=1, method="decomposition")
        return
    found = solve_to_plan(scenario, gap=GAP, threads=1, method="decomposition").certificate
    assert (found.method, found.status) == ("decomposition", "optimal")
    assert found.objective == pytest.approx(best, rel=3e-6, abs=1e-7)


def one_of_several(seed: int) -> Raw:
    """Imports may be half to four fifths of demand, and works that mostly exclude each other
    deliver the rest."""
    pick = random.Random(f"one of {seed}")
    works = {}
    for n in range(pick.randint(3, 7)):
        works[f"works_{n}"] = project(pick.randint(20, 60), pick.uniform(0.5, 3))
        if pick.random() < 0.7:
            works[f"works_{n}"]["excludes"] = [f"works_{other}" for other in range(n)]
    terms = {"budget": pick.uniform(1, 4), "ticket_min_meur": pick.choice([0.2, 0.5, 1.5])}
    steps = [{"share": 1.0, "eur_per_t": pick.choice([100, 10_000])}]
    return case(
        supply=CHINA,
        hazards=cut([0.3]),
        funders={"fund": funder(**terms)},
        projects=works,
        damage=[{"material": "ore", "steps": steps}],
        uncertainty={"states": [state("calm", 0.5), state("cut", 0.5, 2026)]},
        objective={"cost_weight": 1},
        policy={"max_country_share": {"limit": pick.choice([0.5, 0.7, 0.8])}},
    )


@pytest.mark.exhaustive
def test_a_loose_gap_leaves_the_bound_true() -> None:
    """No bound is above the optimum, and no plan exceeds its bound by more than the gap."""
    apart = 0
    for seed in range(46):
        raw = one_of_several(seed) if seed < 42 else drawn("crowded", seed)
        instance = read_instance(Case.model_validate(raw))
        states = read_states(instance)
        best = solve_by_decomposition(
            DecisionTree.of(instance), [states], gap=GAP, threads=1
        ).solution.objective
        for gap in (0.1, 0.4) if best is not None else (0.1,):
            found = solve_by_decomposition(
                DecisionTree.of(instance), [states], gap=gap, threads=1
            ).solution
            assert (found.objective is None) == (best is None)
            if best is None or found.objective is None or found.bound is None:
                continue
            assert found.bound <= best + slack(best)
            distance = found.objective - found.bound
            assert distance <= gap * abs(found.objective) + slack(best)
            apart += found.bound < best * (1 - 1e-4)
    assert apart > 10, "few cases left a gap, so that little was tested"


def terms(raw: Raw) -> Iterator[Raw]:
    for own in raw["funders"].values():
        yield from own["instruments"].values()


def unlike(raw: Raw) -> bool:
    """Stocks of one material that can hold something lose at different rates."""
    losses: dict[str, set[float]] = {}
    for pile in raw["stockpiles"]:
        losses.setdefault(pile["material"], set()).add(pile.get("annual_loss", 0.0))
    return any(len(own) > 1 for own in losses.values())


def states(raw: Raw) -> list[Raw]:
    return list(raw["uncertainty"].get("states", []))


def late(raw: Raw) -> bool:
    sampled = any(len(p.get("delay_years", {})) > 1 for p in raw["projects"].values())
    return any(s.get("delayed_projects") for s in states(raw)) or (sampled and not states(raw))


def failing(raw: Raw) -> bool:
    sampled = any(p.get("success_probability", 1) < 1 for p in raw["projects"].values())
    return any(s.get("failed_projects") for s in states(raw)) or (sampled and not states(raw))


def of_projects(field: str) -> Callable[[Raw], bool]:
    return lambda raw: any(field in project for project in raw["projects"].values())


def of_piles(field: str) -> Callable[[Raw], bool]:
    return lambda raw: any(field in pile for pile in raw["stockpiles"])


def of_terms(field: str) -> Callable[[Raw], bool]:
    return lambda raw: any(field in own for own in terms(raw))


def of_funders(field: str) -> Callable[[Raw], bool]:
    return lambda raw: any(field in own for own in raw["funders"].values())


def of_policy(field: str) -> Callable[[Raw], bool]:
    return lambda raw: bool(raw["policy"].get(field))


KINDS = (
    "equity", "loan", "subordinated_loan", "guarantee", "grant", "interest_subsidy", "price_floor"
)  # fmt: skip


def of_kind(kind: str) -> Callable[[Raw], bool]:
    return lambda raw: any(own.get("kind") == kind for own in terms(raw))


FEATURES: dict[str, Callable[[Raw], bool]] = {
    "unlike stocks": unlike,
    "late": late,
    "failing": failing,
    "sampled": lambda raw: "sample" in raw["uncertainty"],
    "several periods": lambda raw: raw["horizon"]["periods_per_year"] > 1,
    "company": lambda raw: "maker" in raw["funders"],
    **{
        name: of_projects(name)
        for name in (
            "requires",
            "excludes",
            "lifetime_years",
            "home_share",
            "construction_years",
            "capex_overrun",
        )
    },
    "premium": lambda raw: any("premium_paid_by" in m for m in raw["materials"].values()),
    **{
        name: of_piles(name)
        for name in (
            "max_release_t_per_period",
            "min_days_of_demand",
            "serves",
            "max_t",
            "storage_paid_by",
            "financing_paid_by",
        )
    },
    **{
        name: of_terms(name)
        for name in ("ticket_min_meur", "ticket_max_meur", "eligible", "budget_charge", "charges")
    },
    **{
        name: of_funders(name)
        for name in ("budget_by_year_meur", "budget_meur", "carry_over", "budget_lines")
    },
    **{kind: of_kind(kind) for kind in KINDS},
    **{
        name: of_policy(name)
        for name in (
            "must_build",
            "must_not_build",
            "max_projects",
            "max_starts_by_year",
            "contingency",
            "max_country_share",
            "max_public_share",
            "state_aid",
            "budget_meur",
        )
    },
}


def test_every_feature_is_among_the_cases() -> None:
    """Each of the features often, each measure, allocation and weight of the tail in plenty."""
    seen: Counter[Any] = Counter()
    for kind, seed in DRAWN:
        raw = drawn(kind, seed)
        aim = raw["objective"]
        seen.update([aim["measure"], aim["allocation"], aim["cvar"]["weight"]])
        seen.update(name for name, has in FEATURES.items() if has(raw))
    assert len(DRAWN) >= 240
    rare = {name: seen[name] for name in FEATURES if seen[name] < 8}
    assert not rare
    plenty = ["pooled", "entitled", "damage", "tonnes", "share_of_demand", 0.0, 0.3, 1.0]
    assert min(seen[name] for name in plenty) >= 30
