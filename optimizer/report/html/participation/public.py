"""How public co-financing moves the best and the indifferent share."""

from __future__ import annotations

from models.language import tr
from models.results import Participation, ShareCurve
from optimizer.report.charts import Chart
from optimizer.report.charts import participation as charts
from optimizer.report.figures import percent
from optimizer.report.html.parts import Column, Figure, Part, Section, Table, amounts, shares, words
from optimizer.report.participating import picking
from optimizer.report.participating import words as said


def public(found: Participation) -> Section | None:
    """One chart and table for each way of the others; None where no public share was stated."""
    parts: list[Part] = []
    for others in picking.WAYS:
        some = picking.co_financed(found, others)
        if some:
            free = [c for c in found.curves if c.others == others and c.public_share is None]
            parts.append(_figure(found, some, free))
    if not parts:
        return None
    lead = tr(
        "Public funders carry a stated share of the same capex; all else is decided anew at each "
        "of these shares."
    )
    return Section("public", tr("What public co-financing changes"), [lead, *parts])


def _figure(found: Participation, some: list[ShareCurve], free: list[ShareCurve]) -> Figure:
    name = "public" if some[0].others == "reoptimize" else "public-held"
    title = (
        tr("Best and indifferent share by public share of capex, if others decide anew")
        if some[0].others == "reoptimize"
        else tr("Best and indifferent share by public share of capex, if others stick to the plan")
    )
    told = [
        tr(
            "Public share {public}: best {best}, no worse than none up to {indifferent}.",
            public=percent(curve.public_share),
            best=percent(curve.best_share),
            indifferent=percent(curve.indifferent_share),
        )
        for curve in some
    ]
    chart = Chart(
        name,
        title,
        " ".join([*told, tr("The figures are in the table below.")]),
        lambda: charts.co_financing(
            [curve.public_share or 0.0 for curve in some],
            [curve.best_share for curve in some],
            [curve.indifferent_share for curve in some],
            [curve.limit for curve in some],
        ),
    )
    return Figure(chart, _table(found, [*some, *free], name, title))


def _table(found: Participation, rows: list[ShareCurve], name: str, title: str) -> Table:
    best = [picking.best_point(curve) for curve in rows]
    unit = said.unit(found)
    columns: list[Column] = [
        words(tr("Public share"), [said.public_share(curve) for curve in rows]),
        shares(tr("Best share"), [curve.best_share for curve in rows]),
        amounts(
            tr("Net cost there, {unit}", unit=unit),
            [p.standing.net_cost_meur if p and p.standing else None for p in best],
        ),
        amounts(tr("Gain there, {unit}", unit=unit), [p.gain if p else None for p in best]),
        shares(tr("No worse than none up to"), [c.indifferent_share for c in rows]),
        amounts(
            tr("True one at most higher by, percentage points"),
            [None if c.indifferent_within is None else 100 * c.indifferent_within for c in rows],
        ),
        shares(tr("Limit by the rules"), [curve.limit for curve in rows]),
    ]
    note = tr("Free: public funders carry what the plan chooses.")
    return Table(
        title, columns, name=name, note=note if any(c.public_share is None for c in rows) else ""
    )
