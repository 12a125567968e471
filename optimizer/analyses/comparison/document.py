"""Several plans side by side, as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import add
from typing import Any

from models.language import tr
from models.results import Comparison, Plan
from optimizer.analyses.comparison import figures, items, moves
from optimizer.analyses.comparison.figures import MONEY, Figure, across
from optimizer.analyses.comparison.words import Side, said
from optimizer.analyses.plan.document import glossary, short_sections
from optimizer.report.charts import Chart
from optimizer.report.charts import options as charts
from optimizer.report.document import (
    DETAIL,
    EVERYWHERE,
    SHEET,
    TERMINAL,
    TEXT,
    Bullets,
    Caution,
    Check,
    Column,
    Document,
    Form,
    Media,
    Part,
    Section,
    Table,
)
from optimizer.report.figures import NOISE, NONE, clean, number
from optimizer.report.wording import capital, class_name
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas, Line


def document(found: Comparison, plans: Mapping[str, Plan] | None = None) -> Document:
    """What options buy and cost, who is in which, and what makes the difference.

    With ``plans``, by label, come their short sections, and on sheets what is left with each.
    """
    side = Side(found, plans or {})
    base = side.plans.get(found.base)
    years = tr("Public funding by year ({unit}, not discounted)", unit=side.million)
    used = tr("How far budgets are used")
    held = tr("What is held at most at the end of a year (t)")
    funders = tr("Difference in money by funder ({unit}, not discounted)", unit=side.million)
    sections = [
        Section("compared", tr("What is compared"), list(compared(side))),
        Section("benefits", tr("What each option achieves"), list(achieved(side)),
                tab=tr("Benefits")),
        Section("costs", tr("What each option costs"), list(cost(side)), tab=tr("Costs")),
        Section("by-year", years, items.by_year(side, years), tab=tr("Public money")),
        Section("budgets", used, items.budgets(side, used), tab=tr("Budgets")),
        Section("projects", tr("Projects in all, some or none of the options"),
                list(items.projects(side)), tab=tr("Projects")),
        Section("stockpiles", held, list(items.stocks(side, held)), tab=tr("Stockpiles")),
        Section("differences", tr("What makes the difference"), list(moves.explained(side)), TEXT),
        Section("damage", tr("Difference by material and consumer"), list(moves.damage(side)),
                tab=capital(side.counted)),
        Section("money", funders, [moves.money(side, funders)], tab=tr("Money by funder")),
        Section("proofs", tr("What each option rests on"), [proofs(side)], tab=tr("Certificate")),
        *_of_plans(side),
    ]  # fmt: skip
    tables = {
        part.name: part
        for section in sections
        for part in section.parts
        if isinstance(part, Table) and part.rows
    }
    return Document(
        side.title,
        tr("Vorrat: funding options side by side"),
        tr("Compared with: {base}", base=side.called(found.base)),
        list(answer(side)),
        sections,
        base.certificate.versions if base else {},
        side.base.proof.input_sha256,
        list(_checks(side, tables)),
        [option.cost.public.paid_meur for option in side.options],
        [option.benefit.worst.without_plan for option in side.options],
        tr("The options at a glance"),
        side.units,
    )


def _of_plans(side: Side) -> list[Section]:
    """A short section on each plan, and the terms that they use."""
    sections: list[Section] = []
    for place, (label, one) in enumerate(side.plans.items(), start=1):
        title = tr("Option: {name}", name=side.called(label))
        sections += short_sections(one, f"plan-{place}", title)
    return [*sections, glossary(side.plans[side.found.base])] if sections else []


def answer(side: Side) -> Iterator[Part]:
    """What each option leaves and takes, and what must be read with that."""
    yield Caution([clean(sentence) for sentence in side.found.said.all], on=TERMINAL)
    before = side.base.benefit
    free = [o for o in side.options if not side.bars(o.label, "damage")]
    best = min(free, key=lambda o: o.benefit.expected.with_plan)
    yield tr(
        "{count} options are compared. Without any plan, {what} is {before}, and {worst} in the "
        "worst state that was computed; “{best}” leaves least, {after}.",
        count=number(len(side.options)),
        what=side.expected,
        before=side.amount(before.expected.without_plan),
        worst=side.amount(before.worst.without_plan),
        best=side.called(best.label),
        after=side.amount(best.benefit.expected.with_plan),
    )
    extra = [
        (d.avoided_per_extra_public_euro, d.option)
        for d in side.found.differences
        if d.avoided_per_extra_public_euro is not None
        and d.option not in side.dominated
        and d.significant is not False
    ]
    if extra:
        amount, most = max(extra, key=lambda of: of[0])
        yield tr(
            "Compared with “{base}”, each additional public {currency} avoids most with "
            "“{option}”: {amount} {currency} of expected damage (significant differences alone).",
            base=side.called(side.found.base),
            option=side.called(most),
            currency=side.currency,
            amount=number(amount, 2),
        )
    yield _options(side)
    yield Bullets([
        tr("“{option}” is dominated: “{other}” leaves no more {noun} and takes no more public "
           "funding.", option=side.called(worse), other=side.called(better), noun=side.counted)
        for worse, better in side.dominated.items()
    ])  # fmt: skip
    yield Caution(list(_cautions(side)))


def _cautions(side: Side) -> Iterator[str]:
    yield from map(side.left_out, side.found.failed)
    early = [o for o in side.options if o.proof.status == "limit"]
    if early:
        some = side.listed(early)
        yield tr("Stopped before the gap reached its target: {options}.", options=some)
    few = [o for o in side.options if o.proof.illustrative]
    if few:
        some = side.listed(few)
        yield tr("For illustration only, on fewer than 100 states of the world: {options}.",
                 options=some)  # fmt: skip
    yield from map(side.unlike, side.found.unlike)
    if any(one.bars for one in side.found.unlike):
        yield tr("In the tables a dash stands for what is not compared.")


def _options(side: Side) -> Table:
    """The key figures: options down; in a workbook they are read off the other sheets."""
    kept = {
        figure.key: (table, figure)
        for table, some in (
            ("benefits", figures.benefits(side)),
            ("costs", figures.costs(side)),
            ("per-euro", figures.per_euro(side)),
        )
        for figure in some
        if figures.any_known(side, figure)
    }

    def column(
        key: str, header: str, group: str = "", on: Media = EVERYWHERE, like: str = ""
    ) -> list[Column]:
        if key not in kept:
            return []
        table, figure = kept[key]

        def formula(line: Line) -> Expression | None:
            cell = line.book[table].find(key, side.key(line.row.label))
            return None if cell.value == "" else cell

        return [Column(header, lambda o: figure.of(side, o), figure.form, group, like, on,
                       formula=formula, width=17)]  # fmt: skip

    left = tr("Expected {noun} ({unit})", noun=side.counted, unit=side.unit)
    public = tr("Public funding ({unit})", unit=side.million)
    each = {"currency": side.currency}
    built = Column(
        tr("Projects"), lambda o: sum(o.label in p.options for p in side.found.projects), "count"
    )
    columns = [
        Column(tr("Option"), lambda o: side.called(o.label), "text"),
        *column("without", tr("without any plan"), left, SHEET),
        *column("left", tr("remaining"), left),
        *column("left_cvar", tr("in the worst states"), left),
        *column("avoided", tr("avoided"), left, SHEET),
        *column("share", tr("Share avoided")),
        *(one for name in figures.classes_of(side)
          for one in column(f"class:{name}", capital(class_name(name)), public, SHEET)),
        *column("public", tr("Public funding in all"), like=public),
        *column("charged", tr("Charged to public budgets")),
        *column("extra", tr("Avoided per additional public {currency}", **each), like="each"),
        *column("average", tr("Avoided per public {currency}, on average", **each), like="each"),
        built,
        *column("first", tr("First delivery")),
    ]  # fmt: skip
    note = tr(
        "Money is not discounted, except in what public funding avoids: both as present values, "
        "additional to “{base}”, or on average over all of it.",
        base=side.called(side.found.base),
    )
    title = tr("Expected {noun} that each option leaves ({unit}), and the public funding it takes "
               "({million})", noun=side.counted, unit=side.unit, million=side.million)  # fmt: skip
    return Table(title, side.options, columns, "options", note, chart=_chart(side, title))


def _chart(side: Side, title: str) -> Chart:
    """What each option leaves beside the public money that it takes, by class."""
    kept = {of.key: of for of in (*figures.benefits(side), *figures.costs(side))}

    def values(key: str) -> list[float | None]:
        return [kept[key].of(side, option) for option in side.options]

    classes = figures.classes_of(side)
    found = {name: [x or 0.0 for x in values(f"class:{name}")] for name in classes}
    money = {capital(class_name(n)): of for n, of in found.items() if max(of) > NOISE}
    names = [side.called(o.label) for o in side.options]
    titles = (tr("Expected {noun}", noun=side.counted), tr("Public funding"))
    about = tr(
        "One line an option: a bar of what is left, and bars of public money by budget class."
    )
    of = (names, values("left"), money, titles, (side.unit, side.million))
    return Chart("options", title, about, lambda: charts.side_by_side(*of))


def compared(side: Side) -> Iterator[Part]:
    """The options by name and label, what variants set, and what differs in the scenarios."""
    about = [
        Column(tr("Option"), lambda o: side.called(o.label), "text"),
        Column(tr("Label"), lambda o: clean(o.label), "text"),
        Column(tr("Title"), lambda o: said(o.title), "text", width=46),
        Column(tr("Sets"), lambda o: _set(side, o.set), "text"),
    ]
    yield Table(tr("What is compared"), side.options, about, "compared")
    yield tr("Differences are those to “{base}”.", base=side.called(side.found.base))

    heads = (tr("Option"), tr("Where"), tr("Values"), tr("In the base"), tr("In the option"))
    forms: tuple[Form, ...] = ("text", "text", "count", "text", "text")
    yield Table(
        tr("What differs from the base in the scenario"),
        list(side.changes()),
        [
            Column(head, str(n), form, mark=_breaks if form == "text" else None)
            for n, (head, form) in enumerate(zip(heads, forms, strict=True))
        ],
        "changes",
        tr("An asterisk stands for several items or years."),
        on=DETAIL,
    )


def _breaks(_row: Any) -> str:
    return "break"


def _set(side: Side, values: Mapping[str, Any]) -> str:
    """What a variant sets, or how many values in each part of the scenario."""
    if len(values) == 1:
        return side.place(next(iter(values)))
    parts = Counter(side.place(path.split(".")[0]) for path in values)
    return ", ".join(f"{part} ({number(count)})" for part, count in parts.items()) or NONE


def achieved(side: Side) -> Iterator[Part]:
    """What each option achieves."""
    title = tr("What each option achieves ({noun}, {unit})", noun=side.counted, unit=side.unit)
    note = tr(
        "Stocks and suppliers: end of {year}, undisturbed and on time, means over all materials by "
        "the value of their demand. Above 65 %: one third country supplies more of a material. "
        "Third countries lie outside the EU and are not supplied by this scenario.",
        year=side.found.year,
    )
    yield across(side, title, figures.benefits(side), "benefits", note)
    yield items.above_limit(side)
    yield from items.benchmarks(side)


def cost(side: Side) -> Iterator[Part]:
    """What each option costs, what public money moves, and what it avoids."""
    title = tr("What each option costs ({unit})", unit=side.million)
    note = tr(
        "Not discounted unless stated. A guarantee counts with the loan that it covers, and is "
        "charged to a budget with its provision alone. Expected loss: {dash} where the scenario "
        "gives no probability of failure.",
        dash=NONE,
    )
    yield across(side, title, figures.costs(side), "costs", note)
    title = tr("The same as the plans state it")
    public = Figure("public", tr("Public funding in all"), "money", "cost.public.paid_meur", MONEY)
    yield across(side, title, [public], "stated", on=SHEET)
    title = tr("Leverage in projects ({unit}, not discounted)", unit=side.million)
    note = tr("Private: companies, other private funders, lenders and investors.")
    yield across(side, title, figures.leverage(side), "leverage", note)
    title = tr("Damage avoided per {currency} of public money ({currency})", currency=side.currency)
    note = tr(
        "Both as present values. An average credits public money with what private money achieves "
        "as well; what decides between options is the additional one."
    )
    yield across(side, title, figures.per_euro(side), "per-euro", note)


def proofs(side: Side) -> Table:
    """How good each plan is, and what it rests on."""
    note = tr(
        "A difference below what the gaps of both plans leave open, together, is called not "
        "significant."
    )
    resolved = any(d.resolution is not None for d in side.found.differences)
    title = tr("How good the proof is")
    return across(side, title, figures.proofs(), "proofs", note if resolved else "")


def _checks(side: Side, tables: Mapping[str, Table]) -> Iterator[Check]:
    """What must add up in a workbook, option by option, as far as its tables allow."""
    base = side.key(side.found.base)

    def there(table: str, column: str) -> bool:
        return table in tables and any(c.key == column for c in tables[table].columns)

    def added(table: str, key: str) -> Callable[[Formulas], Expression]:
        return lambda book: book[table].total(key)

    def cells(table: str, key: str, *rows: str) -> Callable[[Formulas], Expression]:
        return lambda book: reduce(add, (book[table].find(row, key) for row in rows))

    def less(key: str) -> Callable[[Formulas], Expression]:
        return lambda book: book["benefits"].find("left", key) - book["benefits"].find("left", base)

    for option in side.options:
        key, about = side.key(option.label), {"option": side.called(option.label)}
        if not side.bars(option.label, "money"):
            public, money = cells("costs", key, "public"), ("public", "private", "market")
            says = tr("{option}: public money by class adds up", **about)
            yield Check(says, "costs", public, cells("stated", key, "public"))
            if there("by-year", key):
                says = tr("{option}: public money by year adds up", **about)
                yield Check(says, "by-year", added("by-year", key), public)
            if there("money", key):
                says = tr("{option}: money by funder adds up", **about)
                yield Check(says, "money", added("money", key), cells("costs", key, *money))
        says = tr("{option}: parts add up to the expected damage", **about)
        for kind in ("materials", "consumers"):
            if there(kind, key):
                yield Check(says, kind, added(kind, key), cells("benefits", key, "left"))
            elif there(kind, f"{key}_moves"):
                yield Check(says, kind, added(kind, f"{key}_moves"), less(key))
