"""Results on chains of materials: bottlenecks, and marginal values of their stages."""

from typing import Annotated, Literal

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share, UnitMark

PerTonne = Annotated[float, UnitMark("`currency` per t, or `unit` per t")]
"""Money of its year where the measure is damage, else the unit of the measure."""


class FormFlow(Result):
    """Sources and uses of a form in one year.

    ``supply_t + projects_t + made_t + released_t + missing_t = demand_t + taken_t``.
    """

    supply_t: float  #: Used of what the market supplies.
    projects_t: float  #: Used of what projects without inputs deliver.
    made_t: float  #: Made of other forms.
    released_t: float  #: Released from stocks.
    missing_t: float  #: Missing of direct demand.
    demand_t: float  #: Direct demand of all consumers.
    taken_t: float  #: Taken in to make other forms.
    unused_t: float  #: What the market and projects would deliver besides; nobody needs it.


class ChainForm(Result):
    """The flows and marginal values of one form in a chain.

    Flows are those of the chain's year. The worst states are those with the largest damage in this
    chain without a plan; the flows with the plan refer to the same states.
    """

    material: ids.Material  #: Id of the form.
    undisturbed: FormFlow  #: If nothing happens, without a plan.
    worst_without_plan: FormFlow  #: Mean of the worst states, without a plan.
    worst: FormFlow  #: Mean of the same states, with the plan.
    value_per_t: Annotated[dict[ids.HorizonYear, PerTonne], ids.EXHAUSTIVE]
    """What a tonne in a year, spread evenly over it and divided as the market's supply, is worth in
    expected damage, with the plan: the mean multiplier of rule R3, not discounted. A tonne more
    avoids that at most, a tonne less costs that at least; they part where two stages match exactly.
    In states in which nothing can be missing it is 0."""
    value_without_plan_per_t: Annotated[dict[ids.HorizonYear, PerTonne], ids.EXHAUSTIVE]
    """The same without any plan."""


class ChainPlant(Result):
    """A conversion, or a project with inputs (built or not), that makes a form of the chain."""

    id: str  #: Id of the conversion or project.
    project: bool  #: Whether it is a project.
    output: ids.Material  #: Id of the form that it makes.
    inputs_t_per_t: dict[ids.Material, float]  #: Tonnes taken in for a tonne of output.
    undisturbed_t: float  #: Made in the year if nothing happens, without a plan.
    worst_without_plan_t: float  #: The same in the mean of the worst states, without a plan.
    worst_t: float  #: The same in the mean of the same states, with the plan.
    value_per_t: PerTonne
    """What capacity for a tonne of output in the year is worth likewise, with the plan: the mean
    multiplier of rule R6, not discounted."""
    value_without_plan_per_t: PerTonne  #: The same without any plan.


class Bottleneck(Result):
    """How often a stage of a chain is the one whose extension would reduce damage most.

    In each state with a shortage, the search starts at the form whose shortage costs most. It
    compares the multipliers of two ways to one more tonne of the form: the capacity that makes it,
    and its inputs. If an input has the larger multiplier, the search goes on with that input. A
    form that nothing makes is itself the bottleneck. If two stages match exactly, both are short
    and one of them is named. With entitled consumers, the consumer with the largest loss decides.
    """

    material: ids.Material  #: Id of the form.
    stage: Literal["supply", "making"]
    """``supply``: tonnes of the form; ``making``: capacity of what makes it of others."""
    share: Share  #: Share of the states in which the chain is short in the year, with the plan.
    share_without_plan: Share  #: The same without any plan.


class ChainProject(Result):
    """How much damage of a chain is avoided by a project of the plan."""

    id: ids.Project  #: Id of the project.
    avoided: InMeasureUnit
    """Expected damage of the chain without it, less that with it, all else as planned."""


class ChainStockpile(Result):
    """How much damage of a chain is avoided by the plan's purchases for a stockpile."""

    id: ids.Stockpile  #: Id of the stockpile.
    avoided: InMeasureUnit  #: Expected damage without what is bought for it, less that with it.


class ChainStages(Result):
    """How much damage is avoided by two consecutive stages of a plan, jointly and separately.

    Each figure is the expected damage of the chain if that part of the plan is removed, less the
    expected damage with it. The rest of the plan is unchanged; nothing is optimized again.
    """

    output: ids.Material  #: Id of the form that the later stage makes.
    projects: tuple[ids.Project, ...]  #: Projects of the later stage.
    earlier_projects: tuple[ids.Project, ...]  #: Those that deliver what it takes in.
    earlier_stockpiles: tuple[ids.Stockpile, ...]  #: Stocks bought of what it takes in.
    later: InMeasureUnit  #: What the later stage avoids, the earlier being there.
    later_alone: InMeasureUnit  #: What it avoids if the earlier is not there.
    earlier: InMeasureUnit  #: What the earlier stage avoids, the later being there.
    earlier_alone: InMeasureUnit  #: What it avoids if the later is not there.
    both: InMeasureUnit  #: What both avoid together.


class ChainOutcome(Result):
    """The outcome of a chain: forms that conversions or projects with inputs make from each other.

    Flows are sums over the periods of one year. If several solutions are optimal, the one with the
    least shortage is reported, then the least release, then the most production; production
    replaces imports first.
    """

    year: ids.YearNumber
    """The year in which most tonnes are expected to be missing without a plan, all forms together;
    the first of them."""
    short: Share  #: Probability that anything is missing in that year, with the plan.
    short_without_plan: Share  #: The same without any plan.
    forms: tuple[ChainForm, ...]  #: Forms, each behind all that it is made of.
    plants: tuple[ChainPlant, ...]  #: What makes one of others, in the order of the file.
    bottlenecks: tuple[Bottleneck, ...]  #: Stages that are one in any state, in the order of forms.
    projects: tuple[ChainProject, ...]  #: Projects of the plan that deliver a form.
    stockpiles: tuple[ChainStockpile, ...]  #: Stockpiles of a form that the plan adds to.
    stages: tuple[ChainStages, ...]  #: Stages of the plan that follow one another.
