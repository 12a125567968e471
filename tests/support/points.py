"""Commitments that keep all rules of a small scenario, and such that break one.

Mass is in tonnes here; a lot of ore is 16 t, since an eighth of 100 t a year lies nearest 2^4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from small import Raw, case, funder, project

from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.formulation import build_commitment
from optimizer.model.instance import Instance

LOT_T = 16.0


def commit(
    start: dict[str, int] | None = None,
    share: dict[str, float] | None = None,
    market: dict[str, float] | None = None,
    offtake: dict[str, float] | None = None,
    buy_t: list[float] | None = None,
) -> Commitment:
    """A commitment whose keys are ``project.funder`` and ``project.group``.

    Instruments are equity, unless a third part of a key names another; the market carries what is
    left unless it is said; the only stockpile buys tonnes per year.
    """
    start = {} if start is None else start
    shares = {(*key.split("."), "equity")[:3]: x for key, x in (share or {}).items()}
    left = {p: 1 - sum(x for key, x in shares.items() if key[0] == p) for p in start}
    offtakes = {tuple(key.split(".")): x for key, x in (offtake or {}).items()}
    buy = {} if buy_t is None else {"reserve": np.array(buy_t) / LOT_T}
    return Commitment(start, shares, left | (market or {}), offtakes, buy)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Point:
    """A commitment that keeps all rules, and one that breaks ``name`` and nothing but ``also``."""

    name: str
    raw: Raw
    inside: Commitment
    outside: Commitment
    also: tuple[str, ...] = ()
    about: str = ""
    seen: Callable[[Instance], Instance] = lambda instance: instance
    """The perspective."""

    def __str__(self) -> str:
        return f"{self.name}-{self.about}" if self.about else self.name


def works(market: float = 1.0, **fields: Any) -> Raw:
    """A project of 100 million that delivers 100 t a year."""
    return project(capex=100, market_finance_max=market, **fields)


def with_works(last_year: int = 2026, fund: Raw | None = None, **sections: Any) -> Raw:
    sections = {"projects": {"works": works()}, "funders": {"fund": fund or funder()}} | sections
    return case(last_year, **sections)


def idle_works() -> Raw:
    """Works that run only when it pays, and a fund with a floor for them."""
    fund = funder()
    fund["instruments"]["floor"] = {
        "kind": "price_floor",
        "floor_eur_per_t": {"ore": 9_000},
        "offtake_per_share": 1.0,
    }
    return with_works(fund=fund, projects={"works": works(cash_cost_eur_per_t={"ore": 12_000})})


def unaided() -> Raw:
    """A plant that brings a quarter of its output home, and is built anyway in the only state."""
    plant = works(home_share=0.25, anyway={"year": 2026})
    state = {"probability": 1.0, "anyway": ["plant"]}
    return case(projects={"plant": plant}, uncertainty={"states": [state]})


def three(**fields: Raw) -> Raw:
    """Three works, each with fields of its own."""
    return {"projects": {name: works(**fields.get(name, {})) for name in ("a", "b", "c")}}


STARTED = {"works": 2026}
YEARLY = {"capex_profile": [0.2, 0.8]}
GIANT = {"company": "giant"}
PAIR = {"fund": funder(), "bank": funder()}


def shared(name: str, raw: Raw, inside: float, outside: float, about: str = "") -> Point:
    """Works started in 2026, of which the fund carries a share and the market the rest."""
    low, high = (commit(STARTED, {"works.fund": share}) for share in (inside, outside))
    return Point(name, raw, low, high, about=about)


def holds(constraint: Any) -> bool:
    """Whether a row is met, but for rounding."""
    body, scale = pyo.value(constraint.body), 1e-9
    above = constraint.lower is None or body >= pyo.value(constraint.lower) - scale
    return above and (constraint.upper is None or body <= pyo.value(constraint.upper) + scale)


def broken(instance: Instance, commitment: Commitment) -> set[str]:
    """Names of the first stage's rules that a commitment breaks in the model."""
    return {name for name, _ in broken_rows(instance, commitment)}


def broken_rows(instance: Instance, commitment: Commitment) -> list[tuple[str, Any]]:
    """Rule and index of each row of the first stage that a commitment breaks in the model."""
    model = build_commitment(instance)
    for variable in model.component_data_objects(pyo.Var):
        variable.set_value(0.0)
    for p, year in commitment.start.items():
        model.start[p, year].set_value(1)
        model.market[p, year].set_value(commitment.market[p])
    for (p, f, i), share in commitment.share.items():
        year = commitment.start.get(p, instance.projects[p].start_years[0])
        model.share[p, f, i, year].set_value(share)
        if (p, f, i) in model.takes_part:
            model.takes_part[p, f, i].set_value(1 if share > 0 else 0)
    for (p, group), offtake in commitment.offtake.items():
        model.offtake[p, commitment.start[p], group].set_value(offtake)
    for (p, group, f, i), x in commitment.floored.items():
        model.floored[p, commitment.start[p], group, f, i].set_value(x)
    for h in instance.stockpiles:
        for year, lots in zip(
            instance.years, commitment.expected_purchases(instance, h), strict=True
        ):
            model.buy[h, year].set_value(lots)
        for k, lots in enumerate(planned_stock(instance, commitment, h)):
            model.planned[h, k].set_value(lots)
    for f, year in model.unspent:
        funder = instance.case.funders[f]
        brought = model.unspent[f, year - 1].value if year > instance.years[0] else 0.0
        granted = (funder.budget_by_year_meur or {}).get(year, 0.0)
        left = granted + (brought if funder.carry_over else 0.0) - pyo.value(model.spend[f, year])
        model.unspent[f, year].set_value(max(0.0, left))
    for f, id, year in model.line_unspent:
        line, used = instance.budget_lines[f, id], pyo.value(model.line_use[f, id, year])
        assert line.yearly_budget is not None
        granted, earlier = line.yearly_budget[year - instance.years[0]], (f, id, year - 1)
        brought = model.line_unspent[earlier].value if earlier in model.line_unspent else 0.0
        left = granted + (brought if line.carry_over else 0.0) - used
        model.line_unspent[f, id, year].set_value(max(0.0, left))
    rows = model.component_data_objects(pyo.Constraint)
    return [(row.parent_component().local_name, row.index()) for row in rows if not holds(row)]
