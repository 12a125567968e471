"""The result of an optimization: a plan with its certificate."""

from typing import Annotated, Literal

from models.results import base, ids
from models.results.base import (
    InMeasureUnit,
    MeasuredResult,
    Result,
    ScenarioDocument,
    Seconds,
    Share,
    UnboundedShare,
)
from models.results.chains import ChainOutcome
from models.results.decisions import ProjectPlan, ReviewDecisions, StockpilePlan
from models.results.plan_context import AssumptionSetOutcome, Clustering, WithoutPlan

BudgetClass = Literal[
    "financial_transaction", "loan", "guarantee", "grant", "expenditure", "premium", "private"
]


class Position(Result):
    """Money of one funder in one project, in one stockpile, or in the premium of one project.

    Money in a project goes through one instrument. A premium is the price that secured output costs
    above the market. Years of ``returned_meur`` may lie past the horizon.

    ``cost_meur`` of all positions adds up to ``outcome.net_cost_meur``.
    """

    funder: ids.Funder  #: Id of the funder.
    instrument: ids.Instrument | None
    """Id of the instrument; null for a stockpile and for a premium."""
    project: ids.Project | None  #: Id of the project; null for a stockpile.
    stockpile: ids.Stockpile | None  #: Id of the stockpile; null for a project.
    budget_class: BudgetClass | None
    """How a budget books it; ``expenditure`` for public stockpiles, ``premium`` for what secured
    output costs above the market; null without a class."""
    committed_meur: float
    """Committed in all: of a guarantee its face, of a floor its most; of capex what is budgeted."""
    paid_meur: dict[ids.HorizonYear, float]
    """What is put up in each year, undiscounted; of a guarantee the loan that it covers, of capex
    with its mean overrun."""
    returned_meur: dict[ids.Year, float]
    """What is expected to come back in each year; empty where the file gives no terms for it. Of a
    guarantee its fees, of a price floor its share of higher prices."""
    outstanding_meur: dict[ids.HorizonYear, float]
    """What is at risk at the end of each year; of a price floor what it may still cost."""
    expected_loss_meur: float | None  #: Expected to be lost, undiscounted; null if unknown.
    maximum_loss_meur: float
    """What is lost at most: of a price floor the most it can cost; 0 for what is spent in any case:
    grants, interest, expenditure, premiums."""
    cost_meur: float  #: Net cost, discounted: put up less what is expected back and residual value.
    residual_meur: float = 0.0  #: Residual value at the end of the horizon, discounted.
    decided: ids.YearNumber | None = None
    """Year in which it may be decided at a review, with a mean over all groups of states; null of
    all that is decided before."""


WHOLE_BUDGET = "budget"  #: Stands for the funder's own budget in place of the id of a line.


class BudgetLineUse(Result):
    """The amounts used and available in a budget line, by year and in total."""

    funder: ids.Funder  #: Id of the funder.
    line: str  #: Id of the line; ``budget`` for the funder's own budget.
    name: str  #: Its name.
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    """``budget`` for the funder's own budget."""
    used_meur: dict[ids.HorizonYear, float]  #: Charged in each year, or outstanding at its end.
    available_meur: dict[ids.HorizonYear, float] | None
    """What each year grants, carried over included; null where years have no limit."""
    total_meur: float | None  #: What all years together grant; null where that has no limit.


