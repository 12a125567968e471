"""The oracle with a review: one program a group of states, tied by what is decided before.

States with equal observations form an information set. What is decided before the review is a
column of all groups; what is decided later, and everything else, each has of its own. The mean of
the worst states is that of all groups together.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Any

from oracle import Program, Reading, Terms, exhausted, net_cost_terms, patterns, program_of

EARLY_BY = {"start": 2, "market": 2, "share": 4, "offtake": 2, "floored": 2, "buy": 2}
"""Where the year stands in the name of a decision."""


def seen_of(raw: Any, state: Any) -> tuple[Any, ...]:
    """What is observed of a state before the review."""
    year, found = raw["review"]["year"], list[Any]()
    for one in raw["review"]["observe"]:
        if "hazard" in one:
            events = state.get("events") or []
            found.append(any(e["hazard"] == one["hazard"] and e["start"] < year for e in events))
        elif "regime" in one:
            named = {int(y): r for y, r in (state.get("regimes") or {}).items() if int(y) < year}
            found.append(named[max(named)] if named else None)
        else:
            rows = raw["materials"][one["price"]]["price_states"]
            usual = max(rows, key=lambda row: row["probability"])
            found.append((state.get("prices") or {}).get(one["price"], usual["name"]))
    return tuple(found)


def groups_of(raw: Any) -> list[tuple[float, Any]]:
    """The probability of each group, and the scenario in its states alone."""
    states = raw["uncertainty"]["states"]
    by_sight: dict[tuple[Any, ...], list[Any]] = {}
    for state in states:
        by_sight.setdefault(seen_of(raw, state), []).append(state)
    found = []
    for own in by_sight.values():
        chance = sum(state["probability"] for state in own)
        there = [{**state, "probability": state["probability"] / chance} for state in own]
        found.append((chance, {**raw, "uncertainty": {**raw["uncertainty"], "states": there}}))
    return found


def is_early(raw: Any, key: Any) -> bool:
    """Whether a column is decided before the review."""
    return key[0] in EARLY_BY and key[EARLY_BY[key[0]]] < raw["review"]["year"]


def best_with_review(raw: Any, most: int = 600) -> tuple[float | None, int] | None:
    """The least objective, None where no commitment is allowed, and how many groups there are;
    None in all where that would take more than so many patterns."""
    groups = groups_of(raw)
    decisions = _patterns(raw, [Reading(own) for _, own in groups], most)
    if decisions is None:
        return None
    lp, aim = Program(), defaultdict[Hashable, float](float)
    for g, (chance, own) in enumerate(groups):
        case = Reading(own)
        net = net_cost_terms(case)
        case.priced = raw["uncertainty"]["states"]  # rules go by all states, whatever is seen
        part, weight = program_of(case), case.goal.get("cost_weight", 0.001)
        for key in net.keys() | part.net.keys():
            part.aim[key] += weight * (net.get(key, 0.0) - part.net.get(key, 0.0))

        def name(key: Any, g: int = g) -> Hashable:
            return key if key == "eta" or is_early(raw, key) else (key[0], "of", g, *key[1:])

        for key in part.lp.upper:
            upper = min(part.lp.upper[key], lp.upper.get(name(key), math.inf))
            lp.column(name(key), upper, part.lp.lower[key])
        for terms, side in part.lp.at_most:
            lp.le(_renamed(terms, name), side)
        for terms, side in part.lp.equal:
            lp.eq(_renamed(terms, name), side)
        for key, cost in part.aim.items():
            aim[name(key)] += chance * cost
    found = exhausted(lp, aim, decisions)
    return (None if found is None else found[0]), len(groups)


def _renamed(terms: Terms, name: Any) -> Terms:
    return {name(key): x for key, x in terms.items()}


def _patterns(
    raw: Any, cases: list[Reading], most: int
) -> list[tuple[set[Hashable], set[Hashable]]] | None:
    """A pattern of each group that agree in what is started before the review."""
    own = list(patterns(cases[0]))  # the same in all, since states have no part in them
    by_early: dict[frozenset[Hashable], list[tuple[set[Hashable], set[Hashable]]]] = {}
    for starts, taken in own:
        early = frozenset(key for key in starts if is_early(raw, key))
        by_early.setdefault(early, []).append((starts, taken))
    if sum(len(one) ** len(cases) for one in by_early.values()) > most:
        return None
    return list(_combined(raw, by_early.values(), len(cases)))


def _combined(raw: Any, several: Any, groups: int) -> Iterator[tuple[set[Hashable], set[Hashable]]]:
    for alike in several:
        for chosen in itertools.product(alike, repeat=groups):
            starts, taken = set[Hashable](), set[Hashable]()
            for g, (of_starts, of_taken) in enumerate(chosen):
                for key in of_starts:
                    early = is_early(raw, key)
                    starts.add(key if early else (key[0], "of", g, *key[1:]))
                taken |= {(key[0], "of", g, *key[1:]) for key in of_taken}
            yield starts, taken
