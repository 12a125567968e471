"""Money as the treasury sees it: by class, funder and line, and who carries the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.language import tr
from optimizer.report.charts import Chart
from optimizer.report.charts import money as charts
from optimizer.report.figures import NOISE, NONE, percent, rounded
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
)
from optimizer.report.html.subject import CLASSES, Subject, capital, class_name
from optimizer.report.tables import MARKET, money
from optimizer.report.tables.frame import records


def accounts(subject: Subject) -> Section | None:
    """What is committed, paid, comes back, is at risk and may be lost."""
    if not subject.plan.accounts:
        return None
    parts: list[Part] = [
        _lead(subject),
        _by_class(subject),
        *_debt_brake(subject),
        *_outstanding(subject),
        *_returned(subject),
        Heading(tr("By funder and instrument")),
        _by_instrument(subject),
        *_lines(subject),
        Heading(tr("Who carries the loss")),
        *_losses(subject),
    ]
    return Section("accounts", tr("Fiscal accounts"), parts)


def _lead(subject: Subject) -> str:
    found = subject.positions
    public = found[found["kind"] == "public"]
    return tr(
        "Public funders commit {committed}; {back} of it is expected to come back and {cost} is "
        "the net cost to them, both as present values.",
        committed=subject.amount(float(public["committed_meur"].sum())),
        back=rounded(float(public["returned_pv_meur"].sum())),
        cost=subject.amount(float(public["cost_meur"].sum())),
    )


def _columns(groups: list[Any], whole: Any) -> list[Column]:
    """Columns of sums over positions: a group a row, and all of them."""

    def of(key: str) -> list[float | None]:
        return [float(group[key].sum()) for group in [*groups, whole]]

    losses = [_expected_loss(group) for group in [*groups, whole]]
    left = of("residual_meur")
    residual = {tr("Residual value, present value"): left} if any(map(_shows, left)) else {}
    return alike(
        {
            tr("Committed"): of("committed_meur"),
            tr("Paid, present value"): of("paid_pv_meur"),
            tr("Expected back, present value"): of("returned_pv_meur"),
            **residual,
            tr("Net cost, present value"): of("cost_meur"),
            tr("Expected loss"): losses,
            tr("Maximum loss"): of("maximum_loss_meur"),
        }
    )


def _shows(value: float | None) -> bool:
    return value is not None and abs(value) > NOISE


def _expected_loss(group: Any) -> float | None:
    """The sum of expected losses; None where one of them is not stated."""
    losses = group["expected_loss_meur"]
    return float(losses.sum()) if bool(losses.notna().all()) else None


def _by_class(subject: Subject) -> Table:
    found = subject.positions
    order = [name for name in CLASSES if (found["budget_class"] == name).any()]
    groups = [found[found["budget_class"] == name] for name in order]
    labels = [*(capital(class_name(name)) for name in order), tr("Sum")]
    return Table(
        tr("Accounts by budget class ({unit})", unit=subject.million),
        [words(tr("Budget class"), labels), *_columns(groups, found)],
        total=True,
        name="by-class",
        note=_explained(subject),
    )


def _debt_brake(subject: Subject) -> Iterator[str]:
    """What the classes mean for the German debt brake (Article 115 of the Basic Law)."""
    public = subject.positions[subject.positions["kind"] == "public"]
    if "DE" in subject.case.home and len(public):
        yield tr(
            "Under the debt brake, stakes and loans count as financial transactions and guarantees "
            "as contingent, so neither counts when it is given; grants and what stocks cost do. A "
            "guarantee that is called and a stake that is written off burden the budget of that "
            "year. The classes are those that the scenario names; the Eurostat treatment of stakes "
            "without a market return may differ."
        )


def _explained(subject: Subject) -> str:
    text = tr(
        "Committed and losses are not discounted; a guarantee counts with the loan that it "
        "covers. Present values are those of {year}. Maximum loss: every project fails, and price "
        "floors cost the most they can; grants and stocks are spent in any case and not at risk. "
        "What is expected back of a guarantee is the part that is not called.",
        year=subject.years[0],
    )
    stated = subject.positions["expected_loss_meur"].notna()
    if bool(stated.all()):
        return text
    return f"{text} " + tr(
        "Expected loss: {dash} where the scenario states no probability of failure; what it "
        "expects to come back is then in the column of present values.",
        dash=NONE,
    )


def _outstanding(subject: Subject) -> Iterator[Part]:
    out = money.outstanding(subject.plan)
    out = out[out["kind"] == "public"]
    sums = out.groupby(["budget_class", "year"])["meur"].sum()
    series: list[tuple[str, list[float]]] = []
    for name in CLASSES:
        values = [float(sums.get((name, year), 0.0)) for year in subject.years]
        if any(value > NOISE for value in values):
            series.append((capital(class_name(name)), values))
    if not series:
        return
    together = [sum(of) for of in zip(*(values for _, values in series), strict=True)]
    top = max(together)
    title = tr("Public money at risk at each year's end ({unit})", unit=subject.million)
    yield Heading(tr("What is at risk"))
    yield tr(
        "Public money at risk is highest at the end of {year}, with {amount}.",
        year=subject.years[[t >= top * (1 - 1e-9) for t in together].index(True)],
        amount=subject.amount(top),
    )
    chart = Chart(
        "money-at-risk",
        title,
        tr("Stacked bars, one a year. The figures are in the table below."),
        lambda: charts.stacked(subject.years, series, subject.million, 2.2),
    )
    columns = [year_names(subject.years)]
    columns += alike([*series, (tr("Sum"), together)])
    note = ""
    public = _public(subject)
    if any(
        p.maximum_loss_meur > NOISE and not p.returned_meur
        for p in subject.plan.accounts
        if p.funder in public
    ):
        note = tr(
            "Where the scenario gives no terms of repayment, money stays at risk to the end of the "
            "horizon."
        )
    yield Figure(chart, Table(title, columns, name="at-risk", note=note))


def _returned(subject: Subject) -> Iterator[Part]:
    back = money.returned(subject.plan)
    back = back[back["kind"] == "public"]
    if back["meur"].sum() <= NOISE:
        return
    years = list(range(int(back["year"].min()), int(back["year"].max()) + 1))
    sums = back.groupby(["budget_class", "year"])["meur"].sum()
    order = [name for name in CLASSES if (back["budget_class"] == name).any()]
    series = [
        (capital(class_name(name)), [float(sums.get((name, year), 0.0)) for year in years])
        for name in order
    ]
    together = [sum(of) for of in zip(*(values for _, values in series), strict=True)]
    columns = [year_names(years, tr("All years"))]
    columns += alike(
        [(header, with_total(values)) for header, values in [*series, (tr("Sum"), together)]]
    )
    yield Heading(tr("When public money comes back"))
    yield Table(
        tr("Expected to come back by year ({unit}, not discounted)", unit=subject.million),
        columns,
        total=True,
        name="returned",
        note=tr(
            "Of instruments whose terms say when: interest and repayment, exits, fees of "
            "guarantees, upside of price floors, each by its chance. Years may lie after {year}.",
            year=subject.years[-1],
        ),
    )


def _by_instrument(subject: Subject) -> Table:
    found = subject.positions
    keys = list(dict.fromkeys(zip(found["funder"], found["instrument"], strict=True)))
    order = {funder.id: n for n, funder in enumerate(subject.plan.funders)}
    keys.sort(key=lambda key: order.get(key[0], len(order)))
    groups = [found[(found["funder"] == f) & (found["instrument"] == i)] for f, i in keys]
    names = [subject.source(f) for f, _ in keys]
    how = [subject.name("instrument", f, i) if i else capital(tr("stocks")) for f, i in keys]
    return Table(
        tr("Accounts by funder and instrument ({unit})", unit=subject.million),
        [
            words(tr("Funder"), [*names, tr("Sum")]),
            words(tr("Instrument"), [*how, ""]),
            *_columns(groups, found),
        ],
        total=True,
        name="by-instrument",
        dense=True,
    )


def _lines(subject: Subject) -> Iterator[Part]:
    rows = records(money.budget_lines(subject.plan))
    if not rows:
        return
    kinds = {
        "budget": tr("budget"),
        "commitment": tr("commitment authority"),
        "cash": tr("cash by year"),
        "guarantee_stock": tr("guarantees outstanding"),
    }
    granted = [
        None if row["granted_meur"] != row["granted_meur"] else row["granted_meur"] for row in rows
    ]
    used = [row["used_meur"] for row in rows]
    left = [None if g is None else max(0.0, g - u) for g, u in zip(granted, used, strict=True)]
    share = [u / g if g else None for g, u in zip(granted, used, strict=True)]
    names = [_line_name(subject, row["funder"], row["line"]) for row in rows]
    yield Heading(tr("Budgets"))
    yield Table(
        tr("Budgets and how far they are used ({unit}, not discounted)", unit=subject.million),
        [
            words(tr("Budget line"), names),
            words(tr("Kind"), [capital(kinds[row["kind"]]) for row in rows]),
            *alike({tr("Granted"): granted, tr("Used"): used, tr("Left"): left}),
            shares(tr("Share used"), share),
        ],
        name="budgets",
        note=tr(
            "Over all years. A guarantee uses its provision of a budget; of a stock of guarantees "
            "the year of the highest use counts. {dash}: no limit.",
            dash=NONE,
        ),
    )
    yield from _line_years(subject)


def _line_name(subject: Subject, f: str, line: str) -> str:
    funder = subject.source(f)
    return funder if line == "budget" else f"{funder}: {subject.name('budget_line', f, line)}"


def _line_years(subject: Subject) -> Iterator[Part]:
    """What is used of each budget year by year: of public funders, and where years are limited."""
    rows = records(money.line_years(subject.plan))
    public = _public(subject)
    lines = dict.fromkeys((row["funder"], row["line"]) for row in rows)
    columns = [year_names(subject.years)]
    for f, line in lines:
        of = {row["year"]: row for row in rows if (row["funder"], row["line"]) == (f, line)}
        used = [of[year]["used_meur"] for year in subject.years]
        available = [of[year]["available_meur"] for year in subject.years]
        limited = all(value is not None and value == value for value in available)
        if not limited and f not in public:
            continue
        headed = [(tr("Available"), available)] if limited else []
        columns += alike([*headed, (tr("Used"), used)], _line_name(subject, f, line))
    if len(columns) == 1:
        return
    yield Table(
        tr("Budgets by year ({unit}, not discounted)", unit=subject.million),
        columns,
        name="budget-years",
        dense=len(columns) > 7,
        note=tr(
            "Public budgets, and others that are granted by year. Available: the grant of the year "
            "and what is carried over from the years before."
        ),
    )


def _losses(subject: Subject) -> Iterator[Part]:
    plan, found = subject.plan, subject.positions
    sums = found.groupby("funder")["maximum_loss_meur"].sum()
    rows = [(f.id, float(sums.get(f.id, 0.0))) for f in plan.funders]
    lent = sum(p.market_share * p.capex_meur for p in plan.projects)
    rows = [(who, loss) for who, loss in [*rows, (MARKET, lent)] if loss > NOISE]
    total = sum(loss for _, loss in rows)
    if rows:
        public = sum(loss for who, loss in rows if who in _public(subject))
        yield tr(
            "At worst {total} would be lost: {public} of it by public funders ({share}), the rest "
            "by companies, lenders and investors.",
            total=subject.amount(total),
            public=rounded(public),
            share=percent(public / total),
        )
        yield Table(
            tr(
                "What each loses at worst ({unit}, not discounted)",
                unit=subject.million,
            ),
            [
                words(tr("Who"), [*(subject.source(who) for who, _ in rows), tr("Sum")]),
                *alike({tr("Loss at most"): with_total([loss for _, loss in rows])}),
                shares(tr("Share"), with_total([loss / total for _, loss in rows])),
            ],
            total=True,
            name="losses",
        )
    yield tr(
        "What supply failures still cost falls on the consumers of the materials; the section on "
        "damage says on whom. Public money does not make up for it."
    )


def _public(subject: Subject) -> set[str]:
    return {funder.id for funder in subject.plan.funders if funder.kind == "public"}
