"""Funding of a plan: by source and year, by budget class and year, and by project."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from models.language import tr
from models.results import Position, ProjectPlan
from optimizer.analyses.plan.plan_wording import (
    PlanWording,
    SheetRow,
    amount_column,
    payer_kind_names,
    row_column,
    row_year_columns,
    text_columns,
)
from optimizer.analyses.plan_diff import MARKET_ID
from optimizer.report import document as doc
from optimizer.report.charts import Chart, plan_charts as charts
from optimizer.report.document import (
    ALL_MEDIA,
    PAGE,
    PAGE_AND_SHEET,
    SHEET,
    TERMINAL_AND_PAGE,
    Column,
    Part,
    Table,
)
from optimizer.report.number_format import ZERO_TOLERANCE, format_number, format_percent
from optimizer.report.wording import BUDGET_CLASSES, budget_class_name, capitalize, join_with_and

AmountsByYear = Mapping[str, float]


def funding_section(wording: PlanWording) -> doc.Section:
    """Build the section on funding by source, budget class, year and project."""
    title = tr("Funding by source and year")
    return doc.Section("funding", title, list(_funding_parts(wording)), sheet_name=tr("Funding"))


def _funding_parts(wording: PlanWording) -> Iterator[Part]:
    paid_by_funder = {x.id: wording.plan.committed_meur.get(x.id, {}) for x in wording.plan.funders}
    paid_by_funder = {
        **paid_by_funder,
        **wording.plan.committed_meur,
        MARKET_ID: _market_payments(wording),
    }
    if any(
        abs(x) > ZERO_TOLERANCE for by_year in paid_by_funder.values() for x in by_year.values()
    ):
        yield doc.Text(_describe_totals(wording), TERMINAL_AND_PAGE)
    leverage = wording.cost.leverage
    if leverage.private_per_public is not None and leverage.other_per_federal is not None:
        text = tr(
            "Leverage in projects: {private} {currency} of private funding per public {currency} "
            "if guaranteed loans count as public, and {other} {currency} of all other money per "
            "{currency} that public funders pay themselves.",
            private=format_number(leverage.private_per_public, 1),
            other=format_number(leverage.other_per_federal, 1),
            currency=wording.currency,
        )
        yield doc.Text(text, TERMINAL_AND_PAGE)
    title = tr(
        "Funding of projects and stocks by source and year ({unit})", unit=wording.money_unit
    )
    caption = tr("Funding by source and year ({unit}, not discounted)", unit=wording.money_unit)
    chart = stacked_chart(
        wording, "funding-by-source", title, _chart_series(wording, paid_by_funder)
    )
    yield funder_table(wording, "committed", caption, paid_by_funder, chart, PAGE_AND_SHEET)
    if "guarantee" in wording.cost.by_class:
        text = tr(
            "A guarantee is not spending: it stands with the bank loan that it covers. What it "
            "takes from the budget is its provision; the accounts below say how much."
        )
        yield doc.Text(text, PAGE)
    title = tr(
        "Public funding by budget class and year ({unit}, not discounted)", unit=wording.money_unit
    )
    funders_and_classes = {(entry.funder, entry.budget_class) for entry in wording.public_positions}
    # If each funder has exactly one class, the chart above already shows them.
    same_as_funders = (
        len(funders_and_classes)
        == len({f for f, _ in funders_and_classes})
        == len({c for _, c in funders_and_classes})
    )
    yield from budget_class_tables(
        wording, "paid_by_year_meur", "classes", title, with_chart=not same_as_funders
    )
    yield from _financing_tables(wording)
    yield from _support_tables(wording)


def _describe_totals(wording: PlanWording) -> str:
    by_kind: dict[str, float] = {"market": wording.cost.market_meur}
    for f, funder_totals in wording.cost.by_funder.items():
        kind = wording.funder_kinds[f]
        by_kind[kind] = by_kind.get(kind, 0.0) + funder_totals.paid_meur
    amount = sum(by_kind.values())
    amount_texts = [
        f"{label} {format_number(by_kind[kind], 0)} ({format_percent(by_kind[kind] / amount)})"
        for kind, label in payer_kind_names().items()
        if by_kind.get(kind, 0.0) > ZERO_TOLERANCE
    ]
    text = tr(
        "Projects and stocks take {total} in all{during}, not discounted: {parts}.",
        total=wording.money_amount(amount),
        during=wording.horizon_phrase,
        parts=join_with_and(amount_texts),
    )
    if "guarantee" not in wording.cost.by_class:
        return text + wording.overruns_note
    text += " " + tr("Loans that public guarantees cover count as public funding here.")
    return text + wording.overruns_note


def _market_payments(wording: PlanWording) -> dict[str, float]:
    """Return the payments of lenders and investors by year, in million units of the currency.

    Capex after the horizon is counted in the last year.
    """
    by_year: dict[str, float] = {}
    if wording.case is None:
        return by_year
    for probability, project in wording.plan.projects_with_probability:
        for age, share in enumerate(wording.case.projects[project.id].capex_profile):
            year = str(min(project.start + age, wording.years[-1]))
            payment = probability * project.market_share * project.mean_capex_meur * float(share)
            by_year[year] = by_year.get(year, 0.0) + payment
    return by_year


def _chart_series(
    wording: PlanWording, paid_by_funder: Mapping[str, AmountsByYear]
) -> list[tuple[str, AmountsByYear]]:
    """Return the named series of the chart: one for each public funder, and sums by kind for the
    others."""
    series: dict[str, dict[str, float]] = {}
    for f, by_year in paid_by_funder.items():
        kind = wording.funder_kinds.get(f, "")
        label = (
            capitalize(payer_kind_names()[kind])
            if kind in ("company", "private")
            else wording.payer_header(f)
        )
        amounts = series.setdefault(label, {})
        for year, amount in by_year.items():
            amounts[year] = amounts.get(year, 0.0) + amount
    return [
        (label, amounts)
        for label, amounts in series.items()
        if any(abs(x) > ZERO_TOLERANCE for x in amounts.values())
    ]


def stacked_chart(
    wording: PlanWording,
    id: str,
    title: str,
    series: Sequence[tuple[str, AmountsByYear]],
    height: float = 2.7,
) -> Chart | None:
    """Return a chart with a stacked bar for each year; None if there are no series.

    ``height`` is in inches.
    """
    drawn_series = [
        (name, [amounts.get(year, 0.0) for year in wording.year_keys]) for name, amounts in series
    ]
    description = tr("Stacked bars, one a year. The figures are in the table below.")
    chart = Chart(
        id,
        title,
        description,
        lambda: charts.stacked_year_bars(wording.years, drawn_series, wording.money_unit, height),
    )
    return chart if drawn_series else None


def funder_table(
    wording: PlanWording,
    name: str,
    caption: str,
    amounts: Mapping[str, AmountsByYear],
    chart: Chart | None = None,
    media: doc.Media = ALL_MEDIA,
) -> Table:
    """Return a table of amounts by funder and year."""

    def row(funder: str) -> SheetRow:
        names = {"funder": wording.payer_header(funder), "kind": wording.funder_kind_name(funder)}
        return SheetRow("money", {**names, **wording.fill_years(amounts[funder])})

    columns = [
        *text_columns(funder=tr("Funder")),
        row_column(tr("Kind"), "kind", "text", media=SHEET),
        *row_year_columns(wording.year_keys, "money", total=True, decimals_group="years"),
        Column(
            tr("All years"), lambda row: sum(row[year] for year in wording.year_keys), "money",
            total=True,
        ),
    ]  # fmt: skip
    rows = [
        row(f)
        for f, by_year in amounts.items()
        if any(abs(x) > ZERO_TOLERANCE for x in by_year.values())
    ]
    return Table(
        caption, rows, columns, name, total_label=tr("All together"), chart=chart,
        is_collapsed=True,
        empty_text=tr("No money is provided."),
        media=media if rows else SHEET,
    )  # fmt: skip


def budget_class_tables(
    wording: PlanWording, field: str, name: str, title: str, note: str = "",
    *, with_chart: bool = True, is_collapsed: bool = True,
) -> Iterator[Part]:  # fmt: skip
    """Yield a page's table of public money by budget class and year; nothing if all amounts are 0.

    ``field`` is a field of :class:`MoneyTotals` with amounts by year.
    """
    totals_by_class = {c: wording.cost.by_class.get(c or "none") for c in BUDGET_CLASSES}
    rows = [
        (capitalize(budget_class_name(c)), getattr(x, field))
        for c, x in totals_by_class.items()
        if x
    ]
    rows = [row for row in rows if any(abs(x) > ZERO_TOLERANCE for x in row[1].values())]
    if not rows:
        return
    amounts = [(int(year), x) for _, totals in rows for year, x in totals.items()]
    nonzero_years = {year for year, x in amounts if abs(x) > ZERO_TOLERANCE}
    years = wording.years if with_chart else range(min(nonzero_years), max(nonzero_years) + 1)
    columns = [
        Column(tr("Budget class"), "0", "text"),
        *doc.year_columns(years, itemgetter(1), total=True),
    ]
    if field != "outstanding_by_year_meur":
        all_years = Column(tr("All years"), lambda x: sum(x[1].values()), "money", total=True)
        columns.append(all_years)
    chart = stacked_chart(wording, name, title, rows, 2.3) if with_chart else None
    yield Table(
        title, rows, columns, name, note, total_label=tr("Sum"), chart=chart,
        is_collapsed=is_collapsed, media=PAGE,
    )  # fmt: skip


class FundingShare(NamedTuple):
    """The share of a project's capex or output that a funder pays for or supports."""

    project: ProjectPlan
    funder: str
    instrument: str
    share: float
    position: Position | None
    """The position that pays for the share; None for lenders."""

    @property
    def meur(self) -> float:
        """The amount in million units of the currency, if the share is one of capex."""
        return self.share * self.project.mean_capex_meur


