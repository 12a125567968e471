"""A chain of materials in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from models.language import tr
from models.results import Bottleneck, ChainOutcome, ChainStages
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.number_format import ZERO_TOLERANCE, format_rounded_percent
from optimizer.report.wording import capitalize, join_with_and

MAX_FORMS_WITHOUT_CHART = 2
"""Of a chain of no more forms there is no chart."""
MAX_NAMED_PARTS = 3
"""Projects or stocks that a cell or a sentence names."""


@dataclass(frozen=True)
class ChainWording:
    """A chain in words."""

    wording: PlanWording
    number: int
    outcome: ChainOutcome

    @cached_property
    def title(self) -> str:
        """The forms that nothing else is made of."""
        taken = {m for plant in self.outcome.plants for m in plant.inputs_t_per_t}
        return join_with_and(
            [self.form_name(f.material) for f in self.outcome.forms if f.material not in taken]
        )

    @property
    def has_chart(self) -> bool:
        """Whether there is a chart of it: of a few forms all stands in a sentence."""
        return len(self.outcome.forms) > MAX_FORMS_WITHOUT_CHART

    @property
    def year(self) -> int:
        """The year that is told of."""
        return self.outcome.year

    def form_name(self, material: str) -> str:
        """The name of a form."""
        return self.wording.name("materials", material)

    def plant_name(self, id: str, is_project: bool) -> str:
        """The name of a conversion or of a project with inputs."""
        return self.wording.name("projects" if is_project else "conversions", id)

    def stage_name(self, bottleneck: Bottleneck) -> str:
        """A stage in words."""
        form = self.form_name(bottleneck.material)
        if bottleneck.stage == "making":
            return tr("plants for {form}", form=form)
        return tr("tonnes of {form}", form=form)

    def part_names(self, projects: Sequence[str], stocks: Sequence[str] = ()) -> str:
        """Parts of the plan, the first few by name."""
        names = [self.wording.name("projects", p) for p in projects]
        names += [self.wording.name("stockpiles", h) for h in stocks]
        if len(names) > MAX_NAMED_PARTS + 1:
            more = tr("{count} more", count=len(names) - MAX_NAMED_PARTS)
            names = [*names[:MAX_NAMED_PARTS], more]
        return join_with_and(names)


def describe_shortages(chain_wording: ChainWording) -> str:
    """How often the chain is short, and what is the bottleneck then."""
    chain, say = chain_wording.outcome, chain_wording.wording
    about = {
        "year": chain.year,
        "before": format_rounded_percent(chain.short_without_plan),
        "after": format_rounded_percent(chain.short),
    }
    if chain.short_without_plan <= ZERO_TOLERANCE and chain.short <= ZERO_TOLERANCE:
        return tr("In no state is anything missing, with or without the plan.")
    said = tr(
        "{year} is the year in which most is expected to be missing without the plan: something is "
        "missing then in {before} of states, and in {after} with the plan.",
        **about,
    )
    of_chain = [m for m in say.plan.materials if m.id in {f.material for f in chain.forms}]
    said += " " + tr(
        "{expected} in the chain, all years: {before} without the plan, {after} with it.",
        expected=capitalize(say.expected_outcome),
        before=say.amount_for_sentence(sum(m.expected_without_plan for m in of_chain)),
        after=say.amount_for_sentence(sum(m.expected for m in of_chain)),
    )
    found = chain.bottlenecks
    without = max(found, key=lambda b: b.share_without_plan, default=None)
    within = max(found, key=lambda b: b.share, default=None)
    if without is not None and without.share_without_plan > 0:
        said += " " + tr(
            "What lacks most often in these states without the plan: {stage} ({share}).",
            stage=chain_wording.stage_name(without),
            share=format_rounded_percent(without.share_without_plan),
        )
    if within is not None and within.share > 0:
        said += " " + tr(
            "With the plan: {stage} ({share}).",
            stage=chain_wording.stage_name(within),
            share=format_rounded_percent(within.share),
        )
    return said


def describe_stages(chain_wording: ChainWording, stages: ChainStages) -> str:
    """What the stages of the plan are worth without one another."""
    say = chain_wording.wording
    return tr(
        "What feeds {form} ({earlier}) avoids {earlier_with} with the planned plants for it "
        "({later}), and {earlier_alone} without them. The plants avoid {later_with} with what "
        "feeds them, and {later_alone} without.",
        form=chain_wording.form_name(stages.output),
        earlier=chain_wording.part_names(stages.earlier_projects, stages.earlier_stockpiles),
        later=chain_wording.part_names(stages.projects),
        earlier_with=say.amount_for_sentence(stages.earlier),
        earlier_alone=say.amount_for_sentence(stages.earlier_alone),
        later_with=say.amount_for_sentence(stages.later),
        later_alone=say.amount_for_sentence(stages.later_alone),
    )
