"""Result of an evaluation of a plan: out-of-sample performance, and the value of information."""

from typing import Annotated, Literal

from models.results import ids
from models.results.base import (
    VOLATILE,
    InMeasureUnit,
    MeasuredResult,
    Result,
    ScenarioResult,
    Share,
    UnboundedShare,
)
from models.results.plan import ConsumerOutcome, Distribution, MaterialOutcome, StockUse


class Estimate(Result):
    """An estimate and its standard error.

    An interval of 1.96 standard errors to either side contains the true figure in 95 of 100
    samples; the actual coverage is [measured](benchmarks.md#intervals-of-an-evaluation).
    """

    value: float  #: The estimate.
    standard_error: float | None  #: Its standard error; null where nothing was sampled: exact.


class ProvenRange(Result):
    """Proven lower and upper bounds on a figure, derived from the bounds of the solves."""

    low: float  #: It is not below.
    high: float  #: It is not above.


class Performance(Result):
    """Damage over a set of states: estimates of mean and CVaR, and the worst state.

    The standard error of a mean is the standard deviation divided by the root of the number of
    states. The standard error of the CVaR is that of the mean of η + max(0, damage - η) / (1 -
    level), with η the quantile at the level (Trindade and others 2007; Hong and Liu 2009).
    Differences are computed state by state, so that their standard errors are those of the
    difference.
    """

    expected: Estimate  #: Mean over the states.
    cvar: Estimate  #: Mean of the worst states, at the scenario's level.
    worst: InMeasureUnit  #: The worst of the states that were looked at.


class YearOutcome(Result):
    """Expected damage in one year, with and without the plan."""

    expected: InMeasureUnit  #: With the plan.
    expected_without_plan: InMeasureUnit  #: Without any plan.


class FreshOutcome(Result):
    """The outcome of the plan in fresh states, for which it was not made.

    They are drawn independently with another seed, by the same method as the plan's states. If the
    scenario has written-out states, there are no others: the figures are then those of the plan,
    and exact.
    """

    states: int  #: How many states.
    sampled: bool  #: False where the scenario writes its states out: they are all there are.
    seed: int | None  #: Seed of the states; null where they are written out.
    with_plan: Performance  #: What the plan leads to, each state's stocks released with foresight.
    without_plan: Performance  #: The same without any plan.
    avoided: Estimate  #: Expected damage avoided: the mean of the difference within each state.
    objective: Estimate  #: The scenario's objective of the plan.
    optimism: Estimate
    """Expected damage here less that on the plan's own states. Its error is that of both samples,
    the fresh and the plan's own; of a single state of its own it is that of one fresh state."""
    distribution: Distribution  #: How damage is spread over the states.
    by_year: dict[ids.HorizonYear, YearOutcome]  #: Expected damage of each calendar year.
    materials: tuple[MaterialOutcome, ...]  #: All materials, in the order of the file.
    consumers: tuple[ConsumerOutcome, ...]  #: All consumers, in the order of the file.


class FreshSetOutcome(Result):
    """The outcome of the plan in fresh states of one assumption set."""

    id: ids.Assumptions  #: Id of the set.
    title: str  #: Its title, or its id.
    weight: Share  #: How much it counts beside the others.
    with_plan: Performance  #: What the plan leads to.
    without_plan: Performance  #: The same without any plan.
    avoided: Estimate  #: Expected damage avoided: the mean of the difference within each state.


class RuleMaterialOutcome(Result):
    """Expected damage from one material under the release policy, and with foresight."""

    id: ids.Material  #: Id of the material.
    name: str  #: Its name.
    expected: InMeasureUnit  #: Expected damage under the rule.
    expected_with_foresight: InMeasureUnit  #: The same with foresight.


class ReleasePolicyOutcome(Result):
    """The outcome of the commitment if stocks are released by a policy without foresight.

    In a period with a shortage, stock is released at once, except for a reserve that is kept for
    damage steps of higher cost. In a chain, stock of the form nearest to the missing one is
    released first.
    """

    reserve: Share  #: Share of the planned stock that is kept for the dearer steps.
    performance: Performance  #: What it leads to.
    above_foresight: Estimate  #: Expected damage above that with foresight, state by state.
    materials: tuple[RuleMaterialOutcome, ...]  #: All materials, in the order of the file.
    stock_use: tuple[StockUse, ...] = ()  #: Of stockpiles that are filled again.


class Replication(Result):
    """One sample of states, with the plan and the best plan for that sample."""

    seed: int  #: Seed of the sample.
    candidate: InMeasureUnit  #: The plan's objective there, with the threshold of the fresh states.
    found: InMeasureUnit  #: Objective of the best plan found for the sample.
    bound: InMeasureUnit  #: Proven lower bound on the objective of any plan for the sample.
    gap: InMeasureUnit  #: candidate - bound.


