"""Which assumptions of a scenario are wanted, and between which values each is varied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.language import tr
from models.scenario.case import Case
from models.scenario.quantities import Yearly
from optimizer.analyses.assumptions.parts import Kind, Numbers, Parts, free, uncertain
from optimizer.errors import VorratError

RANGES: Mapping[Kind, tuple[float, float]] = {
    "hazard": (1 / 3, 3.0),
    "damage": (0.5, 2.0),
    "capex": (0.8, 1.5),
    "success": (0.5, 2.0),
    "delay": (0.5, 2.0),
    "price": (0.5, 2.0),
    "demand": (0.8, 1.2),
}
"""Lowest and highest factor of each kind."""

PARTS_SHOWN: tuple[Kind, ...] = ("hazard", "damage")
"""Kinds of which each part is an assumption of its own beside that of all together."""


class NoSuchAssumption(VorratError):
    """An assumption or a range that the scenario does not have room for."""

    exit_code = 2


@dataclass(frozen=True)
class Assumption:
    """Numbers of a scenario that are varied together, between ``low`` and ``high``."""

    kind: Kind
    subject: str | None
    """Id of the hazard, material or project, or the path of a free number; None for all of a
    kind."""
    base: float
    """The value at which the scenario is as it is: 1, or a free number as it stands."""
    low: float
    high: float
    numbers: tuple[Numbers, ...]
    whole: bool = False  # whether only whole numbers fit

    @property
    def id(self) -> str:
        """Its name on the command line, the same in every language and run."""
        if self.subject is None:
            return "hazards" if self.kind == "hazard" else self.kind
        return f"{self.kind}.{self.subject}"

    @property
    def is_factor(self) -> bool:
        """Whether values multiply numbers rather than replace one."""
        return self.kind != "input"

    def nearest(self, value: float) -> float:
        """The value that fits nearest to one."""
        return float(round(value)) if self.whole else value

    def settings(self, value: float) -> list[str]:
        """The scenario at a value, for ``Reading.changed``; nothing at ``base``."""
        numbers = self.numbers if value != self.base else ()
        return [text for number in numbers for text in number.settings(value)]

    def number(self, value: float) -> float | None:
        """What a single number of the scenario becomes; None for several, and for yearly ones.

        Of a project's success it is the probability to succeed.
        """
        found = [x for number in self.numbers for x in number.at(value)]
        return found[0] if len(found) == 1 and not self.numbers[0].keys else None


def assumptions(
    case: Case,
    *,
    each: bool = False,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    only: Iterable[str] = (),
    inputs: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Assumption, ...]:
    """What is uncertain in a scenario; what plays no part in it is left out.

    Hazards and damage come one by one and all together, the other kinds all together, and with
    ``each`` one by one as well. ``ranges`` are low and high by id, instead of the usual ones, and
    ``inputs`` those of free numbers by dotted path. Of ``only``, if there are any, just those come,
    beside those with a range of their own and free numbers. With written-out states the probability
    of those in which a hazard strikes is moved, and projects succeed or fail as the states say.

    Raises NoSuchAssumption if an id is not there, a path leads to no single number, or a range does
    not hold the number as it is.
    """
    ranges, every = ranges or {}, {made.id: made for made in _all(case)}
    wanted = dict.fromkeys([*only, *ranges])
    for id in (id for id in wanted if id not in every):
        raise NoSuchAssumption(
            tr("there is no assumption '{id}'; there are {known}", id=id, known=", ".join(every))
        )

    def usual(made: Assumption) -> bool:
        parts = each or made.kind in PARTS_SHOWN
        if made.subject is not None:
            return parts
        return not parts or sum(made.numbers == one.numbers for one in every.values()) == 1

    some = wanted if only else [id for id, made in every.items() if id in wanted or usual(made)]
    found = [_ranged(every[id], *ranges.get(id, (every[id].low, every[id].high))) for id in some]
    for path, ends in (inputs or {}).items():
        base = _number_at(case, path)
        if base is None:
            raise NoSuchAssumption(tr("there is no single number at {path}", path=path))
        number = Assumption("input", path, base, -math.inf, math.inf, (free(path),))
        found.append(_ranged(number, *ends))
    return tuple(found)


def _ranged(made: Assumption, low: float, high: float) -> Assumption:
    if low == high:
        raise NoSuchAssumption(tr("the range of {id} has no width", id=made.id))
    if not 0 <= low <= made.base <= high:
        about = {"id": made.id, "low": low, "high": high, "base": made.base}
        raise NoSuchAssumption(
            tr("the range {low:g}..{high:g} of {id} does not hold {base:g}", **about)
        )
    return replace(made, low=low, high=high)


def _all(case: Case) -> list[Assumption]:
    """All of a kind together, and each part by itself."""
    found = []
    for kind, by_id in uncertain(case).items():
        everything = [number for numbers in by_id.values() for number in numbers]
        parts: Parts = {None: everything, **by_id}
        for subject, numbers in parts.items():
            if numbers:
                found.append(Assumption(kind, subject, 1.0, *RANGES[kind], tuple(numbers)))
    return found


def _number_at(case: Case, path: str) -> float | None:
    """The number that a dotted path of the scenario leads to, if it is one number."""
    at: Any = case
    for step in path.split("."):
        at = _step(at, step)
    if isinstance(at, Yearly):
        return None if at.years else float(at.values[0])
    return float(at) if isinstance(at, (int, float)) and not isinstance(at, bool) else None


def _step(at: Any, step: str) -> Any:
    place = int(step) if step.isdecimal() else None
    if isinstance(at, Yearly):
        return next((x for year, x in zip(at.years, at.values, strict=True) if year == place), None)
    if isinstance(at, Mapping):
        return at.get(step, at.get(place))
    if isinstance(at, tuple):
        by_id = next((item for item in at if getattr(item, "id", None) == step), None)
        return by_id or (at[place] if place is not None and place < len(at) else None)
    return getattr(at, step, None) if step in getattr(type(at), "model_fields", {}) else None
