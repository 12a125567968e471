"""Results on chains of materials: bottlenecks, and marginal values of their stages."""

from typing import Annotated, Literal

from models.results import ids
from models.results.base import InMeasureUnit, Result, Share, UnitMark

PerTonne = Annotated[float, UnitMark("`currency` per t, or `unit` per t")]
"""Undiscounted money of the year if the measure is damage, otherwise in the unit of the measure."""


class FormFlow(Result):
    """Sources and uses of a form in one year.

    ``supply_t + projects_t + made_t + released_t + missing_t = demand_t + taken_t``.
    """

    supply_t: float  #: Used tonnes of market supply.
    projects_t: float  #: Used tonnes of the output of projects without inputs.
    made_t: float  #: Tonnes made from other forms.
    released_t: float  #: Tonnes released from stockpiles.
    missing_t: float  #: Shortage: direct demand that is not met.
    demand_t: float  #: Direct demand of all consumers.
    taken_t: float  #: Tonnes used to make other forms.
    unused_t: float  #: Tonnes that the market and projects could deliver but nobody needs.


class ChainForm(Result):
    """The flows and marginal values of one form in a chain.

    Flows are those of the ``year`` of the chain. The worst states are the states with the largest
    damage in this chain without a plan. Flows with the plan refer to the same states.
    """

    material: ids.Material  #: Id of the form.
    undisturbed: FormFlow  #: Flows without any event and without a plan.
    worst_without_plan: FormFlow  #: Mean flows of the worst states, without a plan.
    worst: FormFlow  #: Mean flows of the same states, with the plan.
    value_per_t: dict[ids.HorizonYear, PerTonne]
    """Marginal value of a tonne with the plan: the mean multiplier of rule R3 over the states, not
    discounted. The tonne is spread evenly over the year and divided like market supply. One tonne
    more avoids at most this damage, and one tonne less causes at least this damage; the two amounts
    differ if two stages match exactly. The multiplier is 0 in states without a possible
    shortage."""
    value_without_plan_per_t: dict[ids.HorizonYear, PerTonne]
    """The same marginal value without any plan."""


class ChainPlant(Result):
    """A conversion, or a project with inputs (built or not), that makes a form of the chain."""

    id: str  #: Id of the conversion or project.
    project: bool  #: Whether it is a project.
    output: ids.Material  #: Id of the form that it makes.
    inputs_t_per_t: dict[ids.Material, float]  #: Tonnes of each input per tonne of output.
    undisturbed_t: float  #: Output in the year without any event and without a plan.
    worst_without_plan_t: float  #: Mean output in the worst states, without a plan.
    worst_t: float  #: Mean output in the same states, with the plan.
    value_per_t: PerTonne
    """Marginal value of capacity with the plan, for one tonne of output in the year: the mean
    multiplier of rule R6 over the states, not discounted."""
    value_without_plan_per_t: PerTonne  #: The same marginal value without any plan.


class Bottleneck(Result):
    """How often a stage of a chain is the one whose extension would reduce damage most.

    The bottleneck is found in each state with a shortage:

    - The search starts at the form whose shortage causes most damage.
    - One more tonne of a form needs capacity of plants that make it, and inputs. The search
      compares the multipliers of the capacity and of the required quantity of each input.
    - If the capacity has the larger multiplier, it is the bottleneck.
    - If an input has the larger multiplier, the search continues with that input.
    - If no plant makes the form, or neither has a value, supply of the form is the bottleneck.

    If two stages match exactly, both are short, but only one of them is named. With entitled
    allocation, the search refers to the consumer with the largest damage.
    """

    material: ids.Material  #: Id of the form.
    stage: Literal["supply", "making"]
    """``supply``: supply of the form; ``making``: capacity of the plants that make the form."""
    share: Share
    """Of the states with a shortage in the year: share of those in which this stage is the
    bottleneck, with the plan."""
    share_without_plan: Share  #: The same share without any plan.


class ChainProject(Result):
    """How much damage of a chain is avoided by a project of the plan."""

    id: ids.Project  #: Id of the project.
    avoided: InMeasureUnit
    """Expected damage of the chain without the project minus that with it. The rest of the plan is
    unchanged."""


class ChainStockpile(Result):
    """How much damage of a chain is avoided by the plan's purchases for a stockpile."""

    id: ids.Stockpile  #: Id of the stockpile.
    avoided: InMeasureUnit
    """Expected damage of the chain without the purchases minus that with them."""


class ChainStages(Result):
    """How much damage is avoided by two consecutive stages of a plan, jointly and separately.

    Each figure is the expected damage of the chain without the stage or stages, minus that with
    them. The rest of the plan is unchanged and not optimized again.
    """

    output: ids.Material  #: Id of the form that the later stage makes.
    projects: tuple[ids.Project, ...]  #: Projects of the later stage.
    earlier_projects: tuple[ids.Project, ...]
    """Projects of the earlier stage, which deliver inputs of the later stage."""
    earlier_stockpiles: tuple[ids.Stockpile, ...]
    """Stockpiles of these inputs for which the plan buys."""
    later: InMeasureUnit  #: Damage avoided by the later stage if the earlier stage exists.
    later_alone: InMeasureUnit
    """Damage avoided by the later stage if the earlier stage does not exist."""
    earlier: InMeasureUnit  #: Damage avoided by the earlier stage if the later stage exists.
    earlier_alone: InMeasureUnit
    """Damage avoided by the earlier stage if the later stage does not exist."""
    both: InMeasureUnit  #: Damage avoided by both stages together.


class ChainOutcome(Result):
    """The outcome of a chain: forms that conversions or projects with inputs make from each other.

    Flows are sums over the periods of one year. If several solutions are optimal, the one with the
    least shortage is reported, then the one with the least release, then the one with the most
    production. Production replaces imports first.
    """

    year: ids.YearNumber
    """Year with the largest expected shortage without a plan, summed over all forms; the earliest
    such year."""
    short: Share  #: Probability of a shortage of any form in that year, with the plan.
    short_without_plan: Share  #: The same probability without any plan.
    forms: tuple[ChainForm, ...]  #: Forms of the chain, each listed after its inputs.
    plants: tuple[ChainPlant, ...]
    """Plants that make one form from others, in the order of the file."""
    bottlenecks: tuple[Bottleneck, ...]
    """Stages that are the bottleneck in at least one state, in the order of the forms."""
    projects: tuple[ChainProject, ...]  #: Projects of the plan that deliver a form.
    stockpiles: tuple[ChainStockpile, ...]  #: Stockpiles of a form for which the plan buys.
    stages: tuple[ChainStages, ...]  #: Consecutive stages of the plan.