class Proof(Result):
    """The proven quality of a plan: the main fields of its certificate.

    The gap measures the search for a plan of *this* scenario, not how well the scenario represents
    the world: 0.001 means that another plan can improve this objective by at most a thousandth.
    """

    status: Literal["optimal", "limit"]
    """``optimal``: proven to the gap that was asked for, or to a millionth where less was asked
    for; ``limit``: stopped before, by a limit or by the user."""
    objective: InMeasureUnit
    """Objective of the plan, recomputed outside the solver: (1 - weight) · expected + weight · CVaR
    + cost_weight · net cost, with the values of ``objective`` in the scenario; of a plan over sets
    of assumptions the mean, the worst or the largest regret of theirs."""
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan, but for
    [rounding](formulation.md#units-and-tolerances); never above ``objective``; null where nothing
    was proven."""
    gap: UnboundedShare | None
    """How far the objective may be above the best: max(0, objective - bound) / max(|objective|,
    least); least is a millionth of the objective without a plan, or 1e-6 itself where that is no
    more than 1e-6. A regret may be zero: its least is the largest objective of a best plan. Null
    without a bound."""
    gap_target: UnboundedShare  #: The gap that was asked for.
    states: int  #: States of the world the plan was made for.
    illustrative: bool  #: True for fewer than 100 states: too few to judge rare events by.
    seed: int | None  #: Seed of the sampled states; null where they are written out.
    seconds: Seconds  #: Wall time, reading apart.
    input_sha256: str
    """SHA-256 of the scenario as solved, with variant and settings applied, without its
    ``variants``, in canonical JSON. Two files with the same content have the same, however they are
    written; a source or a title is content."""
    over_assumptions: Literal["mean", "worst", "regret"] | None = None
    """What of the objectives under all sets of assumptions ``objective`` and ``bound`` are; null
    for a plan of the file as it stands."""
    regret_open: InMeasureUnit | None = None
    """By how much a regret may be larger than reported, since the best plans it is taken from are
    proven to the gap only; null where no regret was asked for, or a best plan has no bound."""


class Certificate(Proof):
    """The quality of the plan, and the solve that proves it.

    Counts of work measure effort, not the quality of the plan.
    """

    ended: str
    """How the solve ended: the solver's own words, ``node limit`` or ``numerical limit`` or, for
    ``decomposition``, ``gap closed``, ``time limit`` or ``interrupted``."""
    method: Literal["extensive", "decomposition"]
    """How the problem was [solved](formulation.md#how-it-is-solved)."""
    seconds_by_step: Annotated[dict[str, float], base.VOLATILE]
    """Wall time of ``read`` (the scenario as arrays) and ``check``; between them of ``build``,
    ``compile`` and ``solve`` for ``extensive``, of ``merge`` (states that look alike), ``build``,
    ``master``, ``sweep`` and ``rest`` for ``decomposition``."""
    model_size: dict[str, int]
    """``rows``, ``columns``, ``integers`` (integer columns) and ``nonzeros`` of the model that was
    solved; of ``decomposition`` those of its master, and ``cuts`` in it at the end."""
    work: dict[str, int] = {}
    """What ``decomposition`` took; empty for ``extensive``. ``node_states``: pairs of a node and a
    state that one sweep goes through, states that look alike merged; ``node_states_unmerged``: none
    merged; ``sweeps``: commitments evaluated, fractional ones included, some of them in few nodes;
    ``node_sweeps``: nodes evaluated, all commitments together; ``solves``: linear programs of the
    master; ``iterations``: simplex iterations in these; ``nodes``: nodes of the search tree."""
    versions: base.Versions  #: Versions of the project and of what it rests on.


QUANTILE_LEVELS = tuple(step / 100 for step in range(101))  #: Levels of the distribution of a plan.


class Distribution(Result):
    """Damage over the states of the world, as quantiles: one figure per level."""

    levels: tuple[Share, ...]  #: Shares of the states by probability: 0, 0.01 and so on to 1.
    with_plan: tuple[InMeasureUnit, ...]
    """Least damage that is not exceeded with this probability."""
    without_plan: tuple[InMeasureUnit, ...]  #: The same without any plan.
    avoided: tuple[InMeasureUnit, ...]  #: Quantiles of what each state avoids; negative for harm.


class Outcome(MeasuredResult):
    """The outcome of a plan, in the unit of the scenario's measure.

    Damage is discounted and summed over the horizon; tonnes and years of demand are summed without
    discounting.

    The CVaR (conditional value at risk) at level α is the mean damage of the worst states, which
    have a joint probability of 1 - α. The last of these states counts only with the probability
    that is still missing: with two states of probability 0.5 and α = 0.4, the worse one counts with
    0.5 and the better one with 0.1. The CVaR is reported whether or not it has a weight in the
    objective.
    """

    expected: InMeasureUnit  #: Mean over the states, by their probability.
    cvar: InMeasureUnit  #: Mean of the worst states, at the scenario's level.
    worst: InMeasureUnit  #: The worst state with a probability above 0.
    worst_mean: InMeasureUnit | None = None
    """Mean by the least favourable probabilities of the scenario's
    [ball](scenario-format.md#ambiguity); null without one."""
    net_cost_meur: float
    """[Net cost](scenario-format.md#money), discounted, before ``cost_weight``: what funders of all
    kinds put into projects, less ``recovery`` and the income of price floors, premiums on secured
    output, and what stocks cost, less the residual value."""
    residual_meur: float = 0.0  #: Residual value at the end, discounted; part of net cost.
    windfall_meur: float = 0.0  #: Money for what would come home without it, by ``unaided``.
    without_plan: WithoutPlan  #: The same three figures without any plan.
    distribution: Distribution | None = None  #: How it is spread over the states.


class UnaidedProject(Result):
    """A project that may be built without the funders' money, and the effect of their money.

    Tonnes are those of a year at full output, undisturbed, times ``probability``.
    """

    id: ids.Project  #: Id of the project.
    year: ids.YearNumber  #: Year in which it is decided unaided.
    probability: Share  #: Probability of that, over the states.
    without_plan_t: dict[ids.Material, float]  #: What comes home of it without any plan.
    with_plan_t: dict[ids.Material, float]  #: What comes home of it with the plan.
    paid_meur: float  #: What funders put into it, undiscounted.
    windfall_meur: float
    """What of that pays for output that would come home without it: ``paid_meur`` times the
    probability that it comes unaided times what comes home then, as a share of what is reserved
    with the plan, 1 at most."""

    @property
    def expected_unaided_meur(self) -> float:
        """Money paid by funders, times the probability of an unaided project, in million EUR."""
        return self.paid_meur * self.probability


class IdleProject(Result):
    """A project that stops while its price is too low, and how often this happens.

    Shares refer to all periods from the first year of the horizon on, and are means over the
    states.
    """

    id: ids.Project  #: Id of the project.
    material: ids.Material  #: Id of the material whose price decides.
    below_cash_cost: Share  #: Share of periods in which that price is below cash cost.
    idle: Share  #: Share of periods in which what is under no price floor stands still.
    floored: UnboundedShare | None
    """Share of its offtake that runs whatever the price; null if not built."""


class StockUse(Result):
    """The release and refill of a stockpile by a policy without foresight, in expected tonnes.

    In a period with a shortage, stock is released at once. It is refilled as soon as possible.
    """

    id: ids.Stockpile  #: Id of the stockpile.
    released_t: float  #: Expected tonnes released in all years.
    refilled_t: float  #: Expected tonnes of these that come back.
    times: float | None
    """How many times the highest planned stock is released; null where none is planned."""


class FunderInfo(Result):
    """A funder, as reports name it."""

    id: ids.Funder  #: Id of the funder.
    name: str  #: Its name.
    kind: Literal["public", "company", "private"]  #: What it is.


class SupplyMix(Result):
    """The shares of countries in the supply of a material in one year, undisturbed and on time.

    Supply consists of the deliveries in the file, output of conversions at full capacity, reserved
    output of projects, and output of unaided projects times its probability, as if all inputs were
    available. If it exceeds need, the excess is removed: from imports before home output, and
    always from the largest country until the largest are equal. A real market may adjust otherwise.
    Rule G1 excludes conversions and unaided projects.
    """

    by_country: dict[str, Share]  #: Share of supply by country, the largest first; adds up to 1.
    largest_country: str  #: The largest supplier.
    largest_share: Share  #: Its share; Regulation (EU) 2024/1252 names 65 %.
    hhi: float  #: Herfindahl-Hirschman index of countries: sum of squared percents, up to 10,000.
    imports: Share | None
    """From outside [``home``](scenario-format.md#the-head-of-the-file); null without."""


class CrmaShare(Result):
    """A share for which the Critical Raw Materials Act sets a benchmark.

    Regulation (EU) 2024/1252, Article 5, asks that by 2030 extraction, processing and recycling
    within the Union provide 10 %, 40 % and 25 % of its consumption. Here the share refers to the
    need of *this scenario*. It counts deliveries from the Union and reserved output of projects in
    the Union. Output of conversions in the Union at full capacity counts as processed there.
    """

    material: ids.Material  #: Id of the material.
    stage: Literal["extraction", "processing", "recycling"]  #: Which benchmark.
    year: ids.YearNumber  #: The year: 2030, or the year of the horizon nearest to it.
    target: Share  #: Share of the Union's consumption that the act aims at.
    share: UnboundedShare
    """Share of this scenario's need from this stage in the Union, with the plan."""
    share_without_plan: UnboundedShare  #: The same without any plan.


class MaterialYear(Result):
    """The need, shortage, stock cover and supply of one material in one year."""

    demand_t: float
    """Demand of all consumers for the material itself, before the factor of any state."""
    need_t: float
    """[Need](scenario-format.md#chains): demand, and what conversions take in at full capacity."""
    expected_shortage_t: float  #: Mean shortage over the states.
    expected_shortage_without_plan_t: float  #: The same if nothing is started or bought.
    probability_of_shortage: Share
    """Probability that over a millionth of demand is missing in one of its periods."""
    days_of_cover: float | None
    """Planned stock of the material at the year's end, over all stockpiles and whomever they serve,
    divided by that year's need, times 365; null where nobody needs it."""
    supply: SupplyMix | None = None  #: Where it comes from, undisturbed; null if nowhere.
    supply_without_plan: SupplyMix | None = None  #: The same without any plan.


class MaterialOutcome(Result):
    """The damage and shortage of one material that remain with the plan."""

    id: ids.Material  #: Id of the material.
    name: str  #: Its name.
    expected: InMeasureUnit  #: Its part of the expected damage, in the unit of the measure.
    expected_without_plan: InMeasureUnit  #: The same without any plan.
    expected_shortage_t: float | None = None
    """Mean shortage of all years together, undiscounted; null in results of earlier versions."""
    expected_shortage_without_plan_t: float | None = None  #: The same without any plan.
    by_year: Annotated[dict[ids.HorizonYear, MaterialYear], ids.EXHAUSTIVE]  #: By year.


class ConsumerOutcome(Result):
    """The part of the expected damage that one consumer bears.

    The parts of all consumers add up to ``outcome.expected``, and so do the parts of all materials.
    With ``pooled`` allocation, shortages are assigned to the cheapest damage steps of all consumers
    together. Among equally good allocations, the earliest period comes first, then the order of the
    file.
    """

    id: ids.Consumer  #: Id of the consumer.
    name: str  #: Its name.
    expected: InMeasureUnit  #: Its part of the expected damage, in the unit of the measure.
    expected_without_plan: InMeasureUnit  #: The same without any plan.


class AdaptationOutcome(Result):
    """Duration of shortages to which users adapt, and the damage per tonne during adaptation.

    It refers to one damage entry with [adaptation](scenario-format.md#adaptation). Durations are
    those in the plan's states, cut off at the end of the horizon.
    """

    material: ids.Material  #: Id of the material.
    consumer: ids.Consumer | None  #: Id of the consumer, if the entry is for it alone.
    clock: Share  #: Probability that a clock runs at all.
    clock_months: float | None  #: Mean length of a clock; null where none runs, as the next two.
    clock_months_median: float | None  #: Length that half of all clocks exceed at most.
    clock_months_ninety: float | None  #: Length that a tenth of all clocks exceed at most.
    shortage_months: float | None
    """Mean length of a shortage of the material, periods in a row in which more than a millionth of
    demand is missing, with the plan; null where there is none."""
    shortage_months_without_plan: float | None  #: The same without any plan.
    first_eur_per_t: float
    """Damage of a tonne missing in the first period of a clock: the mean of the steps, weighted by
    their shares; not discounted."""
    later_months: float  #: Months after that, of the period nearest to ten, which the next is of.
    later_eur_per_t: float  #: The same in that period, if the clock still runs.


ScaledQuantity = Literal["damage", "rate", "duration"]
ScaleFactor = Annotated[float, base.UnitMark("factor")]


class BreakEvenFactor(Result):
    """The factor on one quantity from which on plans [break even](formulation.md#break-even).

    All other values are those of the scenario.
    """

    of: ScaledQuantity
    """What is multiplied: damage of a tonne, annual probabilities, or how long events last."""
    plan: ScaleFactor | None
    """From this factor on the plan avoids no less than its net cost; null if it is not found to do
    so up to 10 times, of damage at any factor."""
    any_plan: ScaleFactor | None
    """Below this factor no plan under its rules does, but for 1 % of the damage without a plan;
    null if that was not proven."""


class Plan(ScenarioDocument):
    """The result of an optimization: a commitment with its outcomes and certificate.

    The document is self-contained: reports find names in both languages, sources and assumptions in
    the scenario that it contains, and ``input_sha256`` can be computed from this scenario.
    """

    kind: Literal["plan"] = "plan"
    certificate: Certificate  #: How good the plan is.
    outcome: Outcome  #: What it leads to.
    projects: tuple[ProjectPlan, ...]  #: Projects that are built, in the order of the file.
    stockpiles: Annotated[tuple[StockpilePlan, ...], ids.EXHAUSTIVE]
    """All, in the order of the file."""
    funders: Annotated[tuple[FunderInfo, ...], ids.EXHAUSTIVE] = ()
    """All, in the order of the file."""
    spend_meur: Annotated[dict[ids.Funder, ids.ByYear], ids.EXHAUSTIVE]
    """What counts against each funder's budget, by year, undiscounted: instalments, subsidised
    interest and expected payments of price floors, times ``budget_charge``, and the funder's part
    of stocks."""
    committed_meur: Annotated[dict[ids.Funder, ids.ByYear], ids.EXHAUSTIVE]
    """The same without ``budget_charge``, which may be below 1 for a guarantee."""
    materials: Annotated[tuple[MaterialOutcome, ...], ids.EXHAUSTIVE]
    """How exposed each of them stays."""
    consumers: Annotated[tuple[ConsumerOutcome, ...], ids.EXHAUSTIVE]
    """What falls on each consumer."""
    unaided: tuple[UnaidedProject, ...] = ()  #: Projects that come, or may come, without money.
    idle: tuple[IdleProject, ...] = ()  #: Projects that run only when it pays.
    accounts: tuple[Position, ...] = ()  #: Whose money goes where; adds up to the net cost.
    budget_lines: tuple[BudgetLineUse, ...] = ()
    """How far each budget is used; with a review, in the group that uses most of it."""
    stock_use: tuple[StockUse, ...] = ()
    """How often stockpiles that are filled again are used, without any reserve."""
    crma: tuple[CrmaShare, ...] = ()  #: Shares that have a benchmark, where stages are given.
    under: tuple[AssumptionSetOutcome, ...] = ()
    """The outcome under each set of assumptions; all other figures of a plan that is made over sets
    are those of the file as it stands, or of the first set where that is none of them."""
    review: ReviewDecisions | None = None
    """What is decided at the review, by what has been seen until then, and what that is worth; null
    without one. Then the plan's projects are those that are decided before it, and all its sums are
    means over what is decided after it."""
    chains: tuple[ChainOutcome, ...] = ()  #: Where chains of materials break, and what helps.
    adaptation: tuple[AdaptationOutcome, ...] = ()  #: How long shortages last to which users adapt.
    clustering: Clustering | None = None
    """How events cluster; null where states are written out, or fewer than two hazards have events
    that are not certain."""
    chains_untold: tuple[ids.Material, ...] = ()
    """Forms of chains of which `chains` says nothing, since the solver failed on their programs."""
    worth_from: tuple[BreakEvenFactor, ...] = ()
    """Where it is worth its money, if that was asked for."""

    @property
    def projects_with_probability(self) -> list[tuple[float, ProjectPlan]]:
        """The probability and the project for all projects, including those of a review."""
        projects = [(1.0, project) for project in self.projects]
        if self.review is not None:
            projects += [
                (group.probability, project)
                for group in self.review.groups
                for project in group.projects
                if project.start >= self.review.year
            ]
        return projects

    @property
    def reported_set(self) -> AssumptionSetOutcome | None:
        """The outcome under the assumption set to which a plan's figures refer.

        None for a plan that was not made over assumption sets.
        """
        if self.certificate.over_assumptions is None or not self.under:
            return None
        sets = {} if self.case is None else self.case.assumptions
        as_filed = [
            outcome for outcome in self.under if outcome.id in sets and not sets[outcome.id].set
        ]
        return [*as_filed, *self.under][0]
