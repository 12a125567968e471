"""What each decision of the plan is worth, as a chart and its table."""

from __future__ import annotations

from models.language import tr
from models.results import Explained, Explanation
from optimizer.report.charts import Chart
from optimizer.report.charts import explanation as charts
from optimizer.report.explaining import prose, words
from optimizer.report.html.parts import Column, Figure, Part, Section, Table, amounts
from optimizer.report.html.parts import words as texts


def answer(found: Explanation) -> Section:
    """The answer in sentences, and what each decision is worth."""
    parts: list[Part] = list(prose.headline(found))
    some = ranged(found)
    if some:
        parts.append(_figure(found, some))
    return Section("answer", tr("What each decision is worth"), parts)


def ranged(found: Explanation) -> list[Explained]:
    """Decisions whose range is known, those that matter most first."""
    known = [one for one in found.items if one.regret is not None and one.regret.high is not None]
    return sorted(known, key=_ends, reverse=True)


def _ends(one: Explained) -> tuple[float, float]:
    regret = one.regret
    assert regret is not None
    return regret.low or 0.0, regret.high or 0.0


def _figure(found: Explanation, some: list[Explained]) -> Figure:
    title = tr("What is lost by deciding the other way ({unit})", unit=words.unit(found))
    bars = [
        charts.Bar(words.item(found, one), *_ends(one), one.chosen, words.span(*_ends(one)))
        for one in some
    ]
    first = bars[0]
    chart = Chart(
        "regrets",
        title,
        tr(
            "One bar for each project and stock. It is longest for {name}: {span}. The figures are "
            "in the table below.",
            name=first.name,
            span=first.text,
        ),
        lambda: charts.regrets(bars, words.unit(found)),
    )
    regrets = [one.regret for one in some if one.regret is not None]
    columns: list[Column] = [
        texts(tr("Project or stock"), [bar.name for bar in bars]),
        texts(tr("In the plan"), [tr("yes") if bar.chosen else tr("no") for bar in bars]),
        amounts(tr("Lost at least"), [bar.low for bar in bars]),
        amounts(tr("Lost at most"), [bar.high for bar in bars]),
        amounts(tr("Mean damage, change"), [regret.expected for regret in regrets]),
        amounts(tr("Net cost, change"), [regret.net_cost_meur for regret in regrets]),
    ]
    note = tr(
        "Lost: by the objective, as far as the gaps prove. Changes: of the best plan that was "
        "found the other way against the plan. Decisions that no plan can make the other way are "
        "not shown."
    )
    return Figure(chart, Table(title, columns, name="regrets", note=note))
