"""The document of a stress test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from models.language import tr
from models.results.evaluation import (
    ShortMaterial,
    Stress,
    StressCase,
    StressedPlant,
    StressEvent,
    StressPeriod,
)
from optimizer.report import document as doc
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.document import (
    ALL_MEDIA,
    PAGE_AND_SHEET,
    Column,
    Part,
    Section,
    Table,
    ValueForm,
)
from optimizer.report.number_format import (
    NO_BREAK_SPACE,
    format_percent,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import Wording, capitalize, join_texts

StressWording = Wording[Stress]

SHORT_SHARE = 1e-6
"""A material is short in a period if more than this share of its demand is missing."""


def case_name(case: StressCase) -> str:
    """Return the display name of a case (with or without the plan) for column headers."""
    return {"market": tr("Without plan"), "plan": tr("With plan")}[case]


def periods_per_year(wording: StressWording) -> int:
    """Return the number of periods in a year."""
    return 1 if wording.case is None else int(wording.case.horizon.periods_per_year)


def period_label(wording: StressWording, period: StressPeriod) -> str:
    """Return the label of a period: 2027, 2027 Q2, 2027-05, or 2027.2 if a year has another number
    of periods."""
    match periods_per_year(wording):
        case 1:
            return str(period.year)
        case 4:
            label = tr("{year} Q{quarter}", year=period.year, quarter=period.period)
            return label.replace(" ", NO_BREAK_SPACE)
        case 12:
            return f"{period.year}-{period.period:02}"
    return f"{period.year}.{period.period}"


def period_labels(wording: StressWording) -> list[str]:
    """Return the labels of the periods in the result."""
    return [period_label(wording, period) for period in wording.result.periods]


def missing_shares(material: ShortMaterial, case: StressCase) -> list[float]:
    """Return the share of a material's demand that is missing, for each period."""
    missing_and_demand = zip(material.missing_t[case], material.demand_t, strict=True)
    return [missing_t / demand if demand > 0 else 0.0 for missing_t, demand in missing_and_demand]


def materials_by_damage(wording: StressWording) -> list[ShortMaterial]:
    """Return the materials in order of decreasing damage without the plan."""
    return sorted(wording.result.materials, key=lambda material: -material.damage["market"])


def describe_disruption(wording: StressWording) -> Iterator[str]:
    """Yield the events, and the projects that fail or are late, in words."""
    result = wording.result
    for event in result.events:
        yield _event_text(wording, event)
    for project in result.failed:
        yield tr("{name} never produces", name=wording.name("projects", project))
    for project, years in result.late.items():
        name = wording.name("projects", project)
        yield tr("{name} is late, years: {years}", name=name, years=years)


def _event_text(wording: StressWording, event: StressEvent) -> str:
    """Return an event as text: hazard, first and last period, and share lost."""
    time_text = _event_time_text(wording, event)
    if event.loss is None:
        return time_text
    if event.loss == 1:
        return tr("{event}, total outage", event=time_text)
    return tr("{event}, loss of {share}", event=time_text, share=format_percent(event.loss))


def _event_time_text(wording: StressWording, event: StressEvent) -> str:
    name, case = wording.name("hazards", event.hazard), wording.case
    if event.profile is not None:
        profile = wording.profile_name(event.hazard, event.profile)
        name = tr("{hazard}, profile {profile}", hazard=name, profile=profile)
    begins = period_label(wording, StressPeriod(year=event.start, period=event.period))
    if case is None:
        return tr("{name}: from {begins}", name=name, begins=begins)
    count = periods_per_year(wording)
    year, period = divmod(event.start * count + event.period - 1 + event.periods - 1, count)
    if year > case.horizon.years[-1]:
        return tr("{name}: from {begins} to the end of the horizon", name=name, begins=begins)
    end_text = period_label(wording, StressPeriod(year=year, period=period + 1))
    if end_text == begins:
        return tr("{name}: {period}", name=name, period=begins)
    return tr("{name}: from {begins} to {ends}", name=name, begins=begins, ends=end_text)


