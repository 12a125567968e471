"""A review for random cases: a year after the first, and what is observed before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from oracle_review import groups_of
from random_cases import Pick, Raw, some_of
from random_sets import with_sets

from models.faults import ScenarioError
from models.files.reading import cases_by_assumption_set
from models.scenario.references import Case


def observable(raw: Raw) -> list[Raw]:
    """All that a review of a case could observe."""
    states = raw.get("uncertainty", {}).get("states") or []
    found: list[Raw] = [{"hazard": name} for name in raw.get("hazards") or {}]
    if any(state.get("regimes") for state in states):
        found.append({"regime": True})
    found += [
        {"price": m}
        for m, it in raw["materials"].items()
        if len(it.get("price_states") or []) > 1
        and all(m in (state.get("prices") or {}) for state in states)
    ]
    return found


def with_review(pick: Pick, raw: Raw) -> Raw:
    """The case with a review; without one where nothing can be observed."""
    horizon, known = raw["horizon"], observable(raw)
    years = range(horizon["first_year"] + 1, horizon["last_year"] + 1)
    if not known or not years:
        return raw
    review: Raw = {"year": pick(list(years)), "observe": some_of(pick, known)}
    return {**raw, "review": review}


def drawn_with_review(kind: str, seed: Any, draw: Callable[[Pick], Raw]) -> Raw:
    """A random case with a review at which states can be distinguished."""
    for attempt in range(200):
        pick = random.Random(f"review {kind} {seed} {attempt}").choice
        raw = with_review(pick, draw(pick))
        states = raw.get("uncertainty", {}).get("states") or []
        if "review" in raw and len(states) > 1 and 1 < len(groups_of(raw)) <= 8:
            Case.model_validate(raw)
            return raw
    raise AssertionError("no attempt had anything to observe")


def drawn_with_sets_and_review(kind: str, seed: Any, draw: Callable[[Pick], Raw], over: str) -> Raw:
    """The same over sets of assumptions, whose patches at random may leave too little."""
    for attempt in range(200):
        pick = random.Random(f"sets review {kind} {seed} {attempt}").choice
        raw = with_sets(pick, with_review(pick, draw(pick)), over)
        states = raw.get("uncertainty", {}).get("states") or []
        if "review" not in raw or len(states) < 2 or not 1 < len(groups_of(raw)) <= 8:
            continue
        try:
            cases_by_assumption_set(Case.model_validate(raw))
        except (ScenarioError, ValueError):
            continue
        return raw
    raise AssertionError("no attempt was a scenario")
