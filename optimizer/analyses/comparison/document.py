"""Several plans side by side, as a document."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import add

from models.language import tr
from models.results import Comparison, Plan
from models.results.option import Option
from optimizer.analyses.comparison import figures, tables
from optimizer.analyses.comparison.words import Side, said
from optimizer.analyses.plan.document import glossary, short_sections
from optimizer.analyses.worth import sentences
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import options as charts
from optimizer.report.document import TEXT, Caution, Check, Column, Part, Section, Table
from optimizer.report.figures import NOISE, clean, number
from optimizer.report.wording import capital, class_name
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas, Line


def document(found: Comparison, plans: Mapping[str, Plan] | None = None) -> doc.Document:
    """What options buy and cost, who is in which, and what makes the difference.

    With ``plans``, by label, come their short sections, and on sheets what is left with each.
    """
    side = Side(found, plans or {})
    base = side.plans.get(found.base)
    years = tr("Public funding by year ({unit}, not discounted)", unit=side.million)
    used = tr("How far budgets are used")
    held = tr("What is held at most at the end of a year (t)")
    funders = tr("Difference in money by funder ({unit}, not discounted)", unit=side.million)
    benefit = tr("What each option achieves ({noun}, {unit})", noun=side.counted, unit=side.unit)
    achieved = tr(
        "Stocks and suppliers: end of {year}, undisturbed and on time, means over all materials by "
        "the value of their need. Above 65 %: one third country supplies more of a material. "
        "Third countries lie outside the EU and are not supplied by this scenario.",
        year=side.found.year,
    )
    cost = tr("What each option costs ({unit})", unit=side.million)
    counted = tr(
        "Not discounted unless stated. A guarantee counts with the loan that it covers, and is "
        "charged to a budget with its provision alone. What is avoided per {currency} compares "
        "present values: an average credits public money with what private money achieves as well; "
        "what decides between options is the additional one.",
        currency=side.currency,
    )
    benefits = figures.across(side, benefit, figures.benefits(side), "benefits", achieved)
    costs = figures.across(side, cost, figures.costs(side), "costs", counted)
    sections = [
        Section("compared", tr("What is compared"), list(_compared(side))),
        Section("benefits", tr("What each option achieves"), [benefits], tab=tr("Benefits")),
        Section("costs", tr("What each option costs"), [costs], tab=tr("Costs")),
        Section("by-year", years, tables.by_year(side, years), tab=tr("Public money")),
        Section("budgets", used, tables.budgets(side, used), tab=tr("Budgets")),
        Section("projects", tr("Projects in all, some or none of the options"),
                list(tables.projects(side)), tab=tr("Projects")),
        Section("stockpiles", held, list(tables.stocks(side, held)), tab=tr("Stockpiles")),
        Section("differences", tr("What makes the difference"), list(tables.explained(side)), TEXT),
        Section("damage", tr("Difference by material and consumer"), list(tables.damage(side)),
                tab=capital(side.counted)),
        Section("money", funders, [tables.money(side, funders)], tab=tr("Money by funder")),
        Section("proofs", tr("What each option rests on"), [_proofs(side)], tab=tr("Certificate")),
    ]  # fmt: skip
    for place, (label, one) in enumerate(side.plans.items(), start=1):
        title = tr("Option: {name}", name=side.called(label))
        sections += short_sections(one, f"plan-{place}", title)
    if base:
        sections.append(glossary(base))
    made = {
        part.name: part
        for section in sections
        for part in section.parts
        if isinstance(part, Table) and part.rows
    }
    return doc.Document(
        side.title,
        tr("Vorrat: funding options side by side"),
        tr("Compared with: {base}", base=side.called(found.base)),
        list(answer(side)),
        sections,
        base.certificate.versions if base else {},
        side.base.proof.input_sha256,
        list(_checks(side, made)),
        [option.cost.public.paid_meur for option in side.options],
        [option.benefit.worst.without_plan for option in side.options],
        tr("The options at a glance"),
        side.units,
    )


def answer(side: Side) -> Iterator[Part]:
    """What each option leaves and takes, and what must be read with that."""
    yield Caution([clean(sentence) for sentence in side.found.said.all], on=doc.TERMINAL)
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
    yield doc.Bullets([
        tr("“{option}” is dominated: “{other}” leaves no more {noun} and takes no more public "
           "funding.", option=side.called(worse), other=side.called(better), noun=side.counted)
        for worse, better in side.dominated.items()
    ])  # fmt: skip
    for option in side.options:
        called = tr("“{option}”", option=side.called(option.label))
        yield doc.Bullets(list(sentences(option.worth_from, called)))
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


def _options(side: Side) -> Table:
    """The key figures: options down; in a workbook they are read off the other sheets."""
    kept = {
        figure.key: (table, figure)
        for table, some in (("benefits", figures.benefits(side)), ("costs", figures.costs(side)))
        for figure in some
        if figure.known(side)
    }

    def column(key: str, header: str, group: str = "", like: str = "") -> Column:
        table, figure = kept[key]

        def formula(line: Line) -> Expression | None:
            cell = line.book[table].find(key, side.key(line.row.label))
            return None if cell.value == "" else cell

        return Column(header, lambda o: figure.of(side, o), figure.form, group, like,
                      formula=formula, width=17)  # fmt: skip

    def built(option: Option) -> int:
        return sum(option.label in project.options for project in side.found.projects)

    left = tr("Expected {noun} ({unit})", noun=side.counted, unit=side.unit)
    shown = [
        ("left", tr("remaining"), left, ""),
        ("left_cvar", tr("in the worst states"), left, ""),
        ("share", tr("Share avoided"), "", ""),
        ("public", tr("Public funding in all"), "", "public"),
        ("charged", tr("Charged to public budgets"), "", "public"),
        *((key, kept[key][1].name, "", "each") for key in ("extra", "average") if key in kept),
        ("first", tr("First delivery"), "", ""),
    ]
    columns = [Column(tr("Option"), lambda o: side.called(o.label), "text")]
    columns += [column(*one) for one in shown if one[0] in kept]
    columns.append(Column(tr("Projects"), built, "count"))
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


def _compared(side: Side) -> Iterator[Part]:
    """The options by name and label, and where their scenarios differ from that of the base."""
    about = [
        Column(tr("Option"), lambda o: side.called(o.label), "text"),
        Column(tr("Label"), lambda o: clean(o.label), "text"),
        Column(tr("Title"), lambda o: said(o.title), "text", width=46),
        Column(tr("Differs from the base in"), lambda o: side.changes(o.label), "text", width=46),
    ]
    yield Table(tr("What is compared"), side.options, about, "compared")


def _proofs(side: Side) -> Table:
    """How good each plan is, and what it rests on."""
    note = tr(
        "A difference below what the gaps of both plans leave open, together, is called not "
        "significant."
    )
    title = tr("How good the proof is")
    return figures.across(side, title, figures.proofs(), "proofs", note)


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
            classes = [f"class:{name}" for name in figures.classes_of(side)]
            says = tr("{option}: public money by class adds up", **about)
            if classes:
                yield Check(says, "costs", cells("costs", key, *classes), public)
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
