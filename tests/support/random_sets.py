"""Sets of assumptions for random cases: patches of figures of all sections."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from random_cases import Pick, Raw

from models.faults import ScenarioError
from models.files.reading import cases_by_assumption_set
from models.scenario.references import Case

FACTORS = (0.4, 0.8, 1.25, 2.5)
SHARES = ("share", "home_share", "offtake_max", "market_finance_max", "max_share")
AMOUNTS = ("t_per_year", "eur_per_t", "capex_meur", "budget_meur", "price_eur_per_t", "initial_t")
AMOUNTS += ("max_t", "max_purchase_t_per_year", "cost_weight", "capacity_t_per_year", "total_meur")
WHOLE = {"construction_years": [1, 2], "lifetime_years": [2, 20], "reset_periods": [1, 2]}
FREE = {"discount_rate": [0.0, 0.1], "success_probability": [0.5, 1.0]}
FREE |= {"offtake_per_share": [0.0, 0.5, 2.0], "level": [0.5, 0.8], "recovery": [0.0, 0.9]}
NOT_FIGURES = ("schema_version", "price_year", "uncertainty", "assumptions", "variants")


def with_sets(pick: Pick, raw: Raw, over: str | None, count: int | None = None) -> Raw:
    """The case with two or three sets, of which the first may be the file as it stands."""
    count = count or pick([2, 2, 3])
    weights = {2: pick([[0.5, 0.5], [0.2, 0.8]]), 3: [0.5, 0.3, 0.2]}[count]
    known = list(figures(raw))
    sets = {}
    for n, weight in enumerate(weights):
        patch: Raw = {}
        for _ in range(0 if n == 0 and pick([True, False]) else pick([1, 3, 6, 10])):
            path, value = pick(known)
            patch[path] = _moved(pick, path, value)
        if pick([True, False]):
            patch |= _other_chances(pick, raw)
        sets[f"set{n}"] = {"weight": weight, "set": patch}
    raw["assumptions"] = sets
    raw.setdefault("objective", {})["over_assumptions"] = over
    return raw


def drawn_with_sets(kind: str, seed: int, draw: Callable[[Pick], Raw], over: str) -> Raw:
    """A random case with sets that the format allows; patches at random may leave too little."""
    for attempt in range(50):
        pick = random.Random(f"sets {kind} {seed} {attempt}").choice
        raw = with_sets(pick, draw(pick), over)
        try:
            cases_by_assumption_set(Case.model_validate(raw))
        except (ScenarioError, ValueError):
            continue
        return raw
    raise AssertionError("no attempt was a scenario")


def figures(raw: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Paths of figures that may be moved, and what they are."""
    named = raw.items() if isinstance(raw, dict) else enumerate(raw)
    for key, value in named:
        path = (*at, str(key))
        if not at and key in NOT_FIGURES:
            continue
        if isinstance(value, dict | list):
            yield from figures(value, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            name = next((step for step in reversed(path) if not step.isdecimal()), "")
            inside = "t_per_year" in path[-2:] or "budget_by_year_meur" in path[-2:]
            if name in (*SHARES, *AMOUNTS, *WHOLE, *FREE) or inside:
                yield ".".join(path), value


def _moved(pick: Pick, path: str, value: float) -> Any:
    name = next((step for step in reversed(path.split(".")) if not step.isdecimal()), "")
    if name in WHOLE:
        return pick(WHOLE[name])
    if name in FREE:
        return pick(FREE[name])
    moved = value * pick(FACTORS)
    if name == "share" and path.startswith("damage"):
        return value  # steps add up to one
    return min(moved, 1.0) if name in SHARES else moved


def _other_chances(pick: Pick, raw: Raw) -> Raw:
    """Other probabilities of the states that are written out, which add up to 1 as well."""
    states = raw.get("uncertainty", {}).get("states", [])
    if len(states) < 2:
        return {}
    first, last = states[0]["probability"], states[-1]["probability"]
    moved = pick([0.3, 0.9]) * first
    ends = (first - moved, last + moved)
    paths = [f"uncertainty.states.{n}.probability" for n in (0, len(states) - 1)]
    return dict(zip(paths, ends, strict=True))
