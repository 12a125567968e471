"""Relative gap of a plan: its denominator, when it counts as closed, and rounding errors."""

from dataclasses import dataclass

MIN_GAP_TARGET = 1e-6  # smallest effective gap target, given the solver's arithmetic
RELATIVE_OBJECTIVE_FLOOR = 1e-6
"""Smallest denominator of a relative gap, as a share of the objective without a plan; this value
itself if that objective is at most as large."""


@dataclass(frozen=True)
class GapScale:
    """Smallest denominator of an objective's relative gap, and the size of rounding errors."""

    objective_floor: float  # smallest denominator of a relative gap
    rounding: float  # differences up to this are rounding errors


def compute_objective_floor(objective_without_plan: float) -> float:
    """Return the smallest denominator of relative gaps, given the objective without a plan."""
    return RELATIVE_OBJECTIVE_FLOOR * (
        objective_without_plan if objective_without_plan > RELATIVE_OBJECTIVE_FLOOR else 1.0
    )


def relative_gap(
    objective: float, bound: float | None, objective_floor: float = RELATIVE_OBJECTIVE_FLOOR
) -> float | None:
    """Return the distance of the objective from the bound, relative to the objective or to
    ``objective_floor``, whichever is larger; None without a bound."""
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
    """Return whether the relative gap between objective and bound is at most ``gap_target``."""
    gap = relative_gap(objective, bound, objective_floor)
    return gap is not None and gap <= max(gap_target, MIN_GAP_TARGET) * (1 + 1e-9)
