"""The result of an optimization: a plan with its certificate, and outcomes that set it in
context.
"""

from typing import Annotated, Literal

from pydantic import Field

from models.results import base, base as ids
from models.results.base import (
    InMeasureUnit,
    MeasuredResult,
    Result,
    ScenarioDocument,
    Seconds,
    Share,
    UnboundedShare,
    UnitMark,
)
from models.results.decisions import ChainOutcome, ProjectPlan, ReviewDecisions, StockpilePlan

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

    id: base.Assumptions  #: Id of the set.
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

    material: base.Material  #: Id of the material.
    consumer: base.Consumer | None
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


BudgetClass = Literal[
    "financial_transaction", "loan", "guarantee", "grant", "expenditure", "premium", "private"
]


class Position(Result):
    """Money of one funder in one project, in one stockpile, or in the premium of one project.

    Money in a project goes through one instrument. A premium is the amount that secured output
    costs above the market price. The sum of ``cost_meur`` over all positions is
    ``outcome.net_cost_meur``.
    """

    funder: ids.Funder  #: Id of the funder.
    instrument: ids.Instrument | None
    """Id of the instrument; null for a stockpile and for a premium."""
    project: ids.Project | None  #: Id of the project; null for a stockpile.
    stockpile: ids.Stockpile | None  #: Id of the stockpile; null for a project.
    budget_class: BudgetClass | None
    """Budget class; ``expenditure`` for public stockpiles, ``premium`` for premiums; null without a
    class."""
    committed_meur: float
    """Amount committed in total: the guaranteed amount, the maximum exposure of a price floor, or
    the budgeted share of capex."""
    paid_meur: dict[ids.HorizonYear, float]
    """Undiscounted payments in each year. For a guarantee: the guaranteed loan. For a share of
    capex: including the mean overrun."""
    returned_meur: dict[ids.Year, float]
    """Expected returns in each year, which may be after the horizon. They include fees of a
    guarantee and the upside of a price floor. Empty if the file gives no terms for returns."""
    outstanding_meur: dict[ids.HorizonYear, float]
    """Amount at risk at the end of each year; for a price floor, the most that it may still
    cost."""
    expected_loss_meur: float | None  #: Expected loss, undiscounted; null if unknown.
    maximum_loss_meur: float
    """Largest possible loss; for a price floor, its maximum exposure. 0 for money that is spent in
    any case: grants, interest, expenditure and premiums."""
    cost_meur: float  #: Net cost, discounted: payments minus expected returns and residual value.
    residual_meur: float = 0.0  #: Residual value at the end of the horizon, discounted.
    decided: ids.YearNumber | None = None
    """Start year of a project that is decided at a review. Amounts are then means over all
    information sets. Null for decisions before the review."""


WHOLE_BUDGET = "budget"  #: Replaces the id of a line for the whole budget of a funder.


class BudgetLineUse(Result):
    """The amounts used and available in a budget line, by year and in total."""

    funder: ids.Funder  #: Id of the funder.
    line: str  #: Id of the line; ``budget`` for the whole budget of the funder.
    name: str  #: Name of the line.
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    """Kind of the line; ``budget`` for the whole budget of the funder."""
    used_meur: dict[ids.HorizonYear, float]
    """Amount charged in each year, or outstanding at the end of the year."""
    available_meur: dict[ids.HorizonYear, float] | None
    """Amount available in each year, including amounts carried over; null if years have no
    limit."""
    total_meur: float | None  #: Limit over all years together; null without such a limit.


