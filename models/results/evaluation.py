"""Results on the risks of a plan: evaluation out of sample, sensitivity, and stress by period."""

from typing import Annotated, Literal

from pydantic import Field

from models.results import base, base as ids
from models.results.base import (
    VOLATILE,
    InMeasureUnit,
    InterruptibleStudy,
    MeasuredResult,
    PlanDiff,
    Result,
    ScenarioResult,
    SearchResult,
    Seconds,
    Share,
    UnboundedShare,
)
from models.results.plan import ConsumerOutcome, Distribution, MaterialOutcome, StockUse


class Estimate(Result):
    """An estimate and its standard error.

    An interval of 1.96 standard errors to either side should contain the true figure in 95 of 100
    samples. The actual coverage is [measured](benchmarks.md#intervals-of-an-evaluation).
    """

    value: float  #: Estimated figure.
    standard_error: float | None
    """Standard error of the estimate; null for an exact figure, which needs no sampling."""


class ProvenRange(Result):
    """Proven lower and upper bounds on a figure, derived from the bounds of the solves."""

    low: float  #: Lower bound.
    high: float  #: Upper bound.


class Performance(Result):
    """Damage over a set of states: estimates of mean and CVaR, and the worst state.

    The standard error of a mean is the standard deviation divided by the root of the number of
    states. The standard error of the CVaR is that of the mean of η + max(0, damage - η) / (1 -
    level), where η is the quantile at the level (Trindade and others 2007; Hong and Liu 2009). A
    difference of two figures is computed state by state, and its standard error is that of these
    differences.
    """

    expected: Estimate  #: Mean damage over the states.
    cvar: Estimate  #: Mean damage of the worst states, at the scenario's level.
    worst: InMeasureUnit  #: Damage of the worst of the evaluated states.


class YearOutcome(Result):
    """Expected damage in one year, with and without the plan."""

    expected: InMeasureUnit  #: Expected damage with the plan.
    expected_without_plan: InMeasureUnit  #: Expected damage without any plan.


class FreshOutcome(Result):
    """The outcome of the plan in fresh states, for which it was not made.

    Fresh states are sampled by the same method as the plan's states, independently and with another
    seed. If the scenario has written-out states, the plan's states are used instead: no others
    exist, and all figures are exact.
    """

    states: int  #: Number of states.
    sampled: bool  #: False for written-out states, which are all possible states.
    seed: int | None  #: Seed of the states; null for written-out states.
    with_plan: Performance
    """Damage with the plan; stocks are released with foresight in each state."""
    without_plan: Performance  #: Damage without any plan.
    avoided: Estimate
    """Expected damage avoided: mean over states of damage without any plan minus damage with it."""
    objective: Estimate  #: Objective of the plan in these states.
    optimism: Estimate
    """Expected damage in the fresh states minus expected damage in the plan's states. The standard
    error includes both samples. If the plan has a single state, it is that of one fresh state."""
    distribution: Distribution  #: Distribution of damage over the states.
    by_year: dict[base.HorizonYear, YearOutcome]  #: Expected damage of each calendar year.
    materials: tuple[MaterialOutcome, ...]  #: All materials, in the order of the file.
    consumers: tuple[ConsumerOutcome, ...]  #: All consumers, in the order of the file.


class FreshSetOutcome(Result):
    """The outcome of the plan in fresh states of one assumption set."""

    id: base.Assumptions  #: Id of the set.
    title: str  #: Title of the set; its id if it has no title.
    weight: Share  #: Weight of the set; all weights add up to 1.
    with_plan: Performance  #: Damage with the plan.
    without_plan: Performance  #: Damage without any plan.
    avoided: Estimate
    """Expected damage avoided: mean over states of damage without any plan minus damage with it."""


class RuleMaterialOutcome(Result):
    """Expected damage from one material under the release policy, and with foresight."""

    id: base.Material  #: Id of the material.
    name: str  #: Name of the material.
    expected: InMeasureUnit  #: Expected damage under the release policy.
    expected_with_foresight: InMeasureUnit  #: Expected damage with foresight.


