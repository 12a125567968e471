"""Every rule of the second stage, and what no commitment can break, by the values of its variables.

A point is a row (or a variable, for a rule that is its bound), a value for each variable that
matters, all others being zero, and one value moved so far that the row is broken.

Mass is in lots of 16 t: a demand of 100 t a year in two periods is 3.125 lots a period.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
import pytest
from chained import chained, entitled
from points import unaided
from small import CHINA, Raw, case, cut, funder, project, state, stockpile

from models.scenario.references import Case
from optimizer.model.formulation import build_extensive_form
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states

LOT_T = 16.0
DAMAGE = 100_000 * LOT_T / 1e6
TAGS = {
    name: tag
    for tag, name in re.findall(
        r"^\| ([A-Z]\d|CVaR) \| (\w+) \| .+ \|$",
        (Path(__file__).parents[2] / "docs" / "formulation.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}


def embargo(*events: int, **sections: Any) -> Raw:
    """Two years of two periods; all ore comes from CN, which gives 0, 100 %, 50 % and 100 % of it.

    The second of two states is calm. A stock of 10 t keeps 0.81^(1/2) = 0.9 a period.
    """
    calm, struck = state("calm", 0.5), state("struck", 0.5, 2026)
    raw = case(
        horizon={
            "first_year": 2026,
            "last_year": 2027,
            "periods_per_year": 2,
            "discount_rate": 0.25,
        },
        supply=CHINA,
        stockpiles=[stockpile(initial_t=10, annual_loss=0.19, max_release_t_per_period=8)],
        projects={"works": project(80, ramp_up=[0.5, 0.75], market_finance_max=1, home_share=1)},
        hazards=cut([1.0, 0.0, 0.5]),
        uncertainty={"states": [struck | {"delayed_projects": {"works": 1}}, calm]},
        objective={"cvar": {"level": 0.8, "weight": 0.5}},
    )
    return raw | sections


def filled_again() -> Raw:
    """The same, of which up to 10 t a year come back: 5 t in the second and the fourth period."""
    pile = stockpile(initial_t=10, annual_loss=0.19, refill_t_per_year=10)
    return embargo(stockpiles=[pile])


def doubted() -> Raw:
    """The same, with half of the probability where damage is worst."""
    tail, ambiguity = {"level": 0.8, "weight": 0.5}, {"kind": "total_variation", "radius": 0.5}
    return embargo(objective={"cvar": tail, "ambiguity": ambiguity})


def apart(**sections: Any) -> Raw:
    """The same, entitled: a quarter of demand is the works' own, who share a stock with nobody."""
    demand = {"industry": 75, "workshop": 25}
    return embargo(
        consumers={"industry": {}, "workshop": {"company": "giant"}},
        demand=[{"consumer": u, "material": "ore", "t_per_year": t} for u, t in demand.items()],
        funders={"fund": funder(), "giant": funder("company")},
        objective={"allocation": "entitled"},
        **sections,
    )


@dataclass(frozen=True)
class Point:
    """A row (or a bounded variable), values at which it holds, and one that breaks it."""

    row: str
    raw: Raw
    values: dict[str, float]
    moved: tuple[str, float]
    about: str = ""

    @property
    def name(self) -> str:
        """Of the rule."""
        return self.row.removeprefix("state[0].").partition("[")[0]

    def __str__(self) -> str:
        return f"{self.name}-{self.about}" if self.about else self.name


def both_ways(row: str, raw: Raw, values: dict[str, float], what: str, about: str) -> list[Point]:
    """An equation is broken by a little more and by a little less."""
    return [
        Point(row, raw, values, (what, values[what] + 1e-6), f"{about}, more"),
        Point(row, raw, values, (what, values[what] - 1e-6), f"{about}, less"),
    ]


