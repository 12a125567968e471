"""Disruptions in the report on a plan: side by side, and each of them period by period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter

from models.language import tr
from models.results.stress import ShortMaterial, Stress, StressCase, StressedStock
from optimizer.analyses.stress import descriptions, document
from optimizer.analyses.stress.descriptions import StressWording
from optimizer.report.charts import Chart
from optimizer.report.charts import periods as charts
from optimizer.report.document import PAGE, Check, Column, Part, Section, Table
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording, capitalize
from optimizer.report.workbook import expressions as ex

MAX_MATERIALS = 4
"""Materials of each disruption that are told of period by period."""
MONTHS_PER_YEAR = 12


def sections_for_plan_report(results: Sequence[Stress]) -> tuple[list[Section], list[Check]]:
    """What each disruption does without and with a plan, in the report on that plan."""
    says = [Wording(one) for one in results]
    parts: list[Part] = [
        tr(
            "What fails without the plan and with it. No other hazard strikes; projects succeed in "
            "time unless stated."
        ),
        _comparison_table(says),
    ]
    for place, say in enumerate(says, start=1):
        parts += _disruption_parts(say, place)
    return [Section("stress", tr("Stress tests"), parts)], []


def _comparison_table(wordings: Sequence[StressWording]) -> Table:
    """A row a disruption."""
    first = wordings[0]
    cost = f"{capitalize(first.outcome_word)}, {first.unit}"
    short = tr("Months short")

    def damage(case: StressCase, header: str) -> Column:
        return Column(
            header,
            lambda say: say.result.damage[case],
            "outcome",
            cost,
            key=case,
            decimals_group="damage",
        )

    def hardest(say: StressWording) -> str | None:
        worst = next(iter(short_materials(say)), None)
        return None if worst is None else say.name("materials", worst.id)

    def months(case: StressCase, header: str) -> Column:
        return Column(header, partial(_months_short, case=case), "number", short)

    columns = [
        Column(tr("What comes"), disruption_title, "text", width=44),
        damage("market", tr("Without plan")),
        damage("plan", tr("With plan")),
        Column(
            tr("Avoided"), lambda say: say.result.damage["market"] - say.result.damage["plan"],
            "outcome", cost, key="avoided", decimals_group="damage",
            formula=lambda line: line["market"] - line["plan"],
        ),
        Column(
            tr("Avoided, share"), _avoided_share, "share",
            formula=lambda line: ex.ratio_or_empty(line["avoided"], line["market"]),
        ),
        Column(tr("Hit hardest"), hardest, "text"),
        months("market", tr("Without plan")),
        months("plan", tr("With plan")),
        Column(tr("Stocks used up"), _used_up_text, "text", width=24),
    ]  # fmt: skip
    note = tr(
        "Hit hardest: the material whose shortage costs most without the plan. Stocks are released "
        "as is best for a disruption whose length is known from its start; otherwise they achieve "
        "less. Purchases go on as planned, also while it lasts."
    )
    return Table(tr("Stress tests side by side"), wordings, columns, "stress", note)


def disruption_title(wording: StressWording) -> str:
    """A state of the world, events, and projects that fail or are late, in one line."""
    state = [] if wording.result.state is None else [wording.result.state]
    return "; ".join([*state, *descriptions.describe_disruption(wording)])


def _avoided_share(wording: StressWording) -> float | None:
    market, plan = (wording.result.damage[case] for case in ("market", "plan"))
    return (market - plan) / market if market > 0 else None


def short_materials(wording: StressWording) -> list[ShortMaterial]:
    """Materials that are missing where they are demanded, the one that costs most first."""
    some = descriptions.materials_by_damage(wording)
    return [one for one in some if any(one.demand_t) and any(one.missing_t["market"])]


def _months_short(wording: StressWording, case: StressCase) -> float | None:
    """Months in which the material that is hit hardest is short."""
    worst = next(iter(short_materials(wording)), None)
    if worst is None:
        return None
    missing = sum(
        share > descriptions.SHORT_SHARE for share in descriptions.missing_shares(worst, case)
    )
    return missing * MONTHS_PER_YEAR / descriptions.periods_per_year(wording)


def _held_stocks(wording: StressWording) -> list[StressedStock]:
    """Stocks that hold anything with the plan."""
    return [
        one
        for one in wording.result.stocks
        if any(t > descriptions.SHORT_SHARE for t in (one.begins_t["plan"], *one.left_t["plan"]))
        or one.released_t["plan"] > descriptions.SHORT_SHARE
    ]


def _emptied_stocks(wording: StressWording) -> dict[str, list[str]]:
    """By the period at the end of which they are empty, the stocks that are used up: by their
    materials, or by their own names where several hold the same."""
    held = _held_stocks(wording)
    of = Counter(one.material for one in held)
    ends: list[tuple[int, int, str, str]] = []
    for one in held:
        at = one.empty["plan"]
        if at is not None and one.released_t["plan"] > 0:
            single = of[one.material] == 1
            name = (
                wording.name("materials", one.material)
                if single
                else wording.name("stockpiles", one.id)
            )
            ends.append((at.year, at.period, descriptions.period_label(wording, at), name))
    found: dict[str, list[str]] = {}
    for _, _, label, name in sorted(ends, key=itemgetter(0, 1)):
        found.setdefault(label, []).append(name)
    return found


def _used_up_text(wording: StressWording) -> str | None:
    held, gone = _held_stocks(wording), _emptied_stocks(wording)
    if not held:
        return None
    about = {"count": format_number(sum(map(len, gone.values()))), "all": format_number(len(held))}
    if not gone:
        return tr("{count} of {all}", **about)
    about["period"] = next(iter(gone))
    if len(gone) == 1:
        return tr("{count} of {all}, by the end of {period}", **about)
    return tr("{count} of {all}, the first by the end of {period}", **about)


def _disruption_parts(wording: StressWording, number: int) -> Iterator[Part]:
    """A disruption: what is missing in each period, and which stocks are used up when."""
    title, some = disruption_title(wording), short_materials(wording)[:MAX_MATERIALS]
    if not some:
        yield tr("{what}: nothing runs short.", what=title)
        return
    labels = descriptions.period_labels(wording)
    columns = [Column(tr("Period"), labels.__getitem__, "text")]
    drawn: list[tuple[str, list[float], list[float]]] = []
    for one in some:
        name = wording.name("materials", one.id)
        own = descriptions.missing_shares(one, "market"), descriptions.missing_shares(one, "plan")
        columns += [
            Column(header, share.__getitem__, "share", name)
            for header, share in zip((tr("Without plan"), tr("With plan")), own, strict=True)
        ]
        drawn.append((name, *own))
    chart = Chart(
        f"stress-{number}",
        title,
        tr("One small chart a material: the share of its demand missing in each period, without "
           "the plan as a broken line and with it as an area."),
        lambda: charts.missing_share_charts(labels, drawn),
    )  # fmt: skip
    gone = "; ".join(
        tr("by the end of {period} {names}", period=period, names=", ".join(names))
        for period, names in _emptied_stocks(wording).items()
    )
    note = ""
    if gone:
        note = tr(
            "Empty for the first time, with the plan: {names}. What is bought later is released "
            "as well.",
            names=gone,
        )
    rows = range(len(labels))
    yield Table(title, rows, columns, f"stress-{number}", note, chart=chart)
    every = document.materials_table(wording)
    caption = tr("All materials that run short: {what}", what=title)
    name = f"stress-{number}-materials"
    yield replace(every, caption=caption, name=name, is_folded=True, media=PAGE)
