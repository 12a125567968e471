"""Several plans side by side, as a document."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import add

from models.language import tr
from models.results import Comparison, Plan
from models.results.option import Option
from optimizer.analyses.comparison import figures, own_views, steps, tables
from optimizer.analyses.comparison.words import Side, said
from optimizer.analyses.plan.document import glossary
from optimizer.analyses.worth import sentences
from optimizer.report import document as doc
from optimizer.report.document import TEXT, Caution, Check, Column, Part, Section, Table
from optimizer.report.figures import clean, number, percent
from optimizer.report.wording import capital, listed
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas, Line


def document(
    found: Comparison, plans: Mapping[str, Plan] | None = None, as_given: bool = False
) -> doc.Document:
    """What options buy and cost, who is in which, and what makes the difference.

    Options stand by public money, the least first, or ``as_given``. With ``plans``, by label, come
    what funders commit to by year, what the words mean, and on sheets what is left with each.
    """
    side = Side(found, plans or {}, as_given)
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
        "present values.",
        currency=side.currency,
    )
    benefits = figures.across(
        side, benefit, figures.benefits(side), "benefits", side.noted(achieved)
    )
    costs = figures.across(side, cost, figures.costs(side), "costs", side.noted(counted))
    changes = [*tables.damage(side), tables.money(side, funders)]
    sections = [
        *steps.sections(side),
        Section("compared", tr("What is compared"), list(_compared(side))),
        Section("benefits", tr("What each option achieves"), [benefits], tab=tr("Benefits")),
        Section("costs", tr("What each option costs"), [costs], tab=tr("Costs")),
        Section("under", tr("Under each set of assumptions"), list(_under(side))),
        Section("by-year", tr("Public funding by year, and budgets"),
                [*tables.by_year(side, years), *tables.budgets(side, used)],
                tab=tr("Public money")),
        Section("projects", tr("Projects and stocks of the options"),
                [*tables.projects(side), *tables.stocks(side, held)], tab=tr("Projects")),
        Section("differences", tr("What makes the difference"), list(tables.explained(side)), TEXT),
        Section("damage", tr("Difference by material, consumer and funder"), changes,
                tab=tr("Differences")),
        Section("proofs", tr("What each option rests on"), [_proofs(side)], tab=tr("Certificate")),
    ]  # fmt: skip
    sections += own_views.sections(side)
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
    yield tr(
        "{count} options are compared, by public funding (present value). Without any plan, {what} "
        "is {before}, and {worst} in the worst state that was computed.",
        count=number(len(side.options)),
        what=side.expected,
        before=side.spoken(before.expected.without_plan),
        worst=side.spoken(before.worst.without_plan),
    )
    yield from steps.told(side)
    yield doc.Bullets([*steps.remarks(side), *_not_only_funding(side)])
    yield _options(side)
    for option in side.options:
        called = tr("“{option}”", option=side.called(option.label))
        yield doc.Bullets(list(sentences(option.worth_from, called)))
    yield Caution(list(cautions(side)))


def cautions(side: Side) -> Iterator[str]:
    """What is left out, was stopped early or rests on few states, and what is not compared."""
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
    told = [one for one in side.found.unlike if one.bars or one.subject.startswith("outcome")]
    yield from map(side.unlike, told)


def _not_only_funding(side: Side) -> list[str]:
    """Which options differ from the base in more than funding, though nothing is barred for it."""
    other = {
        one.option
        for one in side.found.unlike
        # Who pays a premium is funding, though it stands with a material.
        if not one.bars and any(".premium_paid_by" not in change.path for change in one.changes)
    }
    some = [side.short(option.label) for option in side.options if option.label in other]
    if not some:
        return []
    about = {"base": side.called(side.found.base), "options": listed(some)}
    return [
        tr("Not only funding differs from “{base}”: {options} (see “{section}”).",
           section=tr("What is compared"), **about)
    ]  # fmt: skip


def _options(side: Side) -> Table:
    """The key figures: options down; in a workbook they are read off the other sheets."""
    kept = {
        figure.key: (table, figure)
        for table, some in (("benefits", figures.benefits(side)), ("costs", figures.costs(side)))
        for figure in some
        if figure.known(side)
    }

    def column(key: str, header: str, like: str) -> Column:
        table, figure = kept[key]

        def formula(line: Line) -> Expression | None:
            cell = line.book[table].find(key, side.key(line.row.label))
            return None if cell.value == "" else cell

        return Column(header, lambda o: figure.of(side, o), figure.form, like=like,
                      formula=formula, width=17)  # fmt: skip

    noun = capital(side.counted if side.of_damage else f"{side.counted} ({side.unit})")
    tail = percent(1 - side.base.benefit.cvar_level)
    shown = [
        ("public_present", tr("Public funding"), "public"),
        ("cost", tr("Net public cost"), "public"),
        ("left", tr("{noun}, expected", noun=noun), "left"),
        ("left_cvar", tr("{noun}, CVaR", noun=noun), "left"),
    ]
    columns = [Column(tr("Option"), lambda o: side.tagged(o.label), "text")]
    columns += [column(*one) for one in shown if one[0] in kept]
    columns += steps.worths(side)
    if side.found.efficient:
        standing = tr("Assessment")
        columns.append(Column(standing, lambda o: steps.standing(side, o), "text", width=40))
    note = tr(
        "Money in {unit}, present values. Public funding counts guaranteed loans in full; net "
        "public cost is less what is expected to come back. CVaR: mean of the worst {share} of "
        "states.",
        unit=side.million,
        share=tail,
    )
    if side.found.best_from or side.found.best_from_by_net_cost:
        note += " " + tr(
            "Best at a worth of an avoided {currency}, in public {currency}: least public funding, "
            "or net public cost, less what it avoids at that worth; below the lowest, no plan. "
            "-: at none, or not told apart. Assessment: by public funding.",
            currency=side.currency,
        )
    if any(step.significant is False for step in side.found.efficient):
        note += " " + tr("Like: the proofs do not tell the two apart.")
    title = tr("Expected {noun} that each option leaves, and the public funding it takes",
               noun=side.counted)  # fmt: skip
    chart = steps.chart(side, title)
    return Table(title, side.options, columns, "options", note, chart=chart)


def _compared(side: Side) -> Iterator[Part]:
    """The options, and what each sets otherwise than the base."""
    head = tr("Differs from “{base}” in", base=side.called(side.found.base))
    about = [
        Column(tr("Option"), lambda o: side.tagged(o.label), "text"),
        Column(tr("Label"), lambda o: clean(o.label), "text", on=doc.SHEET),
        Column(head, lambda o: side.changes(o.label), "text", width=90),
    ]
    if any(option.description for option in side.options):
        about.insert(2, Column(tr("What it is"), _described, "text", width=90))
    yield Table(tr("What is compared"), side.options, about, "compared")


def _described(option: Option) -> str | None:
    return None if option.description is None else said(option.description)


def _under(side: Side) -> Iterator[Part]:
    """Expected damage with each option, under each set of assumptions."""
    caption = tr("Expected damage under each set, {unit}", unit=side.unit)
    if not side.of_damage:
        caption = tr("Expected shortage under each set, {unit}", unit=side.unit)
    if rows := figures.under(side):
        yield figures.across(side, caption, rows, "under")


def _proofs(side: Side) -> Table:
    """How good each plan is, and what it rests on."""
    note = tr(
        "A difference below what the gaps of both plans leave open, together, is called not "
        "significant. Reports on plans that were solved more closely may differ from the figures "
        "here by as much."
    )
    columns = [
        Column(tr("Option"), lambda o: side.tagged(o.label), "text"),
        Column(tr("Objective"), "proof.objective", "objective", like="objective"),
        Column(tr("Bound"), "proof.bound", "objective", like="objective"),
        Column(tr("Gap"), "proof.gap", "gap"),
        Column(tr("Gap asked for"), "proof.gap_target", "gap"),
        Column(tr("States of the world"), "proof.states", "count"),
        Column(tr("Seed of the sample"), "proof.seed", "year"),
    ]
    return Table(tr("How good the proof is"), side.options, columns, "proofs", note)


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
    yield from steps.checks(side)
