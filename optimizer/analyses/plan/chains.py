"""Chains of materials: what flows, where they break, and what each stage of the plan is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.language import tr
from models.results import ChainForm, FormFlow
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.chain_sheets import all_flows, all_plants, all_values
from optimizer.analyses.plan.chain_words import FEW_FORMS, Told, short, together
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import chains as charts
from optimizer.report.document import (
    PAGE,
    SHEET,
    TERMINAL,
    TEXT,
    Check,
    Column,
    Part,
    Section,
    Table,
)
from optimizer.report.wording import capital, listed

MARKED = 0.2
"""Share of short states from which on a chart marks a bottleneck."""


def sections(say: PlanWording) -> list[Section]:
    """Each chain; a sheet has the flows and values of all of them."""
    # Those that have a chart stand first.
    known = sorted((c for c in say.plan.chains if c.forms), key=lambda c: len(c.forms) <= FEW_FORMS)
    told = [Told(say, number, chain) for number, chain in enumerate(known, 1)]
    title = tr("From form to form: where chains break, and what each stage is worth")
    untold: list[Part] = []
    if say.plan.chains_untold:
        failed = tr(
            "The solver failed on the programs that tell of these forms: {forms}. The plan and its "
            "figures do not depend on them.",
            forms=listed([say.name("materials", m) for m in say.plan.chains_untold]),
        )
        untold = [doc.Text(failed)]
    if not told:
        return [Section("chains", title, untold, tab=tr("Chains"))] if untold else []
    by_year = tr("What flows in chains, and what a tonne of each form is worth")
    parts = [part for one in told if one.drawn for part in _of_one(one, TEXT)]
    plain = [one for one in told if not one.drawn]
    if plain:
        parts.append(doc.Terms([(one.title, short(one)) for one in plain], PAGE))
    parts += [part for one in plain for part in _of_one(one, TERMINAL)]
    sheet = [all_flows(told), all_plants(told), all_values(told)]
    return [
        Section(
            "chains",
            title,
            [*untold, *parts, _limiting(told, SHEET), _worth(told, SHEET)],
            tab=tr("Chains"),
        ),
        Section("chain-flows", by_year, sheet, SHEET, tab=tr("Flows in chains")),
    ]


def _of_one(one: Told, on: doc.Media) -> Iterator[Part]:
    """A chain, whose heading and sentence stand ``on`` some media only."""
    yield doc.Heading(one.title, on)
    yield doc.Text(short(one), on)
    yield _forms(one)
    yield _limiting([one], TEXT)
    for stages in one.chain.stages:
        yield doc.Text(together(one, stages), TEXT)
    yield _worth([one], TEXT)


def _used(flow: FormFlow) -> float:
    """Tonnes that reach consumers or are made into other forms."""
    return flow.demand_t - flow.missing_t + flow.taken_t


def _forms(one: Told) -> Table:
    """What of each form is used, and what a tonne of it is worth, under the picture."""
    say, year, case = one.say, str(one.chain.year), one.say.case
    worst = tr("Used in {year}, t", year=year)
    value = _value_header(say, one.chain.year)

    def figure(header: str, of: doc.Of, group: str) -> Column:
        return Column(header, of, _by_row, group=group)

    def price(form: ChainForm) -> float | None:
        known = case.materials.get(form.material) if case else None
        return None if known is None else float(known.price_eur_per_t.at(one.chain.year))

    columns = [
        Column(tr("Form"), lambda form: one.form(form.material), "text"),
        figure(tr("Undisturbed"), lambda form: _used(form.undisturbed), worst),
        figure(
            tr("Worst {share} without plan", share=say.worst_share),
            lambda form: _used(form.worst_without_plan),
            worst,
        ),
        figure(tr("The same with plan"), lambda form: _used(form.worst), worst),
        figure(tr("Without plan"), lambda form: form.value_without_plan_per_t.get(year), value),
        figure(tr("With plan"), lambda form: form.value_per_t.get(year), value),
    ]
    if say.of_damage and case is not None:
        columns.append(figure(tr("Market price"), price, value))
    note = tr(
        "Used: reaches consumers or is made into another form. Worst {share}: mean of the states "
        "in which the chain loses most without the plan, and of the same states with it. Value of "
        "a tonne: with one more in that year {expected} would be lower by this at most, with one "
        "less higher by this at least ({mean}); the two part where feed and plants match exactly. "
        "Where nothing is missing it is 0.",
        share=say.worst_share,
        expected=say.expected,
        mean=tr("mean of all states, money of that year")
        if say.of_damage
        else tr("mean of all states"),
    )
    caption = tr("{forms}: what is used, and what a tonne is worth", forms=one.title)
    name = f"chain-{one.number}"
    chart, note = _chart(one) if one.drawn else None, _once(one, note)
    return Table(caption, one.chain.forms, columns, name, note, chart=chart, folded=True, on=TEXT)


def _by_row(_row: ChainForm) -> doc.Form:
    """Decimals of each row by itself: of one form there are thousands of tonnes, of another few."""
    return "number"


def _once(one: Told, note: str) -> str:
    """A note that the first chain has for all of them."""
    return note if one.number == 1 else ""


def _none(on: doc.Media) -> str:
    """What a table without rows says: a sheet has it in any case."""
    return tr("There are none.") if on is SHEET else ""


def _value_header(say: PlanWording, year: int) -> str:
    if say.of_damage:
        return tr("Value of a tonne in {year}, {currency}", year=year, currency=say.currency)
    return tr("Shortage avoided by a tonne in {year}, {unit}", year=year, unit=say.unit)


def _chart(one: Told) -> Chart:
    chain = one.chain
    names = {form.material: one.form(form.material) for form in chain.forms}
    links = [
        (taken, plant.output)
        for plant in chain.plants
        for taken in plant.inputs_t_per_t
        if {taken, plant.output} <= names.keys()
    ]
    links = list(dict.fromkeys(links))
    share = one.say.worst_share
    panels = [
        _panel(one, links, "undisturbed", "undisturbed_t", None, tr("Undisturbed")),
        _panel(
            one, links, "worst_without_plan", "worst_without_plan_t", "share_without_plan",
            tr("Worst {share} of states, without the plan", share=share),
        ),
        _panel(
            one, links, "worst", "worst_t", "share", tr("The same states, with the plan"),
        ),
    ]  # fmt: skip
    title = tr("{forms}: where tonnes come from in {year}", forms=one.title, year=chain.year)
    told = tr(
        "Three rows: undisturbed, the worst states without the plan, the same with it. A bar "
        "stands for a form, from raw material on the left to product on the right, by tonnes, each "
        "form on a scale of its own: what comes from the market, from projects and from stocks, "
        "what is made of other forms, and what is missing. Bands lead from a form to what is made "
        "of it. Red marks: how often tonnes or plants lack there first, of the states in which "
        "anything in the chain is missing."
    )
    return Chart(f"chain-{one.number}", title, told, lambda: charts.flows(names, links, panels))


def _panel(
    one: Told, links: Sequence[tuple[str, str]], side: str, made: str, share: str | None, title: str
) -> charts.Panel:
    chain, lacks = one.chain, dict[tuple[str, str], float]()
    for stage in chain.bottlenecks if share is not None else ():
        if (often := getattr(stage, share or "")) >= MARKED:
            lacks[stage.material, stage.stage] = often
    forms = {}
    for form in chain.forms:
        flow: FormFlow = getattr(form, side)
        comes = (flow.supply_t, flow.made_t, flow.projects_t, flow.released_t, flow.missing_t)
        marks = (lacks.get((form.material, kind)) for kind in ("supply", "making"))
        forms[form.material] = charts.Form(comes, flow.demand_t, *marks)
    bands = []
    for taken, output in links:
        some = [
            (float(getattr(plant, made)), plant.inputs_t_per_t[taken])
            for plant in chain.plants
            if plant.output == output and taken in plant.inputs_t_per_t
        ]
        tonnes = sum(t * ratio for t, ratio in some)
        bands.append(charts.Band(taken, output, tonnes, sum(t for t, _ in some)))
    return charts.Panel(title, forms, bands)


def _limiting(told: Sequence[Told], on: doc.Media) -> Table:
    """Which stage is the bottleneck how often, without the plan and with it."""
    rows = [(one, stage) for one in told for stage in one.chain.bottlenecks]
    columns = [
        col.text(tr("Chain"), lambda row: row[0].title, on=SHEET),
        col.text(tr("What lacks first"), lambda row: capital(row[0].stage(row[1]))),
        col.given(tr("Without plan"), "without", "share", "1.share_without_plan"),
        col.given(tr("With plan"), "with", "share", "1.share"),
        *col.keys(material_id="1.material", field="1.stage"),
    ]
    note = tr(
        "Share of the states in which something is missing in the year. What lacks first: from the "
        "form whose shortage costs most downwards, plants or an input, whichever a little more of "
        "would help most. Where the two match exactly both lack, and one of them is named."
    )
    caption, name = tr("Bottlenecks"), "bottlenecks"
    if on is TEXT:
        (one,) = told
        caption = tr("{forms}: bottlenecks in {year}", forms=one.title, year=one.year)
        name, note = f"bottlenecks-{one.number}", _once(one, note)
    return Table(caption, rows, columns, name, note, folded=True, on=on, empty=_none(on))


@dataclass(frozen=True)
class _Part:
    """What a part of the plan avoids, with and without another."""

    told: Told
    what: str
    avoided: float
    without: str | None = None
    alone: float | None = None


def _parts(one: Told) -> Iterator[_Part]:
    for stages in one.chain.stages:
        form = one.form(stages.output)
        feeds, plants = (
            tr("What feeds {form}", form=form),
            tr("Planned plants for {form}", form=form),
        )
        yield _Part(one, feeds, stages.earlier, plants, stages.earlier_alone)
        yield _Part(one, plants, stages.later, feeds, stages.later_alone)
    for project in one.chain.projects:
        yield _Part(one, one.say.name("projects", project.id), project.avoided)
    for pile in one.chain.stockpiles:
        yield _Part(one, one.say.name("stockpiles", pile.id), pile.avoided)


def _worth(told: Sequence[Told], on: doc.Media) -> Table:
    """What parts of the plan avoid, with the rest of it and without the stage beside them."""
    rows = [part for one in told for part in _parts(one)]
    columns = [
        col.text(tr("Chain"), lambda row: row.told.title, on=SHEET),
        col.text(tr("Part of the plan"), "what"),
        col.given(tr("Avoids, with the rest"), "avoided", "outcome", like="all"),
        col.text(tr("Without"), "without"),
        col.given(tr("Avoids then"), "alone", "outcome", like="all"),
    ]
    say = told[0].say
    note = tr(
        "{expected} in the chain without the part, less that with it, over all years. The rest of "
        "the plan stays as it is; a plan made without the part might do otherwise.",
        expected=capital(say.expected),
    )
    caption, name = (
        tr("What parts of the plan avoid ({unit})", unit=say.unit),
        "worth",
    )
    if on is TEXT:
        (one,) = told
        caption = tr(
            "{forms}: what parts of the plan avoid ({unit})", forms=one.title, unit=say.unit
        )
        name, note = f"worth-{one.number}", _once(one, note)
    return Table(caption, rows, columns, name, note, folded=True, on=on, empty=_none(on))


def checks(say: PlanWording) -> Iterator[Check]:
    """What comes of each form goes somewhere."""
    if say.plan.chains:
        says = tr("What comes of each form of a chain is what goes")
        yield doc.check_rows(says, "chain-flows", col.summed("chain-flows", "demand"))
