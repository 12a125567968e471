"""Who puts up the money, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from models.language import tr
from optimizer.report.charts import Chart
from optimizer.report.charts import money as charts
from optimizer.report.figures import NOISE, number, percent, rounded
from optimizer.report.html.parts import (
    Column,
    Figure,
    Heading,
    Part,
    Section,
    Table,
    alike,
    shares,
    with_total,
    words,
    year_names,
    years,
)
from optimizer.report.html.subject import CLASSES, Subject, capital, class_name, listed
from optimizer.report.tables import MARKET, money, supports
from optimizer.report.tables.frame import records

COMPANIES = ""
"""Stands for all companies together where a funder's id would stand."""

MOST_SERIES = 6
"""More sources than these are drawn by kind."""


def funding(subject: Subject) -> Section | None:
    """Money by source and year, by budget class and by project."""
    if subject.sources["meur"].sum() <= NOISE:
        return None
    parts: list[Part] = [
        _lead(subject),
        *_leverage(subject),
        _by_source(subject),
        *_by_class(subject),
    ]
    if subject.plan.projects:
        parts += [Heading(tr("Who finances which project")), _by_project(subject)]
        parts += _supports(subject)
    return Section("funding", tr("Funding by source and year"), parts)


def _lead(subject: Subject) -> str:
    by_kind = subject.sources.groupby("kind")["meur"].sum()
    total = float(by_kind.sum())
    labels = {
        "public": tr("public funders"),
        "company": tr("companies"),
        "private": tr("other private funders"),
        MARKET: tr("lenders and investors"),
    }
    found = [
        f"{label} {rounded(float(by_kind[kind]))} ({percent(float(by_kind[kind]) / total)})"
        for kind, label in labels.items()
        if by_kind.get(kind, 0.0) > NOISE
    ]
    text = tr(
        "Projects and stocks take {total} in all {during}, not discounted: {parts}.",
        total=subject.amount(total),
        during=subject.during,
        parts=listed(found),
    )
    if subject.guaranteed[1] is None:
        return text
    return f"{text} " + tr("Loans that public guarantees cover count as public money here.")


def _leverage(subject: Subject) -> Iterator[str]:
    private, other = money.leverage(subject.plan)
    if private is not None and other is not None:
        yield tr(
            "Leverage in projects: {private} {currency} of private money per public {currency} if "
            "guaranteed loans count as public, and {other} {currency} of all other money per "
            "{currency} that public funders put up themselves.",
            private=number(private, 1),
            other=number(other, 1),
            currency=subject.plan.currency,
        )
    elif private is not None:
        yield tr(
            "Leverage in projects: {private} {currency} of private money per public {currency}.",
            private=number(private, 1),
            currency=subject.plan.currency,
        )


def _by_source(subject: Subject) -> Figure:
    by_year = _pivot(subject, subject.sources, "source")
    order = [f.id for f in subject.plan.funders if f.id in by_year] + [MARKET] * (MARKET in by_year)
    kinds = {f.id: f.kind for f in subject.plan.funders} | {MARKET: MARKET}
    drawn: dict[str, tuple[str, list[float]]] = {}
    for source in order:
        key, label = source, subject.source(source)
        if len(order) > MOST_SERIES and kinds[source] in ("company", "private"):
            key = kinds[source]
            label = tr("companies") if key == "company" else tr("other private funders")
        _, before = drawn.get(key, ("", [0.0] * len(subject.years)))
        values = [a + b for a, b in zip(before, by_year[source], strict=True)]
        drawn[key] = (capital(label), values)
    title = tr(
        "Money put up for projects and stocks, by source and year ({unit})", unit=subject.million
    )
    table = _of_years(
        subject,
        tr("Money put up by source and year ({unit}, not discounted)", unit=subject.million),
        [(subject.source(source), by_year[source]) for source in order],
        "sources",
    )
    chart = Chart(
        "funding-by-source",
        title,
        tr("Stacked bars, one a year. The figures are in the table below."),
        lambda: charts.stacked(subject.years, list(drawn.values()), subject.million),
    )
    return Figure(chart, table)


