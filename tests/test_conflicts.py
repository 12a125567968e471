"""Why no plan exists: an irreducible set of rules, in the words and places of the scenario.

Each set is checked from outside: with its rules alone no plan exists, without any one of them one
does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from small import CHINA, Raw, case, funder, project, solve, stockpile

from models.scenario.references import Case
from optimizer.errors import Infeasible, Rule
from optimizer.model import highs
from optimizer.model.formulation import build_commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.rules import RULES
from optimizer.solve.conflicts import add_structural_constraints, irreducible_conflict


def read(raw: Raw) -> Instance:
    return read_instance(Case.model_validate(raw))


def works(**fields: Any) -> Raw:
    return project(capex=100, **fields)


def tight(**fields: Any) -> list[Raw]:
    """A stockpile that must hold 36.5 days of 100 t a year, which is 10 t."""
    return [stockpile(min_days_of_demand={2026: 36.5}, **fields)]


def pair(**sections: Any) -> Raw:
    """Two projects, the first with the fields given, that the market can pay for."""
    first = sections.pop("first", {})
    second = sections.pop("second", {})
    both = {
        "first": works(market_finance_max=1, **first),
        "second": works(market_finance_max=1, **second),
    }
    return case(sections.pop("last_year", 2026), projects=both, **sections)


@dataclass(frozen=True)
class Conflict:
    """A scenario without a plan, and the rules in conflict as ``tag name`` and path."""

    about: str
    raw: Raw
    rules: dict[str, tuple[str | int, ...]]

    def __str__(self) -> str:
        return self.about


ONE = {"works": works()}
MUST = {"must_build": ["works"]}
CONFLICTS = [
    Conflict(
        "must be built, and no money",
        case(projects=ONE, policy=MUST, funders={"fund": funder(budget=99)}),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B1 funder_budget": ("funders", "fund", "budget_meur"),
        },
    ),
    Conflict(
        "must be built, and no money that year",
        case(
            2027,
            projects={"works": works(latest_start=2026)},
            policy=MUST,
            funders={"fund": funder() | {"budget_by_year_meur": {2026: 99, 2027: 500}}},
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B1 funder_budget_by_year": ("funders", "fund", "budget_by_year_meur", "2026"),
        },
    ),
    Conflict(
        "must be built, and the public has no money",
        case(projects=ONE, policy=MUST | {"budget_meur": 99}),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B2 public_budget": ("policy", "budget_meur"),
        },
    ),
    Conflict(
        "days against purchases",
        case(stockpiles=tight(max_purchase_t_per_year=9.9)),
        {
            "S1 purchase_limit": ("stockpiles", 0, "max_purchase_t_per_year"),
            "S4 days_of_demand": ("stockpiles", 0, "min_days_of_demand"),
        },
    ),
    Conflict(
        "days against room",
        case(stockpiles=tight(max_t=9.9)),
        {
            "S3 storage_limit": ("stockpiles", 0, "max_t"),
            "S4 days_of_demand": ("stockpiles", 0, "min_days_of_demand"),
        },
    ),
    Conflict(
        "days against money",
        # 10 t cost 0.1 million.
        case(stockpiles=tight(), funders={"fund": funder(budget=0.099)}),
        {
            "S4 days_of_demand": ("stockpiles", 0, "min_days_of_demand"),
            "B1 funder_budget": ("funders", "fund", "budget_meur"),
        },
    ),
    Conflict(
        "requires what must not be built",
        pair(
            first={"requires": ["second"]},
            policy={"must_build": ["first"], "must_not_build": ["second"]},
        ),
        {
            "P9 requires": ("projects", "first", "requires", 0),
            "P9 must_build": ("policy", "must_build", 0),
            "P9 must_not_build": ("policy", "must_not_build", 0),
        },
    ),
    Conflict(
        "requires what comes too late",
        pair(
            last_year=2027,
            first={"requires": ["second"], "latest_start": 2026},
            second={"earliest_start": 2027},
            policy={"must_build": ["first"]},
        ),
        {
            "P9 requires": ("projects", "first", "requires", 0),
            "P9 must_build": ("policy", "must_build", 0),
        },
    ),
    Conflict(
        "two that exclude each other must be built",
        pair(second={"excludes": ["first"]}, policy={"must_build": ["first", "second"]}),
        {
            "P9 excludes": ("projects", "second", "excludes", 0),
            "P9 must_build": ("policy", "must_build", 0),
            "P9 must_build 2": ("policy", "must_build", 1),
        },
    ),
    Conflict(
        "too many must be built",
        pair(policy={"must_build": ["first", "second"], "max_projects": 1}),
        {
            "P9 must_build": ("policy", "must_build", 0),
            "P9 must_build 2": ("policy", "must_build", 1),
            "P9 max_projects": ("policy", "max_projects"),
        },
    ),
    Conflict(
        "a country supplies too much, and there is no project",
        case(supply=CHINA, policy={"max_country_share": {"limit": 0.6}}),
        {"G1 country_share_limit": ("policy", "max_country_share", "limit")},
    ),
    Conflict(
        "a country supplies too much, and too little is reserved",
        case(
            supply=CHINA,
            projects={"works": works(offtake_max=0.3, market_finance_max=1)},
            policy={"max_country_share": {"limit": 0.6}},
        ),
        {
            "P6 offtake_limit": ("projects", "works", "offtake_max"),
            "G1 country_share_limit": ("policy", "max_country_share", "limit"),
        },
    ),
    Conflict(
        "the smallest ticket is too dear",
        case(
            projects={"works": works(market_finance_max=0.9)},
            policy=MUST,
            funders={"fund": funder(budget=15, ticket_min_meur=20)},
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P5 ticket_min": ("funders", "fund", "instruments", "equity", "ticket_min_meur"),
            "P9 must_build": ("policy", "must_build", 0),
            "B1 funder_budget": ("funders", "fund", "budget_meur"),
        },
    ),
    Conflict(
        "the largest ticket is too small",
        case(
            projects={"works": works(market_finance_max=0.5)},
            policy=MUST,
            funders={"fund": funder(ticket_max_meur=49)},
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P5 ticket_max": ("funders", "fund", "instruments", "equity", "ticket_max_meur"),
            "P9 must_build": ("policy", "must_build", 0),
        },
    ),
    Conflict(
        "shares do not add up",
        case(
            projects={"works": works(market_finance_max=0.5)},
            policy=MUST,
            funders={"fund": funder(max_share=0.4)},
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P4 share_limit": ("funders", "fund", "instruments", "equity", "max_share"),
            "P9 must_build": ("policy", "must_build", 0),
        },
    ),
    Conflict(
        "the public may not carry what is left",
        case(
            projects={"works": works(market_finance_max=0.5)},
            policy=MUST | {"max_public_share": 0.49},
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P7 public_share_limit": ("policy", "max_public_share"),
            "P9 must_build": ("policy", "must_build", 0),
        },
    ),
    Conflict(
        "state aid is what is left",
        case(
            projects={"works": works(market_finance_max=0.5)},
            policy=MUST | {"state_aid": {"max_intensity": 0.4}},
            funders={"fund": funder(grant_equivalent=1.0)},
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P8 state_aid_limit": ("policy", "state_aid"),
            "P9 must_build": ("policy", "must_build", 0),
        },
    ),
    Conflict(
        "the initial stock costs more than there is",
        case(
            stockpiles=[stockpile(initial_t=50, storage_eur_per_t_year=1000)],
            funders={"fund": funder(budget=0)},
        ),
        {"B1 funder_budget": ("funders", "fund", "budget_meur")},
    ),
    Conflict(
        "the initial stock costs more than there is that year",
        case(
            stockpiles=[stockpile(initial_t=50, storage_eur_per_t_year=1000)],
            funders={"fund": funder() | {"budget_by_year_meur": {}}},
        ),
        {"B1 funder_budget_by_year": ("funders", "fund", "budget_by_year_meur")},
    ),
]


def lined(lines: Raw, **terms: Any) -> Raw:
    """The fund with budget lines, and with terms of its equity, which may be of another kind."""
    fund = funder()
    fund["instruments"]["equity"] |= terms
    return {"fund": fund | {"budget_lines": lines}}


CONFLICTS += [
    Conflict(
        "a line of cash is too small",
        case(
            projects=ONE,
            policy=MUST,
            funders=lined({"cash": {"kind": "cash", "total_meur": 99}}),
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B3 budget_line_total": ("funders", "fund", "budget_lines", "cash", "total_meur"),
        },
    ),
    Conflict(
        "authority comes too late",
        case(
            2027,
            projects={"works": works(latest_start=2026)},
            policy=MUST,
            funders=lined({"authority": {"kind": "commitment", "by_year_meur": {2027: 100}}}),
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B3 budget_line_by_year": ("funders", "fund", "budget_lines", "authority",
                                       "by_year_meur"),
        },
    ),
    Conflict(
        "a year has too little of a line",
        case(
            projects=ONE,
            policy=MUST,
            funders=lined(
                {"cash": {"kind": "cash", "by_year_meur": {2026: 20}}}, budget_charge=0.5
            ),
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B3 budget_line_by_year": ("funders", "fund", "budget_lines", "cash", "by_year_meur",
                                       "2026"),
        },
    ),
    Conflict(
        "too much would be outstanding, in every year alike",
        case(
            2028,
            projects=ONE,
            policy=MUST,
            funders=lined(
                {"stock": {"kind": "guarantee_stock", "limit_meur": 99}},
                kind="guarantee",
                recovery=1.0,
            ),
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B4 guarantee_stock_limit": ("funders", "fund", "budget_lines", "stock", "limit_meur"),
        },
    ),
    Conflict(
        "too much would be outstanding once the limit falls",
        case(
            2028,
            projects={"works": works(latest_start=2026)},
            policy=MUST,
            funders=lined(
                {"stock": {"kind": "guarantee_stock", "limit_meur": {2026: 100, 2027: 100,
                                                                     2028: 99}}},
                kind="guarantee",
                recovery=1.0,
            ),
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B4 guarantee_stock_limit": ("funders", "fund", "budget_lines", "stock", "limit_meur",
                                         "2028"),
        },
    ),
    Conflict(
        "interest for lenders is too dear",
        case(
            projects={"works": works(market_finance_max=0.5)},
            policy=MUST,
            funders={
                "fund": {
                    "kind": "public",
                    "budget_meur": 7,
                    "instruments": {
                        "interest": {
                            "kind": "interest_subsidy",
                            "term_years": 1,
                            "interest_rate": 0.08,
                            "market_finance_per_share": 0.5,
                        }
                    },
                }
            },
        ),
        {
            "P3 market_finance_limit": ("projects", "works", "market_finance_max"),
            "P9 must_build": ("policy", "must_build", 0),
            "B1 funder_budget": ("funders", "fund", "budget_meur"),
        },
    ),
]  # fmt: skip


class Subsets:
    """Whether a plan exists that keeps some of the rules a scenario can change, and all others."""

    def __init__(self, instance: Instance) -> None:
        model = build_commitment(instance)
        add_structural_constraints(model)
        model.objective = pyo.Objective(expr=0 * model.nothing)
        self.model = model
        self.compiled = highs.compile_model(model)
        self.rules: list[Rule | None] = []
        for row in self.compiled.constraints:
            name = row.parent_component().local_name
            self.rules.append(
                RULES[name].describe(instance, row.index()) if name in RULES else None
            )

    def feasible(self, kept: set[Rule]) -> bool:
        dropped = np.array([rule is not None and rule not in kept for rule in self.rules])
        program = self.compiled.program.free_rows(dropped).without_objective()
        return highs.solve(program).ending == "optimal"

    @property
    def all(self) -> set[Rule]:
        return {rule for rule in self.rules if rule is not None}


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("conflict", CONFLICTS, ids=str)
def test_the_rules_in_conflict_are_named(conflict: Conflict) -> None:
    found = irreducible_conflict(read(conflict.raw))
    expected = [(key.split()[0], key.split()[1], path) for key, path in conflict.rules.items()]
    assert {(rule.tag, rule.name, rule.path) for rule in found} == set(expected)
    assert len(found) == len(expected)
    with pytest.raises(Infeasible) as caught:
        solve(conflict.raw)
    assert caught.value.conflict == found
    assert all(rule.says in str(caught.value) for rule in found)


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("conflict", CONFLICTS, ids=str)
def test_none_of_them_can_be_left_out(conflict: Conflict) -> None:
    instance = read(conflict.raw)
    found, subsets = set(irreducible_conflict(instance)), Subsets(instance)
    assert found <= subsets.all
    assert not subsets.feasible(found)
    for rule in found:
        assert subsets.feasible(found - {rule}), f"without {rule.name} there is still no plan"


@pytest.mark.parametrize(
    "raw",
    [
        case(),
        case(projects=ONE, policy=MUST),
        case(projects=ONE, policy=MUST, funders={"fund": funder(budget=100)}),
        case(stockpiles=tight(max_purchase_t_per_year=10, max_t=10)),
        case(stockpiles=tight(), funders={"fund": funder(budget=0.1)}),
        pair(policy={"must_build": ["first", "second"], "max_projects": 2}),
        case(supply=CHINA, policy={"max_country_share": {"limit": 1.0}}),
        case(
            projects={"works": works(market_finance_max=0.9)},
            policy=MUST,
            funders={"fund": funder(budget=15, ticket_min_meur=15)},
        ),
        case(
            stockpiles=[stockpile(initial_t=50, storage_eur_per_t_year=1000)],
            funders={"fund": funder(budget=0.05)},
        ),
    ],
)
def test_a_scenario_with_a_plan_has_no_conflict(raw: Raw) -> None:
    assert irreducible_conflict(read(raw)) == ()


def test_of_several_conflicts_one_is_named() -> None:
    """Days against room, or a project against a budget: never a mixture of both."""
    raw = case(
        stockpiles=tight(max_t=9.9), projects=ONE, policy=MUST, funders={"fund": funder(budget=99)}
    )
    found = {rule.name for rule in irreducible_conflict(read(raw))}
    assert found in (
        {"storage_limit", "days_of_demand"},
        {"market_finance_limit", "must_build", "funder_budget"},
    )
