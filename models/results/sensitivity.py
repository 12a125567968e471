"""What the answer rests on: each uncertain number low and high, and where the decision turns.

Damage is in the unit of the scenario's measure; money is million EUR. Objectives of the plan are
exact on the scenario's states; those of the best plan lie between a bound and a plan.
"""

from __future__ import annotations

from typing import Any, Literal

from models.results import ids
from models.results.base import OfScenario, Result, Seconds, Share, Versions
from models.results.evaluation import ProvenRange


class OwnOutcome(Result):
    """What a held plan leads to at a value, on the scenario's states."""

    objective: float
    """Its objective."""
    expected: float
    """Mean damage."""
    cvar: float
    """Mean of the worst states."""
    net_cost_meur: float
    """Discounted net cost."""


class BestOutcome(Result):
    """The best plan for a value, as far as it was found and proven."""

    objective: ProvenRange
    """Objective of the best plan there is: from the bound to the best plan that is known."""
    expected: float
    """Mean damage of the plan that was found; another of the same worth may have another."""
    net_cost_meur: float
    """Discounted net cost of that plan."""
    projects: dict[ids.Project, ids.YearNumber]
    """Start year of each project that it builds."""
    stocks_t: dict[ids.Stockpile, float]
    """Tonnes that each stockpile holds at most; those that hold nothing are left out."""


class SensitivityPoint(Result):
    """One input at one value."""

    value: float
    """The value: a factor, or the number itself."""
    number: float | None
    """What the number becomes, where the input is a single one."""
    status: Literal["optimal", "limit", "infeasible", "none"]
    """Of the search for the best plan; ``none``: stopped before any was found."""
    own: OwnOutcome
    """What the plan leads to if it is carried out all the same."""
    broken: tuple[str, ...]
    """Rules that the plan breaks there, such as a budget that it no longer keeps within."""
    best: BestOutcome | None
    """The best plan there; null without one."""
    regret: ProvenRange | None
    """The plan's objective less that of the best plan; null where it breaks a rule or nothing was
    proven."""
    decision: Literal["same", "changed", "broken", "open"]
    """``same``: proven that no plan is better by more than the tolerance; ``changed``: one is;
    ``broken``: the plan breaks a rule; ``open``: not decided before a limit."""
    entering: tuple[ids.Project, ...]
    """Projects that the best plan builds and this one does not, where the decision changes."""
    leaving: tuple[ids.Project, ...]
    """Projects that only this plan builds, where the decision changes."""
    moved: dict[ids.Project, tuple[ids.YearNumber, ids.YearNumber]]
    """Projects that both build, with their start years here and there, where these differ."""
    stocks_t: dict[ids.Stockpile, float]
    """Tonnes by which the best plan holds more or less, where the decision changes."""
    seconds: Seconds
    """Wall time."""


class BreakEven(Result):
    """Between which two values the plan stops being the right one."""

    toward: Literal["low", "high"]
    """Which end of the range it was sought toward."""
    good: float
    """A value at which the plan is proven to be within the tolerance of the best."""
    changed: float
    """A value at which it is proven not to be, or breaks a rule."""
    good_number: float | None
    """What the number is at ``good``, where the input is a single one."""
    changed_number: float | None
    """What it is at ``changed``."""
    reason: Literal["better", "broken"]
    """At ``changed`` another plan is better, or this one breaks a rule."""
    narrow: bool
    """Whether the two are as close as was asked for."""
    tries: int
    """Values that were tried between base and end."""


class SensitivityInput(Result):
    """One uncertain number, or several that move together."""

    id: str
    """Its name on the command line."""
    kind: Literal["hazard", "damage", "capex", "success", "delay", "price", "demand", "input"]
    """What is uncertain; ``input``: a number that was named by its path."""
    subject: str | None
    """Id of the hazard, material or project, or the path; null for all of a kind."""
    base: float
    """The value at which the scenario is as it is: 1 for factors."""
    base_number: float | None
    """The number as it is, where the input is a single one."""
    low: SensitivityPoint
    """At the low end."""
    high: SensitivityPoint
    """At the high end."""
    swing: ProvenRange | None
    """How far the objective of the best plan differs between both ends and base at most; null
    where an end has no plan."""
    own_swing: float
    """The same of the plan's own objective."""
    own_swing_expected: float
    """The same of its mean damage."""
    break_evens: tuple[BreakEven, ...]
    """Where the decision turns, toward each end at which it does."""


class Screened(Result):
    """Elementary effects of one input: how a figure changes per range of the input."""

    id: str
    """Id of the input."""
    mu: float
    """Mean of the effects, with their signs."""
    mu_star: float
    """Mean of their sizes: how much the input matters."""
    mu_star_confidence: float
    """Half the width of the 95 % interval of ``mu_star``, by resampling of trajectories."""
    sigma: float
    """Their standard deviation: how much that depends on the other inputs or on the value."""


class Screen(Result):
    """Morris' screen of all inputs together (Morris 1991; Campolongo and others 2007)."""

    trajectories: int
    """Random paths, along each of which every input moves once."""
    levels: int
    """Values that each input takes."""
    seed: int
    """Of the paths."""
    evaluations: int
    """Points that were looked at."""
    left_out: tuple[str, ...]
    """Inputs that move numbers which others move as well."""
    own: tuple[Screened, ...]
    """Of the plan's objective, what matters most first."""
    own_expected: tuple[Screened, ...]
    """Of its mean damage."""
    best: tuple[Screened, ...] | None
    """Of the objective of the best plan; null where it was not asked for."""
    best_gap: float | None
    """The largest gap of those solves, as a share; effects of that size may be none."""


class Sensitivity(OfScenario):
    """What the answer rests on."""

    kind: Literal["sensitivity"] = "sensitivity"
    """What this document is."""
    measure: Literal["damage", "tonnes", "share_of_demand"]
    """What is counted."""
    unit: str
    """Its unit."""
    cvar_level: Share
    """Level of the CVaR: 0.95 means the worst 5 %."""
    states: int
    """States of the world; at every value drawn from the same random numbers."""
    seed: int | None
    """Their seed; null where they are written out."""
    given: bool
    """Whether the plan was given, rather than solved for."""
    gap_target: float
    """The gap that was asked for in each solve."""
    tolerance: float
    """By which share of its objective a plan may be worse than the best and still be right."""
    own: OwnOutcome
    """The plan in the scenario as it is."""
    best: BestOutcome
    """The best plan there."""
    regret: ProvenRange | None
    """The plan's objective less that of the best plan there; null where it breaks a rule."""
    decision: Literal["same", "changed", "broken", "open"]
    """Whether the plan is right in the scenario as it is; break-evens are sought only then."""
    projects: dict[ids.Project, ids.YearNumber]
    """Start year of each project that the plan builds."""
    stocks_t: dict[ids.Stockpile, float]
    """Tonnes that each of its stockpiles holds at most."""
    inputs: tuple[SensitivityInput, ...]
    """What was varied, by the swing of the best plan's objective, the largest first."""
    screen: Screen | None
    """All inputs together; null where it was not asked for."""
    ended: Literal["complete", "interrupted"]
    """Whether all that was asked for is there."""
    seconds: Seconds
    """Wall time."""
    input_sha256: str
    """SHA-256 of the scenario."""
    versions: Versions
    """Versions of the project and of what it rests on."""
    scenario: dict[str, Any] | None = None
    """The scenario as it is, in JSON."""
