"""Commitments that keep all rules of a small scenario, and such that break one.

Mass is in tonnes here; a lot of ore is 16 t, since an eighth of 100 t a year lies nearest 2^4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from small import Raw, case, funder, project

from optimizer.model.commitment import Commitment
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
    """The standpoint."""

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