class OptimalityGap(Result):
    """An estimate of the plan's optimality gap by fresh samples (Mak, Morton and Wood 1999).

    Samples are drawn like the plan's own, from the seeds after that of the fresh states. The best
    plan for a sample is at least as good there as the best plan for the true distribution, so that
    ``gap`` is in the mean an upper estimate of the plan's gap; the open gaps of solves are added to
    it. A CVaR is a minimum over thresholds, and that of a sample is biased downwards: the plan's
    tail is therefore measured from one threshold, the quantile of the fresh states.
    """

    states: int  #: States in each sample.
    replications: tuple[Replication, ...]  #: The samples.
    mean: Estimate  #: Mean of the gaps: an upper estimate of the plan's gap.
    confidence: Share  #: Confidence of ``upper``.
    upper: InMeasureUnit
    """The plan's gap is no more, with that confidence (one-sided, Student's t)."""
    solver_share: InMeasureUnit
    """Mean of found - bound: what unfinished solves add to the mean gap."""
    lower_bound: Estimate  #: Mean of the bounds: estimates the best objective from below.


class Information(Result):
    """The expected value of perfect information, and the value of the stochastic solution.

    All figures refer to the plan's states, for which it was optimized. If these are a sample, EVPI
    is underestimated and VSS usually overestimated. Stocks are released with foresight in all
    figures: neither contains the value of a forecast for releases.
    """

    states: int  #: States of the plan that were solved by themselves.
    of_states: int  #: States of the plan.
    distinct: int  #: Problems that were solved: states that look alike are solved once.
    recourse_problem: ProvenRange  #: RP: objective of the best plan for the plan's states.
    wait_and_see: ProvenRange  #: WS: the objective if each state were known beforehand.
    wait_and_see_error: InMeasureUnit | None
    """Standard error of WS where not all states were solved."""
    evpi: ProvenRange  #: Expected value of perfect information: RP - WS.
    mean_value_problem: ProvenRange  #: EV: objective of the best plan for the mean state.
    mean_plan: InMeasureUnit
    """EEV: objective, on the plan's states, of the plan made for the mean state."""
    mean_plan_projects: tuple[str, ...]  #: Ids of the projects that it builds.
    mean_plan_stockpiles: tuple[str, ...]  #: Ids of the stockpiles that it buys.
    vss: ProvenRange  #: Value of the stochastic solution: EEV - RP.


class TailPlan(Result):
    """A plan that was optimized with a given weight on the worst states."""

    weight: Share  #: Weight of the tail in its objective.
    expected: InMeasureUnit  #: Expected damage on the plan's states.
    cvar: InMeasureUnit  #: Mean of the worst of the plan's states.
    net_cost_meur: float  #: Discounted net cost.
    gap: UnboundedShare | None  #: Proven gap of its own objective.
    projects: tuple[str, ...]  #: Ids of the projects that it builds.


class TailPremium(Result):
    """The cost of risk aversion in the mean, and the reduction of CVaR that it buys."""

    level: Share  #: Level of the CVaR.
    neutral: TailPlan  #: The plan that minds the mean alone.
    averse: TailPlan  #: The plan that minds the worst states as well.
    premium: ProvenRange  #: What the mean objective of the second is above the least there can be.
    bought: InMeasureUnit  #: CVaR of the first less that of the second.


class BudgetOdds(Result):
    """The probability that a budget or a budget line suffices, in one year or in all years."""

    funder: ids.Funder | None  #: Id of the funder; null for all public funders together.
    line: str  #: Id of the line; ``budget`` for a budget as a whole.
    kind: Literal["budget", "commitment", "cash", "guarantee_stock"]
    """``budget`` for a budget as a whole."""
    year: int | None  #: The year; null for all years together.
    available_meur: float  #: What there is, in the mean where it depends on what years before left.
    planned_meur: float  #: What the plan uses of it, with the contingency of the scenario.
    mean_meur: float  #: What is used of it in the mean of the draws.
    holds: Estimate  #: Probability that it is enough.
    missing_meur: float | None
    """What is missing on average where it is not; null where it always is."""


class BudgetRisk(Result):
    """The probability that budgets suffice, given the overruns of capex.

    Overruns are drawn by ``capex_overrun`` and ``project_correlation``. A lack in one budget is not
    covered by another budget, and an excess in one year is not charged to the next.
    """

    draws: int  #: How many draws.
    seed: int  #: Their seed.
    all_hold: Estimate  #: Probability that every budget is enough.
    budgets: tuple[BudgetOdds, ...]
    """Every limit of a budget or a line that something is used of, in the order of the file."""


