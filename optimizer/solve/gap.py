"""The gap of a plan: what it is divided by, when it is within its target, and what is rounding."""

from dataclasses import dataclass

MIN_GAP_TARGET = 1e-6  # a gap below this is the solver's arithmetic, whatever target was set
RELATIVE_OBJECTIVE_FLOOR = 1e-6
"""An objective counts as no smaller than this share of that without a plan, where a gap is taken of
it; than this itself where not even so much is lost without a plan."""


@dataclass(frozen=True)
class GapScale:
    """What gaps of an objective are measured by."""

    objective_floor: float  # it counts as no smaller than this
    rounding: float  # a difference that is no larger is rounding


def compute_objective_floor(objective_without_plan: float) -> float:
    """What an objective counts as at least where a gap is taken of it."""
    return RELATIVE_OBJECTIVE_FLOOR * (
        objective_without_plan if objective_without_plan > RELATIVE_OBJECTIVE_FLOOR else 1.0
    )


def relative_gap(
    objective: float, bound: float | None, objective_floor: float = RELATIVE_OBJECTIVE_FLOOR
) -> float | None:
    """The relative gap between a plan and a bound; ``least`` is what the objective counts as at
    least."""
    return (
        None
        if bound is None
        else max(0.0, objective - bound) / max(abs(objective), objective_floor)
    )


def is_gap_closed(
    objective: float,
    bound: float | None,
    gap_target: float,
    objective_floor: float = RELATIVE_OBJECTIVE_FLOOR,
) -> bool:
    """Whether a gap is within its target."""
    gap = relative_gap(objective, bound, objective_floor)
    return gap is not None and gap <= max(gap_target, MIN_GAP_TARGET) * (1 + 1e-9)
