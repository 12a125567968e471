"""Document on a comparison of several plans."""

import math
from collections.abc import Iterator, Mapping
from functools import partial

from models.language import tr
from models.results import Comparison, Plan
from optimizer.analyses.assumption_sentences import damage_by_set_caption
from optimizer.analyses.break_even_words import break_even_sentences
from optimizer.analyses.comparison import (
    efficiency_tables,
    efficiency_words,
    funder_tables,
    option_figures,
    tables,
)
from optimizer.analyses.comparison.comparison_wording import ComparisonWording, localized
from optimizer.analyses.glossary import glossary_section
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
from optimizer.report.metrics import metric_columns
from optimizer.report.number_format import format_number, format_percent, sanitize
from optimizer.report.wording import Wording, capitalize, join_with_and


def build_document(
    result: Comparison, plans: Mapping[str, Plan] | None = None, as_given: bool = False
) -> doc.Document:
    """Build the document on a comparison: what options achieve and cost, who pays, and what makes
    the difference.

    Options are ordered by public money, or as they were given if ``as_given`` is true. With
    ``plans``, by their labels, the document also has the funders' commitments by year, the
    glossary, and (in a workbook) the damage of each option by material and consumer.
    """
    wording = ComparisonWording(result, plans or {}, as_given)
    base_plan = wording.plans.get(result.base)
    by_year_caption = tr("Public funding by year ({unit}, not discounted)", unit=wording.money_unit)
    budget_caption = tr("How far budgets are used")
    stocks_caption = tr("What is held at most at the end of a year (t)")
    funder_caption = tr(
        "Difference in money by funder ({unit}, not discounted)", unit=wording.money_unit
    )
    benefit_caption = tr(
        "What each option achieves ({noun}, {unit})", noun=wording.outcome_word, unit=wording.unit
    )
    benefit_note = tr(
        "Stocks and suppliers: end of {year}, undisturbed and on time, means over all materials by "
        "the value of their need. Above 65 %: one third country supplies more of a material. "
        "Third countries lie outside the EU and are not supplied by this scenario.",
        year=wording.result.year,
    )
    cost_caption = tr("What each option costs ({unit})", unit=wording.money_unit)
    cost_note = tr(
        "Not discounted unless stated. A guarantee counts with the loan that it covers, and is "
        "charged to a budget with its provision alone. What is avoided per {currency} compares "
        "present values.",
        currency=wording.currency,
    )
    benefits = option_figures.figures_table(
        wording, benefit_caption, option_figures.benefit_figures(wording), "benefits",
        wording.with_legend(benefit_note),
    )  # fmt: skip
    costs = option_figures.figures_table(
        wording, cost_caption, option_figures.cost_figures(wording), "costs",
        wording.with_legend(cost_note),
    )  # fmt: skip
    difference_tables = [
        *tables.damage_tables(wording),
        tables.money_table(wording, funder_caption),
    ]
    sections = [
        *efficiency_tables.build_sections(wording),
        Section("compared", tr("What is compared"), list(_compared_parts(wording))),
        Section("benefits", tr("What each option achieves"), [benefits], sheet_name=tr("Benefits")),
        Section("costs", tr("What each option costs"), [costs], sheet_name=tr("Costs")),
        Section("under", tr("Under each set of assumptions"),
                list(_assumption_set_tables(wording))),
        Section("by-year", tr("Public funding by year, and budgets"),
                [*tables.funding_by_year_table(wording, by_year_caption),
                 *tables.budget_table(wording, budget_caption)],
                sheet_name=tr("Public money")),
        Section("projects", tr("Projects and stocks of the options"),
                [*tables.project_parts(wording), *tables.stock_parts(wording, stocks_caption)],
                sheet_name=tr("Projects")),
        Section("differences", tr("What makes the difference"),
                list(tables.difference_bullets(wording)), TERMINAL_AND_PAGE),
        Section("damage", tr("Difference by material, consumer and funder"), difference_tables,
                sheet_name=tr("Differences")),
        Section("proofs", tr("What each option rests on"), [_proof_table(wording)],
                sheet_name=tr("Certificate")),
    ]  # fmt: skip
    sections += funder_tables.build_sections(wording)
    if base_plan:
        sections.append(glossary_section(Wording(base_plan)))
    return wording.build_document(
        tr("Vorrat: funding options side by side"),
        list(build_answer(wording)),
        sections,
        subtitle=tr("Compared with: {base}", base=wording.option_name(result.base)),
        versions=base_plan.certificate.versions if base_plan else {},
        checks=list(_build_checks(wording)),
        answer_title=tr("The options at a glance"),
    )