class Counterfactual(Result):
    """The best decisions if the plan did not exist, on the plan's states.

    This is the best plan of the variant that the scenario names as its ``counterfactual``. Without
    such a variant it is the best plan without public money: public funders provide nothing, and no
    stock is bought for which one of them would pay.
    """

    variant: ids.Variant | None  #: Id of the variant; null for the best plan without public money.
    expected: InMeasureUnit  #: Expected damage.
    cvar: InMeasureUnit  #: Mean of the worst states.
    net_cost_meur: float  #: Discounted net cost.
    public_meur: float  #: Public money, a present value, guaranteed loans in full.
    objective: InMeasureUnit  #: Its objective.
    bound: InMeasureUnit | None  #: No such plan has a lower one; null where nothing was proven.
    gap: UnboundedShare | None  #: Proven gap of its objective.
    projects: tuple[ids.Project, ...]  #: Ids of the projects that it builds.
    stockpiles: tuple[ids.Stockpile, ...]  #: Ids of the stockpiles that it buys for.


class RareEvents(Result):
    """Damage estimated by importance sampling, in which rare events are drawn more often."""

    states: int  #: How many states.
    seed: int  #: Seed of the states.
    performance: Performance  #: With the plan.
    plain: Performance  #: The same number of states drawn as they come.
    variance_ratio_expected: float  #: Variance of the plain estimate over this; above 1 is a gain.
    variance_ratio_cvar: float  #: The same of the CVaR.
    effective_states: float  #: Kish's effective number of states: what the weights leave of them.
    weight_sum: Estimate  #: Mean of the weights, which is 1 where the sampling is unbiased.
    deviation_expected: float  #: Difference to the fresh states' mean, in its standard errors.
    deviation_cvar: float  #: The same of the CVaR.


class LongerHorizon(Result):
    """Damage and net cost of the same commitment if the horizon is longer."""

    years: int  #: How many years more.
    last_year: int  #: The last of them.
    with_plan: Performance  #: Damage over all years, with the plan.
    without_plan: Performance  #: The same without any plan.
    avoided: Estimate  #: Expected damage that the plan avoids.
    net_cost_meur: float  #: Discounted net cost over all years, without any residual value.
    avoided_within: InMeasureUnit
    """What it avoids with the scenario's own horizon, in the same states: less than ``avoided`` by
    what the years bring that are added."""
    net_cost_within_meur: float  #: Net cost as the plan has it.
    residual_meur: float  #: Residual value at the end of the scenario's own horizon.


class StatesScenario(Result):
    """Another scenario, in whose states a plan is evaluated.

    Nothing is solved for it: ``gap``, ``information``, ``tail`` and ``longer`` are null. It has the
    plan's measure and currency.
    """

    title: str  #: Its title in the language of the run.
    variant: str | None  #: Id of the variant, if one was applied.
    variant_title: str | None = None  #: Title of that variant; null without a variant.
    input_sha256: str  #: SHA-256 of it.


class Evaluation(MeasuredResult, ScenarioResult):
    """An evaluation of a plan: on fresh states, by release policies, and against bounds."""

    kind: Literal["evaluation"] = "evaluation"
    own_states: int  #: States that the plan was made for.
    own_expected: InMeasureUnit  #: Expected damage on those.
    own_cvar: InMeasureUnit  #: CVaR on those.
    own_objective: InMeasureUnit  #: Objective on those.
    own_gap: UnboundedShare | None  #: Proven gap of the plan on those.
    net_cost_meur: float  #: Discounted net cost of the plan.
    states_of: StatesScenario | None = None
    """Whose states ``fresh``, ``rules`` and ``rare`` are of; null for those of the plan's own
    scenario. Of another, nothing is solved, and its net cost stands in ``net_cost_there_meur``."""
    net_cost_there_meur: float | None = None  #: Net cost in the terms of that scenario.
    fresh: FreshOutcome  #: What it leads to in states it was not made for.
    rules: tuple[ReleasePolicyOutcome, ...]  #: Under release rules without foresight, by reserve.
    gap: OptimalityGap | None  #: How far from the best; null if not asked or states are written.
    information: Information | None  #: Wait-and-see, EVPI and VSS; null where not asked for.
    tail: TailPremium | None  #: What caring for the worst states costs; null where not asked for.
    rare: RareEvents | None  #: Rare events drawn more often; null if not asked or not sampled.
    longer: LongerHorizon | None  #: With a longer horizon; null where it was not asked for.
    counterfactual: Counterfactual | None = None
    """What would be done otherwise; null where it was not asked for, where the plan has no public
    money and the scenario names no variant, or where no plan keeps all rules."""
    budget_risk: BudgetRisk | None = None
    """How likely budgets hold; null where no project of the plan may overrun its capex, or no
    budget has a limit."""
    under: tuple[FreshSetOutcome, ...] = ()
    """The same under each set of assumptions of the plan's scenario, in as many fresh states of its
    own; none where the plan is judged in the states of another scenario."""
    seconds: Annotated[dict[str, float], VOLATILE]  #: Wall time by part.
