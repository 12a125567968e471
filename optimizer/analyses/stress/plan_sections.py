"""Stress tests in the report on a plan: a comparison, and each test period by period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter

from models.language import tr
from models.results.evaluation import ShortMaterial, Stress, StressCase, StressedStock
from optimizer.analyses.stress import document
from optimizer.analyses.stress.document import StressWording
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.document import PAGE, Check, Column, Part, Section, Table
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording, capitalize

MAX_MATERIALS = 4
"""Largest number of materials that are shown period by period for each disruption."""
MONTHS_PER_YEAR = 12


def sections_for_plan_report(results: Sequence[Stress]) -> tuple[list[Section], list[Check]]:
    """Return the section on stress tests in the report on a plan, and no checks."""
    wordings = [Wording(result) for result in results]
    section_parts: list[Part] = [
        tr(
            "What fails without the plan and with it. No other hazard strikes; projects succeed in "
            "time unless stated."
        ),
        _comparison_table(wordings),
    ]
    for number, wording in enumerate(wordings, start=1):
        section_parts += _disruption_parts(wording, number)
    return [Section("stress", tr("Stress tests"), section_parts)], []


def _comparison_table(wordings: Sequence[StressWording]) -> Table:
    """Return a table with one row for each disruption."""
    first_wording = wordings[0]
    cost_header = f"{capitalize(first_wording.outcome_word)}, {first_wording.unit}"
    short_header = tr("Months short")

    def damage_column(case: StressCase, header: str) -> Column:
        return Column(
            header,
            lambda wording: wording.result.damage[case],
            "outcome",
            cost_header,
            key=case,
            decimals_group="damage",
        )

    def avoided(wording: StressWording) -> float:
        return wording.result.damage["market"] - wording.result.damage["plan"]

    def worst_material_name(wording: StressWording) -> str | None:
        worst_material = next(iter(short_materials(wording)), None)
        return None if worst_material is None else wording.name("materials", worst_material.id)

    def months_column(case: StressCase, header: str) -> Column:
        return Column(header, partial(_months_short, case=case), "number", short_header)

    columns = [
        Column(tr("What comes"), disruption_title, "text"),
        damage_column("market", tr("Without plan")),
        damage_column("plan", tr("With plan")),
        Column(
            tr("Avoided"), avoided, "outcome", cost_header, decimals_group="damage",
            difference=("market", "plan"),
        ),
        Column(
            tr("Avoided, share"), _avoided_share, "share",
        ),
        Column(tr("Hit hardest"), worst_material_name, "text"),
        months_column("market", tr("Without plan")),
        months_column("plan", tr("With plan")),
        Column(tr("Stocks used up"), _used_up_text, "text"),
    ]  # fmt: skip
    note = tr(
        "Hit hardest: the material whose shortage costs most without the plan. Stocks are released "
        "as is best for a disruption whose length is known from its start; otherwise they achieve "
        "less. Purchases go on as planned, also while it lasts."
    )
    return Table(tr("Stress tests side by side"), wordings, columns, "stress", note)


def disruption_title(wording: StressWording) -> str:
    """Return a disruption in one line: its state, events, and projects that fail or are late."""
    state = [] if wording.result.state is None else [wording.result.state]
    return "; ".join([*state, *document.describe_disruption(wording)])


def _avoided_share(wording: StressWording) -> float | None:
    market, plan = (wording.result.damage[case] for case in ("market", "plan"))
    return (market - plan) / market if market > 0 else None


def short_materials(wording: StressWording) -> list[ShortMaterial]:
    """Return the materials with a shortage, in order of decreasing damage without the plan."""
    materials = document.materials_by_damage(wording)
    return [
        material
        for material in materials
        if any(material.demand_t) and any(material.missing_t["market"])
    ]


def _months_short(wording: StressWording, case: StressCase) -> float | None:
    """Return the number of months with a shortage of the material with the largest damage
    without the plan.

    Return None if no material is short.
    """
    worst_material = next(iter(short_materials(wording)), None)
    if worst_material is None:
        return None
    short_period_count = sum(
        share > document.SHORT_SHARE for share in document.missing_shares(worst_material, case)
    )
    return short_period_count * MONTHS_PER_YEAR / document.periods_per_year(wording)


def _held_stocks(wording: StressWording) -> list[StressedStock]:
    """Return the stocks that hold anything with the plan."""
    return [
        stock
        for stock in wording.result.stocks
        if any(
            tonnes_left > document.SHORT_SHARE
            for tonnes_left in (stock.begins_t["plan"], *stock.left_t["plan"])
        )
        or stock.released_t["plan"] > document.SHORT_SHARE
    ]


def _emptied_stocks(wording: StressWording) -> dict[str, list[str]]:
    """Return the names of the emptied stocks by the label of the period at whose end they are
    empty.

    A stock is named by its material, or by its own name if several stocks hold the same material.
    """
    stocks = _held_stocks(wording)
    stock_counts = Counter(stock.material for stock in stocks)
    stock_ends: list[tuple[int, int, str, str]] = []
    for stock in stocks:
        period = stock.empty["plan"]
        if period is not None and stock.released_t["plan"] > 0:
            name = (
                wording.name("materials", stock.material)
                if stock_counts[stock.material] == 1
                else wording.name("stockpiles", stock.id)
            )
            stock_ends.append(
                (period.year, period.period, document.period_label(wording, period), name)
            )
    names_by_label: dict[str, list[str]] = {}
    for _, _, label, name in sorted(stock_ends, key=itemgetter(0, 1)):
        names_by_label.setdefault(label, []).append(name)
    return names_by_label


def _used_up_text(wording: StressWording) -> str | None:
    stocks, emptied_stocks = _held_stocks(wording), _emptied_stocks(wording)
    if not stocks:
        return None
    placeholders = {
        "count": format_number(sum(map(len, emptied_stocks.values()))),
        "all": format_number(len(stocks)),
    }
    if not emptied_stocks:
        return tr("{count} of {all}", **placeholders)
    placeholders["period"] = next(iter(emptied_stocks))
    if len(emptied_stocks) == 1:
        return tr("{count} of {all}, by the end of {period}", **placeholders)
    return tr("{count} of {all}, the first by the end of {period}", **placeholders)


def _disruption_parts(wording: StressWording, number: int) -> Iterator[Part]:
    """Yield the missing share of demand in each period, the emptied stocks, and all materials with
    a shortage."""
    title, materials = disruption_title(wording), short_materials(wording)[:MAX_MATERIALS]
    if not materials:
        yield tr("{what}: nothing runs short.", what=title)
        return
    labels = document.period_labels(wording)
    columns = [Column(tr("Period"), labels.__getitem__, "text")]
    chart_series: list[tuple[str, list[float], list[float]]] = []
    for material in materials:
        name = wording.name("materials", material.id)
        missing_shares = (
            document.missing_shares(material, "market"),
            document.missing_shares(material, "plan"),
        )
        columns += [
            Column(header, case_shares.__getitem__, "share", name)
            for header, case_shares in zip(
                (tr("Without plan"), tr("With plan")), missing_shares, strict=True
            )
        ]
        chart_series.append((name, *missing_shares))
    chart = Chart(
        f"stress-{number}",
        title,
        tr("One small chart a material: the share of its demand missing in each period, without "
           "the plan as a broken line and with it as an area."),
        lambda: charts.missing_share_charts(labels, chart_series),
    )  # fmt: skip
    emptied_text = "; ".join(
        tr("by the end of {period} {names}", period=period, names=", ".join(names))
        for period, names in _emptied_stocks(wording).items()
    )
    note = ""
    if emptied_text:
        note = tr(
            "Empty for the first time, with the plan: {names}. What is bought later is released "
            "as well.",
            names=emptied_text,
        )
    rows = range(len(labels))
    yield Table(title, rows, columns, f"stress-{number}", note, chart=chart)
    all_materials = document.materials_table(wording)
    caption = tr("All materials that run short: {what}", what=title)
    name = f"stress-{number}-materials"
    yield replace(all_materials, caption=caption, name=name, is_collapsed=True, media=PAGE)
