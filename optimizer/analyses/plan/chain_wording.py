"""Names and sentences for the chains of a plan."""

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
"""Largest number of forms of a chain that has no chart."""
MAX_NAMED_PARTS = 3
"""Number of projects or stockpiles that a text names, if it only counts the others."""


@dataclass(frozen=True)
class ChainWording:
    """A chain of a plan, with the names that texts use."""

    wording: PlanWording
    number: int
    outcome: ChainOutcome

    @cached_property
    def title(self) -> str:
        """The names of the chain's final forms, which no plant takes in."""
        input_materials = {m for plant in self.outcome.plants for m in plant.inputs_t_per_t}
        final_forms = [
            form.material for form in self.outcome.forms if form.material not in input_materials
        ]
        return join_with_and([*map(self.form_name, final_forms)])

    @property
    def has_chart(self) -> bool:
        """Whether the chain has enough forms for a chart; for few forms a sentence is enough."""
        return len(self.outcome.forms) > MAX_FORMS_WITHOUT_CHART

    @property
    def year(self) -> int:
        """The year to which the outcome of the chain refers."""
        return self.outcome.year

    def form_name(self, material: str) -> str:
        """Return the display name of a material of the chain, such as an oxide or a magnet."""
        return self.wording.name("materials", material)

    def plant_name(self, id: str, is_project: bool) -> str:
        """Return the display name of a conversion, or of a project that takes in materials."""
        return self.wording.name("projects" if is_project else "conversions", id)

    def stage_name(self, bottleneck: Bottleneck) -> str:
        """Return the name of the bottleneck stage: the plants that make a form, or the tonnes of
        it."""
        form = self.form_name(bottleneck.material)
        if bottleneck.stage == "making":
            return tr("plants for {form}", form=form)
        return tr("tonnes of {form}", form=form)

    def part_names(self, projects: Sequence[str], stocks: Sequence[str] = ()) -> str:
        """Return the first few names of projects and stockpiles, and the number of the others."""
        names = [self.wording.name("projects", p) for p in projects]
        names += [self.wording.name("stockpiles", h) for h in stocks]
        if len(names) > MAX_NAMED_PARTS + 1:
            more_text = tr("{count} more", count=len(names) - MAX_NAMED_PARTS)
            names = [*names[:MAX_NAMED_PARTS], more_text]
        return join_with_and(names)


def describe_shortages(chain_wording: ChainWording) -> str:
    """Return sentences on how often the chain has a shortage, and which stage is then the
    bottleneck."""
    chain, wording = chain_wording.outcome, chain_wording.wording
    sentence_fields = {
        "year": chain.year,
        "before": format_rounded_percent(chain.short_without_plan),
        "after": format_rounded_percent(chain.short),
    }
    if chain.short_without_plan <= ZERO_TOLERANCE and chain.short <= ZERO_TOLERANCE:
        return tr("In no state is anything missing, with or without the plan.")
    text = tr(
        "{year} is the year in which most is expected to be missing without the plan: something is "
        "missing then in {before} of states, and in {after} with the plan.",
        **sentence_fields,
    )
    forms = {form.material for form in chain.forms}
    chain_materials = [m for m in wording.plan.materials if m.id in forms]
    text += " " + tr(
        "{expected} in the chain, all years: {before} without the plan, {after} with it.",
        expected=capitalize(wording.expected_outcome),
        before=wording.amount_for_sentence(sum(m.expected_without_plan for m in chain_materials)),
        after=wording.amount_for_sentence(sum(m.expected for m in chain_materials)),
    )
    bottlenecks = chain.bottlenecks
    main_without_plan = max(bottlenecks, key=lambda b: b.share_without_plan, default=None)
    main_with_plan = max(bottlenecks, key=lambda b: b.share, default=None)
    if main_without_plan is not None and main_without_plan.share_without_plan > 0:
        text += " " + tr(
            "What lacks most often in these states without the plan: {stage} ({share}).",
            stage=chain_wording.stage_name(main_without_plan),
            share=format_rounded_percent(main_without_plan.share_without_plan),
        )
    if main_with_plan is not None and main_with_plan.share > 0:
        text += " " + tr(
            "With the plan: {stage} ({share}).",
            stage=chain_wording.stage_name(main_with_plan),
            share=format_rounded_percent(main_with_plan.share),
        )
    return text


def describe_stages(chain_wording: ChainWording, stages: ChainStages) -> str:
    """Return sentences on the damage that two consecutive stages avoid together and alone."""
    wording = chain_wording.wording
    return tr(
        "What feeds {form} ({earlier}) avoids {earlier_with} with the planned plants for it "
        "({later}), and {earlier_alone} without them. The plants avoid {later_with} with what "
        "feeds them, and {later_alone} without.",
        form=chain_wording.form_name(stages.output),
        earlier=chain_wording.part_names(stages.earlier_projects, stages.earlier_stockpiles),
        later=chain_wording.part_names(stages.projects),
        earlier_with=wording.amount_for_sentence(stages.earlier),
        earlier_alone=wording.amount_for_sentence(stages.earlier_alone),
        later_with=wording.amount_for_sentence(stages.later),
        later_alone=wording.amount_for_sentence(stages.later_alone),
    )
