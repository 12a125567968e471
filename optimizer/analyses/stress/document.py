"""A disruption, period by period, as a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from models.language import tr
from models.results.stress import (
    ConsumerHit,
    ShortMaterial,
    Stress,
    StressCase,
    StressedStock,
)
from optimizer.analyses.stress import words
from optimizer.analyses.stress.words import SHORT, Say
from optimizer.report.charts import Chart
from optimizer.report.charts import periods as charts
from optimizer.report.document import (
    DETAIL,
    EVERYWHERE,
    SHEET,
    TERMINAL,
    Bullets,
    Check,
    Column,
    Document,
    Form,
    Media,
    Part,
    Section,
    Table,
    Text,
    ids,
)
from optimizer.report.figures import percent
from optimizer.report.wording import Wording
from optimizer.report.workbook.expressions import Expression, total

if TYPE_CHECKING:
    from optimizer.report.workbook.formulas import Formulas

MOST = 5
"""Materials that a terminal tells of period by period."""
MOST_ROWS = 15
"""Rows of the other tables there."""


class Moment(NamedTuple):
    """A material in one of the periods."""

    of: ShortMaterial
    place: int
    label: str

    def share(self, case: StressCase) -> float:
        """Of demand that is missing."""
        return words.share_missing(self.of, case, self.place)


class Level(NamedTuple):
    """A stockpile at the end of one of the periods."""

    of: StressedStock
    place: int
    label: str


def document(found: Stress) -> Document:
    """What is short, who is hit and how long stocks last, in each case."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: what a disruption does"),
        list(words.answer(say)),
        [
            Section("materials", tr("Materials that run short"), _materials(say)),
            Section("periods", tr("Period by period"), list(_by_period(say))),
            Section("consumers", tr("Consumers that are hit"), _consumers(say)),
            Section("stocks", tr("Stocks and how long they last"), _stocks(say)),
            Section("method", tr("How it was computed"), [Bullets(list(words.method(say)))]),
        ],
        checks=_checks(say),
        outcomes=list(found.damage.values()),
    )


# Tables


def _by_case(
    say: Say,
    header: str,
    of: Callable[[Any, StressCase], Any],
    form: Form,
    key: str = "",
    **more: Any,
) -> list[Column]:
    """A column for each case, under one header."""
    return [
        Column(
            words.case_name(case),
            partial(_at, of, case),
            form,
            group=header,
            key=f"{key}-{case}" if key else "",
            **more,
        )
        for case in say.found.cases
    ]


def _at(of: Callable[[Any, StressCase], Any], case: StressCase, row: Any) -> Any:
    return of(row, case)


def _materials(say: Say) -> list[Part]:
    labels = words.labels(say)

    def last(row: ShortMaterial, case: StressCase) -> str | None:
        short = words.short_at(row, case)
        return labels[short[-1]] if short else None

    def highest(row: ShortMaterial, case: StressCase) -> float:
        return words.share_missing(row, case, words.worst_at(row, case))

    def count(row: ShortMaterial, case: StressCase) -> int:
        return len(words.short_at(row, case))

    columns = [
        Column(tr("Material"), lambda row: say.name("materials", row.id), "text"),
        *_by_case(say, tr("Missing, t"), lambda row, case: sum(row.missing_t[case]), "tonnes"),
        *_by_case(say, tr("Highest share of demand missing"),
                  highest, "share"),
        *_by_case(say, tr("Periods short"), count, "count", on=DETAIL),
        *_by_case(say, tr("Last short period"), last, "text", on=DETAIL),
        *_by_case(say, _damage(say), lambda row, case: row.damage[case], "outcome", "damage",
                  total=True),
    ]  # fmt: skip
    caption = tr("Materials that run short")
    return [Table(caption, _ranked(say), columns, "materials", total=tr("Total"), most=MOST_ROWS)]


def _ranked(say: Say) -> list[ShortMaterial]:
    """Materials, the one that costs most in the market alone first."""
    return sorted(say.found.materials, key=lambda one: -one.damage["market"])


def _damage(say: Say) -> str:
    name = tr("Damage") if say.of_damage else tr("Shortage")
    return f"{name}, {say.unit}"


def _by_period(say: Say) -> Iterator[Part]:
    """A table for each material that is short, those that cost most first."""
    ranked = _ranked(say)
    for place, one in enumerate(ranked):
        yield _material(say, one, DETAIL if place >= MOST else EVERYWHERE)
    if len(ranked) > MOST:
        yield Text(
            tr("Page and workbook have the same for {count} more materials.",
               count=len(ranked) - MOST),
            TERMINAL,
        )  # fmt: skip
    if ranked:
        yield tr(
            "Demand is met by the market, by what projects deliver to those with a right to it, "
            "and by releases; what is left is missing. Stocks are told at the end of the period."
        )


