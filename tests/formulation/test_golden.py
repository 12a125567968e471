"""The rows of two small scenarios with every rule between them, one text a family of rules.

After a wanted change of the formulation, write the texts again and review the difference::

    VORRAT_WRITE_GOLDEN=1 pytest tests/formulation/test_golden.py
    git diff tests/formulation/golden

Rows stand in the order of the model, their terms in the order of their names. Mass is in lots:
16 t of dysprosium (an eighth of 120 t is 15 t) and 1024 t of lithium (an eighth of 10 000 t is
1250 t); a year has two periods. In the scenario of ``treasury.py``, whose texts begin with that
name, a lot is 16 t of ore and a year has one period. Texts that begin with `standpoint` are of
the first scenario, entitled, as ``perspectives.py`` sees it. `residual_objective`
is that of the first scenario with something left at its end. Texts that begin with `chains` are
of the scenario of ``chained.py``, where one material is made of others; texts that begin with
`deals` are of that of ``deals.py``. `idle_floors` is of works that run only when it pays.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from chained import chained, entitled
from deals import deals
from everything import doubted, everything, lasting
from perspectives import from_the_motors
from points import idle_works, unaided
from refills import twice
from treasury import treasury

from models.scenario.references import Case
from optimizer.model import highs
from optimizer.model.formulation import build_extensive_form
from optimizer.model.instance import Instance, read_instance
from optimizer.model.rules import RULES
from optimizer.model.states import read_states

GOLDEN = Path(__file__).parent / "golden"
FAMILIES = {
    "starting": ["start_once"],
    "financing": ["fully_financed", "market_finance_limit", "share_limit", "share_needs_start"],
    "tickets": ["ticket_min", "ticket_max"],
    "offtake": ["offtake_right", "offtake_limit"],
    "public_limits": ["public_share_limit", "state_aid_limit"],
    "project_rules": ["requires", "excludes", "must_build", "must_not_build", "max_projects"],
    "buying": ["purchase_limit", "planned_stock_definition"],
    "keeping": ["storage_limit", "days_of_demand"],
    "budgets": ["funder_budget_by_year", "funder_budget", "public_budget"],
    "diversification": ["country_share_limit"],
    "delivery": ["delivered_definition"],
    "recourse": ["stock_balance", "demand_balance"],
    "tail": ["excess_definition"],
}
OF_THE_TREASURY = {
    "lines": ["budget_line_by_year", "budget_line_total", "guarantee_stock_limit"],
    "supports": [
        "fully_financed",
        "market_finance_limit",
        "subsidised_loan_limit",
        "price_floor_limit",
        "share_limit",
    ],
    "limits": [
        "ticket_min",
        "ticket_max",
        "offtake_right",
        "public_share_limit",
        "state_aid_limit",
    ],
}
OF_DEALS = {
    "starts": ["starts_by_year"],
    "limits": ["ticket_max", "state_aid_limit"],
    "budgets": ["funder_budget"],
    "lines": ["budget_line_by_year", "guarantee_stock_limit"],
}
FROM_A_STANDPOINT = {
    "settled": [
        "stake",
        "held_start",
        "held_share",
        "held_offtake",
        "held_least",
        "held_purchase",
        "held_least_purchase",
    ]
}
OF_CHAINS = ["country_share_limit", "days_of_demand", "demand_balance", "conversion_limit"]
UNAIDED = ["delivered_definition", "unaided_definition"]
IDLE = ["floored_offtake", "floored_limit"]
DOUBTED = ["excess_definition", "above_definition", "worst_definition"]
BOUNDS = ["release", "shortage"]


Scenario = Callable[[], dict[str, Any] | Instance]


@cache
def model(scenario: Scenario = everything) -> Any:
    """Kept, since its rows and columns have names only as long as it lives."""
    found = scenario()
    instance = read_instance(Case.model_validate(found)) if isinstance(found, dict) else found
    return build_extensive_form(instance, read_states(instance))


@cache
def compiled(scenario: Scenario = everything) -> highs.CompiledModel:
    return highs.compile_model(model(scenario))


def name_of(component: Any) -> str:
    return str(component.parent_component().local_name)


def number(value: float) -> str:
    return f"{value:.10g}"


def terms(found: dict[str, float]) -> str:
    """``+ 2 a - 3 b``, by name; what stays on one line is tied by ``~``."""
    parts = []
    for name, x in sorted(found.items()):
        size = "" if abs(x) == 1 else f"{number(abs(x))}~"
        parts.append(f"{'-' if x < 0 else '+'}~{size}{name}")
    return " ".join(parts)


def row(program: highs.LinearProgram, position: int) -> str:
    """``name: terms <= side``; an equation with its last term positive, however it was compiled."""
    line = program.matrix[[position], :].tocoo()
    found = {program.column_names[j]: float(x) for j, x in zip(line.col, line.data, strict=True)}
    low, high = float(program.row_lower[position]), float(program.row_upper[position])
    if low == high and found[max(found)] < 0:
        found, low, high = {name: -x for name, x in found.items()}, -low, -high
    sense = "=" if low == high else "<=" if np.isinf(low) else ">="
    side = number(high if sense == "<=" else low + 0.0)
    return f"{program.row_names[position]}: {terms(found)} {sense}~{side}"


def wrapped(lines: Iterator[str]) -> str:
    folded = (
        textwrap.fill(
            line, 98, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        )
        for line in lines
    )
    return "\n".join(folded).replace("~", " ") + "\n"


def rows_of(names: list[str], scenario: Scenario = everything) -> Iterator[str]:
    what = compiled(scenario)
    for name in names:
        yield f"\\ {name}"
        for position, constraint in enumerate(what.constraints):
            if name_of(constraint) == name:
                yield row(what.program, position)


def bounds() -> Iterator[str]:
    what = compiled()
    for name in BOUNDS:
        yield f"\\ {name}"
        for j, variable in enumerate(what.variables):
            if name_of(variable) == name:
                low, high = what.program.lower[j], what.program.upper[j]
                yield f"{number(low)} <= {variable.name} <= {number(high)}"


def objective(scenario: Scenario = everything) -> Iterator[str]:
    """What is minimized, the kinds of its columns in the order of their names."""
    what = compiled(scenario)
    kinds: dict[str, dict[str, float]] = {}
    for variable, cost in zip(what.variables, what.program.cost, strict=True):
        if cost != 0:
            kinds.setdefault(name_of(variable), {})[variable.name] = float(cost)
    for kind, found in sorted(kinds.items()):
        yield f"\\ {kind}"
        yield terms(found)
    yield "\\ constant"
    yield number(what.program.offset)


TEXTS = {name: lambda names=names: rows_of(names) for name, names in FAMILIES.items()}
TEXTS |= {"bounds": bounds, "objective": objective}
TEXTS |= {
    f"treasury_{name}": lambda names=names: rows_of(names, treasury)
    for name, names in OF_THE_TREASURY.items()
}
TEXTS["treasury_objective"] = lambda: objective(treasury)
TEXTS |= {
    f"deals_{name}": lambda names=names: rows_of(names, deals) for name, names in OF_DEALS.items()
}
TEXTS["deals_objective"] = lambda: objective(deals)
TEXTS |= {
    f"standpoint_{name}": lambda names=names: rows_of(names, from_the_motors)
    for name, names in FROM_A_STANDPOINT.items()
}
TEXTS["chains_pooled"] = lambda: rows_of(OF_CHAINS, chained)
TEXTS["chains_entitled"] = lambda: rows_of([*OF_CHAINS[2:], "delivered_definition"], entitled)
TEXTS["unaided"] = lambda: rows_of(UNAIDED, unaided)
TEXTS["idle_floors"] = lambda: rows_of(IDLE, idle_works)
TEXTS["filled_again"] = lambda: rows_of(["stock_balance", "refill_limit"], twice)
TEXTS["doubted"] = lambda: rows_of(DOUBTED, doubted)
TEXTS["doubted_objective"] = lambda: objective(doubted)
TEXTS["residual_objective"] = lambda: objective(lasting)
TEXTS["standpoint_objective"] = lambda: objective(from_the_motors)


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_as_it_was(name: str) -> None:
    text, file = wrapped(TEXTS[name]()), GOLDEN / f"{name}.lp"
    if os.environ.get("VORRAT_WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_text(encoding="utf-8")


def test_every_constraint_has_its_lines_and_every_text_its_test() -> None:
    built = {name_of(constraint) for constraint in compiled().constraints}
    declared = {c.local_name for c in model().component_objects(pyo.Constraint)}
    shown = [name for names in FAMILIES.values() for name in names]
    assert sorted(shown) == sorted(built)
    other = {name for names in OF_THE_TREASURY.values() for name in names}
    assert other <= {name_of(constraint) for constraint in compiled(treasury).constraints}
    other |= set(OF_DEALS["starts"])
    settled = {name for names in FROM_A_STANDPOINT.values() for name in names}
    assert settled == {name_of(row) for row in compiled(from_the_motors).constraints} & settled
    chains = set(OF_CHAINS) - set(shown)
    assert chains == {"conversion_limit"}
    limits = {name for name, rule in RULES.items() if rule.policy_limits}  # test_policy_limits.py
    assert declared == {
        *(*shown, *other, *settled, *chains, *UNAIDED, *IDLE, *DOUBTED, *limits),
        *("refill_limit", "user_rule", "extra_rule"),  # the latter: tests/test_user_rules.py
    }
    assert {file.name for file in GOLDEN.iterdir()} == {f"{name}.lp" for name in TEXTS}


LOT, MANY = 16.0, 1024.0
KEEPS = 0.98**0.5
BY_HAND = [
    ("start_once[magnets]", "start[magnets,2027]", 1),
    ("start_once[magnets]", "", 1),
    ("fully_financed[magnets,2026]", "start[magnets,2026]", -1),
    ("market_finance_limit[upper_rhine,2026]", "start[upper_rhine,2026]", -0.6),
    ("share_limit[upper_rhine,fund,equity]", "takes_part[upper_rhine,fund,equity]", -0.4),
    ("share_needs_start[magnets,fund,grant,2027]", "start[magnets,2027]", -0.3),
    ("ticket_min[separation,fund,equity]", "takes_part[separation,fund,equity]", 10),
    ("ticket_min[separation,fund,equity]", "share[separation,fund,equity,2026]", -100),
    ("ticket_max[upper_rhine,fund,equity]", "takes_part[upper_rhine,fund,equity]", -150),
    ("offtake_right[upper_rhine,2026,common]", "start[upper_rhine,2026]", -0.3),
    ("offtake_right[upper_rhine,2026,common]", "share[upper_rhine,fund,grant,2026]", -0.5),
    ("offtake_right[upper_rhine,2026,motor_co]", "share[upper_rhine,motor_co,equity,2026]", -1.2),
    ("offtake_limit[upper_rhine,2026]", "start[upper_rhine,2026]", -0.9),
    ("public_share_limit[magnets,2026]", "start[magnets,2026]", -0.6),
    ("state_aid_limit[upper_rhine]", "share[upper_rhine,fund,grant,2026]", 400 * 1.0),
    ("state_aid_limit[upper_rhine]", "", min(0.35 * 400, 60)),
    ("state_aid_limit[magnets]", "", min(0.35 * 40, 60)),
    ("requires[magnets,separation,2027]", "start[separation,2026]", -1),
    ("excludes[upper_rhine,magnets]", "", 1),
    ("must_build[separation]", "", 1),
    ("must_not_build[old_mine]", "", 0),
    ("max_projects[all]", "", 3),
    ("purchase_limit[federal,2027]", "", 30 / LOT),
    ("planned_stock_definition[federal,0]", "", 4 / LOT * KEEPS),
    ("planned_stock_definition[federal,1]", "planned[federal,0]", -KEEPS),
    ("planned_stock_definition[federal,1]", "buy[federal,2026]", -1 / 2),
    ("storage_limit[federal,3]", "", 60 / LOT),
    # 30 of 365 days of 120 t a year; nothing is asked for in 2026.
    ("days_of_demand[federal,2027]", "", 30 / 365 * 120 / LOT),
    # 0.7 of 200 000 EUR/t and 5 % on it; 0.7 of 500 and 3 % of 200 000, half of it a period.
    ("funder_budget_by_year[fund,2026]", "buy[federal,2026]", 0.7 * 210_000 * LOT / 1e6),
    ("funder_budget_by_year[fund,2026]", "planned[federal,1]", 0.7 * 6_500 * LOT / 1e6 / 2),
    ("funder_budget_by_year[fund,2026]", "share[upper_rhine,fund,grant,2026]", 200),
    ("funder_budget[fund]", "buy[cells_own,2027]", 10_000 * MANY / 1e6),
    ("funder_budget[motor_co]", "buy[federal,2028]", 0.3 * 210_000 * LOT / 1e6),
    ("public_budget[all]", "share[upper_rhine,fund,equity,2027]", 400),
    # CN supplies 0.95 of 120 t, 0.9 may be; separation of 60 t lasts for two years.
    ("country_share_limit[dysprosium,CN,2028]", "", 0.05 * 120 / 2 / LOT),
    ("country_share_limit[dysprosium,CN,2028]", "offtake[separation,2027,common]", 60 / 2 / LOT),
    ("country_share_limit[dysprosium,CN,2028]", "offtake[separation,2026,common]", 0),
    # Started in 2026, built for a year, half in the first year of output.
    ("delivered_definition[lithium,upper_rhine,0,2027]", "offtake[upper_rhine,2026,common]", -0.5),
    # The late embargo begins in period 3: four periods of loss since the start.
    ("state[2].stock_balance[dysprosium,federal,3]", "", 4 / LOT * KEEPS**4),
    (
        "state[2].stock_balance[dysprosium,federal,3]",
        "buy[federal,2026]",
        -(KEEPS**3 + KEEPS**2) / 2,
    ),
    # The second period of an embargo takes 0.6 of the half from CN, a strike half of the other.
    ("state[1].demand_balance[lithium,2]", "", 9_000 / 2 / MANY * (0.5 * 0.6 + 0.5 * 0.5)),
    ("state[1].demand_balance[lithium,2]", "delivered[lithium,upper_rhine,0,2027]", 3_000 / MANY),
    ("state[2].demand_balance[dysprosium,3]", "", 120 / 2 / LOT * 0.95),
    ("excess_definition[1]", "state[1].shortage[dysprosium,0,1]", 400_000 * LOT / 1e6),
    ("excess_definition[2]", "state[2].shortage[lithium,0,5]", 60_000 * MANY / 1e6 / 1.05**2),
    # Half of the capex a year: 200 and 200 / 1.05, of which 0.4 does not come back.
    ("", "share[upper_rhine,fund,equity,2026]", 0.01 * 0.4 * (200 + 200 / 1.05)),
    ("", "buy[federal,2027]", 0.01 * 210_000 * LOT / 1e6 / 1.05),
    ("", "state[1].shortage[dysprosium,1,1]", 0.7 * 0.3 * 4_000_000 * LOT / 1e6),
    ("", "excess[2]", 0.3 * 0.1 / (1 - 0.8)),
    ("", "eta[all]", 0.3),
]


@pytest.mark.parametrize(("where", "column", "value"), BY_HAND)
def test_numbers_worked_out_by_hand(where: str, column: str, value: float) -> None:
    """``value`` of a column in a row; of its side without a column, of the cost without a row."""
    check(compiled().program, where, column, value)


# A mine of 100 million started in 2026 pays 50 in 2026 and in 2027 and yields 20, 40 and 40 t.
# Of the fund's floor: 0.25 * (9000 - 6000) = 750 EUR/t for 20 and 40 t, with a chance of 0.8.
# Of the maker's: 8000, 10 250 and 12 500 less 6000 with 0.25, and 12 500 is below 14 000.
# Interest at 4 % of a loan repaid by halves in the second and third year: 0.04, 0.04, 0.02.
TREASURY_BY_HAND = [
    ("fully_financed[mine,2026]", "share[mine,fund,interest,2026]", 0),
    ("fully_financed[mine,2026]", "share[mine,fund,floor,2026]", 0),
    ("fully_financed[mine,2026]", "share[mine,fund,cover,2026]", 1),
    ("market_finance_limit[mine,2026]", "share[mine,fund,interest,2026]", -0.2),
    ("market_finance_limit[mine,2026]", "share[mine,maker,floor,2026]", -0.1),
    ("subsidised_loan_limit[mine,2026]", "share[mine,fund,interest,2026]", 1),
    ("subsidised_loan_limit[mine,2026]", "market[mine,2026]", -1),
    ("price_floor_limit[mine,ore,2026]", "share[mine,maker,floor,2026]", 1),
    ("ticket_max[mine,fund,interest]", "share[mine,fund,interest,2026]", 100),
    ("offtake_right[mine,2026,common]", "share[mine,fund,floor,2026]", -0.5),
    ("public_share_limit[mine,2026]", "share[mine,fund,interest,2026]", 0),
    ("state_aid_limit[mine]", "share[mine,fund,interest,2026]", 0.5 * 100 * 0.1),
    ("state_aid_limit[mine]", "share[mine,fund,floor,2026]", 0.25 * 0.8 * 750 * 60 / 1e6),
    ("state_aid_limit[mine]", "", 10),
    ("budget_line_by_year[fund,cash,2027]", "share[mine,fund,stake,2026]", 50),
    ("budget_line_by_year[fund,cash,2027]", "share[mine,fund,cover,2026]", 0.1 * 50),
    # In 2027 interest on what was drawn in 2026; in 2028 all that falls later as well.
    ("budget_line_by_year[fund,cash,2027]", "share[mine,fund,interest,2026]", 0.04 * 50),
    ("budget_line_by_year[fund,cash,2028]", "share[mine,fund,interest,2026]", 0.06 * 50 + 0.1 * 50),
    ("budget_line_by_year[fund,cash,2027]", "share[mine,fund,floor,2026]", 0.8 * 750 * 40 / 1e6),
    ("budget_line_by_year[fund,cash,2028]", "share[mine,fund,floor,2026]", 0),
    ("budget_line_by_year[fund,cash,2027]", "line_unspent[fund,cash,2026]", -1),
    # Of what the reserve costs the fund pays storage and half of the interest.
    ("budget_line_by_year[fund,cash,2027]", "planned[reserve,1]", 550 * 16 / 1e6),
    ("budget_line_by_year[fund,cash,2027]", "buy[reserve,2027]", 0),
    ("budget_line_total[fund,authority]", "planned[reserve,1]", 0.5 * 550 * 16 / 1e6),
    ("budget_line_total[fund,authority]", "share[mine,fund,stake,2026]", 100),
    ("budget_line_total[fund,authority]", "share[mine,fund,cover,2026]", 0),
    ("budget_line_total[fund,authority]", "share[mine,fund,interest,2026]", 100 * 0.1),
    # At most, and if the mine succeeds: 3000 EUR/t for 60 t.
    ("budget_line_total[fund,authority]", "share[mine,fund,floor,2026]", 3000 * 60 / 1e6),
    ("guarantee_stock_limit[fund,guarantees,2027]", "share[mine,fund,cover,2026]", 100),
    ("guarantee_stock_limit[fund,guarantees,2028]", "share[mine,fund,cover,2026]", 0),
    ("guarantee_stock_limit[fund,guarantees,2028]", "share[mine,fund,cover,2027]", 100),
    ("guarantee_stock_limit[fund,guarantees,2027]", "", 50),
    # Equity: 0.92 of it grows by 1.06 / 1.05 a year for ten years.
    (
        "",
        "share[mine,fund,stake,2026]",
        0.001 * (50 + 50 / 1.05) * (1 - 0.92 * (1.06 / 1.05) ** 10),
    ),
    # A guarantee: a tenth is lost after one year; fees of 1 % on all, then on half.
    (
        "",
        "share[mine,fund,cover,2026]",
        0.001 * (50 + 50 / 1.05) * (0.1 / 1.05 - 0.01 / 1.05 - 0.005 / 1.05**2),
    ),
    ("", "share[mine,fund,interest,2026]", 0.001 * (2 / 1.05 + 8 / 1.05**2)),
    # Above 13 000 EUR/t are the 14 000 of 2028, where the floor has ended, for a start in 2026; for
    # one in 2027 it has not: 0.3 * 0.75 * 1000 EUR/t for 40 t.
    ("", "share[mine,fund,floor,2026]", 0.001 * 0.8 * 750 * (20 + 40 / 1.05) / 1e6),
    (
        "",
        "share[mine,fund,floor,2027]",
        0.001 * 0.8 * (750 * (20 / 1.05 + 40 / 1.05**2) - 225 * 40 / 1.05**2) / 1e6,
    ),
    # A loan: interest of 3, 3, 2 and 1 % and a third in each of the last three of four years.
    (
        "",
        "share[plant,maker,loan,2026]",
        0.001
        * 30
        * (1 - 0.03 / 1.05 - (0.03 + 1 / 3) / 1.05**2 - (0.02 + 1 / 3) / 1.05**3
           - (0.01 + 1 / 3) / 1.05**4),
    ),
    (
        "",
        "share[plant,maker,floor,2026]",
        0.001 * 20 * 0.25 * (2_000 + 4_250 / 1.05 + 6_500 / 1.05**2) / 1e6,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("where", "column", "value"), TREASURY_BY_HAND)
def test_numbers_of_the_treasury_by_hand(where: str, column: str, value: float) -> None:
    program, sign = compiled(treasury).program, 1.0
    if where.startswith("budget_line_by_year"):
        # An equation may be compiled with either sign; what is unspent counts as it is stated.
        unspent = where.replace("budget_line_by_year", "line_unspent")
        at = list(program.row_names).index(where), list(program.column_names).index(unspent)
        sign = float(program.matrix[at])
    check(program, where, column, sign * value)


# Of 100 t of oxide needed 80 come from CN, half may; 36.5 days of the motors' 60 t are 6 t. The
# stop leaves nothing, then half; the strike half of the makers. The motors have 96 / 128 of them.
CHAINS_BY_HAND = [
    (chained, "country_share_limit[oxide,CN,2026]", "", (80 - 50) / 2 / LOT),
    (chained, "days_of_demand[reserve,2026]", "", 6 / LOT),
    (chained, "state[0].demand_balance[oxide,0]", "", 20 / 2 / LOT),
    (chained, "state[0].demand_balance[oxide,1]", "", (20 - 80 / 2) / 2 / LOT),
    (chained, "state[0].demand_balance[oxide,1]", "delivered[oxide,refinery,0,2026]", 40 / 2 / LOT),
    (chained, "state[0].demand_balance[oxide,1]", "state[0].made[magnet,plant,1]", -1.25),
    (chained, "state[0].demand_balance[terbium,1]", "state[0].made[magnet,makers,1]", -0.25 * 8),
    (chained, "state[0].demand_balance[magnet,0]", "state[0].made[magnet,makers,0]", 1),
    (chained, "state[0].demand_balance[magnet,0]", "", 128 / 2 / LOT),
    (chained, "state[0].conversion_limit[magnet,makers,0]", "", 64 / 2 / LOT / 2),
    (chained, "state[0].conversion_limit[magnet,plant,0]", "delivered[magnet,plant,0,2026]",
     -32 / 2 / LOT),
    (entitled, "state[0].demand_balance['oxide.motors',1]", "", -0.6 * 80 / 2 / 2 / LOT),
    (entitled, "state[0].demand_balance['oxide.others',1]", "", (20 - 0.4 * 80 / 2) / 2 / LOT),
    (entitled, "state[0].demand_balance['terbium.motors',1]", "", -0.75 * 16 / 2 / 2 / 2),
    (entitled, "state[0].conversion_limit['magnet.motors',makers,0]", "", 0.75 * 64 / 2 / LOT / 2),
    (entitled, "delivered_definition['magnet.motors',plant,0,2026]", "offtake[plant,2026,common]",
     -0.75),
    (entitled, "delivered_definition['oxide.motors',refinery,0,2026]",
     "offtake[refinery,2026,motor_co]", -1),
    (entitled, "delivered_definition['oxide.others',refinery,0,2026]",
     "offtake[refinery,2026,motor_co]", 0),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "where", "column", "value"), CHAINS_BY_HAND)
def test_numbers_of_chains_by_hand(
    scenario: Scenario, where: str, column: str, value: float
) -> None:
    check(compiled(scenario).program, where, column, value)


def check(program: highs.LinearProgram, where: str, column: str, value: float) -> None:
    columns, rows = list(program.column_names), list(program.row_names)
    if not where:
        found = program.cost[columns.index(column)]
    elif not column:
        position = rows.index(where)
        sides = (program.row_upper[position], program.row_lower[position])
        found = next(side for side in sides if np.isfinite(side))
    else:
        found = program.matrix[rows.index(where), columns.index(column)]
    assert found == pytest.approx(value, rel=1e-12, abs=1e-12)
