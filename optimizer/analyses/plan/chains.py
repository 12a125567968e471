"""Chains of materials: what flows, where they break, and what each stage of the plan is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.language import tr
from models.results import ChainForm, FormFlow
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.chain_sheets import all_flows_table, all_plants_table, all_values_table
from optimizer.analyses.plan.chain_wording import (
    MAX_FORMS_WITHOUT_CHART,
    ChainWording,
    describe_shortages,
    describe_stages,
)
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import chains as charts
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
from optimizer.report.wording import capitalize, join_with_and

MIN_MARKED_SHARE = 0.2
"""Share of short states from which on a chart marks a bottleneck."""


def build_sections(wording: PlanWording) -> list[Section]:
    """Each chain; a sheet has the flows and values of all of them."""
    # Those that have a chart stand first.
    known = sorted(
        (c for c in wording.plan.chains if c.forms),
        key=lambda c: len(c.forms) <= MAX_FORMS_WITHOUT_CHART,
    )
    told = [ChainWording(wording, number, chain) for number, chain in enumerate(known, 1)]
    title = tr("From form to form: where chains break, and what each stage is worth")
    untold: list[Part] = []
    if wording.plan.chains_untold:
        failed = tr(
            "The solver failed on the programs that tell of these forms: {forms}. The plan and its "
            "figures do not depend on them.",
            forms=join_with_and([wording.name("materials", m) for m in wording.plan.chains_untold]),
        )
        untold = [doc.Text(failed)]
    if not told:
        return [Section("chains", title, untold, sheet_name=tr("Chains"))] if untold else []
    by_year = tr("What flows in chains, and what a tonne of each form is worth")
    parts = [part for one in told if one.has_chart for part in _chain_parts(one, TERMINAL_AND_PAGE)]
    plain = [one for one in told if not one.has_chart]
    if plain:
        parts.append(doc.Terms([(one.title, describe_shortages(one)) for one in plain], PAGE))
    parts += [part for one in plain for part in _chain_parts(one, TERMINAL)]
    sheet = [all_flows_table(told), all_plants_table(told), all_values_table(told)]
    return [
        Section(
            "chains",
            title,
            [*untold, *parts, _bottlenecks_table(told, SHEET), _part_values_table(told, SHEET)],
            sheet_name=tr("Chains"),
        ),
        Section("chain-flows", by_year, sheet, SHEET, sheet_name=tr("Flows in chains")),
    ]


def _chain_parts(chain_wording: ChainWording, on: doc.Media) -> Iterator[Part]:
    """A chain, whose heading and sentence stand ``on`` some media only."""
    yield doc.Heading(chain_wording.title, on)
    yield doc.Text(describe_shortages(chain_wording), on)
    yield _forms_table(chain_wording)
    yield _bottlenecks_table([chain_wording], TERMINAL_AND_PAGE)
    for stages in chain_wording.outcome.stages:
        yield doc.Text(describe_stages(chain_wording, stages), TERMINAL_AND_PAGE)
    yield _part_values_table([chain_wording], TERMINAL_AND_PAGE)


def _used_tonnes(flow: FormFlow) -> float:
    """Tonnes that reach consumers or are made into other forms."""
    return flow.demand_t - flow.missing_t + flow.taken_t


def _forms_table(chain_wording: ChainWording) -> Table:
    """What of each form is used, and what a tonne of it is worth, under the picture."""
    say, year, case = (
        chain_wording.wording,
        str(chain_wording.outcome.year),
        chain_wording.wording.case,
    )
    worst = tr("Used in {year}, t", year=year)
    value = _value_header(say, chain_wording.outcome.year)

    def figure(header: str, of: doc.ValueGetter, group: str) -> Column:
        return Column(header, of, _row_number_form, group=group)

    def price(form: ChainForm) -> float | None:
        known = case.materials.get(form.material) if case else None
        return (
            None if known is None else float(known.price_eur_per_t.at(chain_wording.outcome.year))
        )

    columns = [
        Column(tr("Form"), lambda form: chain_wording.form_name(form.material), "text"),
        figure(tr("Undisturbed"), lambda form: _used_tonnes(form.undisturbed), worst),
        figure(
            tr("Worst {share} without plan", share=say.worst_share),
            lambda form: _used_tonnes(form.worst_without_plan),
            worst,
        ),
        figure(tr("The same with plan"), lambda form: _used_tonnes(form.worst), worst),
        figure(tr("Without plan"), lambda form: form.value_without_plan_per_t.get(year), value),
        figure(tr("With plan"), lambda form: form.value_per_t.get(year), value),
    ]
    if say.counts_damage and case is not None:
        columns.append(figure(tr("Market price"), price, value))
    note = tr(
        "Used: reaches consumers or is made into another form. Worst {share}: mean of the states "
        "in which the chain loses most without the plan, and of the same states with it. Value of "
        "a tonne: with one more in that year {expected} would be lower by this at most, with one "
        "less higher by this at least ({mean}); the two part where feed and plants match exactly. "
        "Where nothing is missing it is 0.",
        share=say.worst_share,
        expected=say.expected_outcome,
        mean=tr("mean of all states, money of that year")
        if say.counts_damage
        else tr("mean of all states"),
    )
    caption = tr("{forms}: what is used, and what a tonne is worth", forms=chain_wording.title)
    name = f"chain-{chain_wording.number}"
    chart, note = (
        _flow_chart(chain_wording) if chain_wording.has_chart else None,
        _note_on_first_chain(chain_wording, note),
    )
    return Table(
        caption,
        chain_wording.outcome.forms,
        columns,
        name,
        note,
        chart=chart,
        is_folded=True,
        media=TERMINAL_AND_PAGE,
    )


def _row_number_form(_row: ChainForm) -> doc.ValueForm:
    """Decimals of each row by itself: of one form there are thousands of tonnes, of another few."""
    return "number"


def _note_on_first_chain(chain_wording: ChainWording, note: str) -> str:
    """A note that the first chain has for all of them."""
    return note if chain_wording.number == 1 else ""


def _empty_table_text(on: doc.Media) -> str:
    """What a table without rows says: a sheet has it in any case."""
    return tr("There are none.") if on is SHEET else ""


def _value_header(wording: PlanWording, year: int) -> str:
    if wording.counts_damage:
        return tr("Value of a tonne in {year}, {currency}", year=year, currency=wording.currency)
    return tr("Shortage avoided by a tonne in {year}, {unit}", year=year, unit=wording.unit)


def _flow_chart(chain_wording: ChainWording) -> Chart:
    chain = chain_wording.outcome
    names = {form.material: chain_wording.form_name(form.material) for form in chain.forms}
    links = [
        (taken, plant.output)
        for plant in chain.plants
        for taken in plant.inputs_t_per_t
        if {taken, plant.output} <= names.keys()
    ]
    links = list(dict.fromkeys(links))
    share = chain_wording.wording.worst_share
    panels = [
        _chart_panel(chain_wording, links, "undisturbed", "undisturbed_t", None, tr("Undisturbed")),
        _chart_panel(
            chain_wording, links, "worst_without_plan", "worst_without_plan_t", "share_without_plan",
            tr("Worst {share} of states, without the plan", share=share),
        ),
        _chart_panel(
            chain_wording, links, "worst", "worst_t", "share", tr("The same states, with the plan"),
        ),
    ]  # fmt: skip
    title = tr(
        "{forms}: where tonnes come from in {year}", forms=chain_wording.title, year=chain.year
    )
    told = tr(
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
        told,
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
    chain, lacks = chain_wording.outcome, dict[tuple[str, str], float]()
    for stage in chain.bottlenecks if share_field is not None else ():
        if (often := getattr(stage, share_field or "")) >= MIN_MARKED_SHARE:
            lacks[stage.material, stage.stage] = often
    forms = {}
    for form in chain.forms:
        flow: FormFlow = getattr(form, flow_field)
        comes = (flow.supply_t, flow.made_t, flow.projects_t, flow.released_t, flow.missing_t)
        marks = (lacks.get((form.material, kind)) for kind in ("supply", "making"))
        forms[form.material] = charts.FormBalance(comes, flow.demand_t, *marks)
    bands = []
    for taken, output in links:
        some = [
            (float(getattr(plant, plant_field)), plant.inputs_t_per_t[taken])
            for plant in chain.plants
            if plant.output == output and taken in plant.inputs_t_per_t
        ]
        tonnes = sum(t * ratio for t, ratio in some)
        bands.append(charts.ConversionBand(taken, output, tonnes, sum(t for t, _ in some)))
    return charts.FlowPanel(title, forms, bands)


def _bottlenecks_table(chains: Sequence[ChainWording], on: doc.Media) -> Table:
    """Which stage is the bottleneck how often, without the plan and with it."""
    rows = [(one, stage) for one in chains for stage in one.outcome.bottlenecks]
    columns = [
        col.text_column(tr("Chain"), lambda row: row[0].title, media=SHEET),
        col.text_column(tr("What lacks first"), lambda row: capitalize(row[0].stage_name(row[1]))),
        col.figure_column(tr("Without plan"), "without", "share", "1.share_without_plan"),
        col.figure_column(tr("With plan"), "with", "share", "1.share"),
        *col.id_columns(material_id="1.material", field="1.stage"),
    ]
    note = tr(
        "Share of the states in which something is missing in the year. What lacks first: from the "
        "form whose shortage costs most downwards, plants or an input, whichever a little more of "
        "would help most. Where the two match exactly both lack, and one of them is named."
    )
    caption, name = tr("Bottlenecks"), "bottlenecks"
    if on is TERMINAL_AND_PAGE:
        (one,) = chains
        caption = tr("{forms}: bottlenecks in {year}", forms=one.title, year=one.year)
        name, note = f"bottlenecks-{one.number}", _note_on_first_chain(one, note)
    return Table(
        caption,
        rows,
        columns,
        name,
        note,
        is_folded=True,
        media=on,
        empty_text=_empty_table_text(on),
    )


@dataclass(frozen=True)
class _PartValue:
    """What a part of the plan avoids, with and without another."""

    chain_wording: ChainWording
    part_name: str
    avoided: float
    without_part: str | None = None
    avoided_without_part: float | None = None


def _part_values(chain_wording: ChainWording) -> Iterator[_PartValue]:
    for stages in chain_wording.outcome.stages:
        form = chain_wording.form_name(stages.output)
        feeds, plants = (
            tr("What feeds {form}", form=form),
            tr("Planned plants for {form}", form=form),
        )
        yield _PartValue(chain_wording, feeds, stages.earlier, plants, stages.earlier_alone)
        yield _PartValue(chain_wording, plants, stages.later, feeds, stages.later_alone)
    for project in chain_wording.outcome.projects:
        yield _PartValue(
            chain_wording, chain_wording.wording.name("projects", project.id), project.avoided
        )
    for pile in chain_wording.outcome.stockpiles:
        yield _PartValue(
            chain_wording, chain_wording.wording.name("stockpiles", pile.id), pile.avoided
        )


def _part_values_table(chains: Sequence[ChainWording], on: doc.Media) -> Table:
    """What parts of the plan avoid, with the rest of it and without the stage beside them."""
    rows = [part for one in chains for part in _part_values(one)]
    columns = [
        col.text_column(tr("Chain"), lambda row: row.chain_wording.title, media=SHEET),
        col.text_column(tr("Part of the plan"), "part_name"),
        col.figure_column(tr("Avoids, with the rest"), "avoided", "outcome", decimals_group="all"),
        col.text_column(tr("Without"), "without_part"),
        col.figure_column(
            tr("Avoids then"), "alone", "outcome", "avoided_without_part", decimals_group="all"
        ),
    ]
    say = chains[0].wording
    note = tr(
        "{expected} in the chain without the part, less that with it, over all years. The rest of "
        "the plan stays as it is; a plan made without the part might do otherwise.",
        expected=capitalize(say.expected_outcome),
    )
    caption, name = (
        tr("What parts of the plan avoid ({unit})", unit=say.unit),
        "worth",
    )
    if on is TERMINAL_AND_PAGE:
        (one,) = chains
        caption = tr(
            "{forms}: what parts of the plan avoid ({unit})", forms=one.title, unit=say.unit
        )
        name, note = f"worth-{one.number}", _note_on_first_chain(one, note)
    return Table(
        caption,
        rows,
        columns,
        name,
        note,
        is_folded=True,
        media=on,
        empty_text=_empty_table_text(on),
    )


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """What comes of each form goes somewhere."""
    if wording.plan.chains:
        says = tr("What comes of each form of a chain is what goes")
        yield doc.no_deviation_check(says, "chain-flows", col.column_sum("chain-flows", "demand"))
