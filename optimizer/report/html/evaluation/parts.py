"""What falls in which year, on which material and on whom."""

from __future__ import annotations

from models.language import tr
from models.results import Evaluation
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.evaluating import words as said
from optimizer.report.html.parts import Figure, Section, Table, alike, words, year_names


def by_part(found: Evaluation) -> Section:
    """Expected damage by year, material and consumer."""
    unit = said.unit(found)
    years = found.fresh.by_year
    listed = list(years.items())
    before, after = (
        [of.expected_without_plan for _, of in listed],
        [of.expected for _, of in listed],
    )
    title = tr("By year, mean of fresh states ({unit})", unit=unit)
    chart = Chart(
        "fresh-years",
        title,
        tr("A pair of bars a year: hollow without the plan, full with it."),
        lambda: charts.compared([year for year, _ in listed], before, after, unit),
    )
    table = Table(
        title,
        [
            year_names([int(year) for year, _ in listed]),
            *alike({tr("Without plan"): before, tr("With plan"): after}),
        ],
        name="fresh-years",
    )
    return Section(
        "parts",
        tr("When, in what, and on whom it falls"),
        [Figure(chart, table), _materials(found), _consumers(found)],
    )


def _materials(found: Evaluation) -> Table:
    materials = sorted(found.fresh.materials, key=lambda m: -m.expected)
    rules = sorted(found.rules, key=lambda rule: rule.performance.expected.value)[:1]
    figures: list[tuple[str, list[float | None]]] = [
        (tr("Without plan"), [m.expected_without_plan for m in materials])
    ]
    for rule in rules:
        of = {m.id: m.expected for m in rule.materials}
        figures.append((tr("With plan, best rule"), [of.get(m.id) for m in materials]))
    figures.append((tr("With plan, foresight"), [m.expected for m in materials]))
    return Table(
        tr("By material, mean of fresh states ({unit})", unit=said.unit(found)),
        [
            words(tr("Material"), [said.name(found, "materials", m.id, m.name) for m in materials]),
            *alike(figures),
        ],
        name="fresh-materials",
    )


def _consumers(found: Evaluation) -> Table:
    consumers = sorted(found.fresh.consumers, key=lambda c: -c.expected)
    return Table(
        tr("By consumer, mean of fresh states ({unit})", unit=said.unit(found)),
        [
            words(tr("Consumer"), [said.name(found, "consumers", c.id, c.name) for c in consumers]),
            *alike(
                {
                    tr("Without plan"): [c.expected_without_plan for c in consumers],
                    tr("With plan, foresight"): [c.expected for c in consumers],
                }
            ),
        ],
        name="fresh-consumers",
    )
