"""Result of a sensitivity analysis: each uncertain number at both ends, and break-even values."""

from typing import Literal

from models.results import ids
from models.results.base import (
    InMeasureUnit,
    InterruptibleStudy,
    PlanDiff,
    Result,
    SearchResult,
    UnboundedShare,
)
from models.results.evaluation import ProvenRange


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
