"""A disruption, period by period, as a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from models.language import tr
from models.results.stress import (
    ShortMaterial,
    Stress,
    StressCase,
    StressedPlant,
)
from optimizer.analyses.stress import descriptions
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import periods as charts
from optimizer.report.document import (
    ALL_MEDIA,
    PAGE_AND_SHEET,
    Column,
    Part,
    Section,
    Table,
    ValueForm,
)
from optimizer.report.number_format import format_percent, format_small_percent, sanitize
from optimizer.report.wording import Wording, capitalize, join_texts
from optimizer.report.workbook.expressions import Expression, sum_of

if TYPE_CHECKING:
    from optimizer.report.workbook.placed_tables import WorkbookTables

MAX_TERMINAL_MATERIALS = 5
"""Materials that a terminal tells of period by period."""
MAX_TERMINAL_ROWS = 15
"""Rows of the other tables there."""


def build_document(result: Stress) -> doc.Document:
    """What is short, who is hit and how long stocks last, in each case."""
    say = Wording(result)
    return say.build_document(
        tr("Vorrat: what a disruption does"),
        [*_disruption_parts(say), *_answer_parts(say)],
        [
            Section("materials", tr("Materials that run short"), [materials_table(say)]),
            Section("periods", tr("Period by period"), list(_period_parts(say))),
            Section("consumers", tr("Consumers that are hit"), [_consumers_table(say)]),
            Section("stocks", tr("Stocks and how long they last"), _stocks_parts(say)),
            *(
                [Section("plants", tr("What plants make"), [_plants_table(say)])]
                if result.plants
                else []
            ),
            Section("method", tr("How it was computed"), list(_method_sentences(say))),
        ],
        checks=_damage_checks(say),
        outcome_amounts=list(result.damage.values()),
    )


# The answer


def _disruption_parts(wording: descriptions.StressWording) -> Iterator[Part]:
    """What comes."""
    found = wording.result
    if found.state is not None:
        yield tr("The state of the world: {name}.", name=sanitize(found.state))
    yield doc.Bullets(list(descriptions.describe_disruption(wording)))
    if not found.failed and not found.late:
        yield tr("All projects of the plan succeed and are on time.")
    if found.unaided:
        names = [wording.name("projects", project) for project in found.unaided]
        told = join_texts(names)
        yield doc.Text(
            tr("These come anyway, with the plan or without it: {names}.", names=told)
            if found.state is not None
            else tr(
                "Counted in both cases, since they are at least as likely as not to be decided "
                "without the plan's money: {names}. What the plan pays for any of them changes "
                "nothing here.",
                names=told,
            ),
            PAGE_AND_SHEET,
        )


def _answer_parts(wording: descriptions.StressWording) -> Iterator[Part]:
    """What it costs, what is hit hardest, and which stocks it uses up."""
    found = wording.result
    if not found.materials:
        yield tr("Nothing runs short: the market covers all demand throughout.")
        return
    market, plan = found.damage["market"], found.damage["plan"]
    less = format_percent((market - plan) / market) if market > 0 else ""
    counted, costs = (
        capitalize(wording.outcome_word),
        [wording.amount(market), wording.amount(plan)],
    )
    heads = [f"{counted}: {descriptions.case_name(case)}" for case in found.cases]
    avoided = doc.Fact(tr("Avoided by the plan"), wording.amount(market - plan), less)
    yield doc.Facts([*map(doc.Fact, heads, costs), avoided], PAGE_AND_SHEET)
    if market <= 0:
        yield tr("Stocks that exist already cover what the market lacks: nothing is missing.")
    else:
        told = {"market": costs[0], "plan": costs[1], "less": less}
        yield (
            tr("Without the plan damage comes to {market}; with it, to {plan}, {less} less.",
               **told)
            if wording.counts_damage
            else tr("Without the plan the shortage comes to {market}; with it, to {plan}, {less} "
                    "less.", **told)
        )  # fmt: skip
        worst = descriptions.materials_by_damage(wording)[0]
        alone = descriptions.missing_shares(worst, "market")
        yield tr(
            "Hit hardest: {name}. Of its demand {market} is missing in {period} without the plan, "
            "and at most {plan} in any period with it.",
            name=wording.name("materials", worst.id),
            market=format_percent(max(alone)),
            period=descriptions.period_labels(wording)[alone.index(max(alone))],
            plan=format_percent(max(descriptions.missing_shares(worst, "plan"))),
        )
    used = [one for one in found.stocks if one.released_t["plan"] > 0]
    emptied = [
        (wording.name("stockpiles", one.id), descriptions.period_label(wording, at))
        for one in used
        if (at := one.empty["plan"]) is not None
    ]
    gone = [tr("{name} (by the end of {period})", name=name, period=at) for name, at in emptied]
    if gone:
        yield tr(
            "With the plan these stocks are empty for the first time: {names}.",
            names=join_texts(gone),
        )
    elif used:
        yield tr("With the plan no stock is emptied.")
    yield tr(
        "Releases assume foresight: stocks are released in the best way for a disruption whose "
        "length is known from its start. If it is not, the stocks achieve less."
    )


# Tables


def _case_columns(
    cases: Sequence[StressCase],
    header: str,
    value: Callable[..., Any],
    form: ValueForm,
    **options: Any,
) -> list[Column]:
    """A column for each case, under one header."""
    return [
        Column(descriptions.case_name(case), partial(value, case=case), form, header, **options)
        for case in cases
    ]


def _cost_columns(wording: descriptions.StressWording) -> Iterator[Column]:
    """What each case costs, summed up."""
    header = f"{tr('Damage') if wording.counts_damage else tr('Shortage')}, {wording.unit}"
    for case in wording.result.cases:
        key, cost = f"damage-{case}", partial(_case_damage, case=case)
        yield Column(descriptions.case_name(case), cost, "outcome", header, key=key, total=True)


def _case_damage(row: Any, case: StressCase) -> Any:
    return row.damage[case]


def materials_table(wording: descriptions.StressWording) -> Table:
    """What is missing of each material, and what that costs."""

    def missing(row: ShortMaterial, case: StressCase) -> float:
        return sum(row.missing_t[case])

    def highest(row: ShortMaterial, case: StressCase) -> float:
        return max(descriptions.missing_shares(row, case))

    def short(row: ShortMaterial, case: StressCase) -> str:
        """The first and the last period in which any is missing."""
        shares = zip(
            descriptions.period_labels(wording), descriptions.missing_shares(row, case), strict=True
        )
        ends = [label for label, share in shares if share > descriptions.SHORT_SHARE]
        return tr("{first} to {last}", first=ends[0], last=ends[-1]) if ends else ""

    cases = wording.result.cases
    columns = [
        Column(tr("Material"), lambda row: wording.name("materials", row.id), "text"),
        *_case_columns(cases, tr("Missing, t"), missing, "tonnes"),
        *_case_columns(cases, tr("Highest share of demand missing"), highest, "share"),
        *_case_columns(cases, tr("Short in"), short, "text", media=PAGE_AND_SHEET),
        *_cost_columns(wording),
    ]
    caption, summed = tr("Materials that run short"), tr("Total")
    # Of what is only made into others nothing is missing but in what it is made into.
    rows = [one for one in descriptions.materials_by_damage(wording) if any(one.demand_t)]
    return Table(
        caption, rows, columns, "materials", total_label=summed, max_terminal_rows=MAX_TERMINAL_ROWS
    )


def _period_parts(wording: descriptions.StressWording) -> Iterator[Part]:
    """A table for each material that is short, those that cost most first."""
    ranked = sorted(
        descriptions.materials_by_damage(wording), key=lambda one: not any(one.demand_t)
    )
    first = [one.id for one in ranked if any(one.demand_t)][:MAX_TERMINAL_MATERIALS]
    for one in ranked:
        yield _material_table(wording, one, ALL_MEDIA if one.id in first else PAGE_AND_SHEET)
    if more := len(ranked) - len(first):
        told = tr("Page and workbook have the same for more materials: {count}.", count=more)
        yield doc.Text(told, doc.TERMINAL)


def _material_table(
    wording: descriptions.StressWording, material: ShortMaterial, on: doc.Media
) -> Table:
    """Where demand and what is taken in come from, in the periods that the market does not
    cover."""
    found, labels, name = (
        wording.result,
        descriptions.period_labels(wording),
        wording.name("materials", material.id),
    )
    periods = range(len(labels))
    own = [stock for stock in found.stocks if stock.material == material.id]
    # To a tenth of a kilogram: less is what a solver leaves of nothing.
    left = {
        case: [round(sum(s.left_t[case][k] for s in own), 4) for k in periods]
        for case in found.cases
    }
    shares = {case: descriptions.missing_shares(material, case) for case in found.cases}
    # Between two events of a state there may be years in which all is covered.
    taken = [max(own[k] for own in material.taken_t.values()) for k in periods]
    rows = [
        k
        for k in periods
        if material.market_t[k] < (material.demand_t[k] + taken[k]) * (1 - descriptions.SHORT_SHARE)
    ]
    pairs = zip(material.need_t, material.demand_t, strict=True)
    more = any(
        need > demand * (1 + descriptions.SHORT_SHARE) for need, demand in pairs
    )  # conversions take of it
    columns = [
        Column(tr("Period"), labels.__getitem__, "text"),
        Column(tr("Demand, t"), material.demand_t.__getitem__, "tonnes"),
        *(
            [Column(tr("Needed, t"), material.need_t.__getitem__, "tonnes", media=PAGE_AND_SHEET)]
            if more
            else []
        ),
        Column(tr("Market, t"), material.market_t.__getitem__, "tonnes"),
    ]
    met: list[tuple[str, Any, doc.Media]] = [
        (tr("Taken in, t"), material.taken_t, PAGE_AND_SHEET),
        (tr("Projects, t"), material.delivered_t, PAGE_AND_SHEET),
        (tr("Conversions, t"), material.made_t, PAGE_AND_SHEET),
        (tr("Released, t"), material.released_t, PAGE_AND_SHEET),
        (tr("Left in stock, t"), left, ALL_MEDIA),
    ]
    for header, figures, media in met:
        cases = [case for case in found.cases if _any_positive(figures[case])]
        columns += _case_columns(cases, header, partial(_figure_at, figures), "tonnes", media=media)
    missing, share = partial(_figure_at, material.missing_t), partial(_figure_at, shares)
    columns += _case_columns(found.cases, tr("Missing, t"), missing, "tonnes")
    columns += _case_columns(found.cases, tr("Share missing"), share, "share")
    series = [(descriptions.case_name(case), material.missing_t[case]) for case in found.cases]
    chart = Chart(
        f"shortage-{material.id.replace('_', '-')}",
        tr("{name}: tonnes missing in each period", name=name),
        tr("One line for each case. The figures are in the table below."),
        partial(charts.period_lines, labels, series, tr("t per period")),
    )
    return Table(name, rows, columns, f"periods-{material.id}", chart=chart, media=on)


def _figure_at(figures: Mapping[StressCase, Sequence[float]], k: int, case: StressCase) -> float:
    return figures[case][k]


def _any_positive(figures: Sequence[float]) -> bool:
    return any(figure > descriptions.SHORT_SHARE for figure in figures)


def _consumers_table(wording: descriptions.StressWording) -> Table:
    cases, of = wording.result.cases, wording.result.consumers
    rows = sorted(of, key=lambda one: -one.damage["market"])
    columns = [
        Column(tr("Consumer"), lambda row: wording.name("consumers", row.consumer), "text"),
        Column(tr("Material"), lambda row: wording.name("materials", row.material), "text"),
        *_case_columns(cases, tr("Missing, t"), lambda row, case: row.missing_t[case], "tonnes"),
        *_cost_columns(wording),
    ]
    caption, summed = tr("Consumers that are hit"), tr("Total")
    return Table(
        caption, rows, columns, "consumers", total_label=summed, max_terminal_rows=MAX_TERMINAL_ROWS
    )


def _stocks_parts(wording: descriptions.StressWording) -> list[Part]:
    found = wording.result
    if not found.materials:
        return []

    def holds(one: Any, case: StressCase) -> bool:
        return _any_positive([one.begins_t[case], one.released_t[case], *one.left_t[case]])

    def empty(row: Any, case: StressCase) -> str | None:
        at = row.empty[case]
        return None if at is None else descriptions.period_label(wording, at)

    cases = [case for case in found.cases if any(holds(one, case) for one in found.stocks)]
    rows = [one for one in found.stocks if any(holds(one, case) for case in cases)]
    columns = [
        Column(tr("Stock"), lambda row: wording.name("stockpiles", row.id), "text"),
        Column(tr("Material"), lambda row: wording.name("materials", row.material), "text"),
    ]
    told: list[tuple[str, Callable[..., Any], ValueForm]] = [
        (tr("Held, t"), lambda row, case: row.begins_t[case], "tonnes"),
        (tr("Released, t"), lambda row, case: row.released_t[case], "tonnes"),
        (tr("Least left, t"), lambda row, case: min(row.left_t[case]), "tonnes"),
        (tr("Empty by the end of"), empty, "text"),
    ]
    for case in cases:
        group = descriptions.case_name(case)
        columns += [Column(head, partial(of, case=case), form, group) for head, of, form in told]
    note = tr(
        "Held: when the first of the periods begins. Purchases go on as planned, and may fill a "
        "stock again that was empty."
    )
    none = tr("There is no stock of any of these materials.")
    caption = tr("Stocks and how long they last")
    return [
        Table(
            caption,
            rows,
            columns,
            "stocks",
            note,
            max_terminal_rows=MAX_TERMINAL_ROWS,
            empty_text=none,
        )
    ]


def _plants_table(wording: descriptions.StressWording) -> Table:
    """What makes materials of others, over all periods."""

    def made(row: StressedPlant, case: StressCase) -> float:
        return sum(row.made_t[case])

    def could(row: StressedPlant, case: StressCase) -> float:
        return sum(row.could_t[case])

    def name(row: StressedPlant) -> str:
        return wording.name("projects" if row.project else "conversions", row.id)

    columns = [
        Column(tr("Plant"), name, "text"),
        Column(tr("Makes"), lambda row: wording.name("materials", row.output), "text"),
        *_case_columns(wording.result.cases, tr("Could make, t"), could, "tonnes"),
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


def _method_sentences(wording: descriptions.StressWording) -> Iterator[str]:
    """What the figures rest on."""
    found = wording.result
    yield tr(
        "Without plan: nothing is built or bought by the plan; projects that come anyway produce, "
        "and stocks that exist already are released. With plan: with all that the plan builds and "
        "buys."
    )
    if not found.solved:
        yield tr("The plan was given; nothing was solved.")
    elif found.gap is None:
        yield tr(
            "A plan for the scenario was solved first, until a limit; how far it is from the best "
            "is not known."
        )
    else:
        yield tr(
            "The best plan for the scenario was solved first, to a gap of {gap}; it was not made "
            "for this disruption alone.",
            gap=format_small_percent(found.gap),
        )


def _damage_checks(wording: descriptions.StressWording) -> list[doc.Check]:
    """Damage by material is that by consumer, in each case."""
    if not wording.result.materials or not wording.result.consumers:
        return []

    def summed(case: StressCase, table: str) -> Callable[[WorkbookTables], Expression]:
        return lambda book: sum_of(book[table].column_area(f"damage-{case}"))

    return [
        doc.Check(
            tr(
                "{case}: materials and consumers add up to the same",
                case=descriptions.case_name(case),
            ),
            "materials",
            summed(case, "materials"),
            summed(case, "consumers"),
        )
        for case in wording.result.cases
    ]