MAX_TERMINAL_MATERIALS = 5
"""Largest number of materials that have a table of periods in a terminal."""
MAX_TERMINAL_ROWS = 15
"""Largest number of rows of other tables in a terminal."""


def build_document(result: Stress) -> doc.Document:
    """Return the document of a stress test: shortages, affected consumers and stocks, for each
    case."""
    wording = Wording(result)
    return wording.build_document(
        tr("Vorrat: what a disruption does"),
        [*_disruption_parts(wording), *_answer_parts(wording)],
        [
            Section("materials", tr("Materials that run short"), [materials_table(wording)]),
            Section("periods", tr("Period by period"), list(_period_parts(wording))),
            Section("consumers", tr("Consumers that are hit"), [_consumers_table(wording)]),
            Section("stocks", tr("Stocks and how long they last"), _stocks_parts(wording)),
            *(
                [Section("plants", tr("What plants make"), [_plants_table(wording)])]
                if result.plants
                else []
            ),
            Section("method", tr("How it was computed"), list(_method_sentences(wording))),
        ],
        checks=_damage_checks(wording),
    )


# The answer


def _disruption_parts(wording: StressWording) -> Iterator[Part]:
    """Yield the state, events, and projects that fail, are late, or need no support."""
    result = wording.result
    if result.state is not None:
        yield tr("The state of the world: {name}.", name=sanitize(result.state))
    yield doc.Bullets(list(describe_disruption(wording)))
    if not result.failed and not result.late:
        yield tr("All projects of the plan succeed and are on time.")
    if result.unaided:
        names_text = join_texts([wording.name("projects", project) for project in result.unaided])
        yield doc.Text(
            tr("These come anyway, with the plan or without it: {names}.", names=names_text)
            if result.state is not None
            else tr(
                "Counted in both cases, since they are at least as likely as not to be decided "
                "without the plan's money: {names}. What the plan pays for any of them changes "
                "nothing here.",
                names=names_text,
            ),
            PAGE_AND_SHEET,
        )


def _answer_parts(wording: StressWording) -> Iterator[Part]:
    """Yield the damage, the material with the largest damage, and the stocks that become empty."""
    result = wording.result
    if not result.materials:
        yield tr("Nothing runs short: the market covers all demand throughout.")
        return
    market, plan = result.damage["market"], result.damage["plan"]
    reduction = format_percent((market - plan) / market) if market > 0 else ""
    outcome_word = capitalize(wording.outcome_word)
    amounts = [wording.amount(market), wording.amount(plan)]
    headers = [f"{outcome_word}: {case_name(case)}" for case in result.cases]
    avoided = doc.Fact(tr("Avoided by the plan"), wording.amount(market - plan), reduction)
    yield doc.Facts([*map(doc.Fact, headers, amounts), avoided], PAGE_AND_SHEET)
    if market <= 0:
        yield tr("Stocks that exist already cover what the market lacks: nothing is missing.")
    else:
        placeholders = {"market": amounts[0], "plan": amounts[1], "less": reduction}
        yield (
            tr("Without the plan damage comes to {market}; with it, to {plan}, {less} less.",
               **placeholders)
            if wording.counts_damage
            else tr("Without the plan the shortage comes to {market}; with it, to {plan}, {less} "
                    "less.", **placeholders)
        )  # fmt: skip
        worst_material = materials_by_damage(wording)[0]
        shares_without_plan = missing_shares(worst_material, "market")
        yield tr(
            "Hit hardest: {name}. Of its demand {market} is missing in {period} without the plan, "
            "and at most {plan} in any period with it.",
            name=wording.name("materials", worst_material.id),
            market=format_percent(max(shares_without_plan)),
            period=period_labels(wording)[shares_without_plan.index(max(shares_without_plan))],
            plan=format_percent(max(missing_shares(worst_material, "plan"))),
        )
    used_stocks = [stock for stock in result.stocks if stock.released_t["plan"] > 0]
    emptied_stocks = [
        (wording.name("stockpiles", stock.id), period_label(wording, period))
        for stock in used_stocks
        if (period := stock.empty["plan"]) is not None
    ]
    emptied_texts = [
        tr("{name} (by the end of {period})", name=h, period=period) for h, period in emptied_stocks
    ]
    if emptied_texts:
        yield tr(
            "With the plan these stocks are empty for the first time: {names}.",
            names=join_texts(emptied_texts),
        )
    elif used_stocks:
        yield tr("With the plan no stock is emptied.")
    yield tr(
        "Releases assume foresight: stocks are released in the best way for a disruption whose "
        "length is known from its start. If it is not, the stocks achieve less."
    )


