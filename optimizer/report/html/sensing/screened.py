"""Which inputs matter when all of them move together."""

from __future__ import annotations

from models.language import tr
from models.results import Screened, Sensitivity
from optimizer.report.charts import Chart
from optimizer.report.charts import sensitivity as charts
from optimizer.report.figures import small_percent
from optimizer.report.html.parts import Figure, Part, Section, Table, alike, words
from optimizer.report.sensing import words as said

DRAWN = 15


def screened(found: Sensitivity) -> Section | None:
    """Mean effect and spread of each input; None without a screen."""
    made = found.screen
    if made is None:
        return None
    unit = said.unit(found)
    rows = [
        (said.named_by_id(found, row.id), row.mu_star, row.mu_star_confidence, row.sigma)
        for row in made.own[:DRAWN]
    ]
    title = tr("Effects on the objective of this plan ({unit})", unit=unit)
    chart = Chart(
        "screen",
        title,
        tr("Two bars an input: the mean size of its effects, and how much they differ."),
        lambda: charts.screen(rows, unit),
    )
    damage = tr("Effects on its expected damage ({unit})", unit=unit)
    parts: list[Part] = [
        tr(
            "Here all inputs move together. An input with a small mean effect hardly matters, "
            "whatever the others are; a spread as large as the mean says that its effect depends "
            "on them."
        ),
        Figure(chart, _table(found, made.own, title, "screen")),
        _table(found, made.own_expected, damage, "screen-expected"),
    ]
    if made.best is not None:
        best = tr("Effects on the objective of the best plan ({unit})", unit=unit)
        parts.append(_table(found, made.best, best, "screen-best"))
        parts.append(
            tr("The largest gap of these solves is {gap}.", gap=small_percent(made.best_gap))
        )
    if made.left_out:
        left = ", ".join(said.named_by_id(found, id) for id in made.left_out)
        parts.append(tr("Left out, since others move the same numbers: {inputs}.", inputs=left))
    return Section("screen", tr("All inputs moved together"), parts)


def _table(found: Sensitivity, rows: tuple[Screened, ...], title: str, name: str) -> Table:
    return Table(
        title,
        [
            words(tr("Input"), [said.named_by_id(found, row.id) for row in rows]),
            *alike(
                {
                    tr("Mean effect"): [row.mu_star for row in rows],
                    tr("± (95 %)"): [row.mu_star_confidence for row in rows],
                    tr("With its sign"): [row.mu for row in rows],
                    tr("Spread"): [row.sigma for row in rows],
                }
            ),
        ],
        name=name,
    )
