"""Result on the value of a review, and of observing more or less before it."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import InMeasureUnit, InterruptibleStudy, Result, UnboundedShare
from models.results.decisions import ReviewDecisions


class ObservationWorth(Result):
    """The value of one observation before a review."""

    hazard: ids.Hazard | None = None  #: Id of the hazard; null if something else is observed.
    regime: bool = False  #: Whether the regime of the previous year is observed.
    price: ids.Material | None = None
    """Id of the material; null if something else than a price is observed."""
    change: Literal["less", "more"]
    """``less``: the observation is removed from those of the scenario; ``more``: it is added to
    them."""
    groups: int  #: Number of information sets that result.
    status: Literal["optimal", "limit", "too_many"]
    """Status as in the certificate of a plan. ``limit`` also if no plan was found; ``too_many``:
    there are too many information sets for a plan."""
    objective: InMeasureUnit | None = None
    """Objective of the best plan found with this change; null without a plan."""
    bound: InMeasureUnit | None = None
    """Proven lower bound on the objective of any plan with this change; null without a bound."""
    worth: InMeasureUnit | None = None
    """Value of the observation: objective of the plan without it minus objective of the plan with
    it."""
    worth_least: InMeasureUnit | None = None  #: Lower bound on this value, proven by both solves.
    worth_most: InMeasureUnit | None = None  #: Upper bound on this value, proven by both solves.


class Waiting(InterruptibleStudy):
    """The value of a review, and of one observation more or less."""

    kind: Literal["waiting"] = "waiting"
    objective: InMeasureUnit  #: Objective of the plan with the review of the scenario.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap of ``objective``; null without a bound.
    review: ReviewDecisions  #: Decisions at the review, and its value.
    observing: tuple[ObservationWorth, ...]
    """Observations of the scenario, each removed in turn, then other possible observations, each
    added in turn. The latter are in descending order of how well they predict the damage with the
    plan."""