class ReleasePolicyOutcome(Result):
    """The outcome of the commitment if stocks are released by a policy without foresight.

    In a period with a shortage, the policy releases stock at once. It keeps a reserve for damage
    steps of higher cost. In a chain, it first releases stock of the form that is nearest to the
    missing one.
    """

    reserve: Share  #: Share of the planned stock that is reserved for damage steps of higher cost.
    performance: Performance  #: Damage under the policy.
    above_foresight: Estimate
    """Expected damage under the policy minus that with foresight, in the same states."""
    materials: tuple[RuleMaterialOutcome, ...]  #: All materials, in the order of the file.
    stock_use: tuple[StockUse, ...] = ()  #: Use of stockpiles that are refilled.


class Replication(Result):
    """One sample of states, with the plan and the best plan for that sample."""

    seed: int  #: Seed of the sample.
    candidate: InMeasureUnit
    """Objective of the plan in the sample, with the CVaR threshold of the fresh states."""
    found: InMeasureUnit  #: Objective of the best plan found for the sample.
    bound: InMeasureUnit  #: Proven lower bound on the objective of any plan for the sample.
    gap: InMeasureUnit  #: ``candidate`` minus ``bound``.


class OptimalityGap(Result):
    """An estimate of the plan's optimality gap by fresh samples (Mak, Morton and Wood 1999).

    Each replication is a sample that is drawn like the plan's states, from the next seeds after
    that of the fresh states. The best plan for a sample is at least as good in this sample as the
    best plan for the true distribution. The mean of ``gap`` over the replications is therefore an
    upper estimate of the plan's optimality gap. It includes the open gaps of the solves.

    The CVaR is a minimum over thresholds, and is therefore biased downwards in a sample. To avoid
    this bias, the plan's CVaR is computed in all samples with one fixed threshold: the quantile of
    the fresh states.
    """

    states: int  #: States in each sample.
    replications: tuple[Replication, ...]  #: The samples.
    mean: Estimate  #: Mean of the gaps, which estimates an upper bound on the plan's gap.
    confidence: Share  #: Confidence of ``upper``.
    upper: InMeasureUnit  #: Upper confidence limit of the plan's gap (one-sided, Student's t).
    solver_share: InMeasureUnit
    """Mean of ``found`` minus ``bound``: the part of the mean gap that is due to unfinished
    solves."""
    lower_bound: Estimate
    """Mean of the bounds, which estimates a lower bound on the best objective."""


class Information(Result):
    """The expected value of perfect information, and the value of the stochastic solution.

    All figures refer to the states for which the plan was optimized. If these are a sample, the
    value of information (EVPI) is underestimated, and the value of the stochastic solution (VSS) is
    usually overestimated. All figures assume that stocks are released with foresight. Neither value
    therefore includes the value of a forecast for releases.
    """

    states: int  #: Number of the plan's states that were solved individually.
    of_states: int  #: Number of the plan's states.
    distinct: int  #: Number of problems solved; states with equal data are solved once.
    recourse_problem: ProvenRange  #: RP: objective of the best plan for all states of the plan.
    wait_and_see: ProvenRange  #: WS: mean objective if each state were known in advance.
    wait_and_see_error: InMeasureUnit | None
    """Standard error of WS if not all states were solved; otherwise null."""
    evpi: ProvenRange  #: Expected value of perfect information: RP - WS.
    mean_value_problem: ProvenRange  #: EV: objective of the best plan for the mean state.
    mean_plan: InMeasureUnit
    """EEV: objective, over the plan's states, of the plan that is best for the mean state."""
    mean_plan_projects: tuple[str, ...]  #: Ids of the projects that this plan builds.
    mean_plan_stockpiles: tuple[str, ...]  #: Ids of the stockpiles for which this plan buys.
    vss: ProvenRange  #: Value of the stochastic solution: EEV - RP.


class TailPlan(Result):
    """A plan that was optimized with a given weight on the worst states."""

    weight: Share  #: Weight of the CVaR in the objective of this plan.
    expected: InMeasureUnit  #: Expected damage on the plan's states.
    cvar: InMeasureUnit  #: Mean damage of the worst of the plan's states.
    net_cost_meur: float  #: Net cost, discounted.
    gap: UnboundedShare | None  #: Relative gap of the objective of this plan; null without a bound.
    projects: tuple[str, ...]  #: Ids of the projects that this plan builds.


