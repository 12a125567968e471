"""Further outcomes in a plan: without a plan, under assumption sets, adaptation and clustering."""

from typing import Annotated

from pydantic import Field

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share, UnitMark

MoneyPerTonne = Annotated[float, UnitMark("`currency` per t")]


class WithoutPlan(Result):
    """The outcome if no project is started and nothing is bought.

    The states, their supply and their hazards are those of the scenario. Unaided projects
    (``anyway``) are built, and initial stocks (``initial_t``) are used. Rules of ``policy`` do not
    apply.
    """

    expected: InMeasureUnit  #: Mean damage over the states.
    cvar: InMeasureUnit  #: Mean damage of the worst states.
    worst: InMeasureUnit  #: Damage of the worst state.
    worst_mean: InMeasureUnit | None = None
    """Mean damage with the least favorable probabilities in the scenario's ambiguity set; null
    without ``ambiguity``."""
    avoided_anyway: InMeasureUnit | None = None
    """Expected damage that unaided projects avoid. It does not count as avoided by a plan. Null if
    there are none, or if the figure was not computed."""


class AssumptionSetOutcome(Result):
    """The outcome of a plan under one assumption set, in states drawn under that set.

    Damage is that of an optimal second stage under each set. This applies even if the joint
    objective is the worst objective or the largest regret, which does not determine the second
    stage of every set.
    """

    id: ids.Assumptions  #: Id of the set.
    title: str  #: Title of the set; its id if it has no title.
    weight: Share  #: Weight of the set; all weights add up to 1.
    states: int  #: Number of states drawn under the set.
    objective: InMeasureUnit  #: Objective of the plan under the set.
    expected: InMeasureUnit  #: Mean damage over the states.
    cvar: InMeasureUnit  #: Mean damage of the worst states, at the scenario's level.
    worst: InMeasureUnit  #: Damage of the worst state with a probability above 0.
    worst_mean: InMeasureUnit | None = None
    """Mean damage with the least favorable probabilities in the scenario's ambiguity set; null
    without ``ambiguity``."""
    net_cost_meur: float  #: Net cost under the set, discounted, not multiplied by ``cost_weight``.
    without_plan: WithoutPlan  #: Outcome under the set without any plan.
    best: InMeasureUnit | None = None
    """Objective of the best plan for this set alone; null if not requested."""
    best_bound: InMeasureUnit | None = None
    """Proven lower bound on the objective of all plans for this set; null without a bound."""
    regret: InMeasureUnit | None = None  #: ``objective`` minus ``best``; null if not requested.
    decides: bool = False
    """Whether the set determines the joint objective, because it has the worst objective or the
    largest regret."""
    broken_rules: tuple[str, ...] = ()
    """Rules that the plan breaks under a set for which it was not made."""


class EventYears(Result):
    """The share of years in which a given number of events starts."""

    events: int  #: Number of events that start in the year; each hazard counts once.
    share: Share
    """Share of years with this number of events, weighted by the probability of the states."""
    independent: Share
    """The same share if hazards were independent. Each hazard then has the same probability in each
    calendar year as in the plan's states."""


class Clustering(Result):
    """How much events of hazards cluster in the plan's states, compared with independent events.

    An event counts in the year in which it starts. It does not count if it is certain to start in
    that year.
    """

    years: Annotated[tuple[EventYears, ...], Field(min_length=3)]
    """One entry for each number of events in a year, from 0 to the number of uncertain hazards."""
    most: int  #: Largest number of events that start in one state.
    most_independent: float
    """Expected largest number in as many states, if events were independent."""


class AdaptationOutcome(Result):
    """The length of outages and shortages to which users adapt, and the damage per tonne meanwhile.

    It refers to one damage entry with [adaptation](scenario-format.md#adaptation). A *clock* counts
    the periods of an outage of supply; the scenario format defines its start and end. Lengths are
    those in the plan's states, and end with the horizon at the latest.
    """

    material: ids.Material  #: Id of the material.
    consumer: ids.Consumer | None
    """Id of the consumer; null if the damage entry applies to all consumers."""
    clock: Share  #: Probability that a clock starts in a state.
    clock_months: float | None
    """Mean length of a clock, in months. This figure and the next two are null if no clock starts
    in any state."""
    clock_months_median: float | None  #: Median length of a clock, in months.
    clock_months_ninety: float | None  #: 90 % quantile of the length of a clock, in months.
    shortage_months: float | None
    """Mean length of a shortage of the material with the plan, in months. A shortage consists of
    consecutive periods in which more than a millionth of demand is not met. Null without a
    shortage."""
    shortage_months_without_plan: float | None  #: The same without any plan.
    first_eur_per_t: MoneyPerTonne
    """Damage per tonne of shortage in the first period of a clock, not discounted. It is the mean
    of the damage steps, weighted by their shares."""
    later_months: float
    """Months from the first period of a clock to the period of ``later_eur_per_t``, which is the
    period nearest to ten months."""
    later_eur_per_t: MoneyPerTonne
    """Damage per tonne of shortage in that later period if the clock still runs."""
