"""Document on a comparison of several plans, with tables for each company and each public funder
that is not federal.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from models.language import tr
from models.results import Comparison, Plan
from models.results.comparison import FunderView
from models.results.option import MoneyTotals, Option
from optimizer.analyses.comparison import efficiency_parts, tables
from optimizer.analyses.comparison.comparison_wording import ComparisonWording, localized
from optimizer.analyses.comparison.plan_comparison import approvals_by_year
from optimizer.analyses.comparison.tables import (
    NEEDS_DAMAGE,
    NEEDS_MONEY,
    OptionFigure,
    figures_table,
    year_table,
)
from optimizer.analyses.shared_wording import (
    break_even_sentences,
    damage_by_set_caption,
    glossary_section,
)
from optimizer.report import document as doc
from optimizer.report.document import (
    PAGE_AND_SHEET,
    TERMINAL_AND_PAGE,
    Caution,
    Check,
    Column,
    Part,
    Section,
    Table,
    ValueForm,
)
from optimizer.report.number_format import format_number, format_percent, sanitize
from optimizer.report.wording import (
    BUDGET_CLASSES,
    Wording,
    budget_class_name,
    capitalize,
    join_with_and,
    metric_columns,
)


def funder_sections(wording: ComparisonWording) -> Iterator[Section]:
    """Yield a section for all companies, and one for all public funders that are not federal."""
    views = list(enumerate(wording.result.own_views, start=1))
    for kind, build_tables, id, title, sheet_name in (
        ("company", company_tables, "companies", tr("What the options mean for each company"),
         tr("Companies")),
        ("public", public_funder_tables, "other-public",
         tr("What the options mean for public funders other than the federal state"),
         tr("Not federal")),
    ):  # fmt: skip
        views_of_kind = [(number, view) for number, view in views if view.kind == kind]
        tables = [
            table for number, view in views_of_kind for table in build_tables(wording, view, number)
        ]
        if tables:
            first_view = views_of_kind[0][1]
            example = next((view for _, view in views_of_kind if view.consumers), first_view)
            tables = with_shared_note(wording, tables, example)
            yield Section(id, title, tables, PAGE_AND_SHEET, sheet_name=sheet_name)


def with_shared_note(
    wording: ComparisonWording, tables: Sequence[Table], view: FunderView
) -> list[Table]:
    """Return the tables with one note below the last, which depends on whether the funder of
    ``view`` has consumers."""
    note = tr("Outlay is not discounted; of a guarantee it is the loan that it covers.")
    if view.consumers:
        note = tr(
            "Outlay is not discounted. Contracted are tonnes of a year at full output, "
            "undisturbed, for the company's own consumers alone. Equally good plans may contract "
            "the same output to other companies: the sum is what an option decides."
        )
    return [*tables[:-1], replace(tables[-1], note=wording.with_legend(note))]


def money_figures(view: FunderView) -> list[OptionFigure]:
    """Return the rows with the funder's outlay and net cost in each option."""

    def funder_amount(path: str) -> Any:
        return lambda option: getattr(option.cost.by_funder.get(view.funder), path, 0.0)

    return [
        OptionFigure("outlay", tr("Outlay"), "money", funder_amount("paid_meur"), NEEDS_MONEY),
        OptionFigure(
            "net", tr("Net cost, present value"), "money", funder_amount("cost_meur"), NEEDS_MONEY
        ),
    ]


def loss_figure(wording: ComparisonWording, view: FunderView) -> OptionFigure:
    """Return the row with the expected loss of the funder's consumers; it has no figures if the
    funder has no consumers."""

    def view_figure(path: str) -> Any:
        return lambda option: getattr(view.options.get(option.label), path, None)

    name = tr(
        "Expected {noun} of its consumers, {unit}", noun=wording.outcome_word, unit=wording.unit
    )
    return OptionFigure("left", name, "outcome", view_figure("expected"), NEEDS_DAMAGE,
                        explicit_without_plan=view_figure("expected_without_plan"))  # fmt: skip


def figure_over_unfunded(
    wording: ComparisonWording, figure: OptionFigure, row_name: str
) -> OptionFigure:
    """Return the row with a figure less its value in the option without public funding.

    The row has no figures if that value is not known.
    """
    unfunded_value = None
    if (unfunded := wording.result.industry_alone) is not None:
        unfunded_value = figure.value_of(wording, wording.option(unfunded))

    def difference(option: Option) -> float | None:
        value = figure.value_of(wording, option)
        return None if value is None or unfunded_value is None else value - unfunded_value

    form: ValueForm = "signed_outcome" if figure.form == "outcome" else "signed"
    return OptionFigure(f"over_{figure.key}", row_name, form, difference, figure.needs)


def rows_over_unfunded(wording: ComparisonWording, figure: OptionFigure) -> list[OptionFigure]:
    """Return a list with the row that compares a figure with the unfunded option; empty if there is
    no such option."""
    if wording.result.industry_alone is None:
        return []
    unfunded_name = wording.option_name(wording.result.industry_alone)
    row_name = tr("The same, compared with “{option}”", option=unfunded_name)
    return [figure_over_unfunded(wording, figure, row_name)]


