"""The uncertain numbers of a scenario, one by one or in groups, and how far each may be off.

The value of an assumption is a factor on all its numbers, 1 being the scenario as it is; that of a
free number (``input``) is the number itself. The ranges in ``FACTOR_RANGES``:

- hazards, a third to three times the annual probability. Severe events at the largest supplier of a
  material, 32 in 525 years of 2005-2025, are 0.061 a year (90 %: 0.045 to 0.081, Jeffreys), but the
  intervals of 2005-2019 and of 2020-2025 reach from 0.02 to 0.19: a third and three times.
- damage, half to twice: value added that depends on a tonne is hardly ever measured, and published
  figures for one material differ by more.
- capex, 0.8 to 1.5: mines and refineries cost more than announced far more often than less.
- success and delay, half to twice the probability of failing or of being late.
- prices, half to twice: what prices of minor metals do within a few years.
- demand, 0.8 to 1.2. Supply that is stated as a share of need moves along.

None of these is a confidence interval for the scenario at hand; they are wide on purpose.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from models.scenario.quantities import YearlyQuantity
from models.scenario.references import Case, child_at
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
"""Kinds of which each part is listed by default, in addition to all parts together."""


@dataclass(frozen=True)
class LinkedNumbers:
    """Numbers of a scenario that change together, as functions of one value.

    Either each number has its path in ``paths``, or there is one path to a mapping that has all
    numbers; its ``keys`` are years or names.
    """

    paths: tuple[str, ...]
    values_at: Callable[[float], Sequence[float]]
    keys: tuple[str, ...] = ()

    def settings_at(self, value: float) -> list[str]:
        """Return settings ``path=value`` that give the numbers at a value."""
        numbers = list(map(format_setting, self.values_at(value)))
        if self.keys:
            keyed_numbers = zip(self.keys, numbers, strict=True)
            return [f"{self.paths[0]}={{{', '.join(f'{key}: {x}' for key, x in keyed_numbers)}}}"]
        return [f"{path}={x}" for path, x in zip(self.paths, numbers, strict=True)]


NumbersById = Mapping[str | None, Sequence[LinkedNumbers]]
"""Numbers of a kind by id; the key None has all, if they are not the union of the parts."""


def scaled_number(
    path: str, number: float | YearlyQuantity, max_value: float = math.inf
) -> LinkedNumbers:
    """Return a number of the scenario as a linked number that a factor multiplies.

    A yearly quantity is multiplied in all years. No result exceeds ``max_value``.
    """
    base_values = tuple(
        map(float, number.values if isinstance(number, YearlyQuantity) else (number,))
    )
    keys = tuple(map(str, number.years)) if isinstance(number, YearlyQuantity) else ()
    return LinkedNumbers((path,), partial(_scale_values, base_values, max_value), keys)


def _scale_values(base: Sequence[float], max_value: float, factor: float) -> list[float]:
    return [min(max_value, factor * x) for x in base]


def free_number(path: str) -> LinkedNumbers:
    """Return a number that the user named by its path, as a linked number that is set to the value
    itself."""
    return LinkedNumbers((path,), partial(_scale_values, (1.0,), math.inf))


def _scaled_success_probability(probability: float, factor: float) -> list[float]:
    """Return the probability of success if the probability of failure is multiplied by ``factor``,
    in a list."""
    return [1 - min(1.0, factor * (1 - probability))]


def _scaled_probabilities(
    probabilities: Sequence[float], is_scaled: Sequence[bool], max_factor: float
) -> list[float]:
    """Multiply the ``probabilities`` that ``is_scaled`` marks by ``max_factor``, but not beyond the
    sum of all.

    The others are changed in proportion to each other so that the sum stays the same.
    """
    entries = list(zip(probabilities, is_scaled, strict=True))
    scaled_total = math.fsum(p for p, scaled in entries if scaled)
    other_total = math.fsum(probabilities) - scaled_total
    factor = min(max_factor, (scaled_total + other_total) / scaled_total)
    remaining_total = scaled_total + other_total - factor * scaled_total
    equal_share = remaining_total / (len(probabilities) - sum(is_scaled))
    other_probabilities = [
        p * remaining_total / other_total if other_total > 0 else equal_share for p in probabilities
    ]
    return [
        factor * p if scaled else other_probability
        for (p, scaled), other_probability in zip(entries, other_probabilities, strict=True)
    ]


class InvalidAssumption(VorratError):
    """Error: an assumption is unknown, or its range does not fit the scenario."""

    exit_code = 2


@dataclass(frozen=True)
class Assumption:
    """Numbers of a scenario that are varied together by one value between ``low`` and ``high``."""

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
        """The name of the assumption on the command line; it does not depend on the language."""
        if self.subject is None:
            return "hazards" if self.kind == "hazard" else self.kind
        return f"{self.kind}.{self.subject}"

    @property
    def is_factor(self) -> bool:
        """Whether the value multiplies numbers; otherwise it replaces a single number."""
        return self.kind != "input"

    def round_if_integer(self, value: float) -> float:
        """Return ``value``, rounded to a whole number if the assumption is an integer."""
        return float(round(value)) if self.is_integer else value

    def settings_at(self, value: float) -> list[str]:
        """Return the settings that change the scenario to a value; none if it is ``base``."""
        numbers = self.numbers if value != self.base else ()
        return [text for number in numbers for text in number.settings_at(value)]

    def single_number_at(self, value: float) -> float | None:
        """Return the number that the scenario has at a value.

        Return None if the assumption has several numbers, or a different one for each year. For the
        success of a project it is the probability of success.
        """
        number_values = [x for number in self.numbers for x in number.values_at(value)]
        return number_values[0] if len(number_values) == 1 and not self.numbers[0].keys else None


def list_assumptions(
    case: Case,
    *,
    include_parts: bool = False,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    only: Iterable[str] = (),
    inputs: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Assumption, ...]:
    """List the uncertain numbers of a scenario as assumptions; numbers without any effect are left
    out.

    Hazards and damage are listed one by one, other kinds all together; with ``include_parts``,
    other kinds are listed one by one as well. A kind that is listed one by one is also listed as a
    whole, unless it has a single part. ``ranges`` has low and high values by id, which replace the
    usual ones. ``inputs`` has low and high values of free numbers by dotted path. If ``only`` is
    not empty, the list is restricted to these ids, ids in ``ranges``, and free numbers. If states
    are explicit, the probability of the states with an event of a hazard is varied, and projects
    succeed or fail as the states say.

    Raises InvalidAssumption if an id does not exist, if a path leads to no single number, or if a
    range does not contain the current number.
    """
    ranges = ranges or {}
    assumptions_by_id = {x.id: x for x in _all_assumptions(case)}
    requested_ids = dict.fromkeys([*only, *ranges])
    for id in (id for id in requested_ids if id not in assumptions_by_id):
        raise InvalidAssumption(
            "there is no assumption '{id}'; there are {known}".format(
                id=id, known=", ".join(assumptions_by_id)
            )
        )

    def is_listed_by_default(assumption: Assumption) -> bool:
        parts = include_parts or assumption.kind in KINDS_SHOWN_BY_PART
        if assumption.subject is not None:
            return parts
        return (
            not parts
            or sum(assumption.numbers == other.numbers for other in assumptions_by_id.values()) == 1
        )

    chosen_assumptions = (
        requested_ids
        if only
        else [
            id
            for id, x in assumptions_by_id.items()
            if id in requested_ids or is_listed_by_default(x)
        ]
    )
    result = [
        _with_range(
            assumptions_by_id[id],
            *ranges.get(id, (assumptions_by_id[id].low, assumptions_by_id[id].high)),
        )
        for id in chosen_assumptions
    ]
    for path, limits in (inputs or {}).items():
        base_number = number_at(case, path)
        if base_number is None:
            raise InvalidAssumption(f"there is no single number at {path}")
        number = Assumption("input", path, base_number, -math.inf, math.inf, (free_number(path),))
        result.append(_with_range(number, *limits))
    return tuple(result)


def _with_range(assumption: Assumption, low: float, high: float) -> Assumption:
    """Return an assumption with another range; raises InvalidAssumption if the range is not
    valid."""
    if low == high:
        raise InvalidAssumption(f"the range of {assumption.id} has no width")
    if not 0 <= low <= assumption.base <= high:
        raise InvalidAssumption(
            f"the range {low:g}..{high:g} of {assumption.id} does not hold {assumption.base:g}"
        )
    return replace(assumption, low=low, high=high)


def _all_assumptions(case: Case) -> list[Assumption]:
    """Return all assumptions of a scenario: each kind as a whole, and each part of a kind."""
    assumptions = []
    for kind, by_id in uncertain_numbers(case).items():
        all_numbers = [number for numbers in by_id.values() for number in numbers]
        parts: NumbersById = {None: all_numbers, **by_id}
        for subject, numbers in parts.items():
            if numbers:
                assumptions.append(
                    Assumption(kind, subject, 1.0, *FACTOR_RANGES[kind], tuple(numbers))
                )
    return assumptions


def number_at(case: Case, path: str) -> float | None:
    """Return the number at a dotted path of the scenario; None if it is not a single number."""
    node: Any = case
    for step in path.split("."):
        node = child_at(node, step)
    if isinstance(node, YearlyQuantity):
        return None if node.years else float(node.values[0])
    return float(node) if isinstance(node, (int, float)) and not isinstance(node, bool) else None


def uncertain_numbers(case: Case) -> dict[AssumptionKind, NumbersById]:
    """Return all uncertain numbers of a scenario, by kind and by the id of the hazard, material or
    project.

    If states are explicit, there are no numbers for the success and delay of projects.
    """
    sampled = case.uncertainty is not None and case.uncertainty.sample is not None
    damage: dict[str | None, list[LinkedNumbers]] = {}
    demand: dict[str | None, list[LinkedNumbers]] = {}
    needed_materials = (
        {row.material for row in case.demand} if case.objective.measure == "damage" else set()
    )
    for n, entry in enumerate(case.damage):
        # One factor on all steps keeps them increasing.
        steps = [
            scaled_number(f"damage.{n}.steps.{j}.eur_per_t", step.eur_per_t)
            for j, step in enumerate(entry.steps)
            if step.eur_per_t > 0 and entry.material in needed_materials
        ]
        damage.setdefault(entry.material, []).extend(steps)
    for n, row in enumerate(case.demand):
        if any(row.t_per_year.values):
            number = scaled_number(f"demand.{n}.t_per_year", row.t_per_year)
            demand.setdefault(row.material, []).append(number)
    projects = case.projects.items()
    numbers_by_kind: dict[AssumptionKind, NumbersById] = {
        "hazard": {
            h: [scaled_number(f"hazards.{h}.annual_probability", hazard.annual_probability, 1.0)]
            for h, hazard in case.hazards.items()
            if any(0 < probability < 1 for probability in hazard.annual_probability.values)
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
        numbers_by_kind["hazard"] = _explicit_state_probabilities(case)
    else:
        numbers_by_kind["success"] = {
            p: [
                LinkedNumbers(
                    (f"projects.{p}.success_probability",),
                    partial(_scaled_success_probability, float(probability)),
                )
            ]
            for p, project in projects
            if (probability := project.success_probability) < 1
        }
        numbers_by_kind["delay"] = {
            p: _delay_probabilities(p, project.delay_years) for p, project in projects
        }
    numbers_by_kind["price"] = {
        m: [
            scaled_number(f"materials.{m}.price_eur_per_t", material.price_eur_per_t),
            *(
                scaled_number(f"materials.{m}.price_states.{n}.eur_per_t", state.eur_per_t)
                for n, state in enumerate(material.price_states)
            ),
        ]
        for m, material in case.materials.items()
    }
    return numbers_by_kind


def _explicit_state_probabilities(case: Case) -> NumbersById:
    """Return the probabilities of the explicit states as linked numbers, by hazard.

    A factor scales the probabilities of the states with an event of the hazard. The key None stands
    for an event of any hazard.
    """
    states = (case.uncertainty.states if case.uncertainty else None) or ()
    state_probabilities = tuple(float(state.probability) for state in states)
    paths = tuple(f"uncertainty.states.{n}.probability" for n in range(len(states)))
    numbers_by_hazard: dict[str | None, list[LinkedNumbers]] = {}
    numbers_by_states: dict[tuple[bool, ...], list[LinkedNumbers]] = {}
    for hazard in (None, *case.hazards):
        is_hit = tuple(any(hazard in (None, event.hazard) for event in s.events) for s in states)
        can_happen = any(
            share > 0 for share, hit in zip(state_probabilities, is_hit, strict=True) if hit
        )
        linked_numbers = (
            [LinkedNumbers(paths, partial(_scaled_probabilities, state_probabilities, is_hit))]
            if can_happen
            else []
        )
        # Hazards with events in the same states share their numbers.
        numbers_by_hazard[hazard] = numbers_by_states.setdefault(
            is_hit, [] if all(is_hit) else linked_numbers
        )
    return numbers_by_hazard


def _delay_probabilities(project: str, delays: Mapping[int, float]) -> list[LinkedNumbers]:
    """Return the probabilities of a project's delays as linked numbers, of which those of positive
    delays are scaled."""
    probability_by_delay = {0: 0.0, **{years: float(share) for years, share in delays.items()}}
    if math.fsum(share for years, share in probability_by_delay.items() if years > 0) <= 0:
        return []
    path, is_late = f"projects.{project}.delay_years", [years > 0 for years in probability_by_delay]
    scale_probabilities = partial(
        _scaled_probabilities, tuple(probability_by_delay.values()), is_late
    )
    return [LinkedNumbers((path,), scale_probabilities, tuple(map(str, probability_by_delay)))]
