"""How often each project and stockpile is chosen: by alternatives, in variants, if assumptions
change."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from models.results import OtherCase, Robustness
from models.results.alternatives import HowOften
from optimizer.solve.decomposition import Mark, Portfolio

NEARLY = 0.9
"""From here on a choice is nearly always made."""


def robustness(
    marks: Sequence[Mark],
    first: Portfolio,
    settled: Mapping[Mark, bool],
    alternatives: Sequence[Portfolio],
    others: Sequence[OtherCase],
) -> tuple[Robustness, ...]:
    """The index of every mark. Cases that were stopped early do not count: their best plan may
    choose otherwise."""
    chosen: dict[str, list[Portfolio]] = {"variant": [], "assumption": []}
    for other in others:
        if other.status == "optimal":
            chosen[other.kind].append(_portfolio(other))
    found = []
    for mark in marks:
        shares = [
            share_of(mark, some) for some in (alternatives, chosen["variant"], chosen["assumption"])
        ]
        known = [share for share in shares if share is not None]
        index = math.fsum(known) / len(known) if known else None
        held = settled.get(mark)
        found.append(
            Robustness.model_validate(
                {
                    "kind": mark[0],
                    "id": mark[1],
                    "in_plan": mark in first,
                    "within": "open" if held is None else "in all" if held else "in none",
                    "alternatives": shares[0],
                    "variants": shares[1],
                    "assumptions": shares[2],
                    "index": index,
                    "says": None if index is None else how_often(index),
                }
            )
        )
    return tuple(found)


def share_of(mark: Mark, portfolios: Collection[Portfolio]) -> float | None:
    """The share of portfolios that have a mark; None without any."""
    if not portfolios:
        return None
    return sum(mark in portfolio for portfolio in portfolios) / len(portfolios)


def how_often(index: float) -> HowOften:
    """A share in words."""
    if index >= 1:
        return "always"
    if index >= NEARLY:
        return "nearly always"
    if index >= 0.5:
        return "in most"
    return "in some" if index > 0 else "never"


def _portfolio(other: OtherCase) -> Portfolio:
    return frozenset(
        [
            *(("project", p) for p in other.projects),
            *(("stockpile", h) for h in other.stockpiles),
        ]
    )
