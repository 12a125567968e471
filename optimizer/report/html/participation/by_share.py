"""What each share comes to, as a chart: damage plus cost against the share."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Participation, ShareCurve
from optimizer.report.charts import Chart
from optimizer.report.charts import participation as charts
from optimizer.report.figures import percent
from optimizer.report.html.parts import Column, Figure, Section, Table, alike, shares
from optimizer.report.participating import picking, words


def by_share(found: Participation) -> Section | None:
    """Damage plus cost against the share, for both ways of the others."""
    main = [curve for curve in picking.main_curves(found) if picking.planned(curve)]
    if not main:
        return None
    return Section("by-share", tr("What each share comes to"), [_figure(found, main)])


def _figure(found: Participation, main: list[ShareCurve]) -> Figure:
    lines = [line(curve) for curve in main]
    title = tr(
        "Its mean damage plus net cost, by its share ({unit})", unit=words.damage_unit(found)
    )
    chart = Chart(
        "share-totals",
        title,
        " ".join(_told(found, main)),
        lambda: charts.totals(lines, words.damage_unit(found)),
    )
    return Figure(chart, _table(found, main, title))


def line(curve: ShareCurve) -> charts.Line:
    """A curve as it is drawn."""
    some = picking.planned(curve)
    return charts.Line(
        words.curve_name(curve),
        [point.share for point in some],
        [point.standing.total for point in some if point.standing is not None],
        [point.range.best.total if point.range else None for point in some],
        [point.range.worst.total if point.range else None for point in some],
        _tried(curve, curve.best_share),
        _tried(curve, curve.indifferent_share),
    )


def _tried(curve: ShareCurve, share: float | None) -> float | None:
    point = picking.point_at(curve, share)
    return None if point is None else point.share


def _told(found: Participation, main: list[ShareCurve]) -> Iterator[str]:
    """What there is to see in the chart."""
    yield tr(
        "One line for each way of the others. A star marks the best share, a diamond the largest "
        "at which the company is no worse off than with none; a dotted line runs at the height of "
        "no share."
    )
    for curve in main:
        best = picking.best_point(curve)
        if best is not None and best.standing is not None:
            yield tr(
                "{way}: least at {share}, {total}.",
                way=words.curve_name(curve),
                share=percent(best.share),
                total=words.damage(found, best.standing.total),
            )
    yield tr("The figures are in the table below.")


def _table(found: Participation, main: list[ShareCurve], title: str) -> Table:
    tried = sorted({point.share for curve in main for point in curve.points})
    columns: list[Column] = [shares(tr("Share of capex"), tried)]
    headed: list[tuple[str, str, list[float | None]]] = []
    for curve in main:
        at = [picking.point_at(curve, share) for share in tried]
        name = words.curve_name(curve)
        headed.append(
            (
                name,
                tr("Damage plus cost"),
                [p.standing.total if p and p.standing else None for p in at],
            )
        )
        if any(p and p.range for p in at):
            lows = [p.range.best.total if p and p.range else None for p in at]
            highs = [p.range.worst.total if p and p.range else None for p in at]
            headed += [(name, tr("at best"), lows), (name, tr("at worst"), highs)]
            least = [p.range.least if p and p.range else None for p in at]
            most = [p.range.most if p and p.range else None for p in at]
            headed += [(name, tr("none below"), least), (name, tr("none above"), most)]
    figures = alike([(header, values) for _, header, values in headed])
    columns += [
        Column(made.header, made.cells, made.kind, group)
        for made, (group, _, _) in zip(figures, headed, strict=True)
    ]
    note = ""
    if any(point.range for curve in main for point in curve.points):
        note = tr(
            "At best and at worst: of the plans that were found as good by the objective of the "
            "scenario. None below, none above: proven of all such plans."
        )
    return Table(title, columns, name="share-totals", note=note, dense=len(tried) > 8)