def build_answer(wording: ComparisonWording) -> Iterator[Part]:
    """Yield the answer of the document: the damage left and the cost of each option, with
    cautions."""
    base_benefit = wording.base.benefit
    yield tr(
        "{count} options are compared, by public funding (present value). Without any plan, {what} "
        "is {before}, and {worst} in the worst state that was computed.",
        count=format_number(len(wording.options)),
        what=wording.expected_outcome,
        before=wording.amount_for_sentence(base_benefit.expected.without_plan),
        worst=wording.amount_for_sentence(base_benefit.worst.without_plan),
    )
    yield from efficiency_words.efficiency_sentences(wording)
    yield doc.Bullets([*efficiency_words.dominance_remarks(wording), *_other_changes_note(wording)])
    yield _options_table(wording)
    for option in wording.options:
        quoted_name = tr("“{option}”", option=wording.option_name(option.label))
        yield doc.Bullets(list(break_even_sentences(option.worth_from, quoted_name)))
    yield Caution(list(cautions(wording)))


def cautions(wording: ComparisonWording) -> Iterator[str]:
    """Yield cautions on options that are left out, were stopped early, rest on few states, or
    cannot be compared."""
    yield from map(wording.explain_failure, wording.result.failed)
    limited_options = [o for o in wording.options if o.proof.status == "limit"]
    if limited_options:
        names = wording.list_options(limited_options)
        yield tr("Stopped before the gap reached its target: {options}.", options=names)
    illustrative_options = [o for o in wording.options if o.proof.illustrative]
    if illustrative_options:
        names = wording.list_options(illustrative_options)
        yield tr("For illustration only, on fewer than 100 states of the world: {options}.",
                 options=names)  # fmt: skip
    issues = [x for x in wording.result.unlike if x.bars or x.subject.startswith("outcome")]
    yield from map(wording.describe_issue, issues)


def _other_changes_note(wording: ComparisonWording) -> list[str]:
    """Return a note on the options that differ from the base in more than funding; an empty list if
    there are none."""
    changed_options = {
        issue.option
        for issue in wording.result.unlike
        # Who pays a premium is a matter of funding, though the field belongs to a material.
        if not issue.bars and any(".premium_paid_by" not in change.path for change in issue.changes)
    }
    names = [
        wording.short_name(option.label)
        for option in wording.options
        if option.label in changed_options
    ]
    if not names:
        return []
    args = {"base": wording.option_name(wording.result.base), "options": join_with_and(names)}
    return [
        tr("Not only funding differs from “{base}”: {options} (see “{section}”).",
           section=tr("What is compared"), **args)
    ]  # fmt: skip


def _options_table(wording: ComparisonWording) -> Table:
    """Return the table of key figures, a row per option."""
    figures = [*option_figures.benefit_figures(wording), *option_figures.cost_figures(wording)]
    known_figures = {figure.key: figure for figure in figures if figure.is_known(wording)}

    def column(key: str, header: str, decimals_group: str) -> Column:
        figure = known_figures[key]
        return Column(header, lambda o: figure.value_of(wording, o), figure.form,
                      decimals_group=decimals_group)  # fmt: skip

    damage_noun = capitalize(wording.outcome_word)
    if not wording.counts_damage:
        damage_noun += f" ({wording.unit})"
    tail_share = format_percent(1 - wording.base.benefit.cvar_level)
    entries = [
        ("public_present", tr("Public funding"), "public"),
        ("cost", tr("Net public cost"), "public"),
        ("left", tr("{noun}, expected", noun=damage_noun), "left"),
        ("left_cvar", tr("{noun}, CVaR", noun=damage_noun), "left"),
    ]
    columns = [Column(tr("Option"), lambda o: wording.numbered_name(o.label), "text")]
    columns += [column(*entry) for entry in entries if entry[0] in known_figures]
    columns += efficiency_tables.damage_value_columns(wording)
    if wording.result.efficient:
        assess = partial(efficiency_tables.assess_option, wording)
        columns.append(Column(tr("Assessment"), assess, "text"))
    note = tr(
        "Money in {unit}, present values. Public funding counts guaranteed loans in full; net "
        "public cost is less what is expected to come back. CVaR: mean of the worst {share} of "
        "states.",
        unit=wording.money_unit,
        share=tail_share,
    )
    if wording.result.best_from or wording.result.best_from_by_net_cost:
        note += " " + tr(
            "Best at a worth of an avoided {currency}, in public {currency}: least public "
            "funding, or net public cost, less what it avoids at that worth; below the "
            "lowest, no plan. -: at none, or not distinguished. Assessment: by public "
            "funding.",
            currency=wording.currency,
        )
    if any(step.significant is False for step in wording.result.efficient):
        note += " " + tr("Like: the proofs do not tell the two apart.")
    title = tr("Expected {noun} that each option leaves, and the public funding it takes",
               noun=wording.outcome_word)  # fmt: skip
    chart = efficiency_tables.efficiency_chart(wording, title)
    return Table(title, wording.options, columns, "options", note, chart=chart)


