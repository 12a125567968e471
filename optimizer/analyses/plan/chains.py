"""Chains of materials: flows, bottlenecks, and the damage that each stage of the plan avoids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from models.language import tr
from models.results import Bottleneck, ChainForm, ChainOutcome, ChainStages, FormFlow
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart, supply_charts as charts
from optimizer.report.document import (
    PAGE,
    SHEET,
    TERMINAL,
    TERMINAL_AND_PAGE,
    Check,
    Column,
    Part,
    Section,
    Table,
)
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


MIN_MARKED_SHARE = 0.2
"""Share of the states with a shortage from which on a chart marks a bottleneck."""


def build_sections(wording: PlanWording) -> list[Section]:
    """Build the section on chains, and one with sheets of flows and marginal values."""
    # Chains with a chart come first.
    outcomes = sorted(
        (c for c in wording.plan.chains if c.forms),
        key=lambda c: len(c.forms) <= MAX_FORMS_WITHOUT_CHART,
    )
    chains = [ChainWording(wording, number, outcome) for number, outcome in enumerate(outcomes, 1)]
    title = tr("From form to form: where chains break, and what each stage is worth")
    failure_notes: list[Part] = []
    if wording.plan.chains_untold:
        text = tr(
            "The solver failed on the programs that describe these forms: {forms}. The plan "
            "and its figures do not depend on them.",
            forms=join_with_and([wording.name("materials", m) for m in wording.plan.chains_untold]),
        )
        failure_notes = [doc.Text(text)]
    if not chains:
        failure_section = Section("chains", title, failure_notes, sheet_name=tr("Chains"))
        return [failure_section] if failure_notes else []
    sheet_title = tr("What flows in chains, and what a tonne of each form is worth")
    with_chart = [chain for chain in chains if chain.has_chart]
    chain_parts = [part for chain in with_chart for part in _chain_parts(chain, TERMINAL_AND_PAGE)]
    without_chart = [chain for chain in chains if not chain.has_chart]
    if without_chart:
        chain_parts.append(
            doc.Terms([(chain.title, describe_shortages(chain)) for chain in without_chart], PAGE)
        )
    chain_parts += [part for chain in without_chart for part in _chain_parts(chain, TERMINAL)]
    sheet_tables = [_all_flows_table(chains), _all_values_table(chains)]
    chain_parts = [*failure_notes, *chain_parts]
    chain_parts += [_bottlenecks_table(chains, SHEET), _part_values_table(chains, SHEET)]
    return [
        Section("chains", title, chain_parts, sheet_name=tr("Chains")),
        Section("chain-flows", sheet_title, sheet_tables, SHEET, sheet_name=tr("Flows in chains")),
    ]


def _chain_parts(chain_wording: ChainWording, heading_media: doc.Media) -> Iterator[Part]:
    """Yield the parts on one chain; ``heading_media`` show its heading and its shortages."""
    yield doc.Heading(chain_wording.title, heading_media)
    yield doc.Text(describe_shortages(chain_wording), heading_media)
    yield _forms_table(chain_wording)
    yield _bottlenecks_table([chain_wording], TERMINAL_AND_PAGE)
    for stages in chain_wording.outcome.stages:
        yield doc.Text(describe_stages(chain_wording, stages), TERMINAL_AND_PAGE)
    yield _part_values_table([chain_wording], TERMINAL_AND_PAGE)


def _used_tonnes(flow: FormFlow) -> float:
    """Return the tonnes of a form that reach consumers or are converted into other forms."""
    return flow.demand_t - flow.missing_t + flow.taken_t


def _forms_table(chain_wording: ChainWording) -> Table:
    """Return a table with the used tonnes and marginal value of each form, and the flow chart."""
    wording = chain_wording.wording
    year = str(chain_wording.outcome.year)
    case = chain_wording.wording.case
    used_header = tr("Used in {year}, t", year=year)
    value_header = _value_header(wording, chain_wording.outcome.year)

    def figure(header: str, getter: doc.ValueGetter, group: str) -> Column:
        # Decimals are set by row, since magnitudes differ between forms.
        return Column(header, getter, lambda _row: "number", group=group)

    def price(form: ChainForm) -> float | None:
        material = case.materials.get(form.material) if case else None
        return float(material.price_eur_per_t.at(int(year))) if material else None

    columns = [
        Column(tr("Form"), lambda form: chain_wording.form_name(form.material), "text"),
        figure(tr("Undisturbed"), lambda form: _used_tonnes(form.undisturbed), used_header),
        figure(
            tr("Worst {share} without plan", share=wording.worst_share),
            lambda form: _used_tonnes(form.worst_without_plan),
            used_header,
        ),
        figure(tr("The same with plan"), lambda form: _used_tonnes(form.worst), used_header),
        figure(
            tr("Without plan"), lambda form: form.value_without_plan_per_t.get(year), value_header
        ),
        figure(tr("With plan"), lambda form: form.value_per_t.get(year), value_header),
    ]
    if wording.counts_damage and case is not None:
        columns.append(figure(tr("Market price"), price, value_header))
    note = tr(
        "Used: reaches consumers or is made into another form. Worst {share}: mean of the states "
        "in which the chain loses most without the plan, and of the same states with it. Value of "
        "a tonne: with one more in that year {expected} would be lower by this at most, with one "
        "less higher by this at least ({mean}); the two part where feed and plants match exactly. "
        "Where nothing is missing it is 0.",
        share=wording.worst_share,
        expected=wording.expected_outcome,
        mean=tr("mean of all states, money of that year")
        if wording.counts_damage
        else tr("mean of all states"),
    )
    caption = tr("{forms}: what is used, and what a tonne is worth", forms=chain_wording.title)
    name = f"chain-{chain_wording.number}"
    return Table(
        caption, chain_wording.outcome.forms, columns, name,
        note if chain_wording.number == 1 else "",
        chart=_flow_chart(chain_wording) if chain_wording.has_chart else None, is_collapsed=True,
        media=TERMINAL_AND_PAGE,
    )  # fmt: skip


def _value_header(wording: PlanWording, year: int) -> str:
    if wording.counts_damage:
        return tr("Value of a tonne in {year}, {currency}", year=year, currency=wording.currency)
    return tr("Shortage avoided by a tonne in {year}, {unit}", year=year, unit=wording.unit)


def _flow_chart(chain_wording: ChainWording) -> Chart:
    chain = chain_wording.outcome
    names = {form.material: chain_wording.form_name(form.material) for form in chain.forms}
    links = [
        (input_material, plant.output)
        for plant in chain.plants
        for input_material in plant.inputs_t_per_t
        if {input_material, plant.output} <= names.keys()
    ]
    links = list(dict.fromkeys(links))
    share = chain_wording.wording.worst_share
    panels = [
        _chart_panel(chain_wording, links, "undisturbed", "undisturbed_t", None, tr("Undisturbed")),
        _chart_panel(chain_wording, links, "worst_without_plan", "worst_without_plan_t",
            "share_without_plan", tr("Worst {share} of states, without the plan", share=share)),
        _chart_panel(
            chain_wording, links, "worst", "worst_t", "share", tr("The same states, with the plan"),
        ),
    ]  # fmt: skip
    title = tr(
        "{forms}: where tonnes come from in {year}", forms=chain_wording.title, year=chain.year
    )
    description = tr(
        "Three rows: undisturbed, the worst states without the plan, the same with it. A bar "
        "stands for a form, from raw material on the left to product on the right, by tonnes, each "
        "form on a scale of its own: what comes from the market, from projects and from stocks, "
        "what is made of other forms, and what is missing. Bands lead from a form to what is made "
        "of it. Red marks: how often tonnes or plants lack there first, of the states in which "
        "anything in the chain is missing."
    )
    return Chart(
        f"chain-{chain_wording.number}",
        title,
        description,
        lambda: charts.flow_panels(names, links, panels),
    )


def _chart_panel(
    chain_wording: ChainWording,
    links: Sequence[tuple[str, str]],
    flow_field: str,
    plant_field: str,
    share_field: str | None,
    title: str,
) -> charts.FlowPanel:
    chain, bottleneck_shares = chain_wording.outcome, dict[tuple[str, str], float]()
    for stage in chain.bottlenecks if share_field is not None else ():
        if (frequency := getattr(stage, share_field or "")) >= MIN_MARKED_SHARE:
            bottleneck_shares[stage.material, stage.stage] = frequency
    forms = {}
    for form in chain.forms:
        flow: FormFlow = getattr(form, flow_field)
        inflows = (flow.supply_t, flow.made_t, flow.projects_t, flow.released_t, flow.missing_t)
        shares = (bottleneck_shares.get((form.material, kind)) for kind in ("supply", "making"))
        forms[form.material] = charts.FormBalance(inflows, flow.demand_t, *shares)
    bands = []
    for input_material, output in links:
        tonnes_and_ratios = [
            (float(getattr(plant, plant_field)), plant.inputs_t_per_t[input_material])
            for plant in chain.plants
            if plant.output == output and input_material in plant.inputs_t_per_t
        ]
        tonnes = sum(t * ratio for t, ratio in tonnes_and_ratios)
        produced_tonnes = sum(t for t, _ in tonnes_and_ratios)
        bands.append(charts.ConversionBand(input_material, output, tonnes, produced_tonnes))
    return charts.FlowPanel(title, forms, bands)


def _bottlenecks_table(chains: Sequence[ChainWording], media: doc.Media) -> Table:
    """Return a table of the share of short states in which each stage is the bottleneck, without
    and with the plan."""
    rows = [(chain, stage) for chain in chains for stage in chain.outcome.bottlenecks]
    columns = [
        Column(tr("Chain"), lambda row: row[0].title, "text", media=SHEET),
        Column(tr("What lacks first"), lambda row: capitalize(row[0].stage_name(row[1])), "text"),
        Column(tr("Without plan"), "1.share_without_plan", "share"),
        Column(tr("With plan"), "1.share", "share"),
    ]
    note = tr(
        "Share of the states in which something is missing in the year. What lacks first: from the "
        "form whose shortage costs most downwards, plants or an input, whichever a little more of "
        "would help most. Where the two match exactly both lack, and one of them is named."
    )
    caption = tr("Bottlenecks")
    if media is TERMINAL_AND_PAGE:
        (chain,) = chains
        caption = tr("{forms}: bottlenecks in {year}", forms=chain.title, year=chain.year)
    return _chain_table(chains, caption, rows, columns, "bottlenecks", note, media)


def _chain_table(
    chains: Sequence[ChainWording],
    caption: str,
    rows: Sequence[object],
    columns: Sequence[Column],
    name: str,
    note: str,
    media: doc.Media,
) -> Table:
    """Return the table of all chains on a sheet, or the table of one chain on other media.

    Only the first chain of several tables has the note.
    """
    empty_text = tr("There are none.")
    if media is TERMINAL_AND_PAGE:
        (chain,) = chains
        name, empty_text = f"{name}-{chain.number}", ""
        note = note if chain.number == 1 else ""
    return Table(
        caption, rows, columns, name, note, is_collapsed=True, media=media, empty_text=empty_text
    )


@dataclass(frozen=True)
class _PartValue:
    """Outcome that one part of the plan avoids, with all other parts and without one of them."""

    chain_wording: ChainWording
    part_name: str
    avoided: float
    without_part: str | None = None
    avoided_without_part: float | None = None


def _part_values(chain_wording: ChainWording) -> Iterator[_PartValue]:
    for stages in chain_wording.outcome.stages:
        form = chain_wording.form_name(stages.output)
        feed_name = tr("What feeds {form}", form=form)
        plant_name = tr("Planned plants for {form}", form=form)
        yield _PartValue(chain_wording, feed_name, stages.earlier, plant_name, stages.earlier_alone)
        yield _PartValue(chain_wording, plant_name, stages.later, feed_name, stages.later_alone)
    for kind in ("projects", "stockpiles"):
        for item in getattr(chain_wording.outcome, kind):
            name = chain_wording.wording.name(kind, item.id)
            yield _PartValue(chain_wording, name, item.avoided)


def _part_values_table(chains: Sequence[ChainWording], media: doc.Media) -> Table:
    """Return a table with the outcome that each part of the plan avoids.

    The columns are for the rest of the plan as it is, and without the adjoining stage.
    """
    rows = [part for chain in chains for part in _part_values(chain)]
    columns = [
        Column(tr("Chain"), lambda row: row.chain_wording.title, "text", media=SHEET),
        Column(tr("Part of the plan"), "part_name", "text"),
        Column(tr("Avoids, with the rest"), "avoided", "outcome", decimals_group="all"),
        Column(tr("Without"), "without_part", "text"),
        Column(tr("Avoids then"), "avoided_without_part", "outcome", decimals_group="all"),
    ]
    wording = chains[0].wording
    note = tr(
        "{expected} in the chain without the part, less that with it, over all years. The rest of "
        "the plan stays as it is; a plan made without the part might do otherwise.",
        expected=capitalize(wording.expected_outcome),
    )
    caption = tr("What parts of the plan avoid ({unit})", unit=wording.unit)
    if media is TERMINAL_AND_PAGE:
        (chain,) = chains
        caption = tr(
            "{forms}: what parts of the plan avoid ({unit})", forms=chain.title, unit=wording.unit
        )
    return _chain_table(chains, caption, rows, columns, "worth", note, media)


def _all_flows_table(chains: Sequence[ChainWording]) -> Table:
    """Return a table of each form's inflows and outflows in tonnes a year: undisturbed, and in the
    worst states without and with the plan."""
    share = chains[0].wording.worst_share
    case_titles = {
        "undisturbed": tr("Undisturbed"),
        "worst_without_plan": tr("Worst {share} without plan", share=share),
        "worst": tr("The same with plan"),
    }
    rows = [
        (chain, form, case_title, getattr(form, field))
        for chain in chains
        for form in chain.outcome.forms
        for field, case_title in case_titles.items()
    ]
    figures = {
        "supply_t": tr("From the market"),
        "projects_t": tr("From projects"),
        "made_t": tr("Made of other forms"),
        "released_t": tr("From stocks"),
        "missing_t": tr("Missing"),
        "demand_t": tr("Demand"),
        "taken_t": tr("Taken in for other forms"),
        "unused_t": tr("Not needed"),
    }
    columns = [
        Column(tr("Chain"), lambda row: row[0].title, "text"),
        Column(tr("Form"), lambda row: row[0].form_name(row[1].material), "text"),
        Column(tr("Year"), "0.outcome.year", "year"),
        Column(tr("Case"), "2", "text"),
        *(Column(header, f"3.{field}", "tonnes") for field, header in figures.items()),
    ]
    caption = tr("Tonnes a year of each form, by where they come from and where they go")
    return Table(caption, rows, columns, "chain-flows")


def _all_values_table(chains: Sequence[ChainWording]) -> Table:
    """Return a table with the marginal value of one tonne of each form, by year."""
    wording = chains[0].wording
    case_titles = {"value_without_plan_per_t": tr("Without plan"), "value_per_t": tr("With plan")}
    rows = [
        (chain, form, case_title, getattr(form, field))
        for chain in chains
        for form in chain.outcome.forms
        for field, case_title in case_titles.items()
    ]
    columns = [
        Column(tr("Chain"), lambda row: row[0].title, "text"),
        Column(tr("Form"), lambda row: row[0].form_name(row[1].material), "text"),
        Column(tr("Case"), "2", "text"),
        *doc.year_columns(wording.years, itemgetter(3), "number"),
    ]
    unit = wording.currency if wording.counts_damage else wording.unit
    caption = tr("What a tonne of each form is worth, {unit} per t", unit=unit)
    return Table(caption, rows, columns, "chain-values")


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield a check that the inflows of each form equal its outflows."""
    flows = [
        flow
        for chain in wording.plan.chains
        for form in chain.forms
        for flow in (form.undisturbed, form.worst_without_plan, form.worst)
    ]
    if flows:
        deviations = [
            abs(x.supply_t + x.made_t + x.projects_t + x.released_t + x.missing_t
                - x.demand_t - x.taken_t)
            for x in flows
        ]  # fmt: skip
        statement = tr("What comes of each form of a chain is what goes")
        yield Check(statement, max(deviations), scale=max(x.demand_t for x in flows))