def funder_title(wording: ComparisonWording, view: FunderView) -> str:
    """Return the name of a funder, followed by the names of its consumers if these differ."""
    name = wording.name("funders", view.funder)
    consumers = wording.names("consumers", view.consumers)
    return f"{name} ({consumers})" if consumers not in ("", name) else name


def company_tables(
    wording: ComparisonWording,
    view: FunderView,
    number: int,
    extra_rows: Sequence[OptionFigure] = (),
) -> Iterator[Table]:
    """Yield the table of a company's payments, losses and contracted output in each option.

    ``extra_rows`` follow the rows of payments.
    """

    def contracted_tonnes(material: str) -> Any:
        def contracted(option: Option) -> float | None:
            gain = view.options.get(option.label)
            return None if gain is None else gain.output_t.get(material, 0.0)

        return contracted

    loss = loss_figure(wording, view)
    rows = [*money_figures(view), *extra_rows, loss, *rows_over_unfunded(wording, loss)]
    materials = dict.fromkeys(m for gain in view.options.values() for m in gain.output_t)
    rows += [
        OptionFigure(
            f"output:{m}",
            tr("Contracted, t a year: {material}", material=wording.name("materials", m)),
            "tonnes",
            contracted_tonnes(m),
        )
        for m in materials
    ]
    caption = tr("outlay, cost and gain ({unit})", unit=wording.money_unit)
    caption = f"{funder_title(wording, view)}: {caption}"
    yield figures_table(wording, caption, rows, f"company-{number}")


def public_funder_tables(
    wording: ComparisonWording,
    view: FunderView,
    number: int,
    extra_rows: Sequence[OptionFigure] = (),
    max_years: int | None = None,
) -> Iterator[Table]:
    """Yield tables on a public funder: payments by budget class, payments by year, and approvals by
    year.

    ``extra_rows`` follow the total payments in the first table. ``max_years`` is the number of
    years that have separate rows; later years are summed up.
    """
    totals_by_class: dict[tuple[str, str], MoneyTotals] = {
        (option.label, part.budget_class or ""): part.sums
        for option in wording.options
        for part in option.cost.parts
        if part.funder == view.funder
    }
    used_classes = {name for _, name in totals_by_class}

    def class_row(name: str) -> OptionFigure:
        text = tr("Outlay: {part}", part=budget_class_name(name))

        def paid(option: Option) -> float:
            return getattr(totals_by_class.get((option.label, name)), "paid_meur", 0.0)

        return OptionFigure(f"class:{name}", text, "money", paid, NEEDS_MONEY)

    rows = [
        *money_figures(view),
        *extra_rows,
        *(class_row(name) for name in BUDGET_CLASSES if name in used_classes),
    ]
    title, unit = funder_title(wording, view), wording.money_unit
    caption = f"{title}: {tr('outlay and cost ({unit})', unit=unit)}"
    yield figures_table(wording, caption, rows, f"public-{number}")
    paid_by_option: dict[str, Mapping[str, float]] = {
        option.label: option.cost.by_funder[view.funder].paid_by_year_meur
        for option in wording.options
        if view.funder in option.cost.by_funder
    }
    caption = f"{title}: {tr('outlay by year ({unit})', unit=unit)}"
    yield from year_table(wording, caption, paid_by_option, f"public-{number}-paid", max_years)
    approved_by_option = {
        label: approvals_by_year(plan, view.funder) for label, plan in wording.plans.items()
    }
    caption = f"{title}: {tr('to be approved, by year of the decision ({unit})', unit=unit)}"
    yield from year_table(
        wording, caption, approved_by_option, f"public-{number}-approved", max_years
    )


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
    benefits = tables.figures_table(
        wording, benefit_caption, tables.benefit_figures(wording), "benefits",
        wording.with_legend(benefit_note),
    )  # fmt: skip
    costs = tables.figures_table(
        wording, cost_caption, tables.cost_figures(wording), "costs",
        wording.with_legend(cost_note),
    )  # fmt: skip
    difference_tables = [
        *tables.damage_tables(wording),
        tables.money_table(wording, funder_caption),
    ]
    sections = [
        *efficiency_parts.build_sections(wording),
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
    sections += funder_sections(wording)
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
    yield from efficiency_parts.efficiency_sentences(wording)
    yield doc.Bullets([*efficiency_parts.dominance_remarks(wording), *_other_changes_note(wording)])
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
    figures = [*tables.benefit_figures(wording), *tables.cost_figures(wording)]
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
    columns += efficiency_parts.damage_value_columns(wording)
    if wording.result.efficient:
        assess = partial(efficiency_parts.assess_option, wording)
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
    chart = efficiency_parts.efficiency_chart(wording, title)
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
    if rows := tables.assumption_set_figures(wording):
        caption = damage_by_set_caption(wording)
        yield tables.figures_table(wording, caption, rows, "under")


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
                for name in tables.used_budget_classes(wording)
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
    yield from efficiency_parts.build_checks(wording)