# Tables


def _case_columns(
    cases: Sequence[StressCase],
    header: str,
    getter: Callable[..., Any],
    form: ValueForm,
    **options: Any,
) -> list[Column]:
    """Return a column for each case, under one header; ``getter`` takes a row and ``case``."""
    return [
        Column(case_name(case), partial(getter, case=case), form, header, **options)
        for case in cases
    ]


def _damage_columns(wording: StressWording) -> Iterator[Column]:
    """Yield a column for each case with its damage or shortage, and totals."""
    header = f"{tr('Damage') if wording.counts_damage else tr('Shortage')}, {wording.unit}"
    for case in wording.result.cases:
        getter = partial(_case_damage, case=case)
        yield Column(case_name(case), getter, "outcome", header, total=True)


def _case_damage(row: Any, case: StressCase) -> Any:
    return row.damage[case]


def materials_table(wording: StressWording) -> Table:
    """Return a table with the shortage and the damage of each material."""

    def missing_tonnes(row: ShortMaterial, case: StressCase) -> float:
        return sum(row.missing_t[case])

    def highest_share(row: ShortMaterial, case: StressCase) -> float:
        return max(missing_shares(row, case))

    def short_periods(row: ShortMaterial, case: StressCase) -> str:
        """Return the first and the last period with a shortage of the material, as text."""
        shares = zip(period_labels(wording), missing_shares(row, case), strict=True)
        short_labels = [label for label, share in shares if share > SHORT_SHARE]
        return (
            tr("{first} to {last}", first=short_labels[0], last=short_labels[-1])
            if short_labels
            else ""
        )

    cases = wording.result.cases
    columns = [
        Column(tr("Material"), lambda row: wording.name("materials", row.id), "text"),
        *_case_columns(cases, tr("Missing, t"), missing_tonnes, "tonnes"),
        *_case_columns(cases, tr("Highest share of demand missing"), highest_share, "share"),
        *_case_columns(cases, tr("Short in"), short_periods, "text", media=PAGE_AND_SHEET),
        *_damage_columns(wording),
    ]
    caption, total_label = tr("Materials that run short"), tr("Total")
    # A material that is only made into others has no demand of its own that could be missing.
    rows = [material for material in materials_by_damage(wording) if any(material.demand_t)]
    return Table(
        caption,
        rows,
        columns,
        "materials",
        total_label=total_label,
        max_terminal_rows=MAX_TERMINAL_ROWS,
    )


def _period_parts(wording: StressWording) -> Iterator[Part]:
    """Yield a table for each material with a shortage, in order of decreasing damage."""
    ranked_materials = sorted(
        materials_by_damage(wording), key=lambda material: not any(material.demand_t)
    )
    terminal_ids = [material.id for material in ranked_materials if any(material.demand_t)][
        :MAX_TERMINAL_MATERIALS
    ]
    for material in ranked_materials:
        yield _material_table(
            wording, material, ALL_MEDIA if material.id in terminal_ids else PAGE_AND_SHEET
        )
    if omitted_count := len(ranked_materials) - len(terminal_ids):
        text = tr(
            "Page and workbook have the same for more materials: {count}.", count=omitted_count
        )
        yield doc.Text(text, doc.TERMINAL)


