"""The options as single funders see them: companies, and public funders that are not federal."""

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
    """A section for all companies, and one for all public funders that are not federal."""
    views = list(enumerate(wording.result.own_views, start=1))
    for kind, make, id, title, tab in (
        ("company", company_tables, "companies", tr("What the options mean for each company"),
         tr("Companies")),
        ("public", public_funder_tables, "other-public",
         tr("What the options mean for public funders other than the federal state"),
         tr("Not federal")),
    ):  # fmt: skip
        some = [(place, view) for place, view in views if view.kind == kind]
        tables = [table for place, view in some for table in make(wording, view, place)]
        if tables:
            own = next((view for _, view in some if view.consumers), some[0][1])
            yield Section(
                id, title, with_shared_note(wording, tables, own), PAGE_AND_SHEET, sheet_name=tab
            )


def with_shared_note(
    wording: ComparisonWording, tables: Sequence[Table], view: FunderView
) -> list[Table]:
    """Tables with what has to be known of all of them, for a funder like this, below the last."""
    note = tr("Outlay is not discounted; of a guarantee it is the loan that it covers.")
    if view.consumers:
        note = tr(
            "Outlay is not discounted. Contracted are tonnes of a year at full output, "
            "undisturbed, for the company's own consumers alone. Equally good plans may contract "
            "the same output to other companies: the sum is what an option decides."
        )
    return [*tables[:-1], replace(tables[-1], note=wording.with_legend(note))]


def money_figures(view: FunderView) -> list[OptionFigure]:
    """What the funder pays, and what of that is its cost."""

    def pays(path: str) -> Any:
        return lambda option: getattr(option.cost.by_funder.get(view.funder), path, 0.0)

    return [
        OptionFigure("outlay", tr("Outlay"), "money", pays("paid_meur"), NEEDS_MONEY),
        OptionFigure("net", tr("Net cost, present value"), "money", pays("cost_meur"), NEEDS_MONEY),
    ]


def loss_figure(wording: ComparisonWording, view: FunderView) -> OptionFigure:
    """What its consumers are expected to lose; of one without consumers no option has it."""

    def of(path: str) -> Any:
        return lambda option: getattr(view.options.get(option.label), path, None)

    name = tr(
        "Expected {noun} of its consumers, {unit}", noun=wording.outcome_word, unit=wording.unit
    )
    return OptionFigure(
        "left",
        name,
        "outcome",
        of("expected"),
        NEEDS_DAMAGE,
        explicit_without_plan=of("expected_without_plan"),
    )


def figure_over_unfunded(
    wording: ComparisonWording, figure: OptionFigure, row_name: str
) -> OptionFigure:
    """How much more a figure is than with industry alone; known of no option where that is not."""
    alone = wording.result.industry_alone
    least = None if alone is None else figure.value_of(wording, wording.option(alone))

    def more(option: Option) -> float | None:
        own = figure.value_of(wording, option)
        return None if own is None or least is None else own - least

    form: ValueForm = "signed_outcome" if figure.form == "outcome" else "signed"
    return OptionFigure(f"over_{figure.key}", row_name, form, more, figure.needs)


def rows_over_unfunded(wording: ComparisonWording, figure: OptionFigure) -> list[OptionFigure]:
    """The row below that of a figure that compares it with industry alone, where that is there."""
    if wording.result.industry_alone is None:
        return []
    alone = wording.option_name(wording.result.industry_alone)
    return [
        figure_over_unfunded(
            wording, figure, tr("The same, compared with “{option}”", option=alone)
        )
    ]


def funder_title(wording: ComparisonWording, view: FunderView) -> str:
    """The name of a funder, with those of its consumers."""
    name, consumers = (
        wording.name("funders", view.funder),
        wording.names("consumers", view.consumers),
    )
    return f"{name} ({consumers})" if consumers not in ("", name) else name


def _funder_caption(wording: ComparisonWording, view: FunderView, caption: str) -> str:
    return f"{funder_title(wording, view)}: {caption}"


def company_tables(
    wording: ComparisonWording,
    view: FunderView,
    index: int,
    extra_rows: Sequence[OptionFigure] = (),
) -> Iterator[Table]:
    """What a company pays, what is contracted to it and what befalls its consumers; ``more`` are
    further rows."""

    def tonnes(material: str) -> Any:
        def of(option: Option) -> float | None:
            held = view.options.get(option.label)
            return None if held is None else held.output_t.get(material, 0.0)

        return of

    loss = loss_figure(wording, view)
    rows = [*money_figures(view), *extra_rows, loss, *rows_over_unfunded(wording, loss)]
    known = dict.fromkeys(m for held in view.options.values() for m in held.output_t)
    rows += [
        OptionFigure(
            f"output:{m}",
            tr("Contracted, t a year: {material}", material=wording.name("materials", m)),
            "tonnes",
            tonnes(m),
        )
        for m in known
    ]
    title = _funder_caption(
        wording, view, tr("outlay, cost and gain ({unit})", unit=wording.money_unit)
    )
    yield figures_table(wording, title, rows, f"company-{index}")


def public_funder_tables(
    wording: ComparisonWording,
    view: FunderView,
    index: int,
    extra_rows: Sequence[OptionFigure] = (),
    max_years: int | None = None,
) -> Iterator[Table]:
    """What a public funder pays by class and by year, and when it has to be approved; ``more`` are
    further rows of the first table, and ``most`` the years that have a row of their own."""
    sums: dict[tuple[str, str], MoneyTotals] = {
        (option.label, part.budget_class or ""): part.sums
        for option in wording.options
        for part in option.cost.parts
        if part.funder == view.funder
    }
    booked = {name for _, name in sums}

    def of_class(name: str) -> OptionFigure:
        text = tr("Outlay: {part}", part=budget_class_name(name))

        def paid(option: Option) -> float:
            return getattr(sums.get((option.label, name)), "paid_meur", 0.0)

        return OptionFigure(f"class:{name}", text, "money", paid, NEEDS_MONEY)

    rows = [
        *money_figures(view),
        *extra_rows,
        *(of_class(name) for name in BUDGET_CLASSES if name in booked),
    ]
    title = _funder_caption(wording, view, tr("outlay and cost ({unit})", unit=wording.money_unit))
    yield figures_table(wording, title, rows, f"public-{index}")
    paid: dict[str, Mapping[str, float]] = {
        option.label: option.cost.by_funder[view.funder].paid_by_year_meur
        for option in wording.options
        if view.funder in option.cost.by_funder
    }
    title = _funder_caption(wording, view, tr("outlay by year ({unit})", unit=wording.money_unit))
    yield from year_table(wording, title, paid, f"public-{index}-paid", max_years)
    decided = {label: approvals_by_year(plan, view.funder) for label, plan in wording.plans.items()}
    title = _funder_caption(
        wording,
        view,
        tr("to be approved, by year of the decision ({unit})", unit=wording.money_unit),
    )
    yield from year_table(wording, title, decided, f"public-{index}-approved", max_years)
