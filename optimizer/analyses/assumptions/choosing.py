"""Which assumptions of a scenario are wanted, and between which values each is varied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.language import tr
from models.scenario.case import Case
from models.scenario.quantities import Yearly
from optimizer.analyses.assumptions import parts
from optimizer.analyses.assumptions.numbers import Complement, Free, Numbers, Scaled
from optimizer.errors import VorratError

Kind = Literal["hazard", "damage", "capex", "success", "delay", "price", "demand", "input"]
"""What is uncertain; ``input`` is a number that was named by its path."""

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
    """Lowest value."""
    high: float
    """Highest value."""
    numbers: tuple[Numbers, ...]
    whole: bool = False
    """Whether only whole numbers fit."""

    @property
    def id(self) -> str:
        """Its name on the command line, the same in every language and run."""
        return _id(self.kind, self.subject)

    @property
    def is_factor(self) -> bool:
        """Whether values multiply numbers rather than replace one."""
        return self.kind != "input"

    def nearest(self, value: float) -> float:
        """The value that fits nearest to one."""
        return float(round(value)) if self.whole else value

    def settings(self, value: float) -> list[str]:
        """The scenario at a value, for ``Reading.changed``; nothing at ``base``."""
        if value == self.base:
            return []
        return [text for number in self.numbers for text in number.settings(value)]

    def number(self, value: float) -> float | None:
        """What a single number of the scenario becomes; None for several, and for yearly ones.

        Of a project's success it is the probability to succeed.
        """
        if len(self.numbers) != 1:
            return None
        (only,) = self.numbers
        if isinstance(only, Free):
            return value
        if isinstance(only, Complement):
            return only.at(value)
        if isinstance(only, Scaled) and not only.years:
            return only.at(value)[0]
        return None


def assumptions(
    case: Case,
    *,
    each: bool = False,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    only: Iterable[str] = (),
    inputs: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Assumption, ...]:
    """What is uncertain in a scenario; what plays no part in it is left out.

    Hazards and damage come one by one and all together, the other kinds all together. With
    written-out states the probability of those in which a hazard strikes is moved, and projects
    succeed or fail as the states say.

    Parameters
    ----------
    each
        Projects and materials one by one as well.
    ranges
        Low and high by id, instead of the usual ones.
    only
        Ids of those wanted; all where empty. Those with a range of their own and free numbers
        come in any case.
    inputs
        Low and high of free numbers, by dotted path.

    Raises
    ------
    NoSuchAssumption
        If an id is not there, a path leads to no single number, or a range does not hold the
        number as it is.
    """
    every = {made.id: made for made in _all(case)}
    wanted = dict.fromkeys([*only, *(ranges or {})])
    for id in (id for id in wanted if id not in every):
        raise NoSuchAssumption(
            tr("there is no assumption '{id}'; there are {known}", id=id, known=", ".join(every))
        )
    usual = [id for id, made in every.items() if id in wanted or _is_usual(made, every, each)]
    found = [every[id] for id in (wanted if only else usual)]
    found = [_ranged(made, *(ranges or {}).get(made.id, (made.low, made.high))) for made in found]
    return (*found, *(_free(case, path, *ends) for path, ends in (inputs or {}).items()))


def _is_usual(made: Assumption, every: Mapping[str, Assumption], each: bool) -> bool:
    parts = each or made.kind in PARTS_SHOWN
    if made.subject is not None:
        return parts
    same = [other for other in every.values() if other.numbers == made.numbers]
    return not parts or len(same) == 1


def _id(kind: Kind, subject: str | None) -> str:
    if subject is None:
        return "hazards" if kind == "hazard" else kind
    return f"{kind}.{subject}"


def _ranged(made: Assumption, low: float, high: float) -> Assumption:
    if low == high:
        raise NoSuchAssumption(tr("the range of {id} has no width", id=made.id))
    if not 0 <= low <= made.base <= high:
        raise NoSuchAssumption(
            tr(
                "the range {low:g}..{high:g} of {id} does not hold {base:g}",
                low=low,
                high=high,
                id=made.id,
                base=made.base,
            )
        )
    return Assumption(made.kind, made.subject, made.base, low, high, made.numbers)


def _all(case: Case) -> Iterator[Assumption]:
    yield from _kind("hazard", parts.hazards(case))
    yield from _kind("damage", parts.damage(case))
    yield from _kind("demand", parts.demand(case))
    yield from _kind("capex", parts.capex(case))
    if parts.sampled(case):
        yield from _kind("success", parts.success(case))
        yield from _kind("delay", parts.delays(case))
    yield from _kind("price", parts.prices(case))


def _kind(kind: Kind, by_id: Mapping[str | None, Sequence[Numbers]]) -> Iterator[Assumption]:
    """All of a kind together, and each part by itself."""
    own = {subject: numbers for subject, numbers in by_id.items() if subject is not None}
    together = by_id.get(None, [number for numbers in own.values() for number in numbers])
    low, high = RANGES[kind]
    if together:
        yield Assumption(kind, None, 1.0, low, high, tuple(together))
    for subject, numbers in own.items():
        if numbers:
            yield Assumption(kind, subject, 1.0, low, high, tuple(numbers))


def _free(case: Case, path: str, low: float, high: float) -> Assumption:
    base = _number_at(case, path)
    if base is None:
        raise NoSuchAssumption(tr("there is no single number at {path}", path=path))
    made = Assumption("input", path, base, -math.inf, math.inf, (Free(path),))
    return _ranged(made, low, high)


def _number_at(case: Case, path: str) -> float | None:
    """The number that a dotted path of the scenario leads to, if it is one number."""
    at: Any = case
    for step in path.split("."):
        at = _step(at, step)
    if isinstance(at, Yearly):
        return None if at.years else float(at.values[0])
    return float(at) if isinstance(at, (int, float)) and not isinstance(at, bool) else None


def _step(at: Any, step: str) -> Any:
    if isinstance(at, Mapping):
        return at.get(step, at.get(int(step)) if step.isdecimal() else None)
    if isinstance(at, tuple):
        by_id = next((item for item in at if getattr(item, "id", None) == step), None)
        position = int(step) if step.isdecimal() else len(at)
        return by_id or (at[position] if position < len(at) else None)
    if isinstance(at, Yearly):
        years = dict(zip(at.years, at.values, strict=True))
        return years.get(int(step)) if step.isdecimal() else None
    return getattr(at, step, None) if step in getattr(type(at), "model_fields", {}) else None
