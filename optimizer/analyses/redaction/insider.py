"""What somebody who knows all other figures learns of one: the worst that results can do.

Such an insider computes what the true plan would lead to if the figure were another, and keeps the
values that agree with what was published, as far as it was printed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.redaction.candidates import World, with_values
from optimizer.analyses.redaction.hidden import Figure
from optimizer.analyses.redaction.methods import half_unit, rounded
from optimizer.analyses.redaction.ranges import NOISE, fitting
from optimizer.solve.outcomes import Evaluation

Range = tuple[float, float]

LOOKED_AT = ("demand", "damage_value", "stock")
"""Kinds that the outcome of a given plan depends on, each by itself."""


@dataclass(frozen=True, eq=False)
class Insider:
    """Somebody who knows the true scenario but for one figure, and a plan of it as printed."""

    case: Case
    plan: Plan
    world: World

    def totals(self, figure: Figure, low: float, high: float) -> tuple[Range, str | None]:
        """The range that the outcome of all together leaves, and the result that tells most."""
        m, told = figure.material, self.plan.outcome
        if m is None or figure.kind not in LOOKED_AT:
            return (low, high), None
        results = {
            "outcome.without_plan.expected": (told.without_plan.expected, 1),
            "outcome.expected": (told.expected, 0),
        }
        return self._narrowed(figure, low, high, results, lambda one: one.by_material[m])

    def by_consumer(self, figure: Figure, low: float, high: float) -> tuple[Range, str | None]:
        """The range that the outcome of the figure's consumer leaves."""
        told = next((one for one in self.plan.consumers if one.id == figure.owner), None)
        if told is None or figure.material is None or figure.kind not in LOOKED_AT:
            return (low, high), None
        results = {
            "consumers.expected_without_plan": (told.expected_without_plan, 1),
            "consumers.expected": (told.expected, 0),
        }
        owner = figure.owner
        return self._narrowed(figure, low, high, results, lambda one: one.by_consumer[owner])

    def _narrowed(
        self,
        figure: Figure,
        low: float,
        high: float,
        results: dict[str, tuple[float, int]],
        part: Callable[[Evaluation], float],
    ) -> tuple[Range, str | None]:
        @cache
        def outcome(x: float) -> tuple[Evaluation, Evaluation]:
            case = with_values(self.case, {figure: x})
            assert figure.material is not None
            return self.world.outcome(case, figure.material)

        # Whose tonnes are missing first changes where a value meets that of another step.
        ties = [
            float(step.eur_per_t)
            for entry in self.case.damage
            if figure.kind == "damage_value" and entry.material == figure.material
            for step in entry.steps
        ]
        found, by = (low, high), None
        for name, (total, which) in results.items():
            # What other materials add to the total is known to an insider, and taken off.
            rest = total - part(outcome(figure.value)[which])
            printed = as_printed(total)

            def told(x: float, which: int = which) -> float:
                return part(outcome(x)[which])

            fits = fitting(told, low, high, printed - rest, slack_of(printed), ties)
            if fits is not None and fits[1] - fits[0] < (found[1] - found[0]) * (1 - 1e-6):
                found, by = fits, name
        return found, by


def as_printed(value: float) -> float:
    """A total as a report prints it: whole from 100 on, else with three digits."""
    if abs(value) < NOISE:
        return 0.0
    return float(round(value)) if abs(value) >= 100 else rounded(value)


def slack_of(printed: float) -> float:
    """Half of the last digit that a printed total has."""
    half = 0.5 if abs(printed) >= 100 else half_unit(printed)
    return max(half, NOISE)
