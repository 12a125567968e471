"""Outcomes reported beside that of a plan: without a plan and under assumption sets; clustering."""

from typing import Annotated

from pydantic import Field

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share


class WithoutPlan(Result):
    """The outcome if no project is started and nothing is bought.

    The states are the same; unaided projects (``anyway``) are built, initial stocks (``initial_t``)
    are used, and supply and hazards are as in the scenario. Rules of ``policy`` do not apply.
    """

    expected: InMeasureUnit  #: Mean over the states.
    cvar: InMeasureUnit  #: Mean of the worst states.
    worst: InMeasureUnit  #: The worst state.
    worst_mean: InMeasureUnit | None = None
    """Mean by the least favourable probabilities of the scenario's ball; null without one."""
    avoided_anyway: InMeasureUnit | None = None
    """How much more would be expected if no project came unaided: what a plan is not credited with;
    null where none does, or where it was not computed."""


class AssumptionSetOutcome(Result):
    """The outcome of a plan under one assumption set, in states drawn under that set.

    If a plan minimises the worst objective or the largest regret, sets that do not bind leave its
    second stage undetermined. The damage reported for them is that of an optimal second stage.
    """

    id: ids.Assumptions  #: Id of the set.
    title: str  #: Its title, or its id.
    weight: Share  #: How much it counts beside the others.
    states: int  #: States of the world that were drawn under it.
    objective: InMeasureUnit  #: The objective of the plan under it.
    expected: InMeasureUnit  #: Damage, mean over the states.
    cvar: InMeasureUnit  #: Mean of the worst states, at the scenario's level.
    worst: InMeasureUnit  #: The worst state with a probability above 0.
    worst_mean: InMeasureUnit | None = None
    """Mean by the least favourable probabilities of the scenario's ball; null without one."""
    net_cost_meur: float  #: Net cost under it, discounted, before ``cost_weight``.
    without_plan: WithoutPlan  #: What comes under it without any plan.
    best: InMeasureUnit | None = None
    """Objective of the best plan for this set alone; null if not asked."""
    best_bound: InMeasureUnit | None = None
    """What is proven of all plans for it; null without a proof."""
    regret: InMeasureUnit | None = None  #: What ``objective`` is above ``best``; null if not asked.
    decides: bool = False
    """Whether the objective over all sets is that of this one: the worst, or of largest regret."""
    broken_rules: tuple[str, ...] = ()
    """Rules that the plan breaks under it, where it was not made for this set."""


class EventYears(Result):
    """The share of years in which a given number of events starts."""

    events: int  #: How many events start in the year, each of another hazard.
    share: Share  #: Share of years, of all states by their probability.
    independent: Share
    """The same if no event depended on others, each hazard with the same mean rate in each year."""


class Clustering(Result):
    """How much events of hazards cluster in the plan's states, compared with independent events.

    An event counts in the year in which it starts, unless it is certain to start then.
    """

    years: Annotated[tuple[EventYears, ...], Field(min_length=3)]
    """From no event to one of each hazard that is uncertain."""
    most: int  #: The most events that start in one state.
    most_independent: float  #: Mean of the same over as many states, if events were independent.
