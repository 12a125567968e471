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

    objective: InMeasureUnit  #: Its objective.
    expected: InMeasureUnit  #: Mean damage.
    cvar: InMeasureUnit  #: Mean of the worst states.
    net_cost_meur: float  #: Discounted net cost.


class BestOutcome(Result):
    """The best plan known if an input has a given value, with bounds on its objective."""

    objective: ProvenRange  #: Objective of the best plan: from the bound to the best plan known.
    expected: InMeasureUnit  #: Mean damage of the plan found; an equally good one may have another.
    net_cost_meur: float  #: Discounted net cost of that plan.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that it builds.
    stocks_t: dict[ids.Stockpile, float]  #: Tonnes that stockpiles hold at most, if any.


class SensitivityPoint(PlanDiff, SearchResult):
    """The results if one input has one value: those of this plan, and of the best plan there.

    ``entering``, ``leaving``, ``moved`` and ``stocks_t`` are changes from this plan to the best
    plan at that value. They are empty if the decision is the same, since any of several equally
    good plans may have been found. ``broken`` holds the tag and name of each broken rule, as in
    [formulation.md](formulation.md#first-stage), and by how much it is broken.
    """

    value: float  #: The value: a factor, or the number itself.
    number: float | None  #: What the number becomes, where the input is a single one.
    own: FixedPlanOutcome  #: What the plan leads to if it is carried out all the same.
    broken: tuple[str, ...]  #: Rules that the plan breaks there, such as a budget it exceeds.
    best: BestOutcome | None  #: The best plan there; null without one.
    regret: ProvenRange | None  #: The plan's objective less the best; null if unproven or broken.
    decision: Literal["same", "changed", "broken", "open"]
    """``same``: proven that no plan is better by more than the tolerance; ``changed``: one is;
    ``broken``: the plan breaks a rule; ``open``: not decided before a limit."""


class BreakEven(Result):
    """Two values of an input, between which this plan ceases to be within tolerance of the best."""

    toward: Literal["low", "high"]  #: Toward which end of the range the search went.
    good: float  #: A value at which the plan is proven to be within the tolerance of the best.
    changed: float  #: A value at which it is proven not to be, or breaks a rule.
    good_number: float | None  #: What the number is at ``good``, where the input is a single one.
    changed_number: float | None  #: What it is at ``changed``.
    reason: Literal["better", "broken"]  #: Another plan is better, or this one breaks a rule.
    narrow: bool  #: Whether the two are as close as was asked for.
    tries: int  #: Values that were tried between base and end.


class SensitivityInput(Result):
    """One uncertain number, or several that change together."""

    id: str  #: Its name on the command line.
    kind: Literal["hazard", "damage", "capex", "success", "delay", "price", "demand", "input"]
    """What is uncertain; ``input``: a number that was named by its path."""
    subject: str | None  #: Id of hazard, material or project, or the path; null for all of a kind.
    base: float  #: The value at which the scenario is as it is: 1 for factors.
    base_number: float | None  #: The number as it is, where the input is a single one.
    low: SensitivityPoint  #: At the low end.
    high: SensitivityPoint  #: At the high end.
    swing: ProvenRange | None
    """How far the best objective differs between ends and base; null without a plan."""
    own_swing: InMeasureUnit  #: The same of the plan's own objective.
    own_swing_expected: InMeasureUnit  #: The same of its mean damage.
    break_evens: tuple[BreakEven, ...]  #: Where the decision turns, toward each end.


class ElementaryEffects(Result):
    """Statistics of the elementary effects of one input.

    An elementary effect is the change of a figure when the input changes, per full range of the
    input.
    """

    id: str  #: Id of the input.
    mu: InMeasureUnit  #: Mean of the effects, with their signs.
    mu_star: InMeasureUnit  #: Mean of their sizes: how much the input matters.
    mu_star_confidence: InMeasureUnit  #: Half the 95 % interval of ``mu_star``, by resampling.
    sigma: InMeasureUnit  #: Their standard deviation: how much that depends on inputs and value.


class MorrisScreening(Result):
    """Screening of all inputs together (Morris 1991; Campolongo and others 2007)."""

    trajectories: int  #: Random paths, along each of which every input moves once.
    levels: int  #: Values that each input takes.
    seed: int  #: Of the paths.
    evaluations: int  #: Points that were looked at.
    left_out: tuple[str, ...]  #: Inputs that move numbers which others move as well.
    own: tuple[ElementaryEffects, ...]  #: Effects on the plan's objective, what matters most first.
    own_expected: tuple[ElementaryEffects, ...]  #: The same on its mean damage.
    best: tuple[ElementaryEffects, ...] | None
    """The same on the best plan's objective; null if not asked."""
    best_gap: UnboundedShare | None
    """The largest gap of those solves; effects of that size may be none."""


class Sensitivity(InterruptibleStudy):
    """A sensitivity analysis of the plan.

    Each uncertain number, or group of numbers, is set to the low and the high end of its range, all
    else unchanged; the plan is evaluated there, and the best plan is computed again. The states at
    all values come from the same random numbers.
    """

    kind: Literal["sensitivity"] = "sensitivity"
    seed: int | None  #: Their seed; null where they are written out.
    given: bool  #: Whether the plan was given, rather than solved for.
    tolerance: UnboundedShare
    """By which share of its objective a plan may be worse and still be right."""
    own: FixedPlanOutcome  #: The plan in the scenario as it is.
    best: BestOutcome  #: The best plan there.
    regret: ProvenRange | None  #: The plan's objective less the best there; null if broken.
    decision: Literal["same", "changed", "broken", "open"]
    """Whether the plan is right in the scenario as it is; only then are break-evens computed."""
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that the plan builds.
    stocks_t: dict[ids.Stockpile, float]  #: Tonnes that each of its stockpiles holds at most.
    inputs: tuple[SensitivityInput, ...]  #: What was varied, the largest swing first.
    screen: MorrisScreening | None  #: All inputs together; null where it was not asked for.