FIRST = {
    # 0.9 * 10 + 16 / 2 - 5 = 12 t at the first period's end.
    "buy[reserve,2026]": 16 / LOT_T,
    "state[0].release[ore,reserve,0]": 5 / LOT_T,
    "state[0].stock[ore,reserve,0]": 12 / LOT_T,
}
THIRD = {
    # 0.81 * 12 + 0.9 * 16 / 2 + 24 / 2 - 8 = 20.92 t two periods later; nothing leaves between.
    "buy[reserve,2026]": 16 / LOT_T,
    "buy[reserve,2027]": 24 / LOT_T,
    "state[0].release[ore,reserve,2]": 8 / LOT_T,
    "state[0].stock[ore,reserve,0]": 12 / LOT_T,
    "state[0].stock[ore,reserve,2]": 20.92 / LOT_T,
}
REFILLED = {
    # 0.9 * 10 + 16 / 2 + 3 = 20 t at the end of the second period, which is covered.
    "buy[reserve,2026]": 16 / LOT_T,
    "planned[reserve,1]": 20 / LOT_T,
    "state[0].stock[ore,reserve,0]": 10 / LOT_T,
    "state[0].refill[ore,reserve,1]": 3 / LOT_T,
    "state[0].stock[ore,reserve,1]": 20 / LOT_T,
}
FOURTH = {
    # The first period is calm in a late embargo, so that the second is the first that is open:
    # 0.81 * 10 + (0.9 + 1) * 16 / 2 - 3.3 = 20 t.
    "buy[reserve,2026]": 16 / LOT_T,
    "state[0].release[ore,reserve,1]": 3.3 / LOT_T,
    "state[0].stock[ore,reserve,1]": 20 / LOT_T,
}
LATE = embargo(
    uncertainty={
        "states": [{"probability": 1.0, "events": [{"hazard": "cut", "start": 2026, "period": 2}]}]
    }
)
UNAIDED = {
    # The rest of 0.8 is not started, and brings a quarter of its output home.
    "start[plant,2026]": 0.8,
    "unaided[plant]": 0.2,
    "delivered[ore,plant,0 unaided,2026]": 0.05,
}
OWN = {
    # A quarter of 0.9 * 10 + 16 / 2 is 4.25 t, of which 1 leaves.
    "buy[reserve,2026]": 16 / LOT_T,
    "state[0].release['ore.workshop',reserve,0]": 1 / LOT_T,
    "state[0].stock['ore.workshop',reserve,0]": 3.25 / LOT_T,
}
BALANCE = {
    # 25 t lack in the third period: 4 released, 6 missing and 15 from works of 40 t a period.
    "state[0].release[ore,reserve,2]": 4 / LOT_T,
    "state[0].shortage[ore,0,2]": 6 / LOT_T,
    "delivered[ore,works,1,2027]": 15 / 40,
}
DELIVERED = {
    # One year late, works started in 2026 run at 0.5 in 2027: half of 0.6.
    "offtake[works,2026,common]": 0.6,
    "delivered[ore,works,1,2027]": 0.3,
}
TWO_STARTS = {
    # On time, works started in 2026 run at 0.75 in 2027, and started in 2027 at 0.5.
    "offtake[works,2026,common]": 0.6,
    "offtake[works,2027,common]": 0.4,
    "delivered[ore,works,0,2027]": 0.65,
}
SHARED = {
    # All of the company's 0.2 and a quarter of the common 0.6, at 0.5 in the first year.
    "offtake[works,2026,giant]": 0.2,
    "offtake[works,2026,common]": 0.6,
    "delivered['ore.workshop',works,0,2026]": 0.175,
}
EXCESS = {
    # 10 t missing in 2026 cost 1 million, 5 t in 2027 0.5 discounted by a fifth to 0.4.
    "state[0].shortage[ore,0,0]": 10 / LOT_T,
    "state[0].shortage[ore,0,2]": 5 / LOT_T,
    "eta[all]": 0.9,
    "excess[0]": 0.5,
}
ABOVE = EXCESS | {"eta[mean]": 0.8, "above[0]": 0.6}
WORST = EXCESS | {"worst[all]": 1.4}
MADE = {
    # All imports are lost: 8 t by makers and 6 by the plant leave 50 of 64 t missing.
    "state[0].made[magnet,makers,0]": 8 / LOT_T,
    "state[0].made[magnet,plant,0]": 6 / LOT_T,
    "state[0].shortage[magnet,0,0]": 40 / LOT_T,
    "state[0].shortage[magnet,1,0]": 10 / LOT_T,
}
TAKEN = {
    # They take in 17.5 t of oxide, of which 10 t are demanded as well: 7 released, 16 delivered.
    "state[0].made[magnet,makers,0]": 8 / LOT_T,
    "state[0].made[magnet,plant,0]": 6 / LOT_T,
    "state[0].release[oxide,reserve,0]": 7 / LOT_T,
    "delivered[oxide,refinery,0,2026]": 16 / 20,
    "state[0].shortage[oxide,0,0]": 4.5 / LOT_T,
}
SCARCE = {
    # Of the 4 t of terbium left in the second period 0.25 go into a tonne.
    "state[0].made[magnet,makers,1]": 10 / LOT_T,
    "state[0].made[magnet,plant,1]": 6 / LOT_T,
}
OWN_TAKEN = {
    # Of oxide the motors have three fifths of the 20 t that come, and 20 t of their own.
    "state[0].made['magnet.motors',makers,1]": 20 / LOT_T,
    "state[0].made['magnet.motors',plant,1]": 12 / LOT_T,
    "delivered['oxide.motors',refinery,0,2026]": 1.0,
    "state[0].release['oxide.motors',reserve,1]": 8 / LOT_T,
}
OWN_MADE = {
    # The motors have three quarters of the 16 t that the strike leaves the makers.
    "state[0].made['magnet.motors',makers,0]": 12 / LOT_T
}
OWN_PLANT = {
    "delivered['magnet.motors',plant,0,2026]": 0.5,
    "state[0].made['magnet.motors',plant,0]": 8 / LOT_T,
}
BY_VALUE = [
    Point(
        "start_once[works]",
        embargo(),
        {"start[works,2026]": 1, "start[works,2027]": 0},
        ("start[works,2027]", 1),
    ),
    *both_ways(
        "planned_stock_definition[reserve,0]",
        embargo(),
        {"buy[reserve,2026]": 16 / LOT_T, "planned[reserve,0]": 17 / LOT_T},
        "planned[reserve,0]",
        "0.9 * 10 + 16 / 2",
    ),
    *both_ways(
        "planned_stock_definition[reserve,2]",
        embargo(),
        {
            "buy[reserve,2026]": 99,
            "buy[reserve,2027]": 10 / LOT_T,
            "planned[reserve,1]": 20 / LOT_T,
            "planned[reserve,2]": 23 / LOT_T,
        },
        "planned[reserve,2]",
        "0.9 * 20 + 10 / 2",
    ),
    *both_ways(
        "state[0].stock_balance[ore,reserve,0]",
        embargo(),
        FIRST,
        "state[0].stock[ore,reserve,0]",
        "from the initial stock",
    ),
    *both_ways(
        "state[0].stock_balance[ore,reserve,2]",
        embargo(),
        THIRD,
        "state[0].stock[ore,reserve,2]",
        "over a closed period",
    ),
    *both_ways(
        "state[0].stock_balance[ore,reserve,1]",
        LATE,
        FOURTH,
        "state[0].release[ore,reserve,1]",
        "after a closed period",
    ),
    *both_ways(
        "state[0].stock_balance['ore.workshop',reserve,0]",
        apart(),
        OWN,
        "state[0].stock['ore.workshop',reserve,0]",
        "a quarter of a stock",
    ),
    Point(
        "state[0].release[ore,reserve,0]",
        embargo(),
        {"state[0].release[ore,reserve,0]": 8 / LOT_T},
        ("state[0].release[ore,reserve,0]", 8.001 / LOT_T),
    ),
    Point(
        "state[0].release['ore.workshop',reserve,0]",
        apart(),
        {"state[0].release['ore.workshop',reserve,0]": 2 / LOT_T},
        ("state[0].release['ore.workshop',reserve,0]", 2.001 / LOT_T),
        "a quarter of the limit",
    ),
    Point(
        "state[0].demand_balance[ore,2]",
        embargo(),
        BALANCE,
        ("state[0].shortage[ore,0,2]", 5.999 / LOT_T),
        "missing",
    ),
    Point(
        "state[0].demand_balance[ore,2]",
        embargo(),
        BALANCE,
        ("state[0].release[ore,reserve,2]", 3.999 / LOT_T),
        "released",
    ),
    Point(
        "state[0].demand_balance[ore,2]",
        embargo(),
        BALANCE,
        ("delivered[ore,works,1,2027]", 14.999 / 40),
        "delivered",
    ),
    Point(
        "state[0].demand_balance[magnet,0]",
        chained(),
        MADE,
        ("state[0].made[magnet,makers,0]", 7.999 / LOT_T),
        "made",
    ),
    Point(
        "state[0].demand_balance[oxide,0]",
        chained(),
        TAKEN,
        ("state[0].made[magnet,plant,0]", 6.001 / LOT_T),
        "taken in",
    ),
    Point(
        "state[0].demand_balance[terbium,1]",
        chained(),
        SCARCE,
        ("state[0].made[magnet,plant,1]", 6.001 / LOT_T),
        "taken in by itself",
    ),
    Point(
        "state[0].demand_balance['oxide.motors',1]",
        entitled(),
        OWN_TAKEN,
        ("state[0].made['magnet.motors',makers,1]", 20.001 / LOT_T),
        "taken in for the motors",
    ),
    *both_ways(
        "state[0].stock_balance[ore,reserve,1]",
        filled_again(),
        REFILLED,
        "state[0].stock[ore,reserve,1]",
        "filled again",
    ),
    Point(
        "state[0].refill[ore,reserve,1]",
        filled_again(),
        REFILLED | {"state[0].refill[ore,reserve,1]": 5 / LOT_T},
        ("state[0].refill[ore,reserve,1]", 5.001 / LOT_T),
        "half of 10 t",
    ),
    Point(
        "state[0].refill_limit[ore,reserve,1]",
        filled_again(),
        REFILLED,
        ("state[0].stock[ore,reserve,1]", 20.001 / LOT_T),
        "no more than planned",
    ),
    Point(
        "state[0].conversion_limit[magnet,makers,0]",
        chained(),
        {"state[0].made[magnet,makers,0]": 16 / LOT_T},
        ("state[0].made[magnet,makers,0]", 16.001 / LOT_T),
        "half of 32 t",
    ),
    Point(
        "state[0].conversion_limit[magnet,plant,0]",
        chained(),
        {"delivered[magnet,plant,0,2026]": 0.5, "state[0].made[magnet,plant,0]": 8 / LOT_T},
        ("delivered[magnet,plant,0,2026]", 0.499),
        "half of 16 t",
    ),
    Point(
        "state[0].conversion_limit['magnet.motors',makers,0]",
        entitled(),
        OWN_MADE,
        ("state[0].made['magnet.motors',makers,0]", 12.001 / LOT_T),
        "three quarters of 16 t",
    ),
    Point(
        "state[0].conversion_limit['magnet.motors',plant,0]",
        entitled(),
        OWN_PLANT,
        ("state[0].made['magnet.motors',plant,0]", 8.001 / LOT_T),
        "half of a plant",
    ),
    Point(
        "state[0].shortage[ore,1,0]",
        embargo(
            damage=[
                {
                    "material": "ore",
                    "steps": [{"share": 0.6, "eur_per_t": 1}, {"share": 0.4, "eur_per_t": 2}],
                }
            ]
        ),
        {"state[0].shortage[ore,1,0]": 20 / LOT_T},
        ("state[0].shortage[ore,1,0]", 20.001 / LOT_T),
        "0.4 of 50 t",
    ),
    *both_ways(
        "delivered_definition[ore,works,1,2027]",
        embargo(),
        DELIVERED,
        "delivered[ore,works,1,2027]",
        "one year late",
    ),
    *both_ways(
        "delivered_definition[ore,plant,0 unaided,2026]",
        unaided(),
        UNAIDED,
        "delivered[ore,plant,0 unaided,2026]",
        "a quarter of what nobody starts",
    ),
    *both_ways(
        "unaided_definition[plant]", unaided(), UNAIDED, "unaided[plant]", "four fifths started"
    ),
    *both_ways(
        "delivered_definition[ore,works,0,2027]",
        embargo(),
        TWO_STARTS,
        "delivered[ore,works,0,2027]",
        "two starts",
    ),
    *both_ways(
        "delivered_definition['ore.workshop',works,0,2026]",
        apart(uncertainty=None),
        SHARED,
        "delivered['ore.workshop',works,0,2026]",
        "own and common",
    ),
    Point("excess_definition[0]", embargo(), EXCESS, ("excess[0]", 0.4999), "excess"),
    Point("excess_definition[0]", embargo(), EXCESS, ("eta[all]", 0.8999), "quantile"),
    Point(
        "excess_definition[0]",
        embargo(),
        EXCESS,
        ("state[0].shortage[ore,0,2]", 5.01 / LOT_T),
        "damage",
    ),
    Point("above_definition[0]", doubted(), ABOVE, ("above[0]", 0.5999), "above"),
    Point("above_definition[0]", doubted(), ABOVE, ("eta[mean]", 0.7999), "beginning"),
    Point("worst_definition[0]", doubted(), WORST, ("worst[all]", 1.3999), "worst"),
]


