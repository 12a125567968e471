"""What each option costs."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.figures import NOISE, NONE, number
from optimizer.report.html.comparing.side import Side
from optimizer.report.html.parts import (
    Heading,
    Part,
    Section,
    Table,
    alike,
    amounts,
    words,
    year_names,
)


def costs(side: Side) -> Section:
    """Accounts, leverage, euro per euro and public money by year."""
    parts: list[Part] = [
        _accounts(side),
        _ratios(side),
        Heading(tr("Public money by year")),
        _by_year(side),
        *_budgets(side),
    ]
    return Section("costs", tr("What each option costs"), parts)


def _accounts(side: Side) -> Table:
    public = [o.cost.public for o in side.options]
    columns = [words(tr("Option"), side.names)]
    left = [s.residual_meur for s in public]
    residual = {tr("Residual value, present value"): left} if any(x > NOISE for x in left) else {}
    columns += alike(
        {
            tr("Put up"): [s.paid_meur for s in public],
            tr("Expected back, present value"): [s.returned_present_meur for s in public],
            **residual,
            tr("Net cost, present value"): [s.cost_meur for s in public],
            tr("At risk at most"): [s.peak_meur for s in public],
            tr("Expected loss"): [s.expected_loss_meur for s in public],
            tr("Maximum loss"): [s.maximum_loss_meur for s in public],
        },
        tr("Public funders"),
    )
    columns += alike(
        {
            tr("Companies"): [o.cost.private.paid_meur for o in side.options],
            tr("Lenders"): [o.cost.market_meur for o in side.options],
        },
        tr("Others put up"),
    )
    return Table(
        tr("Accounts of public funders, and money of others ({unit})", unit=side.million),
        columns,
        dense=True,
        name="costs",
        note=tr(
            "Expected loss: {dash} where the scenario states no probability of failure. A "
            "guarantee counts with the loan that it covers.",
            dash=NONE,
        ),
    )


def _ratios(side: Side) -> Table:
    currency = side.base.currency
    levers = [o.cost.leverage for o in side.options]
    public = [o.cost.avoided_per_public_euro for o in side.options]
    net = [o.cost.avoided_per_net_euro for o in side.options]
    columns = [
        words(tr("Option"), side.names),
        amounts(
            tr("Private per public"),
            [lever.private_per_public for lever in levers],
            tr("Leverage in projects"),
            places=1,
        ),
        amounts(
            tr("All other per own public"),
            [lever.other_per_federal for lever in levers],
            tr("Leverage in projects"),
            places=1,
        ),
    ]
    if any(of is not None for of in public):
        columns.append(
            amounts(
                tr("Per public {currency}", currency=currency),
                side.likely("damage", [of.expected if of else None for of in public]),
                tr("Damage avoided"),
                places=1,
            )
        )
        spans = [of.range if of else None for of in public]
        columns.append(
            words(
                tr("In 90 % of states"),
                [
                    NONE
                    if span is None or option.label in side.barred("damage")
                    else tr("{low} to {high}", low=number(span.low, 1), high=number(span.high, 1))
                    for span, option in zip(spans, side.options, strict=True)
                ],
                tr("Damage avoided"),
            )
        )
        columns.append(
            amounts(
                tr("Per net public {currency}", currency=currency),
                side.likely("damage", [of.expected if of else None for of in net]),
                tr("Damage avoided"),
                places=1,
            )
        )
    return Table(
        tr("What public money moves ({currency} per {currency})", currency=currency),
        columns,
        name="ratios",
        note=tr(
            "Private per public: companies, other private funders and lenders per unit of public "
            "money, guaranteed loans included. All other per own public: everything else per unit "
            "that public funders put up themselves. Net: what is not expected to come back."
        ),
    )


def _by_year(side: Side) -> Table:
    years = sorted({int(y) for o in side.options for y in o.cost.public.paid_by_year_meur})
    across = {
        name: [o.cost.public.paid_by_year_meur.get(str(year), 0.0) for year in years]
        for name, o in zip(side.names, side.options, strict=True)
    }
    columns = [year_names(years, tr("All years"))]
    columns += alike({name: [*values, sum(values)] for name, values in across.items()})
    return Table(
        tr("Public money put up by year ({unit}, not discounted)", unit=side.million),
        columns,
        total=True,
        dense=len(across) > 5,
        name="public-by-year",
    )


def _budgets(side: Side) -> Iterator[Part]:
    full: dict[str, list[str]] = {}
    for name, option in zip(side.names, side.options, strict=True):
        used = [
            side.item("funders", b.funder) if b.funder else tr("all public funders together")
            for b in option.cost.budgets
            if b.used_up
        ]
        if used:
            full[name] = list(dict.fromkeys(used))
    if full:
        yield Table(
            tr("Budgets that are used up"),
            [words(tr("Option"), full), words(tr("Used up"), map(", ".join, full.values()))],
            name="used-up",
        )
