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
from optimizer.analyses.stress import words
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import periods as charts
from optimizer.report.document import DETAIL, EVERYWHERE, Column, Form, Part, Section, Table
from optimizer.report.figures import clean, percent, small_percent
from optimizer.report.wording import Wording, capital, joined
from optimizer.report.workbook.expressions import Expression, total

if TYPE_CHECKING:
    from optimizer.report.workbook.formulas import Formulas

MOST = 5
"""Materials that a terminal tells of period by period."""
MOST_ROWS = 15
"""Rows of the other tables there."""


def document(found: Stress) -> doc.Document:
    """What is short, who is hit and how long stocks last, in each case."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: what a disruption does"),
        [*_disruption(say), *_answer(say)],
        [
            Section("materials", tr("Materials that run short"), [materials(say)]),
            Section("periods", tr("Period by period"), list(_by_period(say))),
            Section("consumers", tr("Consumers that are hit"), [_consumers(say)]),
            Section("stocks", tr("Stocks and how long they last"), _stocks(say)),
            *([Section("plants", tr("What plants make"), [_plants(say)])] if found.plants else []),
            Section("method", tr("How it was computed"), list(_method(say))),
        ],
        checks=_checks(say),
        outcomes=list(found.damage.values()),
    )


# The answer


def _disruption(say: words.Say) -> Iterator[Part]:
    """What comes."""
    found = say.found
    if found.state is not None:
        yield tr("The state of the world: {name}.", name=clean(found.state))
    yield doc.Bullets(list(words.what_comes(say)))
    if not found.failed and not found.late:
        yield tr("All projects of the plan succeed and are on time.")
    if found.unaided:
        names = [say.name("projects", project) for project in found.unaided]
        told = joined(names)
        yield doc.Text(
            tr("These come anyway, with the plan or without it: {names}.", names=told)
            if found.state is not None
            else tr(
                "Counted in both cases, since they are at least as likely as not to be decided "
                "without the plan's money: {names}. What the plan pays for any of them changes "
                "nothing here.",
                names=told,
            ),
            DETAIL,
        )


def _answer(say: words.Say) -> Iterator[Part]:
    """What it costs, what is hit hardest, and which stocks it uses up."""
    found = say.found
    if not found.materials:
        yield tr("Nothing runs short: the market covers all demand throughout.")
        return
    market, plan = found.damage["market"], found.damage["plan"]
    less = percent((market - plan) / market) if market > 0 else ""
    counted, costs = capital(say.counted), [say.amount(market), say.amount(plan)]
    heads = [f"{counted}: {words.case_name(case)}" for case in found.cases]
    avoided = doc.Fact(tr("Avoided by the plan"), say.amount(market - plan), less)
    yield doc.Facts([*map(doc.Fact, heads, costs), avoided], DETAIL)
    if market <= 0:
        yield tr("Stocks that exist already cover what the market lacks: nothing is missing.")
    else:
        told = {"market": costs[0], "plan": costs[1], "less": less}
        yield (
            tr("Without the plan damage comes to {market}; with it, to {plan}, {less} less.",
               **told)
            if say.of_damage
            else tr("Without the plan the shortage comes to {market}; with it, to {plan}, {less} "
                    "less.", **told)
        )  # fmt: skip
        worst = words.ranked(say)[0]
        alone = words.shares(worst, "market")
        yield tr(
            "Hit hardest: {name}. Of its demand {market} is missing in {period} without the plan, "
            "and at most {plan} in any period with it.",
            name=say.name("materials", worst.id),
            market=percent(max(alone)),
            period=words.labels(say)[alone.index(max(alone))],
            plan=percent(max(words.shares(worst, "plan"))),
        )
    used = [one for one in found.stocks if one.released_t["plan"] > 0]
    emptied = [
        (say.name("stockpiles", one.id), words.label(say, at))
        for one in used
        if (at := one.empty["plan"]) is not None
    ]
    gone = [tr("{name} (by the end of {period})", name=name, period=at) for name, at in emptied]
    if gone:
        yield tr(
            "With the plan these stocks are empty for the first time: {names}.", names=joined(gone)
        )
    elif used:
        yield tr("With the plan no stock is emptied.")
    yield tr(
        "Releases assume foresight: stocks are released in the best way for a disruption whose "
        "length is known from its start. If it is not, the stocks achieve less."
    )


# Tables


def _by_case(
    cases: Sequence[StressCase],
    header: str,
    of: Callable[..., Any],
    form: Form,
    **more: Any,
) -> list[Column]:
    """A column for each case, under one header."""
    return [
        Column(words.case_name(case), partial(of, case=case), form, header, **more)
        for case in cases
    ]


def _costs(say: words.Say) -> Iterator[Column]:
    """What each case costs, summed up."""
    header = f"{tr('Damage') if say.of_damage else tr('Shortage')}, {say.unit}"
    for case in say.found.cases:
        key, cost = f"damage-{case}", partial(_cost, case=case)
        yield Column(words.case_name(case), cost, "outcome", header, key=key, total=True)


def _cost(row: Any, case: StressCase) -> Any:
    return row.damage[case]


def materials(say: words.Say) -> Table:
    """What is missing of each material, and what that costs."""

    def missing(row: ShortMaterial, case: StressCase) -> float:
        return sum(row.missing_t[case])

    def highest(row: ShortMaterial, case: StressCase) -> float:
        return max(words.shares(row, case))

    def short(row: ShortMaterial, case: StressCase) -> str:
        """The first and the last period in which any is missing."""
        shares = zip(words.labels(say), words.shares(row, case), strict=True)
        ends = [label for label, share in shares if share > words.SHORT]
        return tr("{first} to {last}", first=ends[0], last=ends[-1]) if ends else ""

    cases = say.found.cases
    columns = [
        Column(tr("Material"), lambda row: say.name("materials", row.id), "text"),
        *_by_case(cases, tr("Missing, t"), missing, "tonnes"),
        *_by_case(cases, tr("Highest share of demand missing"), highest, "share"),
        *_by_case(cases, tr("Short in"), short, "text", on=DETAIL),
        *_costs(say),
    ]
    caption, summed = tr("Materials that run short"), tr("Total")
    # Of what is only made into others nothing is missing but in what it is made into.
    rows = [one for one in words.ranked(say) if any(one.demand_t)]
    return Table(caption, rows, columns, "materials", total=summed, most=MOST_ROWS)


def _by_period(say: words.Say) -> Iterator[Part]:
    """A table for each material that is short, those that cost most first."""
    ranked = sorted(words.ranked(say), key=lambda one: not any(one.demand_t))
    first = [one.id for one in ranked if any(one.demand_t)][:MOST]
    for one in ranked:
        yield _material(say, one, EVERYWHERE if one.id in first else DETAIL)
    if more := len(ranked) - len(first):
        told = tr("Page and workbook have the same for more materials: {count}.", count=more)
        yield doc.Text(told, doc.TERMINAL)


def _material(say: words.Say, one: ShortMaterial, on: doc.Media) -> Table:
    """Where demand and what is taken in come from, in the periods that the market does not
    cover."""
    found, labels, name = say.found, words.labels(say), say.name("materials", one.id)
    periods = range(len(labels))
    own = [stock for stock in found.stocks if stock.material == one.id]
    # To a tenth of a kilogram: less is what a solver leaves of nothing.
    left = {
        case: [round(sum(s.left_t[case][k] for s in own), 4) for k in periods]
        for case in found.cases
    }
    shares = {case: words.shares(one, case) for case in found.cases}
    # Between two events of a state there may be years in which all is covered.
    taken = [max(own[k] for own in one.taken_t.values()) for k in periods]
    rows = [
        k for k in periods if one.market_t[k] < (one.demand_t[k] + taken[k]) * (1 - words.SHORT)
    ]
    pairs = zip(one.need_t, one.demand_t, strict=True)
    more = any(
        need > demand * (1 + words.SHORT) for need, demand in pairs
    )  # conversions take of it
    columns = [
        Column(tr("Period"), labels.__getitem__, "text"),
        Column(tr("Demand, t"), one.demand_t.__getitem__, "tonnes"),
        *([Column(tr("Needed, t"), one.need_t.__getitem__, "tonnes", on=DETAIL)] if more else []),
        Column(tr("Market, t"), one.market_t.__getitem__, "tonnes"),
    ]
    met: list[tuple[str, Any, doc.Media]] = [
        (tr("Taken in, t"), one.taken_t, DETAIL),
        (tr("Projects, t"), one.delivered_t, DETAIL),
        (tr("Conversions, t"), one.made_t, DETAIL),
        (tr("Released, t"), one.released_t, DETAIL),
        (tr("Left in stock, t"), left, EVERYWHERE),
    ]
    for header, figures, media in met:
        cases = [case for case in found.cases if _any(figures[case])]
        columns += _by_case(cases, header, partial(_at, figures), "tonnes", on=media)
    missing, share = partial(_at, one.missing_t), partial(_at, shares)
    columns += _by_case(found.cases, tr("Missing, t"), missing, "tonnes")
    columns += _by_case(found.cases, tr("Share missing"), share, "share")
    series = [(words.case_name(case), one.missing_t[case]) for case in found.cases]
    chart = Chart(
        f"shortage-{one.id.replace('_', '-')}",
        tr("{name}: tonnes missing in each period", name=name),
        tr("One line for each case. The figures are in the table below."),
        partial(charts.lines, labels, series, tr("t per period")),
    )
    return Table(name, rows, columns, f"periods-{one.id}", chart=chart, on=on)


def _at(figures: Mapping[StressCase, Sequence[float]], k: int, case: StressCase) -> float:
    return figures[case][k]


def _any(figures: Sequence[float]) -> bool:
    return any(figure > words.SHORT for figure in figures)


def _consumers(say: words.Say) -> Table:
    cases, of = say.found.cases, say.found.consumers
    rows = sorted(of, key=lambda one: -one.damage["market"])
    columns = [
        Column(tr("Consumer"), lambda row: say.name("consumers", row.consumer), "text"),
        Column(tr("Material"), lambda row: say.name("materials", row.material), "text"),
        *_by_case(cases, tr("Missing, t"), lambda row, case: row.missing_t[case], "tonnes"),
        *_costs(say),
    ]
    caption, summed = tr("Consumers that are hit"), tr("Total")
    return Table(caption, rows, columns, "consumers", total=summed, most=MOST_ROWS)


def _stocks(say: words.Say) -> list[Part]:
    found = say.found
    if not found.materials:
        return []

    def holds(one: Any, case: StressCase) -> bool:
        return _any([one.begins_t[case], one.released_t[case], *one.left_t[case]])

    def empty(row: Any, case: StressCase) -> str | None:
        at = row.empty[case]
        return None if at is None else words.label(say, at)

    cases = [case for case in found.cases if any(holds(one, case) for one in found.stocks)]
    rows = [one for one in found.stocks if any(holds(one, case) for case in cases)]
    columns = [
        Column(tr("Stock"), lambda row: say.name("stockpiles", row.id), "text"),
        Column(tr("Material"), lambda row: say.name("materials", row.material), "text"),
    ]
    told: list[tuple[str, Callable[..., Any], Form]] = [
        (tr("Held, t"), lambda row, case: row.begins_t[case], "tonnes"),
        (tr("Released, t"), lambda row, case: row.released_t[case], "tonnes"),
        (tr("Least left, t"), lambda row, case: min(row.left_t[case]), "tonnes"),
        (tr("Empty by the end of"), empty, "text"),
    ]
    for case in cases:
        group = words.case_name(case)
        columns += [Column(head, partial(of, case=case), form, group) for head, of, form in told]
    note = tr(
        "Held: when the first of the periods begins. Purchases go on as planned, and may fill a "
        "stock again that was empty."
    )
    none = tr("There is no stock of any of these materials.")
    caption = tr("Stocks and how long they last")
    return [Table(caption, rows, columns, "stocks", note, most=MOST_ROWS, empty=none)]


def _plants(say: words.Say) -> Table:
    """What makes materials of others, over all periods."""

    def made(row: StressedPlant, case: StressCase) -> float:
        return sum(row.made_t[case])

    def could(row: StressedPlant, case: StressCase) -> float:
        return sum(row.could_t[case])

    def name(row: StressedPlant) -> str:
        return say.name("projects" if row.project else "conversions", row.id)

    columns = [
        Column(tr("Plant"), name, "text"),
        Column(tr("Makes"), lambda row: say.name("materials", row.output), "text"),
        *_by_case(say.found.cases, tr("Could make, t"), could, "tonnes"),
        *_by_case(say.found.cases, tr("Made, t"), made, "tonnes"),
    ]
    note = tr(
        "Could make: as much as hazards leave of capacity, if no input lacked; of a project what "
        "is reserved. Over all of the periods."
    )
    caption = tr("What plants make")
    return Table(caption, say.found.plants, columns, "plants", note, most=MOST_ROWS)


def _method(say: words.Say) -> Iterator[str]:
    """What the figures rest on."""
    found = say.found
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
            gap=small_percent(found.gap),
        )


def _checks(say: words.Say) -> list[doc.Check]:
    """Damage by material is that by consumer, in each case."""
    if not say.found.materials or not say.found.consumers:
        return []

    def summed(case: StressCase, table: str) -> Callable[[Formulas], Expression]:
        return lambda book: total(book[table].area(f"damage-{case}"))

    return [
        doc.Check(
            tr("{case}: materials and consumers add up to the same", case=words.case_name(case)),
            "materials",
            summed(case, "materials"),
            summed(case, "consumers"),
        )
        for case in say.found.cases
    ]