def holds(component: Any) -> bool:
    """Whether a row, or the bounds of a variable, are met but for rounding."""
    body = component if component.ctype is pyo.Var else component.body
    value, rounding = pyo.value(body), 1e-9
    above = component.lb is None or value >= pyo.value(component.lb) - rounding
    return above and (component.ub is None or value <= pyo.value(component.ub) + rounding)


@pytest.mark.parametrize("point", BY_VALUE, ids=str)
def test_a_row_just_inside_and_just_outside(point: Point) -> None:
    instance = read_instance(Case.model_validate(point.raw))
    model = build_extensive_form(instance, read_states(instance))
    named = {x.name: x for x in model.component_data_objects((pyo.Var, pyo.Constraint))}
    for variable in model.component_data_objects(pyo.Var):
        variable.set_value(point.values.get(variable.name, 0.0), skip_validation=True)
    assert set(point.values) <= set(named)
    assert holds(named[point.row])
    name, value = point.moved
    named[name].set_value(value, skip_validation=True)
    assert not holds(named[point.row])


def test_every_other_rule_has_a_point_by_value() -> None:
    second = {name for name, tag in TAGS.items() if tag[0] == "R" or tag == "CVaR"}
    found = {point.name for point in BY_VALUE}
    assert found == {"start_once", "planned_stock_definition", *second}


def test_lots_and_the_weight_of_a_missing_lot() -> None:
    """An eighth of 100 t a year lies nearest 2^4 = 16 t; 16 t at 100 000 EUR are 1.6 million."""
    instance = read_instance(Case.model_validate(embargo()))
    assert instance.lot_tonnes == {"ore": LOT_T}
    (node,) = instance.nodes
    assert list(node.steps[0].weight) == pytest.approx([DAMAGE, DAMAGE / 1.25])
