"""What a written-out state brings, for the oracle: clocks, covered periods, prices, idle plants.

From the contract alone. A clock or a period depends on the market and on hazards, never on a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from oracle_terms import at_year, price_rows
from scipy.optimize import linprog

if TYPE_CHECKING:
    from oracle import Reading

Raw = Mapping[str, Any]
TRIGGER, RESET = 0.2, 4
"""Of an adaptation that does not say, and of a material without one."""


def made_of(case: Reading, material: str) -> set[str]:
    """A material and all forms it is made of by conversions, however many steps down."""
    found = {material}
    while True:
        more = {m for c in case.needs.conversions if c.output in found for m in c.inputs} - found
        if not more:
            return found
        found |= more


def tied(case: Reading, material: str) -> list[str]:
    """All materials that conversions tie to one, itself included."""
    found = {material}
    while True:
        more = set(found)
        for c in case.needs.conversions:
            if more & {c.output, *c.inputs}:
                more |= {c.output, *c.inputs}
        if more == found:
            return [m for m in case.materials if m in found]
        found = more


def market(case: Reading, material: str, k: int, state: Raw) -> tuple[float, float]:
    """Market supply of a year undisturbed, and at the rate that hazards leave in a period."""
    y = case.periods[k][0]
    rows = {c: case.supply(material, c, y, state) for c in case.suppliers()}
    left = sum(tonnes * case.left(material, c, k, state) for c, tonnes in rows.items())
    return sum(rows.values()), left


def clock(case: Reading, material: str, state: Raw, rule: Raw | None) -> list[int | None]:
    """Periods since the first struck one, by the rules of an adaptation; None where none runs."""
    rule = rule or {}
    trigger, reset = rule.get("trigger_loss", TRIGGER), rule.get("reset_periods", RESET)
    forms = made_of(case, material)
    age: int | None = None
    quiet, ages = 0, []
    for k in range(len(case.periods)):
        if quiet == reset:
            age, quiet = None, 0
        supplies = [market(case, m, k, state) for m in forms]
        if any(left < (1 - trigger - 1e-9) * whole for whole, left in supplies):
            age, quiet = 0 if age is None else age + 1, 0
        elif age is not None:
            age, quiet = age + 1, quiet + 1
        ages.append(age)
    return ages


def adapted(entry: Raw, age: int | None, per_year: int) -> list[tuple[float, float]]:
    """Share of demand and EUR of each damage step, once users have had ``age`` periods."""
    steps = [(step["share"], step["eur_per_t"]) for step in entry["steps"]]
    rule = entry.get("adaptation")
    if rule is None:
        return steps
    stays = (1 - rule["per_year"]) ** ((age or 0) / per_year)  # 0 ** 0 is 1
    kept = [(share * max(rule.get("floor", 0.0), stays), eur) for share, eur in steps[1:]]
    return [(1 - sum(share for share, _ in kept), steps[0][1]), *kept]


def is_covered(case: Reading, material: str, k: int, state: Raw) -> bool:
    """Whether market and conversions alone meet all direct demand for what is tied to a material.

    The greatest part of demand that is missing of any of them is made as small as can be.
    """
    y, forms = case.periods[k][0], tied(case, material)
    wanted = {m: case.demand(None, m, y) * case.factor(m, state) / case.n for m in forms}
    supply = {m: market(case, m, k, state)[1] / case.n for m in forms}
    plants = [c for c in case.needs.conversions if c.output in forms]
    # Rows: demand - supply - made + taken in - missing part * demand <= 0.
    rows = np.zeros((len(forms), len(plants) + 1))
    for i, m in enumerate(forms):
        rows[i, -1] = -wanted[m]
        for j, c in enumerate(plants):
            rows[i, j] = c.inputs.get(m, 0.0) - (c.output == m)
    room = np.array([supply[m] - wanted[m] for m in forms])
    if not plants:
        return bool((room >= -1e-6 * np.array(list(wanted.values()))).all())
    runs = [case.runs(c.id, k, state) * case.needs.capacity(c.id, y) / case.n for c in plants]
    goal = np.append(np.zeros(len(plants)), 1.0)
    solved = linprog(goal, rows, room, bounds=[*((0, x) for x in runs), (0, 1)], method="highs")
    assert solved.status == 0, solved.message
    return bool(solved.fun <= 1e-6)


def price_in(case: Reading, material: str, state: Raw) -> Any:
    """The price that a state names, else the most likely one, by year."""
    rows, named = price_rows(case, material), (state.get("prices") or {}).get(material)
    if named is not None:
        (row,) = [it for it in rows if it.get("name") == named]
    else:
        row = max(rows, key=lambda it: it["probability"])
    return row["eur_per_t"]


def main_output(case: Reading, project: str) -> str | None:
    """The material in which a project has a cash cost."""
    return next(iter(case.projects[project].get("cash_cost_eur_per_t") or {}), None)


def is_idle(case: Reading, project: str, k: int, state: Raw) -> bool:
    """Whether what is under no floor stands still: a low price, and no clock that has run long."""
    m, y = main_output(case, project), case.periods[k][0]
    if m is None:
        return False
    it = case.projects[project]
    if at_year(price_in(case, m, state), y) >= at_year(it["cash_cost_eur_per_t"][m], y):
        return False
    common = [d for d in case.raw["damage"] if d["material"] == m and d.get("consumer") is None]
    age = clock(case, m, state, common[0].get("adaptation") if common else None)[k]
    return age is None or age < it.get("restart_periods", 0)


def floors(case: Reading, project: str) -> list[tuple[str, str, Raw]]:
    """Price floors that can keep a project running: those for its main output."""
    m = main_output(case, project)
    return [
        (f, i, rule)
        for f, i, rule in case.instruments(project)
        if rule.get("kind") == "price_floor" and m in rule["floor_eur_per_t"]
    ]


def in_term(case: Reading, project: str, rule: Raw, start: int, k: int, state: Raw) -> bool:
    """Whether a floor runs in a period: its years count from first output in this state."""
    late = (state.get("delayed_projects") or {}).get(project, 0)
    first = start + case.projects[project].get("construction_years", 0) + late
    return case.periods[k][0] - first < rule.get("term_years", 1000)


def overruns(case: Reading, project: str) -> tuple[float, float]:
    """What capex comes to above what is announced: the mean, and what budgets carry."""
    table = sorted(
        (row["by"], row["probability"])
        for row in case.projects[project].get("capex_overrun") or [{"by": 0.0, "probability": 1.0}]
    )
    mean = sum(by * chance for by, chance in table)
    quantile, reached = case.policy.get("contingency"), 0.0
    if quantile is None:
        return mean, mean
    for by, chance in table:
        reached += chance
        if reached >= quantile - 1e-9:
            return mean, by
    return mean, table[-1][0]
