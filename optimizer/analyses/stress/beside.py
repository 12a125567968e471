"""Disruptions in the report on a plan: side by side, and each of them period by period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter

from models.language import tr
from models.results.stress import ShortMaterial, Stress, StressCase, StressedStock
from optimizer.analyses.stress import document, words
from optimizer.analyses.stress.words import Say
from optimizer.report.charts import Chart
from optimizer.report.charts import periods as charts
from optimizer.report.document import PAGE, Check, Column, Part, Section, Table
from optimizer.report.figures import number
from optimizer.report.wording import Wording, capital
from optimizer.report.workbook import expressions as ex

MOST = 4
"""Materials of each disruption that are told of period by period."""
MONTHS = 12


def beside_plan(found: Sequence[Stress]) -> tuple[list[Section], list[Check]]:
    """What each disruption does without and with a plan, in the report on that plan."""
    says = [Wording(one) for one in found]
    parts: list[Part] = [
        tr(
            "What fails without the plan and with it. No other hazard strikes; projects succeed in "
            "time unless stated."
        ),
        _side_by_side(says),
    ]
    for place, say in enumerate(says, start=1):
        parts += _one(say, place)
    return [Section("stress", tr("Stress tests"), parts)], []


def _side_by_side(says: Sequence[Say]) -> Table:
    """A row a disruption."""
    first = says[0]
    cost = f"{capital(first.counted)}, {first.unit}"
    short = tr("Months short")

    def damage(case: StressCase, header: str) -> Column:
        return Column(
            header, lambda say: say.found.damage[case], "outcome", cost, key=case, like="damage"
        )

    def hardest(say: Say) -> str | None:
        worst = next(iter(run_short(say)), None)
        return None if worst is None else say.name("materials", worst.id)

    def months(case: StressCase, header: str) -> Column:
        return Column(header, partial(_months, case=case), "number", short)

    columns = [
        Column(tr("What comes"), what_comes, "text", width=44),
        damage("market", tr("Without plan")),
        damage("plan", tr("With plan")),
        Column(
            tr("Avoided"), lambda say: say.found.damage["market"] - say.found.damage["plan"],
            "outcome", cost, key="avoided", like="damage",
            formula=lambda line: line["market"] - line["plan"],
        ),
        Column(
            tr("Avoided, share"), _avoided, "share",
            formula=lambda line: ex.ratio(line["avoided"], line["market"]),
        ),
        Column(tr("Hit hardest"), hardest, "text"),
        months("market", tr("Without plan")),
        months("plan", tr("With plan")),
        Column(tr("Stocks used up"), _used_up, "text", width=24),
    ]  # fmt: skip
    note = tr(
        "Hit hardest: the material whose shortage costs most without the plan. Stocks are released "
        "as is best for a disruption whose length is known from its start; otherwise they achieve "
        "less. Purchases go on as planned, also while it lasts."
    )
    return Table(tr("Stress tests side by side"), says, columns, "stress", note)


def what_comes(say: Say) -> str:
    """A state of the world, events, and projects that fail or are late, in one line."""
    state = [] if say.found.state is None else [say.found.state]
    return "; ".join([*state, *words.what_comes(say)])


def _avoided(say: Say) -> float | None:
    market, plan = (say.found.damage[case] for case in ("market", "plan"))
    return (market - plan) / market if market > 0 else None


def run_short(say: Say) -> list[ShortMaterial]:
    """Materials that are missing where they are demanded, the one that costs most first."""
    some = words.ranked(say)
    return [one for one in some if any(one.demand_t) and any(one.missing_t["market"])]


def _months(say: Say, case: StressCase) -> float | None:
    """Months in which the material that is hit hardest is short."""
    worst = next(iter(run_short(say)), None)
    if worst is None:
        return None
    missing = sum(share > words.SHORT for share in words.shares(worst, case))
    return missing * MONTHS / words.parts(say)


def _held(say: Say) -> list[StressedStock]:
    """Stocks that hold anything with the plan."""
    return [
        one
        for one in say.found.stocks
        if any(t > words.SHORT for t in (one.begins_t["plan"], *one.left_t["plan"]))
        or one.released_t["plan"] > words.SHORT
    ]


def _gone(say: Say) -> dict[str, list[str]]:
    """By the period at the end of which they are empty, the stocks that are used up: by their
    materials, or by their own names where several hold the same."""
    held = _held(say)
    of = Counter(one.material for one in held)
    ends: list[tuple[int, int, str, str]] = []
    for one in held:
        at = one.empty["plan"]
        if at is not None and one.released_t["plan"] > 0:
            single = of[one.material] == 1
            name = say.name("materials", one.material) if single else say.name("stockpiles", one.id)
            ends.append((at.year, at.period, words.label(say, at), name))
    found: dict[str, list[str]] = {}
    for _, _, label, name in sorted(ends, key=itemgetter(0, 1)):
        found.setdefault(label, []).append(name)
    return found


def _used_up(say: Say) -> str | None:
    held, gone = _held(say), _gone(say)
    if not held:
        return None
    about = {"count": number(sum(map(len, gone.values()))), "all": number(len(held))}
    if not gone:
        return tr("{count} of {all}", **about)
    about["period"] = next(iter(gone))
    if len(gone) == 1:
        return tr("{count} of {all}, by the end of {period}", **about)
    return tr("{count} of {all}, the first by the end of {period}", **about)


def _one(say: Say, place: int) -> Iterator[Part]:
    """A disruption: what is missing in each period, and which stocks are used up when."""
    title, some = what_comes(say), run_short(say)[:MOST]
    if not some:
        yield tr("{what}: nothing runs short.", what=title)
        return
    labels = words.labels(say)
    columns = [Column(tr("Period"), labels.__getitem__, "text")]
    drawn: list[tuple[str, list[float], list[float]]] = []
    for one in some:
        name = say.name("materials", one.id)
        own = words.shares(one, "market"), words.shares(one, "plan")
        columns += [
            Column(header, share.__getitem__, "share", name)
            for header, share in zip((tr("Without plan"), tr("With plan")), own, strict=True)
        ]
        drawn.append((name, *own))
    chart = Chart(
        f"stress-{place}",
        title,
        tr("One small chart a material: the share of its demand missing in each period, without "
           "the plan as a broken line and with it as an area."),
        lambda: charts.missing(labels, drawn),
    )  # fmt: skip
    gone = "; ".join(
        tr("by the end of {period} {names}", period=period, names=", ".join(names))
        for period, names in _gone(say).items()
    )
    note = ""
    if gone:
        note = tr(
            "Empty for the first time, with the plan: {names}. What is bought later is released "
            "as well.",
            names=gone,
        )
    rows = range(len(labels))
    yield Table(title, rows, columns, f"stress-{place}", note, chart=chart)
    every = document.materials(say)
    caption = tr("All materials that run short: {what}", what=title)
    name = f"stress-{place}-materials"
    yield replace(every, caption=caption, name=name, folded=True, on=PAGE)
