"""What is uncertain in a scenario: by kind, the numbers of each hazard, material or project."""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.scenario.case import Case
from optimizer.analyses.assumptions.numbers import Complement, Numbers, Scaled, Shifted

Parts = dict[str | None, Sequence[Numbers]]
"""Numbers by id; those under None are all of a kind, where that is not what the parts make."""


def sampled(case: Case) -> bool:
    """Whether states are drawn rather than written out."""
    return case.uncertainty is not None and case.uncertainty.sample is not None


def hazards(case: Case) -> Parts:
    """Probabilities of hazards; of written-out states those of the states in which one strikes."""
    if sampled(case):
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


def damage(case: Case) -> Parts:
    """What a missing tonne costs, by material."""
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


def demand(case: Case) -> Parts:
    """Demand, by material."""
    found: dict[str | None, list[Numbers]] = {}
    for n, row in enumerate(case.demand):
        if any(row.t_per_year.values):
            number = Scaled.of(f"demand.{n}.t_per_year", row.t_per_year)
            found.setdefault(row.material, []).append(number)
    return dict(found)


def capex(case: Case) -> Parts:
    """Capex, by project."""
    return {
        p: [Scaled.of(f"projects.{p}.capex_meur", project.capex_meur)]
        for p, project in case.projects.items()
        if project.capex_meur > 0
    }


def success(case: Case) -> Parts:
    """Chances that a project fails."""
    return {
        p: [Complement(f"projects.{p}.success_probability", float(project.success_probability))]
        for p, project in case.projects.items()
        if project.success_probability < 1
    }


def delays(case: Case) -> Parts:
    """Chances that a project is late."""
    found: dict[str | None, Sequence[Numbers]] = {}
    for p, project in case.projects.items():
        shares = {0: 0.0, **{years: float(share) for years, share in project.delay_years.items()}}
        late = frozenset(str(years) for years in shares if years > 0)
        if math.fsum(share for years, share in shares.items() if years > 0) > 0:
            names = tuple(map(str, shares))
            path = f"projects.{p}.delay_years"
            found[p] = [Shifted(path, names, tuple(shares.values()), late, whole=True)]
    return found


def prices(case: Case) -> Parts:
    """Prices, by material."""
    found: dict[str | None, Sequence[Numbers]] = {}
    for m, material in case.materials.items():
        states = enumerate(material.price_states)
        found[m] = [
            Scaled.of(f"materials.{m}.price_eur_per_t", material.price_eur_per_t),
            *(Scaled.of(f"materials.{m}.price_states.{n}.eur_per_t", state.eur_per_t)
              for n, state in states),
        ]  # fmt: skip
    return found
