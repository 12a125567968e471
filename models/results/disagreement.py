"""What experts disagree on: the best plan of each set of assumptions under all others."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import InUnit, Part, Result, Share, Study
from models.results.worlds import WithoutPlan


class SetOfAssumptions(Result):
    """One set, and what comes under it without any plan."""

    id: ids.Assumptions  #: Id of the set.
    title: str  #: Its title, or its id.
    weight: Share  #: How much it counts beside the others.
    changes: tuple[str, ...]  #: Paths of the figures that it changes; none for the file itself.
    states: int  #: States of the world that were drawn under it.
    without_plan: WithoutPlan  #: What comes under it without any plan.


class PlanUnder(Result):
    """A plan under one set."""

    objective: InUnit  #: Its objective there.
    expected: InUnit  #: Expected damage there.
    regret: InUnit
    """What its objective is above that of the best plan that is known for the set, whichever search
    found it; negative only for a plan that breaks rules of the set."""
    broken_rules: tuple[str, ...] = ()  #: Rules that it breaks there, such as a smaller budget.


class PlanAmongSets(Result):
    """The best plan of one set, or the compromise of all."""

    of: ids.Assumptions | None  #: Id of the set it is best for; null for the compromise.
    status: Literal["optimal", "limit"]  #: As in the certificate of a plan.
    objective: InUnit  #: What was minimised.
    bound: InUnit | None  #: Proven lower bound on that of any plan; null without one.
    gap: Part | None  #: How far ``objective`` may be above the best; null without a bound.
    projects: dict[ids.Project, ids.YearNumber]  #: Start year of each project that is built.
    stocks_t: dict[ids.Stockpile, float]  #: Tonnes that each stockpile holds at most.
    under: dict[ids.Assumptions, PlanUnder]  #: What it leads to under each set.


class WhatDecides(Result):
    """Figures of a set, and what its own plan gains over the compromise with and without them.

    If little is gained once these figures are as in the file, they are why the expert would choose
    otherwise. Both plans are only looked at anew, none is sought.
    """

    of: ids.Assumptions  #: Id of the set.
    figures: str  #: What their paths begin with.
    count: int  #: How many they are.
    gain: InUnit  #: Objective of the compromise less that of the set's own plan, under the set.
    gain_without: InUnit  #: The same with these figures as in the file.


class Disagreement(Study):
    """What experts disagree on: the best plan of each set of assumptions under all others."""

    kind: Literal["disagreement"] = "disagreement"
    over: Literal["mean", "worst", "regret"]  #: What the compromise minimises over the sets.
    sets: tuple[SetOfAssumptions, ...]  #: All sets, in the order of the file.
    plans: tuple[PlanAmongSets, ...]  #: The best plan of each set; of those solved by then.
    compromise: PlanAmongSets | None  #: One plan for all; null where it was interrupted before.
    deciding: tuple[WhatDecides, ...]  #: Which figures make experts choose otherwise.
    project_names: dict[ids.Project, str]  #: Names of the projects that any of the plans builds.

    @property
    def every(self) -> list[PlanAmongSets]:
        """The best plans of the sets, and the compromise where there is one."""
        return [*self.plans, *([] if self.compromise is None else [self.compromise])]
