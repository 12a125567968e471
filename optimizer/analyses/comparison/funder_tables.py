"""Tables on the options for each company, and for each public funder that is not federal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.language import tr
from models.results.comparison import FunderView
from models.results.option import MoneyTotals, Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording
from optimizer.analyses.comparison.funder_views import approvals_by_year
from optimizer.analyses.comparison.option_figures import (
    NEEDS_DAMAGE,
    NEEDS_MONEY,
    OptionFigure,
    figures_table,
)
from optimizer.analyses.comparison.tables import year_table
from optimizer.report.document import PAGE_AND_SHEET, Section, Table, ValueForm
from optimizer.report.wording import BUDGET_CLASSES, budget_class_name


def build_sections(wording: ComparisonWording) -> Iterator[Section]:
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