class TailPremium(Result):
    """The cost of risk aversion in the mean, and the reduction of CVaR that it buys."""

    level: Share  #: Level of the CVaR.
    neutral: TailPlan  #: The plan that minimizes the mean alone.
    averse: TailPlan  #: The plan whose objective also includes the CVaR.
    premium: ProvenRange
    """Mean objective of the risk-averse plan minus the smallest possible mean objective."""
    bought: InMeasureUnit  #: CVaR of the risk-neutral plan minus CVaR of the risk-averse plan.


class BudgetOdds(Result):
    """The probability that a budget or a budget line suffices, in one year or in all years."""

    funder: base.Funder | None  #: Id of the funder; null for all public funders together.
    line: str  #: Id of the line; ``budget`` for the whole budget.
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    """Kind of the line; ``budget`` for the whole budget."""
    year: int | None  #: Year of the limit; null for all years together.
    available_meur: float  #: Amount available; a mean if it depends on amounts carried over.
    planned_meur: float  #: Amount that the plan uses, with the contingency of the scenario.
    mean_meur: float  #: Mean of the amount used over the draws.
    holds: Estimate  #: Probability that the amount available is sufficient.
    missing_meur: float | None
    """Mean shortfall in the draws with a shortfall; null without such draws."""


class BudgetRisk(Result):
    """The probability that budgets suffice, given the overruns of capex.

    Overruns are drawn according to ``capex_overrun`` and ``project_correlation``. A shortfall in
    one budget is not covered by another budget. A shortfall in one year does not reduce the budget
    of the next year.
    """

    draws: int  #: Number of draws.
    seed: int  #: Seed of the draws.
    all_hold: Estimate  #: Probability that all budgets are sufficient.
    budgets: tuple[BudgetOdds, ...]
    """All limits of budgets and lines that the plan uses, in the order of the file."""


class Counterfactual(Result):
    """The best decisions if the plan did not exist, on the plan's states.

    They are the best plan of the variant that the scenario names as its ``counterfactual``. Without
    such a variant, they are the best plan without public money: public funders pay nothing, and no
    stock is bought for which a public funder would pay.
    """

    variant: base.Variant | None  #: Id of the variant; null for the best plan without public money.
    expected: InMeasureUnit  #: Expected damage.
    cvar: InMeasureUnit  #: Mean damage of the worst states.
    net_cost_meur: float  #: Net cost, discounted.
    public_meur: float
    """Public money as a present value, including the full amount of guaranteed loans."""
    objective: InMeasureUnit  #: Objective of the counterfactual plan.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of such plans; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap of this objective; null without a bound.
    projects: tuple[base.Project, ...]  #: Ids of the projects that the counterfactual plan builds.
    stockpiles: tuple[base.Stockpile, ...]
    """Ids of the stockpiles for which the counterfactual plan buys."""


class StatesScenario(Result):
    """Another scenario, in whose states a plan is evaluated.

    It has the measure and the currency of the plan. Nothing is solved for it: ``gap``,
    ``information`` and ``tail`` are null.
    """

    title: str  #: Title of the scenario in the language of the run.
    variant: str | None  #: Id of the applied variant; null without one.
    variant_title: str | None = None  #: Title of that variant; null without a variant.
    input_sha256: str  #: SHA-256 of the scenario.


