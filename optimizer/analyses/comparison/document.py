"""Several plans side by side, as a document."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import add

from models.language import tr
from models.results import Comparison, Plan
from models.results.option import Option
from optimizer.analyses.break_even_words import break_even_sentences
from optimizer.analyses.comparison import efficiency_words, funder_tables, option_figures, tables
from optimizer.analyses.comparison.comparison_wording import ComparisonWording, localized
from optimizer.analyses.plan.document import plan_glossary
from optimizer.report import document as doc
from optimizer.report.document import (
    TERMINAL_AND_PAGE,
    Caution,
    Check,
    Column,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import format_number, format_percent, sanitize
from optimizer.report.wording import capitalize, join_with_and
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.placed_tables import FormulaRow, WorkbookTables


def build_document(
    result: Comparison, plans: Mapping[str, Plan] | None = None, as_given: bool = False
) -> doc.Document:
    """What options buy and cost, who is in which, and what makes the difference.

    Options stand by public money, the least first, or ``as_given``. With ``plans``, by label, come
    what funders commit to by year, what the words mean, and on sheets what is left with each.
    """
    side = ComparisonWording(result, plans or {}, as_given)
    base = side.plans.get(result.base)
    years = tr("Public funding by year ({unit}, not discounted)", unit=side.money_unit)
    used = tr("How far budgets are used")
    held = tr("What is held at most at the end of a year (t)")
    funders = tr("Difference in money by funder ({unit}, not discounted)", unit=side.money_unit)
    benefit = tr(
        "What each option achieves ({noun}, {unit})", noun=side.outcome_word, unit=side.unit
    )
    achieved = tr(
        "Stocks and suppliers: end of {year}, undisturbed and on time, means over all materials by "
        "the value of their need. Above 65 %: one third country supplies more of a material. "
        "Third countries lie outside the EU and are not supplied by this scenario.",
        year=side.result.year,
    )
    cost = tr("What each option costs ({unit})", unit=side.money_unit)
    counted = tr(
        "Not discounted unless stated. A guarantee counts with the loan that it covers, and is "
        "charged to a budget with its provision alone. What is avoided per {currency} compares "
        "present values.",
        currency=side.currency,
    )
    benefits = option_figures.figures_table(
        side, benefit, option_figures.benefit_figures(side), "benefits", side.with_legend(achieved)
    )
    costs = option_figures.figures_table(
        side, cost, option_figures.cost_figures(side), "costs", side.with_legend(counted)
    )
    changes = [*tables.damage_tables(side), tables.money_table(side, funders)]
    sections = [
        *efficiency_words.build_sections(side),
        Section("compared", tr("What is compared"), list(_compared_parts(side))),
        Section("benefits", tr("What each option achieves"), [benefits], sheet_name=tr("Benefits")),
        Section("costs", tr("What each option costs"), [costs], sheet_name=tr("Costs")),
        Section("under", tr("Under each set of assumptions"), list(_assumption_set_tables(side))),
        Section("by-year", tr("Public funding by year, and budgets"),
                [*tables.funding_by_year_table(side, years), *tables.budget_table(side, used)],
                sheet_name=tr("Public money")),
        Section("projects", tr("Projects and stocks of the options"),
                [*tables.project_parts(side), *tables.stock_parts(side, held)], sheet_name=tr("Projects")),
        Section("differences", tr("What makes the difference"), list(tables.difference_bullets(side)), TERMINAL_AND_PAGE),
        Section("damage", tr("Difference by material, consumer and funder"), changes,
                sheet_name=tr("Differences")),
        Section("proofs", tr("What each option rests on"), [_proof_table(side)], sheet_name=tr("Certificate")),
    ]  # fmt: skip
    sections += funder_tables.build_sections(side)
    if base:
        sections.append(plan_glossary(base))
    made = {
        part.name: part
        for section in sections
        for part in section.parts
        if isinstance(part, Table) and part.rows
    }
    return doc.Document(
        side.title,
        tr("Vorrat: funding options side by side"),
        tr("Compared with: {base}", base=side.option_name(result.base)),
        list(build_answer(side)),
        sections,
        base.certificate.versions if base else {},
        list(_build_checks(side, made)),
        [option.cost.public.paid_meur for option in side.options],
        [option.benefit.worst.without_plan for option in side.options],
        tr("The options at a glance"),
        side.units_by_form,
    )


def build_answer(wording: ComparisonWording) -> Iterator[Part]:
    """What each option leaves and takes, and what must be read with that."""
    yield Caution(
        [sanitize(sentence) for sentence in wording.result.caveats.all], media=doc.TERMINAL
    )
    before = wording.base.benefit
    yield tr(
        "{count} options are compared, by public funding (present value). Without any plan, {what} "
        "is {before}, and {worst} in the worst state that was computed.",
        count=format_number(len(wording.options)),
        what=wording.expected_outcome,
        before=wording.amount_for_sentence(before.expected.without_plan),
        worst=wording.amount_for_sentence(before.worst.without_plan),
    )
    yield from efficiency_words.efficiency_sentences(wording)
    yield doc.Bullets([*efficiency_words.dominance_remarks(wording), *_other_changes_note(wording)])
    yield _options_table(wording)
    for option in wording.options:
        called = tr("“{option}”", option=wording.option_name(option.label))
        yield doc.Bullets(list(break_even_sentences(option.worth_from, called)))
    yield Caution(list(cautions(wording)))


def cautions(wording: ComparisonWording) -> Iterator[str]:
    """What is left out, was stopped early or rests on few states, and what is not compared."""
    yield from map(wording.explain_failure, wording.result.failed)
    early = [o for o in wording.options if o.proof.status == "limit"]
    if early:
        some = wording.list_options(early)
        yield tr("Stopped before the gap reached its target: {options}.", options=some)
    few = [o for o in wording.options if o.proof.illustrative]
    if few:
        some = wording.list_options(few)
        yield tr("For illustration only, on fewer than 100 states of the world: {options}.",
                 options=some)  # fmt: skip
    told = [one for one in wording.result.unlike if one.bars or one.subject.startswith("outcome")]
    yield from map(wording.describe_difference, told)


def _other_changes_note(wording: ComparisonWording) -> list[str]:
    """Which options differ from the base in more than funding, though nothing is barred for it."""
    other = {
        one.option
        for one in wording.result.unlike
        # Who pays a premium is funding, though it stands with a material.
        if not one.bars and any(".premium_paid_by" not in change.path for change in one.changes)
    }
    some = [wording.short_name(option.label) for option in wording.options if option.label in other]
    if not some:
        return []
    about = {"base": wording.option_name(wording.result.base), "options": join_with_and(some)}
    return [
        tr("Not only funding differs from “{base}”: {options} (see “{section}”).",
           section=tr("What is compared"), **about)
    ]  # fmt: skip


def _options_table(wording: ComparisonWording) -> Table:
    """The key figures: options down; in a workbook they are read off the other sheets."""
    kept = {
        figure.key: (table, figure)
        for table, some in (
            ("benefits", option_figures.benefit_figures(wording)),
            ("costs", option_figures.cost_figures(wording)),
        )
        for figure in some
        if figure.is_known(wording)
    }

    def column(key: str, header: str, like: str) -> Column:
        table, figure = kept[key]

        def formula(line: FormulaRow) -> Expression | None:
            cell = line.tables[table].find_cell(key, wording.column_key(line.row.label))
            return None if cell.value == "" else cell

        return Column(header, lambda o: figure.value_of(wording, o), figure.form, decimals_group=like,
                      formula=formula, width=17)  # fmt: skip

    noun = capitalize(
        wording.outcome_word
        if wording.counts_damage
        else f"{wording.outcome_word} ({wording.unit})"
    )
    tail = format_percent(1 - wording.base.benefit.cvar_level)
    shown = [
        ("public_present", tr("Public funding"), "public"),
        ("cost", tr("Net public cost"), "public"),
        ("left", tr("{noun}, expected", noun=noun), "left"),
        ("left_cvar", tr("{noun}, CVaR", noun=noun), "left"),
    ]
    columns = [Column(tr("Option"), lambda o: wording.numbered_name(o.label), "text")]
    columns += [column(*one) for one in shown if one[0] in kept]
    columns += efficiency_words.damage_value_columns(wording)
    if wording.result.efficient:
        standing = tr("Assessment")
        columns.append(
            Column(standing, lambda o: efficiency_words.assess_option(wording, o), "text", width=40)
        )
    note = tr(
        "Money in {unit}, present values. Public funding counts guaranteed loans in full; net "
        "public cost is less what is expected to come back. CVaR: mean of the worst {share} of "
        "states.",
        unit=wording.money_unit,
        share=tail,
    )
    if wording.result.best_from or wording.result.best_from_by_net_cost:
        note += " " + tr(
            "Best at a worth of an avoided {currency}, in public {currency}: least public funding, "
            "or net public cost, less what it avoids at that worth; below the lowest, no plan. "
            "-: at none, or not told apart. Assessment: by public funding.",
            currency=wording.currency,
        )
    if any(step.significant is False for step in wording.result.efficient):
        note += " " + tr("Like: the proofs do not tell the two apart.")
    title = tr("Expected {noun} that each option leaves, and the public funding it takes",
               noun=wording.outcome_word)  # fmt: skip
    chart = efficiency_words.efficiency_chart(wording, title)
    return Table(title, wording.options, columns, "options", note, chart=chart)


def _compared_parts(wording: ComparisonWording) -> Iterator[Part]:
    """The options, and what each sets otherwise than the base."""
    head = tr("Differs from “{base}” in", base=wording.option_name(wording.result.base))
    about = [
        Column(tr("Option"), lambda o: wording.numbered_name(o.label), "text"),
        Column(tr("Label"), lambda o: sanitize(o.label), "text", media=doc.SHEET),
        Column(head, lambda o: wording.describe_changes(o.label), "text", width=90),
    ]
    if any(option.description for option in wording.options):
        about.insert(2, Column(tr("What it is"), _option_description, "text", width=90))
    yield Table(tr("What is compared"), wording.options, about, "compared")


def _option_description(option: Option) -> str | None:
    return None if option.description is None else localized(option.description)


def _assumption_set_tables(wording: ComparisonWording) -> Iterator[Part]:
    """Expected damage with each option, under each set of assumptions."""
    caption = tr("Expected damage under each set, {unit}", unit=wording.unit)
    if not wording.counts_damage:
        caption = tr("Expected shortage under each set, {unit}", unit=wording.unit)
    if rows := option_figures.assumption_set_figures(wording):
        yield option_figures.figures_table(wording, caption, rows, "under")


def _proof_table(wording: ComparisonWording) -> Table:
    """How good each plan is, and what it rests on."""
    note = tr(
        "A difference below what the gaps of both plans leave open, together, is called not "
        "significant. Reports on plans that were solved more closely may differ from the figures "
        "here by as much."
    )
    columns = [
        Column(tr("Option"), lambda o: wording.numbered_name(o.label), "text"),
        Column(tr("Objective"), "proof.objective", "objective", decimals_group="objective"),
        Column(tr("Bound"), "proof.bound", "objective", decimals_group="objective"),
        Column(tr("Gap"), "proof.gap", "gap"),
        Column(tr("Gap asked for"), "proof.gap_target", "gap"),
        Column(tr("States of the world"), "proof.states", "count"),
        Column(tr("Seed of the sample"), "proof.seed", "year"),
    ]
    return Table(tr("How good the proof is"), wording.options, columns, "proofs", note)


def _build_checks(wording: ComparisonWording, tables: Mapping[str, Table]) -> Iterator[Check]:
    """What must add up in a workbook, option by option, as far as its tables allow."""
    base = wording.column_key(wording.result.base)

    def there(table: str, column: str) -> bool:
        return table in tables and any(c.key == column for c in tables[table].columns)

    def added(table: str, key: str) -> Callable[[WorkbookTables], Expression]:
        return lambda book: book[table].column_total(key)

    def cells(table: str, key: str, *rows: str) -> Callable[[WorkbookTables], Expression]:
        return lambda book: reduce(add, (book[table].find_cell(row, key) for row in rows))

    def less(key: str) -> Callable[[WorkbookTables], Expression]:
        return lambda book: (
            book["benefits"].find_cell("left", key) - book["benefits"].find_cell("left", base)
        )

    for option in wording.options:
        key, about = wording.column_key(option.label), {"option": wording.option_name(option.label)}
        if not wording.is_excluded(option.label, "money"):
            public, money = cells("costs", key, "public"), ("public", "private", "market")
            classes = [f"class:{name}" for name in option_figures.used_budget_classes(wording)]
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
    yield from efficiency_words.build_checks(wording)