def _material_table(wording: StressWording, material: ShortMaterial, media: doc.Media) -> Table:
    """Return a table of a material's supply, intake and shortage in the periods that the market
    does not cover."""
    result, labels = wording.result, period_labels(wording)
    name = wording.name("materials", material.id)
    periods = range(len(labels))
    stocks = [stock for stock in result.stocks if stock.material == material.id]
    # Rounded to a tenth of a kilogram: smaller amounts are tolerances of the solver.
    stock_left = {
        case: [round(sum(s.left_t[case][k] for s in stocks), 4) for k in periods]
        for case in result.cases
    }
    shares_missing = {case: missing_shares(material, case) for case in result.cases}
    # Periods between two events in which the market covers all are left out.
    taken_in = [max(amounts[k] for amounts in material.taken_t.values()) for k in periods]
    rows = [
        k
        for k in periods
        if material.market_t[k] < (material.demand_t[k] + taken_in[k]) * (1 - SHORT_SHARE)
    ]
    # Need exceeds demand where conversions take the material in.
    has_intake = any(
        need > demand * (1 + SHORT_SHARE)
        for need, demand in zip(material.need_t, material.demand_t, strict=True)
    )
    columns = [
        Column(tr("Period"), labels.__getitem__, "text"),
        Column(tr("Demand, t"), material.demand_t.__getitem__, "tonnes"),
        *(
            [Column(tr("Needed, t"), material.need_t.__getitem__, "tonnes", media=PAGE_AND_SHEET)]
            if has_intake
            else []
        ),
        Column(tr("Market, t"), material.market_t.__getitem__, "tonnes"),
    ]
    optional_columns: list[tuple[str, Any, doc.Media]] = [
        (tr("Taken in, t"), material.taken_t, PAGE_AND_SHEET),
        (tr("Projects, t"), material.delivered_t, PAGE_AND_SHEET),
        (tr("Conversions, t"), material.made_t, PAGE_AND_SHEET),
        (tr("Released, t"), material.released_t, PAGE_AND_SHEET),
        (tr("Left in stock, t"), stock_left, ALL_MEDIA),
    ]
    for header, figures, column_media in optional_columns:
        cases = [case for case in result.cases if _any_positive(figures[case])]
        columns += _case_columns(
            cases, header, partial(_figure_at, figures), "tonnes", media=column_media
        )
    missing_getter, share_getter = (
        partial(_figure_at, material.missing_t),
        partial(_figure_at, shares_missing),
    )
    columns += _case_columns(result.cases, tr("Missing, t"), missing_getter, "tonnes")
    columns += _case_columns(result.cases, tr("Share missing"), share_getter, "share")
    series = [(case_name(case), material.missing_t[case]) for case in result.cases]
    chart = Chart(
        f"shortage-{material.id.replace('_', '-')}",
        tr("{name}: tonnes missing in each period", name=name),
        tr("One line for each case. The figures are in the table below."),
        partial(charts.period_lines, labels, series, tr("t per period")),
    )
    return Table(name, rows, columns, f"periods-{material.id}", chart=chart, media=media)


def _figure_at(figures: Mapping[StressCase, Sequence[float]], k: int, case: StressCase) -> float:
    return figures[case][k]


def _any_positive(figures: Sequence[float]) -> bool:
    return any(figure > SHORT_SHARE for figure in figures)


def _consumers_table(wording: StressWording) -> Table:
    cases = wording.result.cases
    rows = sorted(wording.result.consumers, key=lambda consumer: -consumer.damage["market"])
    columns = [
        Column(tr("Consumer"), lambda row: wording.name("consumers", row.consumer), "text"),
        Column(tr("Material"), lambda row: wording.name("materials", row.material), "text"),
        *_case_columns(cases, tr("Missing, t"), lambda row, case: row.missing_t[case], "tonnes"),
        *_damage_columns(wording),
    ]
    caption, total_label = tr("Consumers that are hit"), tr("Total")
    return Table(
        caption,
        rows,
        columns,
        "consumers",
        total_label=total_label,
        max_terminal_rows=MAX_TERMINAL_ROWS,
    )