class Evaluation(MeasuredResult, ScenarioResult):
    """An evaluation of a plan: on fresh states, by release policies, and against bounds.

    Fields for which problems must be solved (``gap``, ``information``, ``tail``,
    ``counterfactual``) are null if the plan is one over assumption sets, has a review, or has
    ``ambiguity``.
    """

    kind: Literal["evaluation"] = "evaluation"
    own_states: int  #: Number of states for which the plan was made.
    own_expected: InMeasureUnit  #: Expected damage in these states.
    own_cvar: InMeasureUnit  #: CVaR in these states.
    own_objective: InMeasureUnit  #: Objective in these states.
    own_gap: UnboundedShare | None  #: Relative gap of the plan in these states.
    net_cost_meur: float  #: Net cost of the plan, discounted.
    states_of: StatesScenario | None = None
    """Scenario that provides the states of ``fresh`` and ``rules``; null for the plan's
    own scenario. For another scenario nothing is solved."""
    net_cost_there_meur: float | None = None
    """Net cost of the plan with the prices and terms of the scenario in ``states_of``."""
    fresh: FreshOutcome  #: Outcome in fresh states, for which the plan was not made.
    rules: tuple[ReleasePolicyOutcome, ...]
    """Outcome under release policies without foresight, one for each reserve."""
    gap: OptimalityGap | None
    """Estimated optimality gap; null if not requested, or for written-out states."""
    information: Information | None  #: Wait-and-see solution, EVPI and VSS; null if not requested.
    tail: TailPremium | None  #: Cost of risk aversion; null if not requested.
    counterfactual: Counterfactual | None = None
    """Outcome without the plan. Null if not requested, if no plan satisfies all rules, if the plan
    is that of the named variant, or if the plan has no public money and the scenario names no
    variant."""
    budget_risk: BudgetRisk | None = None
    """Probability that budgets suffice. Null if no project of the plan has a possible overrun, no
    budget has a limit, or the plan has a review."""
    under: tuple[FreshSetOutcome, ...] = ()
    """Outcome under each assumption set of the plan's scenario, in as many fresh states drawn under
    that set. Empty if ``states_of`` names another scenario."""
    seconds: Annotated[dict[str, float], VOLATILE]  #: Wall time of each part.


class FixedPlanOutcome(Result):
    """Objective, damage and cost of a fixed plan if an input has a given value."""

    objective: InMeasureUnit  #: Objective of the plan.
    expected: InMeasureUnit  #: Mean damage.
    cvar: InMeasureUnit  #: Mean damage of the worst states.
    net_cost_meur: float  #: Net cost, discounted.


class BestOutcome(Result):
    """The best plan known if an input has a given value, with bounds on its objective."""

    objective: ProvenRange
    """Objective of the best plan: from its lower bound to the best plan found."""
    expected: InMeasureUnit
    """Mean damage of the plan found. Another plan that is equally good may have another mean
    damage."""
    net_cost_meur: float  #: Net cost of this plan, discounted.
    projects: dict[ids.Project, ids.YearNumber]
    """Start year of each project that this plan builds."""
    stocks_t: dict[ids.Stockpile, float]
    """Largest planned stock of each stockpile with stock, in tonnes."""


class SensitivityPoint(PlanDiff, SearchResult):
    """The results if one input has one value: those of this plan, and of the best plan there.

    ``entering``, ``leaving``, ``moved`` and ``stocks_t`` are changes from this plan to the best
    plan. They are empty if ``decision`` is ``same``: of several equally good plans, any one may
    have been found.
    """

    value: float  #: Value of the input: a factor, or the number itself.
    number: float | None  #: Resulting number, if the input is a single number; otherwise null.
    own: FixedPlanOutcome  #: Outcome of the unchanged plan at this value.
    broken: tuple[str, ...]
    """Rules that the plan breaks at this value, such as an exceeded budget: tag and name as in the
    [formulation](formulation.md#first-stage), and the amount by which the rule is broken."""
    best: BestOutcome | None  #: Best plan at this value; null without a plan.
    regret: ProvenRange | None
    """Objective of the unchanged plan minus that of the best plan; null if not proven, or if the
    plan breaks a rule."""
    decision: Literal["same", "changed", "broken", "open"]
    """``same``: it is proven that no plan is better by more than the tolerance; ``changed``: a plan
    is better by more; ``broken``: the plan breaks a rule; ``open``: a limit stopped the solve
    before it was decided."""


class BreakEven(Result):
    """Two values of an input, between which this plan ceases to be within tolerance of the best."""

    toward: Literal["low", "high"]  #: End of the range toward which the search went.
    good: float  #: Value at which the plan is proven to be within the tolerance of the best.
    changed: float
    """Value at which the plan is proven not to be within the tolerance, or breaks a rule."""
    good_number: float | None
    """Number at ``good``, if the input is a single number; otherwise null."""
    changed_number: float | None
    """Number at ``changed``, if the input is a single number; otherwise null."""
    reason: Literal["better", "broken"]
    """``better``: another plan is better; ``broken``: this plan breaks a rule."""
    narrow: bool  #: Whether the two values are as close as requested.
    tries: int  #: Number of values tried between base and end.


