"""Result of an analysis of assumption sets: the best plan of each set under all others."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import InMeasureUnit, InterruptibleStudy, Result, Share, UnboundedShare
from models.results.plan_context import WithoutPlan


class AssumptionSetInfo(Result):
    """One assumption set, and its outcome without any plan."""

    id: ids.Assumptions  #: Id of the set.
    title: str  #: Its title, or its id.
    weight: Share  #: How much it counts beside the others.
    changes: tuple[str, ...]  #: Paths of the figures that it changes; none for the file itself.
    states: int  #: States of the world that were drawn under it.
    without_plan: WithoutPlan  #: What comes under it without any plan.


class PlanUnderSet(Result):
    """The outcome of a plan under one assumption set."""

    objective: InMeasureUnit  #: Its objective there.
    expected: InMeasureUnit  #: Expected damage there.
    regret: InMeasureUnit
    """What its objective is above that of the best plan that is known for the set, whichever search
    found it; negative only for a plan that breaks rules of the set."""
    broken_rules: tuple[str, ...] = ()  #: Rules that it breaks there, such as a smaller budget.


class SetPlan(Result):
    """The best plan of one assumption set, or the compromise over all."""

    of: ids.Assumptions | None  #: Id of the set it is best for; null for the compromise.
    status: Literal["optimal", "limit"]  #: As in the certificate of a plan.
    objective: InMeasureUnit  #: What was minimised.
    bound: InMeasureUnit | None  #: Proven lower bound on that of any plan; null without one.
    gap: UnboundedShare | None
    """How far ``objective`` may be above the best; null without a bound."""
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    stocks_t: dict[ids.Stockpile, float]  #: Tonnes that each stockpile holds at most.
    under: dict[ids.Assumptions, PlanUnderSet]  #: What it leads to under each set.


class DecisiveFigures(Result):
    """Some figures of an assumption set, and how much they matter for its best plan.

    The gain is the objective of the compromise less that of the set's best plan, under the set. It
    is computed with these figures as in the set, and again as in the file. If it is small in the
    second case, these figures are the reason why the expert would decide otherwise. Both plans are
    only evaluated again, not optimized.
    """

    of: ids.Assumptions  #: Id of the set.
    figures: str  #: What their paths begin with.
    count: int  #: How many they are.
    gain: InMeasureUnit
    """Objective of the compromise less that of the set's own plan, under the set."""
    gain_without: InMeasureUnit  #: The same with these figures as in the file.


class Disagreement(InterruptibleStudy):
    """The best plan of each assumption set under all others."""

    kind: Literal["disagreement"] = "disagreement"
    over: Literal["mean", "worst", "regret"]  #: What the compromise minimises over the sets.
    sets: tuple[AssumptionSetInfo, ...]  #: All sets, in the order of the file.
    plans: tuple[SetPlan, ...]  #: The best plan of each set; of those solved by then.
    compromise: SetPlan | None  #: One plan for all; null where it was interrupted before.
    deciding: tuple[DecisiveFigures, ...]  #: Which figures make experts choose otherwise.
    project_names: dict[ids.Project, str]  #: Names of the projects that any of the plans builds.

    @property
    def all_plans(self) -> list[SetPlan]:
        """The best plans of the sets, and the compromise if there is one."""
        return [*self.plans, *([] if self.compromise is None else [self.compromise])]
