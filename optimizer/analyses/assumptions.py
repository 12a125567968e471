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
- demand, 0.8 to 1.2. Supply that is given as a share of need moves along.

None of these is an interval of confidence for the scenario at hand; they are wide on purpose.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from models.language import tr
from models.scenario.case import Case
from models.scenario.quantities import YearlyQuantity
from optimizer.analyses.variation import format_setting
from optimizer.errors import VorratError

AssumptionKind = Literal[
    "hazard", "damage", "capex", "success", "delay", "price", "demand", "input"
]
"""What is uncertain; ``input`` is a number that was named by its path."""

FACTOR_RANGES: Mapping[AssumptionKind, tuple[float, float]] = {
    "hazard": (1 / 3, 3.0),
    "damage": (0.5, 2.0),
    "capex": (0.8, 1.5),
    "success": (0.5, 2.0),
    "delay": (0.5, 2.0),
    "price": (0.5, 2.0),
    "demand": (0.8, 1.2),
}
"""Lowest and highest factor of each kind."""

KINDS_SHOWN_BY_PART: tuple[AssumptionKind, ...] = ("hazard", "damage")
"""Kinds of which each part is an assumption of its own beside that of all together."""


@dataclass(frozen=True)
class LinkedNumbers:
    """Numbers that move together, and what they are at a value: each at its path, or all at one
    path as a mapping, whose ``keys`` are years or names."""

    paths: tuple[str, ...]
    values_at: Callable[[float], Sequence[float]]
    keys: tuple[str, ...] = ()

    def settings_at(self, value: float) -> list[str]:
        """What they become, as ``path=value``."""
        numbers = list(map(format_setting, self.values_at(value)))
        if self.keys:
            pairs = zip(self.keys, numbers, strict=True)
            return [f"{self.paths[0]}={{{', '.join(f'{key}: {x}' for key, x in pairs)}}}"]
        return [f"{path}={x}" for path, x in zip(self.paths, numbers, strict=True)]


NumbersById = Mapping[str | None, Sequence[LinkedNumbers]]
"""Numbers by id; those under None are all of a kind, where that is not what the parts make."""


def scaled_number(
    path: str, number: float | YearlyQuantity, max_value: float = math.inf
) -> LinkedNumbers:
    """One number, or one for each of several years, times the value; at most ``most``."""
    base = tuple(map(float, number.values if isinstance(number, YearlyQuantity) else (number,)))
    keys = tuple(map(str, number.years)) if isinstance(number, YearlyQuantity) else ()
    return LinkedNumbers((path,), partial(_scale_values, base, max_value), keys)


def _scale_values(base: Sequence[float], max_value: float, factor: float) -> list[float]:
    return [min(max_value, factor * x) for x in base]


def free_number(path: str) -> LinkedNumbers:
    """A number that was named by its path: the value is the number itself."""
    return LinkedNumbers((path,), partial(_scale_values, (1.0,), math.inf))


def _scaled_success_probability(probability: float, factor: float) -> list[float]:
    """A probability of success, of which that of failure is multiplied."""
    return [1 - min(1.0, factor * (1 - probability))]


def _scaled_probabilities(
    probabilities: Sequence[float], is_scaled: Sequence[bool], value: float
) -> list[float]:
    """Probabilities that add up to 1, of which some are multiplied; the others shrink or grow in
    proportion."""
    pairs = list(zip(probabilities, is_scaled, strict=True))
    of_moved = math.fsum(p for p, moves in pairs if moves)
    rest = math.fsum(probabilities) - of_moved
    factor = min(value, (of_moved + rest) / of_moved)
    left = of_moved + rest - factor * of_moved
    even = left / (len(probabilities) - sum(is_scaled))
    stays = [p * left / rest if rest > 0 else even for p in probabilities]
    return [factor * p if moves else own for (p, moves), own in zip(pairs, stays, strict=True)]


class InvalidAssumption(VorratError):
    """An assumption or a range that the scenario does not have room for."""

    exit_code = 2


