"""Result of an analysis of assumption sets: the best plan of each set under all others."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import InMeasureUnit, InterruptibleStudy, Result, Share, UnboundedShare
from models.results.plan_context import WithoutPlan


class AssumptionSetInfo(Result):
    """One assumption set, and its outcome without any plan."""

    id: ids.Assumptions  #: Id of the set.
    title: str  #: Title of the set; its id if it has no title.
    weight: Share  #: Weight of the set; all weights add up to 1.
    changes: tuple[str, ...]
    """Paths of the figures that the set changes; empty for the file as it stands."""
    states: int  #: Number of states drawn under the set.
    without_plan: WithoutPlan  #: Outcome under the set without any plan.


class PlanUnderSet(Result):
    """The outcome of a plan under one assumption set."""

    objective: InMeasureUnit  #: Objective of the plan under the set.
    expected: InMeasureUnit  #: Expected damage with the plan under the set.
    regret: InMeasureUnit
    """Objective of the plan minus the objective of the best plan known for the set, from any
    search. Negative only if the plan breaks rules of the set."""
    broken_rules: tuple[str, ...] = ()
    """Rules of the set that the plan breaks, such as a smaller budget."""


class SetPlan(Result):
    """The best plan of one assumption set, or the compromise over all."""

    of: ids.Assumptions | None
    """Id of the set for which the plan is best; null for the compromise."""
    status: Literal["optimal", "limit"]  #: Status as in the certificate of a plan.
    objective: InMeasureUnit  #: Objective that was minimized.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap of ``objective``; null without a bound.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    stocks_t: dict[ids.Stockpile, float]  #: Largest planned stock of each stockpile, in tonnes.
    under: dict[ids.Assumptions, PlanUnderSet]  #: Outcome of the plan under each set.


class DecisiveFigures(Result):
    """Some figures of an assumption set, and how much they matter for its best plan.

    Under the set, the gain is the objective of the compromise minus that of the set's best plan. It
    is computed twice: with these figures as in the set, and with these figures as in the file. If
    the gain is small in the second case, these figures are the reason why the expert would decide
    otherwise. Both plans are evaluated again, but not optimized.
    """

    of: ids.Assumptions  #: Id of the set.
    figures: str  #: Common first part of the paths of these figures.
    count: int  #: Number of these figures.
    gain: InMeasureUnit
    """Objective of the compromise minus that of the set's best plan, under the set."""
    gain_without: InMeasureUnit  #: The same gain if these figures are as in the file.


class Disagreement(InterruptibleStudy):
    """The best plan of each assumption set under all others."""

    kind: Literal["disagreement"] = "disagreement"
    over: Literal["mean", "worst", "regret"]
    """Function of the objectives under all sets that the compromise minimizes."""
    sets: tuple[AssumptionSetInfo, ...]  #: All sets, in the order of the file.
    plans: tuple[SetPlan, ...]
    """Best plan of each set; only sets that were solved before an interruption."""
    compromise: SetPlan | None  #: One plan for all sets; null if the run was interrupted earlier.
    deciding: tuple[DecisiveFigures, ...]  #: Figures that make experts decide differently.
    project_names: dict[ids.Project, str]
    """Names of the projects that at least one of the plans builds."""

    @property
    def all_plans(self) -> list[SetPlan]:
        """The best plans of the sets, and the compromise if there is one."""
        return [*self.plans, *([] if self.compromise is None else [self.compromise])]
