"""The uncertain numbers of a scenario, one by one or in groups, and how far each may be off.

A value of an assumption is a factor upon all its numbers, 1 being the scenario as it is; that of a
free one is the number itself. The ranges are those of ``RANGES``:

- hazards, a third to three times the annual probability. Severe events at the largest supplier of
  a material, 32 in 525 years of 2005-2025, are 0.061 a year (90 %: 0.045 to 0.081, Jeffreys), but
  the intervals of 2005-2019 and of 2020-2025 reach from 0.02 to 0.19: a third and three times.
- damage, half to twice: value added that hangs on a tonne is hardly ever measured, and published
  figures for one material differ by more.
- capex, 0.8 to 1.5: mines and refineries cost more than was said far more often than less.
- success and delay, half to twice the probability of failing or of being late.
- prices, half to twice: what prices of small metals do within a few years.
- demand, 0.8 to 1.2. Supply that is given as a share of demand moves along.

None of these is an interval of confidence for the scenario at hand; they are wide on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from models.case import Case
from models.language import tr
from models.quantities import Yearly
from optimizer.analyses.variation import written
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


class Numbers(Protocol):
    """Numbers of the scenario that move together."""

    def settings(self, value: float) -> list[str]:
        """What they become, as ``path=value``."""


@dataclass(frozen=True)
class Scaled:
    """One number, or one for each of several years, times the value; at most ``most``."""

    path: str
    years: tuple[int, ...]
    base: tuple[float, ...]
    most: float = math.inf

    @classmethod
    def of(cls, path: str, number: float | Yearly, most: float = math.inf) -> Scaled:
        """A number of a scenario, yearly or not."""
        if isinstance(number, Yearly):
            return cls(path, number.years, tuple(map(float, number.values)), most)
        return cls(path, (), (float(number),), most)

    def at(self, value: float) -> tuple[float, ...]:
        """The number, or those of the years."""
        return tuple(min(self.most, value * number) for number in self.base)

    def settings(self, value: float) -> list[str]:
        """What it becomes."""
        numbers = list(map(written, self.at(value)))
        if not self.years:
            return [f"{self.path}={numbers[0]}"]
        pairs = zip(self.years, numbers, strict=True)
        return [f"{self.path}={{{', '.join(f'{year}: {number}' for year, number in pairs)}}}"]


@dataclass(frozen=True)
class Complement:
    """A probability of success, of which that of failure is multiplied."""

    path: str
    base: float

    def at(self, value: float) -> float:
        """The probability of success."""
        return 1 - min(1.0, value * (1 - self.base))

    def settings(self, value: float) -> list[str]:
        """What it becomes."""
        return [f"{self.path}={written(self.at(value))}"]


@dataclass(frozen=True)
class Shifted:
    """Probabilities that add up to 1, of which some are multiplied at the cost of the others.

    ``others`` shrink or grow in proportion; ``path`` has one place for the name of each.
    """

    path: str
    names: tuple[str, ...]
    base: tuple[float, ...]
    moved: frozenset[str]
    whole: bool
    """Whether all are set as one mapping rather than one by one."""

    def at(self, value: float) -> tuple[float, ...]:
        """The probabilities, in their order."""
        pairs = tuple(zip(self.names, self.base, strict=True))
        of_moved = math.fsum(p for name, p in pairs if name in self.moved)
        rest = math.fsum(self.base) - of_moved
        factor = min(value, (of_moved + rest) / of_moved)
        left = of_moved + rest - factor * of_moved
        even = left / (len(pairs) - len(self.moved))
        return tuple(
            factor * p if name in self.moved else (p * left / rest if rest > 0 else even)
            for name, p in pairs
        )

    def settings(self, value: float) -> list[str]:
        """What they become."""
        pairs = list(zip(self.names, map(written, self.at(value)), strict=True))
        if self.whole:
            return [f"{self.path}={{{', '.join(f'{name}: {p}' for name, p in pairs)}}}"]
        return [f"{self.path.format(name=name)}={p}" for name, p in pairs]


@dataclass(frozen=True)
class Free:
    """A number that was named by its path: the value is the number itself."""

    path: str

    def settings(self, value: float) -> list[str]:
        """What it becomes."""
        return [f"{self.path}={written(value)}"]


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

    @property
    def id(self) -> str:
        """Its name on the command line, the same in every language and run."""
        return _id(self.kind, self.subject)

    @property
    def is_factor(self) -> bool:
        """Whether values multiply numbers rather than replace one."""
        return self.kind != "input"

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
        Ids of those wanted; all where empty. Free numbers come in any case.
    inputs
        Low and high of free numbers, by dotted path.

    Raises
    ------
    NoSuchAssumption
        If an id is not there, a path leads to no single number, or a range does not hold the
        number as it is.
    """
    every = {made.id: made for made in _all(case)}
    wanted = set(only) | set(ranges or {})
    for id in wanted - every.keys():
        raise NoSuchAssumption(
            tr("there is no assumption '{id}'; there are {known}", id=id, known=", ".join(every))
        )
    chosen = list(only) or [
        id for id, made in every.items() if id in wanted or _is_usual(made, every, each)
    ]
    found = [every[id] for id in dict.fromkeys(chosen)]
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
    if not 0 <= low <= made.base <= high or low == high:
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
    yield from _kind("hazard", _hazards(case))
    yield from _kind("damage", _damage(case))
    yield from _kind("demand", _demand(case))
    yield from _kind("capex", _capex(case))
    if _sampled(case):
        yield from _kind("success", _success(case))
        yield from _kind("delay", _delays(case))
    yield from _kind("price", _prices(case))


