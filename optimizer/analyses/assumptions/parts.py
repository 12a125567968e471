"""What is uncertain in a scenario: by kind, the numbers of each hazard, material or project, and
what these become at a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from models.scenario.case import Case
from models.scenario.quantities import Yearly
from optimizer.analyses.variation import written

Kind = Literal["hazard", "damage", "capex", "success", "delay", "price", "demand", "input"]
"""What is uncertain; ``input`` is a number that was named by its path."""


@dataclass(frozen=True)
class Numbers:
    """Numbers that move together, and what they are at a value: each at its path, or all at one
    path as a mapping, whose ``keys`` are years or names."""

    paths: tuple[str, ...]
    at: Callable[[float], Sequence[float]]
    keys: tuple[str, ...] = ()

    def settings(self, value: float) -> list[str]:
        """What they become, as ``path=value``."""
        numbers = list(map(written, self.at(value)))
        if self.keys:
            pairs = zip(self.keys, numbers, strict=True)
            return [f"{self.paths[0]}={{{', '.join(f'{key}: {x}' for key, x in pairs)}}}"]
        return [f"{path}={x}" for path, x in zip(self.paths, numbers, strict=True)]


Parts = Mapping[str | None, Sequence[Numbers]]
"""Numbers by id; those under None are all of a kind, where that is not what the parts make."""


def scaled(path: str, number: float | Yearly, most: float = math.inf) -> Numbers:
    """One number, or one for each of several years, times the value; at most ``most``."""
    base = tuple(map(float, number.values if isinstance(number, Yearly) else (number,)))
    keys = tuple(map(str, number.years)) if isinstance(number, Yearly) else ()
    return Numbers((path,), partial(_times, base, most), keys)


def _times(base: Sequence[float], most: float, value: float) -> list[float]:
    return [min(most, value * x) for x in base]


def free(path: str) -> Numbers:
    """A number that was named by its path: the value is the number itself."""
    return Numbers((path,), partial(_times, (1.0,), math.inf))


def _success(base: float, value: float) -> list[float]:
    """A probability of success, of which that of failure is multiplied."""
    return [1 - min(1.0, value * (1 - base))]


def _shifted(base: Sequence[float], moved: Sequence[bool], value: float) -> list[float]:
    """Probabilities that add up to 1, of which some are multiplied; the others shrink or grow in
    proportion."""
    pairs = list(zip(base, moved, strict=True))
    of_moved = math.fsum(p for p, moves in pairs if moves)
    rest = math.fsum(base) - of_moved
    factor = min(value, (of_moved + rest) / of_moved)
    left = of_moved + rest - factor * of_moved
    even = left / (len(base) - sum(moved))
    stays = [p * left / rest if rest > 0 else even for p in base]
    return [factor * p if moves else own for (p, moves), own in zip(pairs, stays, strict=True)]


def uncertain(case: Case) -> dict[Kind, Parts]:
    """All that is uncertain in a scenario, by kind. With written-out states projects succeed or
    fail as these say."""
    sampled = case.uncertainty is not None and case.uncertainty.sample is not None
    damage: dict[str | None, list[Numbers]] = {}
    demand: dict[str | None, list[Numbers]] = {}
    needed = {row.material for row in case.demand} if case.objective.measure == "damage" else set()
    for n, entry in enumerate(case.damage):
        # One factor on all steps: what rises goes on rising.
        steps = [
            scaled(f"damage.{n}.steps.{j}.eur_per_t", step.eur_per_t)
            for j, step in enumerate(entry.steps)
            if step.eur_per_t > 0 and entry.material in needed
        ]
        damage.setdefault(entry.material, []).extend(steps)
    for n, row in enumerate(case.demand):
        if any(row.t_per_year.values):
            number = scaled(f"demand.{n}.t_per_year", row.t_per_year)
            demand.setdefault(row.material, []).append(number)
    projects = case.projects.items()
    found: dict[Kind, Parts] = {
        "hazard": _sampled_hazards(case) if sampled else _written_hazards(case),
        "damage": damage,
        "demand": demand,
        "capex": {
            p: [scaled(f"projects.{p}.capex_meur", project.capex_meur)]
            for p, project in projects
            if project.capex_meur > 0
        },
    }
    if sampled:
        found["success"] = {
            p: [Numbers((f"projects.{p}.success_probability",), partial(_success, float(chance)))]
            for p, project in projects
            if (chance := project.success_probability) < 1
        }
        found["delay"] = {p: _delay(p, project.delay_years) for p, project in projects}
    found["price"] = {
        m: [
            scaled(f"materials.{m}.price_eur_per_t", material.price_eur_per_t),
            *(
                scaled(f"materials.{m}.price_states.{n}.eur_per_t", state.eur_per_t)
                for n, state in enumerate(material.price_states)
            ),
        ]
        for m, material in case.materials.items()
    }
    return found


def _sampled_hazards(case: Case) -> Parts:
    return {
        h: [scaled(f"hazards.{h}.annual_probability", hazard.annual_probability, 1.0)]
        for h, hazard in case.hazards.items()
        if 0 < hazard.annual_probability < 1
    }


def _written_hazards(case: Case) -> Parts:
    """Of written-out states the probabilities of those in which a hazard strikes."""
    states = (case.uncertainty.states if case.uncertainty else None) or ()
    shares = tuple(float(state.probability) for state in states)
    paths = tuple(f"uncertainty.states.{n}.probability" for n in range(len(states)))
    found: dict[str | None, list[Numbers]] = {}
    made: dict[tuple[bool, ...], list[Numbers]] = {}
    for by in (None, *case.hazards):
        moved = tuple(any(by in (None, event.hazard) for event in s.events) for s in states)
        some = any(share > 0 for share, moves in zip(shares, moved, strict=True) if moves)
        shifted = [Numbers(paths, partial(_shifted, shares, moved))] if some else []
        # Hazards that strike in the same states are the same numbers.
        found[by] = made.setdefault(moved, [] if all(moved) else shifted)
    return found


def _delay(project: str, delays: Mapping[int, float]) -> list[Numbers]:
    """Chances that a project is late."""
    shares = {0: 0.0, **{late: float(share) for late, share in delays.items()}}
    if math.fsum(share for late, share in shares.items() if late > 0) <= 0:
        return []
    path, late = f"projects.{project}.delay_years", [years > 0 for years in shares]
    at = partial(_shifted, tuple(shares.values()), late)
    return [Numbers((path,), at, tuple(map(str, shares)))]