class Proof(Result):
    """The proven quality of a plan: the main fields of its certificate.

    The gap measures the quality of the search. A gap of 0.001 means that no plan of this scenario
    improves the objective by more than a thousandth. The gap does not measure how well the scenario
    represents the world.
    """

    status: Literal["optimal", "limit"]
    """``optimal``: proven to the requested gap, or to a millionth if the requested gap is smaller;
    ``limit``: a limit or the user stopped the solve earlier."""
    objective: InMeasureUnit
    """Objective of the plan, recomputed without the solver: (1 - weight) · expected + weight ·
    CVaR + cost_weight · net cost, with the weights in ``objective`` of the scenario. Over
    assumption sets: the mean of these objectives, the worst of them, or the largest regret."""
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan, up to
    [rounding](formulation.md#units-and-tolerances); at most ``objective``. Null without a bound."""
    gap: UnboundedShare | None
    """Relative gap: max(0, objective - bound) / max(|objective|, least). ``least`` is a millionth
    of the objective without a plan, or 1e-6 if that objective is at most 1e-6. For a regret, it is
    at least the largest objective of the sets' best plans. Null without a bound."""
    gap_target: UnboundedShare  #: Relative gap that was requested.
    states: int  #: Number of states for which the plan was made.
    illustrative: bool  #: True for fewer than 100 states, which are too few to assess rare events.
    seed: int | None  #: Seed of the sampled states; null for written-out states.
    seconds: Seconds  #: Wall time without reading the scenario.
    input_sha256: str
    """SHA-256 of the scenario as solved, in canonical JSON, with variant and settings applied and
    without ``variants``. Files with equal content, including sources and titles, have equal hashes
    in every file format."""
    over_assumptions: Literal["mean", "worst", "regret"] | None = None
    """How ``objective`` and ``bound`` combine the assumption sets. Null for a plan that is not made
    over sets."""
    regret_open: InMeasureUnit | None = None
    """Amount by which the true regret may exceed the reported one, because the best plans of the
    sets are proven only up to their gaps. Null if no regret was computed, or if a best plan has no
    bound."""


class Certificate(Proof):
    """The quality of the plan, and the solve that proves it.

    Figures in ``model_size`` and ``work`` measure effort, not quality.
    """

    ended: str
    """Reason for the end of the solve: the words of the solver, ``node limit`` or ``numerical
    limit``. With ``decomposition`` also ``gap closed``, ``time limit`` or ``interrupted``."""
    method: Literal["extensive", "decomposition"]
    """[Method of solution](formulation.md#how-it-is-solved)."""
    seconds_by_step: Annotated[dict[str, float], base.VOLATILE]
    """Wall time of each step. Both methods: ``read`` (converts the scenario into arrays) and
    ``check`` (verifies the plan). ``extensive``: ``build``, ``compile`` and ``solve``.
    ``decomposition``: ``merge`` (finds state classes), ``build``, ``master``, ``sweep`` (evaluates
    commitments) and ``rest``."""
    model_size: dict[str, int]
    """Size of the solved model: ``rows``, ``columns``, ``integers`` (integer columns) and
    ``nonzeros``. For ``decomposition``: size of the master problem, and its ``cuts`` at the end."""
    work: dict[str, int] = {}
    """Work of ``decomposition``; empty for ``extensive``. ``node_states``: pairs of a node and a
    state class. ``node_states_unmerged``: pairs of a node and a state. ``sweeps``: evaluated
    commitments, including fractional ones and those evaluated only in some nodes. ``node_sweeps``:
    evaluated nodes, summed over all commitments. ``solves``: linear programs of the master problem.
    ``iterations``: simplex iterations in these programs. ``nodes``: nodes of the search tree."""
    versions: base.Versions  #: Versions of Vorrat and its libraries, by name.


QUANTILE_LEVELS = tuple(step / 100 for step in range(101))  #: Levels of the distribution of a plan.


class Distribution(Result):
    """Damage over the states, as quantiles: one figure for each level."""

    levels: tuple[Share, ...]  #: Levels of the quantiles, as probabilities: 0, 0.01 and so on to 1.
    with_plan: tuple[InMeasureUnit, ...]  #: Quantiles of the damage with the plan.
    without_plan: tuple[InMeasureUnit, ...]  #: Quantiles of the damage without any plan.
    avoided: tuple[InMeasureUnit, ...]
    """Quantiles, over the states, of the damage that the plan avoids in a state. Negative if the
    plan increases damage."""


class Outcome(MeasuredResult):
    """The outcome of a plan, in the unit of the scenario's measure.

    Damage in million EUR is discounted and summed over the horizon. Tonnes and years of demand are
    summed without discounting.

    The CVaR (conditional value at risk) at level α is the mean damage of the worst states, which
    have a joint probability of 1 - α. The state at the boundary counts only with the probability
    that is needed to reach 1 - α. The CVaR is reported even if its weight in the objective is 0.

    Example: α is 0.4, and two states of probability 0.5 have a damage of 100 and of 40. The worst
    states have a joint probability of 0.6: the first state counts with 0.5, the second with 0.1.
    The CVaR is (0.5 · 100 + 0.1 · 40) / 0.6 = 90.
    """

    expected: InMeasureUnit  #: Mean damage over the states, weighted by their probabilities.
    cvar: InMeasureUnit  #: CVaR at ``cvar_level``: mean damage of the worst states.
    worst: InMeasureUnit  #: Damage of the worst state with a probability above 0.
    worst_mean: InMeasureUnit | None = None
    """Mean damage with the least favorable probabilities in the scenario's [ambiguity
    set](scenario-format.md#ambiguity); null without ``ambiguity``."""
    net_cost_meur: float
    """[Net cost](scenario-format.md#money), discounted, not multiplied by ``cost_weight``. It is
    the sum of the payments of all funders into projects, premiums, and costs of stockpiles, minus
    ``recovery``, income of price floors and residual value."""
    residual_meur: float = 0.0
    """Residual value at the end of the horizon, discounted; part of net cost."""
    windfall_meur: float = 0.0
    """Windfall: money for output that domestic consumers would receive anyway; see ``unaided``."""
    without_plan: WithoutPlan  #: Mean, CVaR and worst state without any plan.
    distribution: Distribution | None = None  #: Distribution of damage over the states.


class UnaidedProject(Result):
    """A project that may be built without the funders' money, and the effect of their money.

    Tonnes are the output of one year at full operation, without any event. Output without the
    funders' money is multiplied by ``probability``.
    """

    id: ids.Project  #: Id of the project.
    year: ids.YearNumber  #: Year of the decision without the funders' money.
    probability: Share  #: Probability of this decision, over the states.
    without_plan_t: dict[ids.Material, float]  #: Output for domestic consumers without any plan.
    with_plan_t: dict[ids.Material, float]  #: Output for domestic consumers with the plan.
    paid_meur: float  #: Undiscounted payments of all funders into the project.
    windfall_meur: float
    """Windfall part of ``paid_meur``. It is ``paid_meur`` · the probability of the unaided
    project · min(1, unaided output for domestic consumers / output reserved with the plan)."""

    @property
    def expected_unaided_meur(self) -> float:
        """Money paid by funders, times the probability of an unaided project, in million EUR."""
        return self.paid_meur * self.probability


class IdleProject(Result):
    """A project that stops while its price is too low, and how often this happens.

    Shares of periods are relative to all periods of the horizon, and are means over the states.
    """

    id: ids.Project  #: Id of the project.
    material: ids.Material  #: Id of the material whose price is compared with the cash cost.
    below_cash_cost: Share  #: Share of periods in which the price is below the cash cost.
    idle: Share  #: Share of periods in which output that is not under a price floor is idle.
    floored: UnboundedShare | None
    """Share of the offtake that is under a price floor, and therefore never idle. Null without
    offtake."""


class StockUse(Result):
    """The release and refill of a stockpile by a release policy.

    A [release policy](glossary.md#the-optimization-problem) acts without foresight. In a period
    with a shortage, it releases stock at once. It refills the stockpile as soon as possible. All
    tonnes are expected values.
    """

    id: ids.Stockpile  #: Id of the stockpile.
    released_t: float  #: Expected tonnes released in all years.
    refilled_t: float  #: Expected tonnes refilled after releases.
    times: float | None
    """Releases as a multiple of the largest planned stock; null if no stock is planned."""


class FunderInfo(Result):
    """The name and kind of a funder, as used in reports."""

    id: ids.Funder  #: Id of the funder.
    name: str  #: Name of the funder.
    kind: Literal["public", "company", "private"]  #: Kind of the funder.


class SupplyMix(Result):
    """The shares of countries in the supply of a material in one year.

    Supply is computed without any event or delay, as if all inputs were available. It is the sum of

    - market supply: deliveries in the file, and output of conversions at full capacity;
    - project supply: reserved output of projects, and output of unaided projects times its
      probability.

    If the sum exceeds both need and market supply, the excess over the larger of these is removed
    from market supply: from imports before home output, and always from the country with the most
    supply until the largest are equal. A real market may adjust otherwise.

    Rule G1 counts neither conversions nor unaided projects.
    """

    by_country: dict[str, Share]
    """Share of each country in supply, largest first; the shares add up to 1."""
    largest_country: str  #: Country with the largest share.
    largest_share: Share  #: Share of this country; Regulation (EU) 2024/1252 sets a limit of 65 %.
    hhi: float
    """Herfindahl-Hirschman index of countries: sum of squared shares in percent, up to 10,000."""
    imports: Share | None
    """Share from outside [``home``](scenario-format.md#the-head-of-the-file); null if ``home`` is
    not given."""


class CrmaShare(Result):
    """A share for which the Critical Raw Materials Act sets a benchmark.

    Regulation (EU) 2024/1252, Article 5, sets benchmarks for 2030: the Union shall provide 10 % of
    its consumption by extraction, 40 % by processing and 25 % by recycling. Here the share refers
    to the need of *this scenario*. It counts

    - deliveries from the Union;
    - reserved output of projects in the Union, and output of unaided ones times its probability;
    - for processing, output of conversions in the Union at full capacity, at most the need.
    """

    material: ids.Material  #: Id of the material.
    stage: Literal["extraction", "processing", "recycling"]
    """Step of production that the benchmark concerns."""
    year: ids.YearNumber  #: Year of the share: 2030, or the year of the horizon nearest to it.
    target: Share  #: Benchmark of the act, as a share of the Union's consumption.
    share: UnboundedShare
    """Share of the need in this scenario that this step in the Union provides, with the plan."""
    share_without_plan: UnboundedShare  #: The same without any plan.


class UserRuleOutcome(Result):
    """A row of a rule that the scenario states itself, at the plan.

    With a review, it is the one of all information sets that is closest to the limit.
    """

    rule: str  #: Id of the rule.
    of: str  #: Country, project or the like that the row is about; ``all`` without ``each``.
    year: ids.YearNumber  #: Last year that the row counts.
    sense: Literal["at_least", "at_most", "equals"]  #: Kind of limit.
    value: float
    """Value of the sum: number of projects, tonnes, or undiscounted million EUR."""
    limit: float  #: Limit, or the multiple of the other quantity, in the same unit.
    applies: bool  #: Whether the condition of the rule is met; true without a condition.


class ExtraRulesRecord(Result):
    """The function in Python that added rules to the problem."""

    name: str  #: Name of the function.
    sha256: str  #: Hash of its source; it must be the same when the plan is analyzed.


class MaterialYear(Result):
    """The need, shortage, stock cover and supply of one material in one year."""

    demand_t: float
    """Demand of all consumers for the material itself. Demand factors of states are not applied."""
    need_t: float
    """[Need](scenario-format.md#chains): demand plus the intake of conversions at full capacity."""
    expected_shortage_t: float  #: Mean shortage over the states.
    expected_shortage_without_plan_t: float  #: Mean shortage over the states without any plan.
    probability_of_shortage: Share
    """Probability that any period of the year has a shortage above a millionth of demand."""
    days_of_cover: float | None
    """Planned stock of all stockpiles of the material at the end of the year, divided by the year's
    need, times 365. It counts stock and need of all consumers. Null without need."""
    supply: SupplyMix | None = None
    """Countries of origin with the plan, without any event. Null without supply or need."""
    supply_without_plan: SupplyMix | None = None  #: Countries of origin without any plan.


class MaterialOutcome(Result):
    """The damage and shortage of one material that remain with the plan."""

    id: ids.Material  #: Id of the material.
    name: str  #: Name of the material.
    expected: InMeasureUnit  #: Part of the expected damage that this material causes.
    expected_without_plan: InMeasureUnit  #: The same without any plan.
    expected_shortage_t: float | None = None
    """Mean shortage over all years, undiscounted; null in results of earlier versions."""
    expected_shortage_without_plan_t: float | None = None  #: The same without any plan.
    by_year: dict[ids.HorizonYear, MaterialYear]
    """Need, shortage, cover and supply in each year."""


class ConsumerOutcome(Result):
    """The part of the expected damage that one consumer bears.

    The parts of all consumers add up to ``outcome.expected``. The parts of all materials add up to
    the same sum.

    With ``pooled`` allocation, a shortage affects the damage steps with the lowest damage first,
    whichever consumers have them. Of several allocations with equal damage, the reported one serves
    the earliest period first, then the consumer that is first in the file.
    """

    id: ids.Consumer  #: Id of the consumer.
    name: str  #: Name of the consumer.
    expected: InMeasureUnit  #: Part of the expected damage that this consumer bears.
    expected_without_plan: InMeasureUnit  #: The same without any plan.


ScaledQuantity = Literal["damage", "rate", "duration"]
ScaleFactor = Annotated[float, base.UnitMark("factor")]


class BreakEvenFactor(Result):
    """The factor on one quantity from which plans [break even](formulation.md#break-even).

    All other values are those of the scenario.
    """

    of: ScaledQuantity
    """Quantity to which the factor applies: damage per tonne, annual probabilities, or length of
    events."""
    plan: ScaleFactor | None
    """Smallest factor at which the plan avoids damage of at least its net cost. Null if no such
    factor was found: up to 10 for ``rate`` and ``duration``, of any size for ``damage``."""
    any_plan: ScaleFactor | None
    """Factor at which it is proven that no plan that satisfies the rules avoids more damage than
    its net cost plus 1 % of the damage without a plan. For ``damage``, this also applies to all
    smaller factors. 0 if a plan was found that breaks even at factor 0. Null if not proven."""


class Plan(ScenarioDocument):
    """The result of an optimization: a commitment with its outcomes and certificate.

    The document contains its scenario. Reports take names in both languages, sources and
    assumptions from it. ``input_sha256`` can be computed from it.
    """

    kind: Literal["plan"] = "plan"
    certificate: Certificate  #: Proof of the quality of the plan.
    outcome: Outcome  #: Damage and net cost with the plan.
    projects: tuple[ProjectPlan, ...]  #: Projects that are built, in the order of the file.
    stockpiles: tuple[StockpilePlan, ...]
    """All stockpiles, in the order of the file."""
    funders: tuple[FunderInfo, ...] = ()
    """All funders, in the order of the file."""
    spend_meur: dict[ids.Funder, ids.ByYear]
    """Amount charged to the budget of each funder in each year, undiscounted. It is the sum of
    installments, subsidized interest and expected payments of price floors, times
    ``budget_charge``, plus premiums times ``premium_charge``, plus the funder's stockpile costs.
    Installments include the overrun that budgets must cover according to ``policy.contingency``."""
    committed_meur: dict[ids.Funder, ids.ByYear]
    """The amounts of ``spend_meur`` without the factors ``budget_charge`` (which may be below 1 for
    a guarantee) and ``premium_charge``, and with the mean overrun."""
    materials: tuple[MaterialOutcome, ...]
    """Damage, shortage and supply of each material."""
    consumers: tuple[ConsumerOutcome, ...]
    """Damage that each consumer bears."""
    unaided: tuple[UnaidedProject, ...] = ()
    """Projects that may be built without the funders' money."""
    idle: tuple[IdleProject, ...] = ()  #: Projects that stand idle while the price is too low.
    accounts: tuple[Position, ...] = ()
    """Money of each funder in each project and stockpile. Its net costs add up to that of the
    plan."""
    budget_lines: tuple[BudgetLineUse, ...] = ()
    """Use of each budget and budget line. With a review: use in the information set with the
    largest use."""
    stock_use: tuple[StockUse, ...] = ()
    """Use of stockpiles that are refilled, with a release policy that keeps no reserve."""
    crma: tuple[CrmaShare, ...] = ()
    """Shares with a benchmark in the Critical Raw Materials Act. Empty unless the file names
    stages."""
    user_rules: tuple[UserRuleOutcome, ...] = ()
    """Values and limits of the rules under ``policy.rules``."""
    extra: ExtraRulesRecord | None = None
    """Rules in Python that the plan keeps as well; null without any."""
    under: tuple[AssumptionSetOutcome, ...] = ()
    """Outcome under each assumption set. All other figures of a plan over sets refer to one set:
    the set that changes nothing in the file, or the first set if there is none."""
    review: ReviewDecisions | None = None
    """Decisions of each information set at the review, and the value of the review; null without a
    review. With a review, ``projects`` lists only the projects decided before it, and all sums are
    means over the information sets."""
    chains: tuple[ChainOutcome, ...] = ()  #: Flows, bottlenecks and marginal values of each chain.
    adaptation: tuple[AdaptationOutcome, ...] = ()
    """Length of outages and shortages for consumers that adapt."""
    clustering: Clustering | None = None
    """Clustering of events. Null for written-out states, and if fewer than two hazards have
    uncertain events."""
    chains_untold: tuple[ids.Material, ...] = ()
    """Forms that are missing in ``chains`` because the solver failed on the linear programs of
    their chain."""
    worth_from: tuple[BreakEvenFactor, ...] = ()
    """Factors from which the plan breaks even; empty if they were not requested."""

    @property
    def projects_with_probability(self) -> list[tuple[float, ProjectPlan]]:
        """The probability and the project for all projects, including those decided at a review."""
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
