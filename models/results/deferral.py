"""Result on the value of a review, and of observing more or less before it."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import InMeasureUnit, InterruptibleStudy, Result, UnboundedShare
from models.results.decisions import ReviewDecisions


class ObservationWorth(Result):
    """The value of one observation before a review."""

    hazard: ids.Hazard | None = None  #: Id of the hazard, where it is one.
    regime: bool = False  #: Whether it is the regime of the year before.
    price: ids.Material | None = None  #: Id of the material, where it is its price.
    change: Literal["less", "more"]
    """Whether it is left out of what the scenario observes, or added to it."""
    groups: int  #: Groups that the states then form.
    status: Literal["optimal", "limit", "too_many"]
    """As in the certificate of a plan; ``too_many`` groups for a plan."""
    objective: InMeasureUnit | None = None
    """Objective of the best plan found then; null without one."""
    bound: InMeasureUnit | None = None  #: Proven lower bound on that of any plan; null without one.
    worth: InMeasureUnit | None = None
    """What observing it is worth: of the two plans, the objective without it less that with it."""
    worth_least: InMeasureUnit | None = None  #: It is worth no less, by both proofs.
    worth_most: InMeasureUnit | None = None  #: It is worth no more, by both proofs.


class Waiting(InterruptibleStudy):
    """The value of a review, and of one observation more or less."""

    kind: Literal["waiting"] = "waiting"
    objective: InMeasureUnit  #: Objective of the plan with the review as the scenario has it.
    bound: InMeasureUnit | None  #: Proven lower bound on that of any plan; null without one.
    gap: UnboundedShare | None
    """How far ``objective`` may be above the best; null without a bound."""
    review: ReviewDecisions  #: What is decided at the review, and what it is worth.
    observing: tuple[ObservationWorth, ...]
    """Each thing that is observed, left out; then others, added, those first that tell most of the
    damage that the plan leaves."""