def funding_shares(wording: PlanWording, field: str = "shares") -> list[FundingShare]:
    """Return the share of each funder and instrument in each project, lenders last.

    With ``field="supports"``, the supports of each project are returned instead.
    """
    positions = {(x.project, x.funder, x.instrument): x for x in wording.plan.accounts}
    rows = []
    for project in wording.plan.projects:
        shares_by_funder = getattr(project, field).items()
        entries = [
            (f, i, x) for f, by_instrument in shares_by_funder for i, x in by_instrument.items()
        ]
        if field == "shares":
            entries.append((MARKET_ID, "", project.market_share))
        rows += [
            FundingShare(project, f, i, share, positions.get((project.id, f, i)))
            for f, i, share in entries
            if share > ZERO_TOLERANCE
        ]
    return rows


def _payer_columns(wording: PlanWording, header: str) -> list[Column]:
    return [
        Column(tr("Project"), lambda row: wording.name("projects", row.project.id), "text"),
        Column(header, lambda row: wording.payer_name(row.funder), "text"),
        Column(tr("Kind"), lambda row: wording.funder_kind_name(row.funder), "text", media=SHEET),
        Column(tr("Instrument"), lambda row:
            wording.instrument_name(row.funder, row.instrument) if row.instrument else None,
            "text"),
    ]  # fmt: skip


