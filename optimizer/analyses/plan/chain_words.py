"""A chain of materials in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from models.language import tr
from models.results import Bottleneck, ChainOutcome, ChainStages
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.figures import NOISE, rounded_percent
from optimizer.report.wording import capital, listed

FEW_FORMS = 2
"""Of a chain of no more forms there is no chart."""
MOST_NAMED = 3
"""Projects or stocks that a cell or a sentence names."""


@dataclass(frozen=True)
class Told:
    """A chain in words."""

    say: PlanWording
    number: int
    chain: ChainOutcome

    @cached_property
    def title(self) -> str:
        """The forms that nothing else is made of."""
        taken = {m for plant in self.chain.plants for m in plant.inputs_t_per_t}
        return listed([self.form(f.material) for f in self.chain.forms if f.material not in taken])

    @property
    def drawn(self) -> bool:
        """Whether there is a chart of it: of a few forms all stands in a sentence."""
        return len(self.chain.forms) > FEW_FORMS

    @property
    def year(self) -> int:
        """The year that is told of."""
        return self.chain.year

    def form(self, material: str) -> str:
        """The name of a form."""
        return self.say.name("materials", material)

    def plant(self, id: str, project: bool) -> str:
        """The name of a conversion or of a project with inputs."""
        return self.say.name("projects" if project else "conversions", id)

    def stage(self, one: Bottleneck) -> str:
        """A stage in words."""
        form = self.form(one.material)
        if one.stage == "making":
            return tr("plants for {form}", form=form)
        return tr("tonnes of {form}", form=form)

    def parts(self, projects: Sequence[str], stocks: Sequence[str] = ()) -> str:
        """Parts of the plan, the first few by name."""
        names = [self.say.name("projects", p) for p in projects]
        names += [self.say.name("stockpiles", h) for h in stocks]
        if len(names) > MOST_NAMED + 1:
            more = tr("{count} more", count=len(names) - MOST_NAMED)
            names = [*names[:MOST_NAMED], more]
        return listed(names)


def short(one: Told) -> str:
    """How often the chain is short, and what is the bottleneck then."""
    chain, say = one.chain, one.say
    about = {
        "year": chain.year,
        "before": rounded_percent(chain.short_without_plan),
        "after": rounded_percent(chain.short),
    }
    if chain.short_without_plan <= NOISE and chain.short <= NOISE:
        return tr("In no state is anything missing, with or without the plan.")
    said = tr(
        "{year} is the year in which most is expected to be missing without the plan: something is "
        "missing then in {before} of states, and in {after} with the plan.",
        **about,
    )
    of_chain = [m for m in say.plan.materials if m.id in {f.material for f in chain.forms}]
    said += " " + tr(
        "{expected} in the chain, all years: {before} without the plan, {after} with it.",
        expected=capital(say.expected),
        before=say.spoken(sum(m.expected_without_plan for m in of_chain)),
        after=say.spoken(sum(m.expected for m in of_chain)),
    )
    found = chain.bottlenecks
    without = max(found, key=lambda b: b.share_without_plan, default=None)
    within = max(found, key=lambda b: b.share, default=None)
    if without is not None and without.share_without_plan > 0:
        said += " " + tr(
            "What lacks most often in these states without the plan: {stage} ({share}).",
            stage=one.stage(without),
            share=rounded_percent(without.share_without_plan),
        )
    if within is not None and within.share > 0:
        said += " " + tr(
            "With the plan: {stage} ({share}).",
            stage=one.stage(within),
            share=rounded_percent(within.share),
        )
    return said


def together(one: Told, stages: ChainStages) -> str:
    """What the stages of the plan are worth without one another."""
    say = one.say
    return tr(
        "What feeds {form} ({earlier}) avoids {earlier_with} with the planned plants for it "
        "({later}), and {earlier_alone} without them. The plants avoid {later_with} with what "
        "feeds them, and {later_alone} without.",
        form=one.form(stages.output),
        earlier=one.parts(stages.earlier_projects, stages.earlier_stockpiles),
        later=one.parts(stages.projects),
        earlier_with=say.spoken(stages.earlier),
        earlier_alone=say.spoken(stages.earlier_alone),
        later_with=say.spoken(stages.later),
        later_alone=say.spoken(stages.later_alone),
    )