@dataclass(frozen=True)
class Assumption:
    """Numbers of a scenario that are varied together, between ``low`` and ``high``."""

    kind: AssumptionKind
    subject: str | None
    """Id of the hazard, material or project, or the path of a free number; None for all of a
    kind."""
    base: float
    """The value at which the scenario is as it is: 1, or a free number as it stands."""
    low: float
    high: float
    numbers: tuple[LinkedNumbers, ...]
    is_integer: bool = False  # whether only whole numbers fit

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

    def nearest_valid_value(self, value: float) -> float:
        """The value that fits nearest to one."""
        return float(round(value)) if self.is_integer else value

    def settings_at(self, value: float) -> list[str]:
        """The scenario at a value, for ``Reading.changed``; nothing at ``base``."""
        numbers = self.numbers if value != self.base else ()
        return [text for number in numbers for text in number.settings_at(value)]

    def single_number_at(self, value: float) -> float | None:
        """What a single number of the scenario becomes; None for several, and for yearly ones.

        Of a project's success it is the probability to succeed.
        """
        found = [x for number in self.numbers for x in number.values_at(value)]
        return found[0] if len(found) == 1 and not self.numbers[0].keys else None


def list_assumptions(
    case: Case,
    *,
    include_parts: bool = False,
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
    ranges, every = ranges or {}, {made.id: made for made in _all_assumptions(case)}
    wanted = dict.fromkeys([*only, *ranges])
    for id in (id for id in wanted if id not in every):
        raise InvalidAssumption(
            tr("there is no assumption '{id}'; there are {known}", id=id, known=", ".join(every))
        )

    def usual(made: Assumption) -> bool:
        parts = include_parts or made.kind in KINDS_SHOWN_BY_PART
        if made.subject is not None:
            return parts
        return not parts or sum(made.numbers == one.numbers for one in every.values()) == 1

    some = wanted if only else [id for id, made in every.items() if id in wanted or usual(made)]
    found = [
        _with_range(every[id], *ranges.get(id, (every[id].low, every[id].high))) for id in some
    ]
    for path, ends in (inputs or {}).items():
        base = number_at(case, path)
        if base is None:
            raise InvalidAssumption(tr("there is no single number at {path}", path=path))
        number = Assumption("input", path, base, -math.inf, math.inf, (free_number(path),))
        found.append(_with_range(number, *ends))
    return tuple(found)


def _with_range(assumption: Assumption, low: float, high: float) -> Assumption:
    if low == high:
        raise InvalidAssumption(tr("the range of {id} has no width", id=assumption.id))
    if not 0 <= low <= assumption.base <= high:
        about = {"id": assumption.id, "low": low, "high": high, "base": assumption.base}
        raise InvalidAssumption(
            tr("the range {low:g}..{high:g} of {id} does not hold {base:g}", **about)
        )
    return replace(assumption, low=low, high=high)


def _all_assumptions(case: Case) -> list[Assumption]:
    """All of a kind together, and each part by itself."""
    found = []
    for kind, by_id in uncertain_numbers(case).items():
        everything = [number for numbers in by_id.values() for number in numbers]
        parts: NumbersById = {None: everything, **by_id}
        for subject, numbers in parts.items():
            if numbers:
                found.append(Assumption(kind, subject, 1.0, *FACTOR_RANGES[kind], tuple(numbers)))
    return found


def number_at(case: Case, path: str) -> float | None:
    """The number that a dotted path of the scenario leads to, if it is one number."""
    at: Any = case
    for step in path.split("."):
        at = child_at(at, step)
    if isinstance(at, YearlyQuantity):
        return None if at.years else float(at.values[0])
    return float(at) if isinstance(at, (int, float)) and not isinstance(at, bool) else None


def child_at(node: Any, step: str) -> Any:
    """What stands one step further along a dotted path; None where nothing does."""
    place = int(step) if step.isdecimal() else None
    if isinstance(node, YearlyQuantity):
        return next(
            (x for year, x in zip(node.years, node.values, strict=True) if year == place), None
        )
    if isinstance(node, Mapping):
        return node.get(step, node.get(place))
    if isinstance(node, tuple):
        by_id = next((item for item in node if getattr(item, "id", None) == step), None)
        return by_id or (node[place] if place is not None and place < len(node) else None)
    return getattr(node, step, None) if step in getattr(type(node), "model_fields", {}) else None


def uncertain_numbers(case: Case) -> dict[AssumptionKind, NumbersById]:
    """All that is uncertain in a scenario, by kind. With written-out states projects succeed or
    fail as these say."""
    sampled = case.uncertainty is not None and case.uncertainty.sample is not None
    damage: dict[str | None, list[LinkedNumbers]] = {}
    demand: dict[str | None, list[LinkedNumbers]] = {}
    needed = {row.material for row in case.demand} if case.objective.measure == "damage" else set()
    for n, entry in enumerate(case.damage):
        # One factor on all steps: what rises goes on rising.
        steps = [
            scaled_number(f"damage.{n}.steps.{j}.eur_per_t", step.eur_per_t)
            for j, step in enumerate(entry.steps)
            if step.eur_per_t > 0 and entry.material in needed
        ]
        damage.setdefault(entry.material, []).extend(steps)
    for n, row in enumerate(case.demand):
        if any(row.t_per_year.values):
            number = scaled_number(f"demand.{n}.t_per_year", row.t_per_year)
            demand.setdefault(row.material, []).append(number)
    projects = case.projects.items()
    found: dict[AssumptionKind, NumbersById] = {
        "hazard": {
            h: [scaled_number(f"hazards.{h}.annual_probability", hazard.annual_probability, 1.0)]
            for h, hazard in case.hazards.items()
            if any(0 < chance < 1 for chance in hazard.annual_probability.values)
        },
        "damage": damage,
        "demand": demand,
        "capex": {
            p: [scaled_number(f"projects.{p}.capex_meur", project.capex_meur)]
            for p, project in projects
            if project.capex_meur > 0
        },
    }
    if not sampled:
        found["hazard"] = _explicit_state_probabilities(case)
    else:
        found["success"] = {
            p: [
                LinkedNumbers(
                    (f"projects.{p}.success_probability",),
                    partial(_scaled_success_probability, float(chance)),
                )
            ]
            for p, project in projects
            if (chance := project.success_probability) < 1
        }
        found["delay"] = {
            p: _delay_probabilities(p, project.delay_years) for p, project in projects
        }
    found["price"] = {
        m: [
            scaled_number(f"materials.{m}.price_eur_per_t", material.price_eur_per_t),
            *(
                scaled_number(f"materials.{m}.price_states.{n}.eur_per_t", state.eur_per_t)
                for n, state in enumerate(material.price_states)
            ),
        ]
        for m, material in case.materials.items()
    }
    return found


def _explicit_state_probabilities(case: Case) -> NumbersById:
    """Of written-out states the probabilities of those in which a hazard strikes."""
    states = (case.uncertainty.states if case.uncertainty else None) or ()
    shares = tuple(float(state.probability) for state in states)
    paths = tuple(f"uncertainty.states.{n}.probability" for n in range(len(states)))
    found: dict[str | None, list[LinkedNumbers]] = {}
    made: dict[tuple[bool, ...], list[LinkedNumbers]] = {}
    for by in (None, *case.hazards):
        moved = tuple(any(by in (None, event.hazard) for event in s.events) for s in states)
        some = any(share > 0 for share, moves in zip(shares, moved, strict=True) if moves)
        shifted = (
            [LinkedNumbers(paths, partial(_scaled_probabilities, shares, moved))] if some else []
        )
        # Hazards that strike in the same states are the same numbers.
        found[by] = made.setdefault(moved, [] if all(moved) else shifted)
    return found


def _delay_probabilities(project: str, delays: Mapping[int, float]) -> list[LinkedNumbers]:
    """Chances that a project is late."""
    shares = {0: 0.0, **{late: float(share) for late, share in delays.items()}}
    if math.fsum(share for late, share in shares.items() if late > 0) <= 0:
        return []
    path, late = f"projects.{project}.delay_years", [years > 0 for years in shares]
    at = partial(_scaled_probabilities, tuple(shares.values()), late)
    return [LinkedNumbers((path,), at, tuple(map(str, shares)))]