def _stocks_parts(wording: StressWording) -> list[Part]:
    result = wording.result
    if not result.materials:
        return []

    def holds(stock: Any, case: StressCase) -> bool:
        return _any_positive([stock.begins_t[case], stock.released_t[case], *stock.left_t[case]])

    def empty_label(row: Any, case: StressCase) -> str | None:
        period = row.empty[case]
        return None if period is None else period_label(wording, period)

    cases = [case for case in result.cases if any(holds(stock, case) for stock in result.stocks)]
    rows = [stock for stock in result.stocks if any(holds(stock, case) for case in cases)]
    columns = [
        Column(tr("Stock"), lambda row: wording.name("stockpiles", row.id), "text"),
        Column(tr("Material"), lambda row: wording.name("materials", row.material), "text"),
    ]
    columns_by_case: list[tuple[str, Callable[..., Any], ValueForm]] = [
        (tr("Held, t"), lambda row, case: row.begins_t[case], "tonnes"),
        (tr("Released, t"), lambda row, case: row.released_t[case], "tonnes"),
        (tr("Least left, t"), lambda row, case: min(row.left_t[case]), "tonnes"),
        (tr("Empty by the end of"), empty_label, "text"),
    ]
    for case in cases:
        group = case_name(case)
        columns += [
            Column(header, partial(getter, case=case), form, group)
            for header, getter, form in columns_by_case
        ]
    note = tr(
        "Held: when the first of the periods begins. Purchases go on as planned, and may fill a "
        "stock again that was empty."
    )
    empty_text = tr("There is no stock of any of these materials.")
    caption = tr("Stocks and how long they last")
    return [
        Table(
            caption,
            rows,
            columns,
            "stocks",
            note,
            max_terminal_rows=MAX_TERMINAL_ROWS,
            empty_text=empty_text,
        )
    ]


def _plants_table(wording: StressWording) -> Table:
    """Return a table of what plants could make and do make, summed over all periods."""

    def made(row: StressedPlant, case: StressCase) -> float:
        return sum(row.made_t[case])

    def could_make(row: StressedPlant, case: StressCase) -> float:
        return sum(row.could_t[case])

    def name(row: StressedPlant) -> str:
        return wording.name("projects" if row.project else "conversions", row.id)

    columns = [
        Column(tr("Plant"), name, "text"),
        Column(tr("Makes"), lambda row: wording.name("materials", row.output), "text"),
        *_case_columns(wording.result.cases, tr("Could make, t"), could_make, "tonnes"),
        *_case_columns(wording.result.cases, tr("Made, t"), made, "tonnes"),
    ]
    note = tr(
        "Could make: as much as hazards leave of capacity, if no input lacked; of a project what "
        "is reserved. Over all of the periods."
    )
    caption = tr("What plants make")
    return Table(
        caption, wording.result.plants, columns, "plants", note, max_terminal_rows=MAX_TERMINAL_ROWS
    )


def _method_sentences(wording: StressWording) -> Iterator[str]:
    """Yield the assumptions behind the figures."""
    result = wording.result
    yield tr(
        "Without plan: nothing is built or bought by the plan; projects that come anyway produce, "
        "and stocks that exist already are released. With plan: with all that the plan builds and "
        "buys."
    )
    if not result.solved:
        yield tr("The plan was given; nothing was solved.")
    elif result.gap is None:
        yield tr(
            "A plan for the scenario was solved first, until a limit; how far it is from the best "
            "is not known."
        )
    else:
        yield tr(
            "The best plan for the scenario was solved first, to a gap of {gap}; it was not made "
            "for this disruption alone.",
            gap=format_small_percent(result.gap),
        )


def _damage_checks(wording: StressWording) -> list[doc.Check]:
    """Return checks that damage by material and damage by consumer have the same total."""
    if not wording.result.materials or not wording.result.consumers:
        return []

    return [
        doc.Check(
            tr("{case}: materials and consumers add up to the same", case=case_name(case)),
            math.fsum(row.damage[case] for row in wording.result.materials),
            math.fsum(row.damage[case] for row in wording.result.consumers),
        )
        for case in wording.result.cases
    ]