def _compared_parts(wording: ComparisonWording) -> Iterator[Part]:
    """Yield the table of the options and of the settings in which each differs from the base."""
    header = tr("Differs from “{base}” in", base=wording.option_name(wording.result.base))
    columns = [
        Column(tr("Option"), lambda o: wording.numbered_name(o.label), "text"),
        Column(tr("Label"), lambda o: sanitize(o.label), "text", media=doc.SHEET),
        Column(header, lambda o: wording.describe_changes(o.label), "text"),
    ]
    if any(option.description for option in wording.options):
        description_column = Column(tr("What it is"),
            lambda o: o.description and localized(o.description), "text")  # fmt: skip
        columns.insert(2, description_column)
    yield Table(tr("What is compared"), wording.options, columns, "compared")


def _assumption_set_tables(wording: ComparisonWording) -> Iterator[Part]:
    """Yield the table of expected damage with each option under each assumption set, if there are
    any."""
    if rows := option_figures.assumption_set_figures(wording):
        caption = damage_by_set_caption(wording)
        yield option_figures.figures_table(wording, caption, rows, "under")


def _proof_table(wording: ComparisonWording) -> Table:
    """Return the table of the objective, bound, gap and number of states of each plan."""
    note = tr(
        "A difference below what the gaps of both plans leave open, together, is called not "
        "significant. Reports on plans that were solved more closely may differ from the figures "
        "here by as much."
    )
    columns = [
        Column(tr("Option"), lambda o: wording.numbered_name(o.label), "text"),
        *metric_columns(wording, "objective", "bound", owner="proof.", decimals_group="objective"),
        *metric_columns(wording, "gap", owner="proof."),
        Column(tr("Gap asked for"), "proof.gap_target", "gap"),
        Column(tr("States of the world"), "proof.states", "count"),
        Column(tr("Seed of the sample"), "proof.seed", "year"),
    ]
    return Table(tr("How good the proof is"), wording.options, columns, "proofs", note)


def _build_checks(wording: ComparisonWording) -> Iterator[Check]:
    """Yield checks that the parts of each option's figures add up."""
    changes = {difference.option: difference for difference in wording.differences}
    for option in wording.options:
        args = {"option": wording.option_name(option.label)}
        cost, left = option.cost, option.benefit.expected.with_plan
        if not wording.is_excluded(option.label, "money"):
            by_class = math.fsum(
                cost.by_class[name].paid_meur
                for name in option_figures.used_budget_classes(wording)
                if name in cost.by_class
            )
            caption = tr("{option}: public money by class adds up", **args)
            yield Check(caption, by_class, cost.public.paid_meur)
            by_year = math.fsum(cost.public.paid_by_year_meur.values())
            caption = tr("{option}: public money by year adds up", **args)
            yield Check(caption, by_year, cost.public.paid_meur)
            by_funder = math.fsum(part.sums.paid_meur for part in cost.parts)
            caption = tr("{option}: money by funder adds up", **args)
            yield Check(caption, by_funder, cost.public.paid_meur + cost.private.paid_meur)
        caption = tr("{option}: parts add up to the expected damage", **args)
        plan, change = wording.plans.get(option.label), changes.get(option.label)
        if plan is not None and not wording.is_excluded(option.label, "damage"):
            for parts in (plan.materials, plan.consumers):
                yield Check(caption, math.fsum(part.expected for part in parts), left)
        elif change is not None and change.expected is not None:
            yield Check(
                caption,
                math.fsum(part.damage for part in change.by_material),
                change.expected,
                left,
            )
            yield Check(caption, math.fsum(change.by_consumer.values()), change.expected, left)
    yield from efficiency_tables.build_checks(wording)
