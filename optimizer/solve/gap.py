"""The gap of a plan: what it is divided by, when it is within its target, and what is rounding."""

from dataclasses import dataclass

ROUNDING = 1e-6  # a gap below this is the solver's arithmetic, whatever target was set
SMALLEST = 1e-6
"""An objective counts as no smaller than this share of that without a plan, where a gap is taken of
it; than this itself where not even so much is lost without a plan."""


@dataclass(frozen=True)
class Sizes:
    """What gaps of an objective are measured by."""

    least: float  # it counts as no smaller than this
    rounding: float  # a difference that is no larger is rounding


def smallest_size(without_plan: float) -> float:
    """What an objective counts as at least where a gap is taken of it."""
    return SMALLEST * (without_plan if without_plan > SMALLEST else 1.0)


def gap_of(objective: float, bound: float | None, least: float = SMALLEST) -> float | None:
    """The relative gap between a plan and a bound; ``least`` is what the objective counts as at
    least."""
    return None if bound is None else max(0.0, objective - bound) / max(abs(objective), least)


def is_within(
    objective: float, bound: float | None, gap_target: float, least: float = SMALLEST
) -> bool:
    """Whether a gap is within its target."""
    gap = gap_of(objective, bound, least)
    return gap is not None and gap <= max(gap_target, ROUNDING) * (1 + 1e-9)
