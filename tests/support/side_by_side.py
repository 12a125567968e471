"""Three options on one small case, solved by hand.

100 t of ore are needed in 2026 and come from China; with a chance of one half none arrive, and a
missing tonne costs 100 000 EUR: without a plan 5 million EUR of damage are expected, 10 in the
worst state. A German works of 10 million EUR delivers 100 t, its funders' share of it reserved.

- `small`: the fund may spend 4 million EUR, the market the other 6. 40 t are reserved, damage is
  0 or 6, expected 3.
- `large`: the fund may spend 10 and does, since each share reserves as much output. No damage.
- `stock`: no project, but a stock; the fund's 0.5 million EUR buy 50 t at 10 000. Damage is 0 or 5,
  expected 2.5.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from small import case, chance_of_cut, funder, project, solve, stockpile

from models.results import Plan
from models.scenario.references import Case
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]

TITLES = {
    "large": {"en": "A large fund", "de": "Ein großer Fonds"},
    "stock": {"en": "A stock", "de": "Ein Vorrat"},
}


def raw(budget: float = 4, **sections: Any) -> Raw:
    """The scenario of `small`."""
    works = project(market_finance_max=0.6, name={"en": "Works", "de": "Werk"})
    return case(
        title={"en": "Ore", "de": "Erz"},
        home=["DE"],
        materials={"ore": {"name": {"en": "Ore", "de": "Erz"}, "price_eur_per_t": 10_000}},
        **(
            chance_of_cut(0.5)
            | {"projects": {"works": works}, "funders": {"fund": funder(budget=budget)}}
            | sections
        ),
    )


def variant(name: str, **of: Any) -> Raw:
    return {name: {"title": TITLES[name], "set": of}}


@cache
def small() -> Plan:
    return solve(raw())


@cache
def large() -> Plan:
    of = raw(10, variants=variant("large", **{"funders.fund.budget_meur": 10}))
    return solved_as(of, "large")


@cache
def stock() -> Plan:
    of = raw(
        0.5,
        policy={"max_projects": 0},
        stockpiles=[stockpile()],
        variants=variant("stock", **{"policy.max_projects": 0}),
    )
    return solved_as(of, "stock")


def solved_as(of: Raw, name: str) -> Plan:
    """The plan of a scenario that stands for one with a variant applied."""
    return solve_to_plan(Case.model_validate(of), gap=0.0, variant=name)


def changed(plan: Plan, **sections: Any) -> Plan:
    """The same plan as if its scenario said something else, in some sections."""
    assert plan.scenario is not None
    document = plan.model_dump()
    document["scenario"] = plan.scenario | sections
    document["certificate"]["input_sha256"] = "another"
    return Plan.model_validate(document)