def _material(say: Say, one: ShortMaterial, on: Media) -> Table:
    found, labels = say.found, words.labels(say)
    # Between two events of a state there may be years in which all is covered.
    rows = [
        Moment(one, k, label)
        for k, label in enumerate(labels)
        if one.market_t[k] < one.demand_t[k] * (1 - SHORT)
    ]
    own = [stock for stock in found.stocks if stock.material == one.id]
    none = (0.0,) * len(labels)
    left = {
        case: tuple(map(sum, zip(none, *(stock.left_t[case] for stock in own), strict=True)))
        for case in found.cases
    }
    moved = {case: (*left[case], *one.released_t[case]) for case in found.cases}
    columns = [
        Column(tr("Period"), "label", "text"),
        Column(tr("Demand, t"), lambda row: row.of.demand_t[row.place], "tonnes"),
        Column(tr("Market, t"), lambda row: row.of.market_t[row.place], "tonnes"),
    ]
    for header, figures, seen, media in (
        (tr("Projects, t"), one.delivered_t, one.delivered_t, DETAIL),
        (tr("Released, t"), one.released_t, one.released_t, DETAIL),
        (tr("Left in stock, t"), left, moved, EVERYWHERE),
        (tr("Missing, t"), one.missing_t, dict.fromkeys(found.cases, one.demand_t), EVERYWHERE),
    ):
        columns += [
            Column(
                words.case_name(case), partial(_in, figures[case]), "tonnes", group=header, on=media
            )
            for case in found.cases
            if _any(seen[case])
        ]
    columns += _by_case(say, tr("Share missing"), lambda row, case: row.share(case), "share")
    name = say.name("materials", one.id)
    return Table(name, rows, columns, f"periods-{one.id}", chart=_chart(say, one, name), on=on)


def _in(figures: Sequence[float], row: Moment) -> float:
    return figures[row.place]


def _any(figures: Sequence[float]) -> bool:
    return any(figure > SHORT for figure in figures)


def _chart(say: Say, one: ShortMaterial, name: str) -> Chart:
    found, labels = say.found, words.labels(say)
    series = [(words.case_name(case), one.missing_t[case]) for case in found.cases]
    at = words.worst_at(one, "market")
    return Chart(
        f"shortage-{one.id.replace('_', '-')}",
        tr("{name}: tonnes missing in each period", name=name),
        tr(
            "One line for each case. Most is missing in {period}: {market} of demand in the market "
            "alone, {plan} with the plan. The figures are in the table below.",
            period=labels[at],
            market=percent(words.share_missing(one, "market", at)),
            plan=percent(words.share_missing(one, "plan", at)),
        ),
        partial(charts.lines, labels, series, tr("t per period")),
    )


def _consumers(say: Say) -> list[Part]:
    rows = sorted(say.found.consumers, key=lambda one: -one.damage["market"])

    def first(row: ConsumerHit) -> str:
        return say.name("consumers", row.consumer)

    columns = [
        Column(tr("Consumer"), first, "text"),
        Column(tr("Material"), lambda row: say.name("materials", row.material), "text"),
        *_by_case(say, tr("Missing, t"), lambda row, case: row.missing_t[case], "tonnes"),
        *_by_case(say, _damage(say), lambda row, case: row.damage[case], "outcome", "damage",
                  total=True),
    ]  # fmt: skip
    caption = tr("Consumers that are hit")
    return [Table(caption, rows, columns, "consumers", total=tr("Total"), most=MOST_ROWS)]


def _stocks(say: Say) -> list[Part]:
    found, labels = say.found, words.labels(say)
    rows = [one for one in found.stocks if any(_any([one.begins_t[case], one.released_t[case],
            *one.left_t[case]]) for case in found.cases)]  # fmt: skip
    if not found.materials:
        return []
    columns = [
        Column(tr("Stock"), lambda row: say.name("stockpiles", row.id), "text"),
        Column(tr("Material"), lambda row: say.name("materials", row.material), "text"),
    ]
    for case in found.cases:
        if any(_any([one.begins_t[case], *one.left_t[case]]) or one.released_t[case] > SHORT
               for one in rows):  # fmt: skip
            columns += _of_stock(say, case)
    levels = [Level(one, k, label) for one in rows for k, label in enumerate(labels)]
    by_period = [
        ids(tr("Id"), "id", "of.id"),
        Column(tr("Stock"), lambda row: say.name("stockpiles", row.of.id), "text"),
        Column(tr("Period"), "label", "text"),
        *_by_case(say, tr("Left at the end, t"), _left, "tonnes"),
    ]
    note = tr("Held: when the first of the periods begins. Purchases go on as planned.")
    empty = tr("There is no stock of any of these materials.")
    caption = tr("Stocks and how long they last")
    return [
        Table(caption, rows, columns, "stocks", note, most=MOST_ROWS, empty=empty),
        Table(tr("Stocks at the end of each period"), levels, by_period, "levels", on=SHEET,
              ruled=_is_first),
    ]  # fmt: skip


def _of_stock(say: Say, case: StressCase) -> list[Column]:
    """What is told of a stock in one case."""

    def figure(of: Mapping[StressCase, float]) -> float:
        return of[case]

    def empty(row: StressedStock) -> str | None:
        at = row.empty[case]
        return None if at is None else words.label(say, at)

    group = words.case_name(case)
    return [
        Column(tr("Held, t"), lambda row: figure(row.begins_t), "tonnes", group=group),
        Column(tr("Released, t"), lambda row: figure(row.released_t), "tonnes", group=group),
        Column(tr("Least left, t"), lambda row: min(row.left_t[case]), "tonnes", group=group),
        Column(tr("Empty by the end of"), empty, "text", group=group),
    ]


def _left(row: Level, case: StressCase) -> float:
    return row.of.left_t[case][row.place]


def _is_first(row: Level) -> bool:
    return row.place == 0


def _checks(say: Say) -> list[Check]:
    """Damage by material is that by consumer, in each case."""
    if not say.found.materials or not say.found.consumers:
        return []
    return [
        Check(
            tr("{case}: materials and consumers add up to the same", case=words.case_name(case)),
            "materials",
            partial(_summed, "materials", f"damage-{case}"),
            partial(_summed, "consumers", f"damage-{case}"),
        )
        for case in say.found.cases
    ]


def _summed(table: str, key: str, book: Formulas) -> Expression:
    return total(book[table].area(key))