class SensitivityInput(Result):
    """One uncertain number, or several that change together."""

    id: str  #: Name of the input on the command line.
    kind: Literal["hazard", "damage", "capex", "success", "delay", "price", "demand", "input"]
    """Kind of uncertain figure; ``input``: a number that was named by its path."""
    subject: str | None
    """Id of the hazard, material or project, or the path; null for all items of a kind."""
    base: float  #: Value at which the scenario is unchanged: 1 for factors.
    base_number: float | None
    """Number in the scenario, if the input is a single number; otherwise null."""
    low: SensitivityPoint  #: Results at the low end of the range.
    high: SensitivityPoint  #: Results at the high end of the range.
    swing: ProvenRange | None
    """Range of the best objective over base and both ends; null if an end has no plan."""
    own_swing: InMeasureUnit  #: Range of the objective of the unchanged plan.
    own_swing_expected: InMeasureUnit  #: Range of the mean damage of the unchanged plan.
    break_evens: tuple[BreakEven, ...]  #: Values at which the decision changes, toward each end.


class Sensitivity(InterruptibleStudy):
    """A sensitivity analysis of the plan.

    An input is an uncertain number, or a group of numbers. Each input is set to the low and the
    high end of its range, and all others are unchanged. At each end the plan is evaluated, and the
    best plan is computed again. All values use the same random numbers for their states.
    """

    kind: Literal["sensitivity"] = "sensitivity"
    seed: int | None  #: Seed of the states; null for written-out states.
    given: bool  #: True for a saved plan, false if the plan was solved for this analysis.
    tolerance: UnboundedShare
    """Largest relative excess over the best objective at which the plan still counts as best."""
    own: FixedPlanOutcome  #: Outcome of the plan in the unchanged scenario.
    best: BestOutcome  #: Best plan in the unchanged scenario.
    regret: ProvenRange | None
    """Objective of the plan minus that of the best plan in the unchanged scenario; null if the plan
    breaks a rule."""
    decision: Literal["same", "changed", "broken", "open"]
    """Whether the plan is best in the unchanged scenario. Break-even values are computed only if it
    is."""
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that the plan builds.
    stocks_t: dict[ids.Stockpile, float]
    """Largest planned stock of each stockpile of the plan, in tonnes."""
    inputs: tuple[SensitivityInput, ...]  #: Varied inputs, in descending order of swing.


StressCase = Literal["market", "plan"]
"""``market``: without any plan, where initial stocks are released; ``plan``: with the plan."""


class StressEvent(Result):
    """An event of a hazard in a stress test."""

    hazard: base.Hazard  #: Id of the hazard; its effects define the losses in each period.
    profile: str | None  #: Id of the profile; null if the hazard has none.
    start: base.YearNumber  #: Year in which the event starts.
    period: int = Field(ge=1)  #: Period of that year in which the event starts, from 1.
    periods: int = Field(ge=1)
    """Length of the event in periods, including periods after the horizon. All effects end with the
    event at the latest. If the requested length exceeds the longest ``loss`` list of the hazard,
    the last loss of the lists of this length continues."""
    loss: Share | None = None
    """Requested loss of supply in every period, as a share of all that the hazard affects. Null if
    the losses of the hazard apply."""


class StressPeriod(Result):
    """One period of the horizon: its year, and its number in that year."""

    year: base.YearNumber  #: Year of the period.
    period: int = Field(ge=1)  #: Number of the period in its year, from 1.