def _kind(kind: Kind, parts: Mapping[str | None, Sequence[Numbers]]) -> Iterator[Assumption]:
    """All of a kind together, and each part by itself."""
    own = {subject: numbers for subject, numbers in parts.items() if subject is not None}
    together = parts.get(None, [number for numbers in own.values() for number in numbers])
    low, high = RANGES[kind]
    if together:
        yield Assumption(kind, None, 1.0, low, high, tuple(together))
    for subject, numbers in own.items():
        if numbers:
            yield Assumption(kind, subject, 1.0, low, high, tuple(numbers))


def _sampled(case: Case) -> bool:
    return case.uncertainty is not None and case.uncertainty.sample is not None


def _hazards(case: Case) -> dict[str | None, Sequence[Numbers]]:
    if _sampled(case):
        return {
            h: [Scaled.of(f"hazards.{h}.annual_probability", hazard.annual_probability, 1.0)]
            for h, hazard in case.hazards.items()
            if 0 < hazard.annual_probability < 1
        }
    states = (case.uncertainty.states if case.uncertainty else None) or ()
    struck = {h: [s for s, state in enumerate(states) if any(e.hazard == h for e in state.events)]
              for h in case.hazards}  # fmt: skip
    some = [s for s, state in enumerate(states) if state.events]
    shares = [float(state.probability) for state in states]

    def shifted(moved: list[int]) -> list[Numbers]:
        if len(moved) == len(states) or not any(shares[s] > 0 for s in moved):
            return []
        names = tuple(map(str, range(len(states))))
        path = "uncertainty.states.{name}.probability"
        return [Shifted(path, names, tuple(shares), frozenset(map(str, moved)), whole=False)]

    return {None: shifted(some), **{h: shifted(moved) for h, moved in struck.items()}}


def _damage(case: Case) -> dict[str | None, Sequence[Numbers]]:
    if case.objective.measure != "damage":
        return {}
    needed = {row.material for row in case.demand}
    found: dict[str | None, list[Numbers]] = {}
    for n, entry in enumerate(case.damage):
        if entry.material in needed:
            # One factor on all steps: what rises goes on rising.
            found.setdefault(entry.material, []).extend(
                Scaled.of(f"damage.{n}.steps.{j}.eur_per_t", step.eur_per_t)
                for j, step in enumerate(entry.steps)
                if step.eur_per_t > 0
            )
    return dict(found)


def _demand(case: Case) -> dict[str | None, Sequence[Numbers]]:
    found: dict[str | None, list[Numbers]] = {}
    for n, row in enumerate(case.demand):
        if any(row.t_per_year.values):
            number = Scaled.of(f"demand.{n}.t_per_year", row.t_per_year)
            found.setdefault(row.material, []).append(number)
    return dict(found)


def _capex(case: Case) -> dict[str | None, Sequence[Numbers]]:
    return {
        p: [Scaled.of(f"projects.{p}.capex_meur", project.capex_meur)]
        for p, project in case.projects.items()
        if project.capex_meur > 0
    }


def _success(case: Case) -> dict[str | None, Sequence[Numbers]]:
    return {
        p: [Complement(f"projects.{p}.success_probability", float(project.success_probability))]
        for p, project in case.projects.items()
        if project.success_probability < 1
    }


def _delays(case: Case) -> dict[str | None, Sequence[Numbers]]:
    found: dict[str | None, Sequence[Numbers]] = {}
    for p, project in case.projects.items():
        shares = {0: 0.0, **{years: float(share) for years, share in project.delay_years.items()}}
        late = frozenset(str(years) for years in shares if years > 0)
        if sum(share for years, share in shares.items() if years > 0) > 0:
            names = tuple(map(str, shares))
            path = f"projects.{p}.delay_years"
            found[p] = [Shifted(path, names, tuple(shares.values()), late, whole=True)]
    return found


def _prices(case: Case) -> dict[str | None, Sequence[Numbers]]:
    found: dict[str | None, Sequence[Numbers]] = {}
    for m, material in case.materials.items():
        states = enumerate(material.price_states)
        found[m] = [
            Scaled.of(f"materials.{m}.price_eur_per_t", material.price_eur_per_t),
            *(Scaled.of(f"materials.{m}.price_states.{n}.eur_per_t", state.eur_per_t)
              for n, state in states),
        ]  # fmt: skip
    return found


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