def _financing_tables(wording: PlanWording) -> Iterator[Table]:
    """Yield a table by project for a page, and a table by project, funder and instrument."""
    rows, caption = funding_shares(wording), tr("Who pays for the projects")

    def shares_by_funder(project: ProjectPlan) -> dict[str, float]:
        shares: dict[str, float] = {}
        for row in (row for row in rows if row.project is project):
            shares[row.funder] = shares.get(row.funder, 0.0) + row.share
        return shares

    def payers_text(project: ProjectPlan) -> str:
        shares = shares_by_funder(project).items()
        return ", ".join(f"{wording.payer_name(f)} {format_percent(x)}" for f, x in shares)

    def public_share(project: ProjectPlan) -> float:
        shares = shares_by_funder(project)
        return sum(x for f, x in shares.items() if wording.funder_kinds.get(f) == "public")

    intensities = {aid_use.project: aid_use.intensity for aid_use in wording.brief.fiscal.aid}
    page_columns = [
        Column(tr("Project"), lambda project: wording.name("projects", project.id), "text"),
        amount_column(wording.capex_header, "mean_capex_meur"),
        Column(tr("Of that public"), public_share, "share"),
        Column(tr("Financed by"), payers_text, "text"),
    ]
    if any(intensities.values()):
        aid = Column(tr("State aid, of announced capex"), lambda x: intensities.get(x.id), "share")
        page_columns.insert(-1, aid)
    total_label = tr("All together")
    yield Table(
        caption,
        wording.plan.projects,
        page_columns,
        "financing",
        total_label=total_label,
        media=PAGE,
    )

    columns = [
        *_payer_columns(wording, tr("Financed by")),
        Column(wording.money_unit, "meur", "money", total=True),
        Column(tr("Share of capex"), "share", "share"),
    ]
    yield Table(
        caption, rows, columns, "funding", total_label=total_label,
        empty_text=tr("Nothing is built."),
        media=doc.TERMINAL | SHEET if rows else SHEET,
    )  # fmt: skip


def _support_tables(wording: PlanWording) -> Iterator[Part]:
    """Yield the table of interest subsidies and price floors, which do not pay for capex."""
    expected_header = tr("Expected, {unit}", unit=wording.money_unit)
    max_header = tr("At most, {unit}", unit=wording.money_unit)
    columns = [
        *_payer_columns(wording, tr("Paid by")),
        Column(tr("Share covered"), "share", "share"),
        amount_column(
            expected_header, lambda row: row.position and sum(row.position.paid_meur.values())
        ),
        amount_column(max_header, lambda row: row.position and row.position.committed_meur),
    ]
    note = tr(
        "Interest subsidies cover a share of capex that lenders carry, price floors a share of "
        "output. Neither carries capex itself."
    )
    if rows := funding_shares(wording, "supports"):
        yield Table(tr("What lets lenders carry more"), rows, columns, "supports", note)