class ShortMaterial(Result):
    """A material of which the market delivers less than demand and intake of conversions.

    Lists have one entry for each of the result's ``periods``.
    """

    id: base.Material  #: Id of the material.
    demand_t: tuple[float, ...]  #: Demand in each period.
    need_t: tuple[float, ...]
    """Demand, plus the intake of conversions at full capacity, in each period."""
    market_t: tuple[float, ...]  #: Remaining market supply in each period.
    delivered_t: dict[StressCase, tuple[float, ...]]
    """Tonnes that projects deliver to the consumers for whom they are reserved. For projects with
    inputs: their production. Together with market supply they may exceed demand."""
    made_t: dict[StressCase, tuple[float, ...]]  #: Tonnes made by conversions.
    taken_t: dict[StressCase, tuple[float, ...]]
    """Tonnes used by conversions and projects with inputs to make other materials."""
    released_t: dict[StressCase, tuple[float, ...]]  #: Tonnes released from stockpiles.
    missing_t: dict[StressCase, tuple[float, ...]]  #: Shortage in tonnes.
    damage: dict[StressCase, InMeasureUnit]  #: Damage of this shortage over all periods.


class ConsumerShortage(Result):
    """The shortage of a material for one consumer, and the resulting damage."""

    consumer: base.Consumer  #: Id of the consumer.
    material: base.Material  #: Id of the material.
    missing_t: dict[StressCase, float]  #: Shortage over all periods, in tonnes.
    damage: dict[StressCase, InMeasureUnit]  #: Damage of this shortage.


class StressedPlant(Result):
    """A conversion, or a project with inputs, that makes one material from others.

    Lists have one entry for each of the result's ``periods``.
    """

    id: str  #: Id of the conversion or project.
    project: bool  #: Whether it is a project.
    output: base.Material  #: Id of the material that the plant makes.
    could_t: dict[StressCase, tuple[float, ...]]
    """Possible output in tonnes if all inputs are available; for a project, possible reserved
    output."""
    made_t: dict[StressCase, tuple[float, ...]]  #: Actual output in tonnes.


class StressedStock(Result):
    """A stockpile of a material of which the market delivers too little."""

    id: base.Stockpile  #: Id of the stockpile.
    material: base.Material  #: Id of the material.
    begins_t: dict[StressCase, float]
    """Stock at the beginning of the first of ``periods``, in tonnes."""
    released_t: dict[StressCase, float]  #: Tonnes released, over all periods.
    left_t: dict[StressCase, tuple[float, ...]]
    """Stock at the end of each of ``periods``, in tonnes; purchases continue as planned."""
    empty: dict[StressCase, StressPeriod | None]
    """First period at whose end the stock is empty; null if it never is."""


class Stress(MeasuredResult, ScenarioResult):
    """The effect of a disruption without a plan and with one.

    Stocks are released with foresight: the course of the disruption is known from its start.
    """

    kind: Literal["stress"] = "stress"
    state: str | None
    """Name of the written-out state that was requested; null if events were requested."""
    events: tuple[StressEvent, ...]  #: Events in the order in which they start.
    failed: tuple[base.Project, ...]  #: Projects that never produce.
    late: dict[base.Project, int]  #: Delay of the first output of projects, in years.
    unaided: tuple[base.Project, ...] = ()
    """Projects that are built without the funders' money, in both cases. For a requested state: the
    projects that it lists. For requested events: the projects with a probability of at least one
    half."""
    cases: tuple[StressCase, ...]
    """Cases that are compared; figures by case have one value for each."""
    periods: tuple[StressPeriod, ...]
    """Periods from the first to the last one in which market, conversions and projects do not meet
    the demand for some material."""
    damage: dict[StressCase, InMeasureUnit]  #: Damage from all materials.
    materials: tuple[ShortMaterial, ...]
    """Materials with too little supply, in the order of the file."""
    consumers: tuple[ConsumerShortage, ...]  #: Consumers with a shortage, in the order of the file.
    stocks: tuple[StressedStock, ...]  #: Stockpiles of these materials, in the order of the file.
    plants: tuple[StressedPlant, ...]
    """Plants in the chains of these materials that could make something in these periods, in at
    least one case: conversions first, then projects, in the order of the file."""
    solved: bool  #: True if the plan was solved for this analysis, false for a saved plan.
    gap: UnboundedShare | None
    """Relative gap of the plan; null for a saved plan, or without a bound."""
    plan_objective: InMeasureUnit | None = None
    """Objective of the plan in the scenario for which it was made; it identifies the plan. Null in
    documents of earlier versions."""
    seconds: Seconds  #: Wall time.