def _by_class(subject: Subject) -> Iterator[Part]:
    public = subject.sources[subject.sources["kind"] == "public"]
    by_year = _pivot(subject, public, "budget_class")
    order = [name for name in CLASSES if name in by_year]
    if not order:
        return
    series = [(capital(class_name(name)), by_year[name]) for name in order]
    title = tr("Public money by budget class and year ({unit})", unit=subject.million)
    yield Heading(tr("Public money by budget class"))
    if "guarantee" in order:
        yield tr(
            "A guarantee is no outlay: it stands with the bank loan that it covers. What it takes "
            "from the budget is its provision; the accounts below say how much."
        )
    chart = Chart(
        "funding-by-class",
        title,
        tr("Stacked bars, one a year. The figures are in the table below."),
        lambda: charts.stacked(subject.years, series, subject.million, 2.3),
    )
    caption = tr(
        "Public money by budget class and year ({unit}, not discounted)", unit=subject.million
    )
    yield Figure(chart, _of_years(subject, caption, series, "classes"))


def _pivot(subject: Subject, put_up: Any, by: str) -> dict[str, list[float]]:
    """Money of each of ``by`` in each year; what is nothing in all years is left out."""
    sums = put_up.groupby([by, "year"])["meur"].sum()
    found: dict[str, list[float]] = {}
    for key in dict.fromkeys(put_up[by]):
        values = [float(sums.get((key, year), 0.0)) for year in subject.years]
        if any(abs(value) > NOISE for value in values):
            found[key] = values
    return found


def _of_years(
    subject: Subject, caption: str, series: Sequence[tuple[str, list[float]]], name: str
) -> Table:
    """A table with the years down, the series across, and sums of both."""
    together = [sum(of) for of in zip(*(values for _, values in series), strict=True)]
    columns: list[Column] = [year_names(subject.years, tr("All years"))]
    columns += alike(
        [(header, with_total(values)) for header, values in [*series, (tr("Sum"), together)]]
    )
    return Table(caption, columns, total=True, name=name, dense=len(series) > 6)


def _by_project(subject: Subject) -> Table:
    plan = subject.plan
    built = list(plan.projects)
    by_payer: dict[str, list[float]] = {}
    companies = {f.id for f in plan.funders if f.kind == "company"}
    for place, project in enumerate(built):
        payers = [(f, sum(by_instrument.values())) for f, by_instrument in project.shares.items()]
        for payer, share in [*payers, (MARKET, project.market_share)]:
            key = COMPANIES if payer in companies else payer
            row = by_payer.setdefault(key, [0.0] * len(built))
            row[place] += share * project.capex_meur
    order = [f.id for f in plan.funders if f.id not in companies] + [COMPANIES, MARKET]
    used = [
        (
            capital(tr("companies")) if payer == COMPANIES else subject.source(payer),
            with_total(by_payer[payer]),
        )
        for payer in order
        if sum(by_payer.get(payer, [])) > NOISE
    ]
    capex = [project.capex_meur for project in built]
    columns = [words(tr("Project"), [*(subject.name("project", p.id) for p in built), tr("Sum")])]
    columns += [years(tr("Decision"), [*(p.start for p in built), None])]
    columns += alike(
        [(tr("Capex"), with_total(capex)), *used],
    )
    columns += [shares(tr("Output reserved for home"), [*(p.offtake for p in built), None])]
    return Table(
        tr("Capital cost of the projects and who puts it up ({unit})", unit=subject.million),
        columns,
        total=True,
        name="financing",
        dense=True,
        note=tr(
            "Output reserved for home: the share of output that home consumers receive by contract "
            "in return for the money."
        ),
    )


def _supports(subject: Subject) -> Iterator[Part]:
    """Interest subsidies and price floors, which carry no capex themselves."""
    rows = [row for row in records(supports(subject.plan)) if row["share"] > NOISE]
    if not rows:
        return
    unit = subject.million
    yield Table(
        tr("What lets lenders carry more"),
        [
            words(tr("Project"), [subject.name("project", row["project"]) for row in rows]),
            words(tr("Paid by"), [subject.source(row["funder"]) for row in rows]),
            words(
                tr("Instrument"),
                [subject.name("instrument", row["funder"], row["instrument"]) for row in rows],
            ),
            shares(tr("Share covered"), [row["share"] for row in rows]),
            *alike(
                {
                    tr("Expected, {unit}", unit=unit): [row["paid_meur"] for row in rows],
                    tr("At most, {unit}", unit=unit): [row["meur"] for row in rows],
                }
            ),
        ],
        name="supports",
        note=tr(
            "Interest subsidies cover a share of capex that lenders carry, price floors a share of "
            "output. Neither carries capex itself."
        ),
    )
