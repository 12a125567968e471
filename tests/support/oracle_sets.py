"""The oracle over sets of assumptions: one program a set, tied by their decisions.

Columns of decisions are those of all sets; everything else a set has of its own. Tonnes and shares
mean the same in all of them.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Any

from oracle import Program, Reading, Terms, Whole, best, exhausted, program_of

DECISIONS = ("start", "takes_part", "share", "market", "offtake", "floored", "buy")
NOBODYS = ("share", "market", "offtake", "buy")
"""Columns that are zero in all sets if one set lacks them."""
MOST = ("most",)


def patched(raw: Any, patch: dict[str, Any]) -> Any:
    """A case under a set: its figures put at their paths, without any sets."""
    own = _apart({key: x for key, x in raw.items() if key != "assumptions"})
    own["objective"] = {k: x for k, x in own["objective"].items() if k != "over_assumptions"}
    for path, value in patch.items():
        *above, last = path.split(".")
        at: Any = own
        for step in above:
            at = at[_key(at, step)]
        at[_key(at, last)] = value
    return own


def _apart(raw: Any) -> Any:
    """A copy in which nothing stands twice, so that a patch changes one place."""
    if isinstance(raw, dict):
        return {key: _apart(x) for key, x in raw.items()}
    return [_apart(x) for x in raw] if isinstance(raw, list) else raw


def _key(at: Any, step: str) -> Any:
    if isinstance(at, list):
        ids = [item.get("id") if isinstance(item, dict) else None for item in at]
        return ids.index(step) if step in ids else int(step)
    if step in at:
        return step
    return int(step) if step.isdecimal() and int(step) in at else step


def own(key: Hashable, k: int) -> Hashable:
    """A column of one set, or of all where it is a decision."""
    if isinstance(key, tuple):
        return key if key[0] in DECISIONS else (key[0], "of", k, *key[1:])
    return (key, k)


def best_of_sets(raw: Any, given: float = 0.0) -> tuple[float, list[float]] | None:
    """The least mean, worst or regret over the sets, and the best objective of each by itself
    (where regret asks for it); None where no commitment is allowed. ``given`` as for
    :func:`oracle.best`, of all rules but those of single sets."""
    over, sets = raw["objective"]["over_assumptions"], raw["assumptions"].values()
    raws = [patched(raw, one["set"]) for one in sets]
    cases = [Reading(one) for one in raws]
    alone: list[float] = [0.0] * len(raws)
    if over == "regret":
        answers = [best(one) for one in raws]
        if None in answers:
            return None
        alone = [one.objective for one in answers if one is not None]
    programs = [program_of(case, given) for case in cases]
    lp, aims = _tied(programs)
    aim: Terms = defaultdict(float)
    if over == "mean":
        for one, terms in zip(sets, aims, strict=True):
            for key, cost in terms.items():
                aim[key] += one["weight"] * cost
    else:
        aim[lp.column(MOST, lower=-math.inf)] = 1.0
        for terms, least in zip(aims, alone, strict=True):
            lp.le({**terms, MOST: -1.0}, least)
    found = exhausted(lp, aim, _patterns(cases))
    return None if found is None else (found[0], alone)


def _tied(programs: list[Whole]) -> tuple[Program, list[Terms]]:
    """The programs of all sets as one, and the objective of each."""
    lp, aims = Program(), list[Terms]()
    for k, whole in enumerate(programs):
        part = whole.lp
        for key in part.upper:
            name = own(key, k)
            upper = min(part.upper[key], lp.upper.get(name, math.inf))
            lp.column(name, upper, max(part.lower[key], lp.lower.get(name, -math.inf)))
        for terms, side in part.at_most:
            lp.le({own(key, k): x for key, x in terms.items()}, side)
        for terms, side in part.equal:
            lp.eq({own(key, k): x for key, x in terms.items()}, side)
        aims.append({own(key, k): x for key, x in whole.aim.items()})
    for key in lp.upper:
        lacks = any(key not in whole.lp.upper for whole in programs)
        if isinstance(key, tuple) and key[0] in NOBODYS and lacks:
            lp.upper[key] = 0.0
    return lp, aims


def _patterns(cases: list[Reading]) -> Iterator[tuple[set[Hashable], set[Hashable]]]:
    """All starts that all sets allow, and for each all tickets that any of them has a least of."""
    projects = list(cases[0].projects)
    years = {p: [set(case.start_years(p)) for case in cases] for p in projects}
    choices = [[None, *sorted(set.intersection(*years[p]))] for p in projects]
    for starts in itertools.product(*choices):
        built = [(p, t) for p, t in zip(projects, starts, strict=True) if t is not None]
        tickets: dict[Hashable, bool] = {}
        for case in cases:
            for p, _ in built:
                for f, i, terms in case.instruments(p):
                    key = ("takes_part", p, f, i)
                    least = terms.get("ticket_min_meur", 0.0) > 0
                    tickets[key] = tickets.get(key, False) or least
        free = {key for key, bound in tickets.items() if not bound}
        bound = [key for key in tickets if key not in free]
        for taken in itertools.product([False, True], repeat=len(bound)):
            chosen = {key for key, yes in zip(bound, taken, strict=True) if yes}
            yield {("start", p, t) for p, t in built}, free | chosen
