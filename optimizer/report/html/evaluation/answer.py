"""The answer on one page: what the plan does in states that it was not made for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results import Estimate, Evaluation, Performance
from optimizer.report.charts import Chart
from optimizer.report.charts import evaluation as charts
from optimizer.report.charts.evaluation import Bar
from optimizer.report.evaluating import prose
from optimizer.report.evaluating import words as said
from optimizer.report.figures import percent, small_percent
from optimizer.report.html.parts import (
    Caution,
    Fact,
    Facts,
    Figure,
    Part,
    Section,
    Table,
    alike,
    words,
)


def answer(found: Evaluation) -> Section:
    """What it avoids, between foresight and rule, and how far from the best it can be."""
    parts: list[Part] = list(prose.headline(found))
    parts.insert(1, Facts(list(_facts(found))))
    cautions = list(prose.cautions(found))
    if cautions:
        parts.append(Caution(cautions))
    parts.append(_between(found))
    return Section("answer", tr("The answer on one page"), parts, one_page=True)


def _facts(found: Evaluation) -> Iterator[Fact]:
    fresh = found.fresh
    yield Fact(
        tr("Damage avoided, mean") if found.measure == "damage" else tr("Shortage avoided, mean"),
        said.told(found, fresh.avoided.value),
        _sure(found, fresh.avoided),
    )
    if found.rules:
        best = min(found.rules, key=lambda rule: rule.performance.expected.value)
        yield Fact(
            tr("Of that without foresight"),
            said.told(found, fresh.avoided.value - best.above_foresight.value),
            tr("by the best rule, reserve {share}", share=percent(best.reserve)),
        )
    if found.gap is not None and fresh.objective.value:
        yield Fact(
            tr("From the best at most"),
            small_percent(found.gap.upper / abs(fresh.objective.value)),
            tr("with {confidence} confidence", confidence=percent(found.gap.confidence)),
        )
    if found.information is not None:
        known = found.information
        yield Fact(
            tr("Planning for uncertainty is worth"),
            said.told_range(found, known.vss),
            tr("against a plan for the mean"),
        )


def _sure(found: Evaluation, estimate: Estimate) -> str:
    if estimate.standard_error is None:
        return tr("exact: all states are known")
    return tr(
        "plus or minus {error} (95 %)", error=said.told(found, 1.96 * estimate.standard_error)
    )


def _between(found: Evaluation) -> Figure:
    rows: list[tuple[str, str, Performance]] = [
        ("without", tr("Without plan"), found.fresh.without_plan)
    ]
    rules = sorted(found.rules, key=lambda rule: rule.reserve)
    rows += [("rule", charts.marked(percent(rule.reserve)), rule.performance) for rule in rules]
    rows.append(("foresight", tr("With foresight"), found.fresh.with_plan))
    groups = [
        (tr("Mean of all states"), _bars(rows, [of.expected for _, _, of in rows])),
        (
            tr("Mean of the worst {share}", share=percent(1 - found.cvar_level)),
            _bars(rows, [of.cvar for _, _, of in rows]),
        ),
    ]
    title = tr(
        "What is left with the plan, between foresight and rule ({unit})", unit=said.unit(found)
    )
    chart = Chart(
        "between",
        title,
        tr(
            "Bars from above: without any plan, with the plan under each rule, and with foresight. "
            "The best that can be had lies between the best of these rules and foresight. Lines at "
            "the ends of bars show the sampling error (95 %)."
        ),
        lambda: charts.between(groups, said.unit(found)),
    )
    table = Table(
        title,
        [
            words(tr("Stocks released"), [name for _, name, _ in rows]),
            *alike(
                {
                    tr("Mean"): [of.expected.value for _, _, of in rows],
                    tr("standard error of the mean"): [
                        of.expected.standard_error for _, _, of in rows
                    ],
                    tr("Worst states"): [of.cvar.value for _, _, of in rows],
                    tr("standard error of the worst"): [
                        of.cvar.standard_error for _, _, of in rows
                    ],
                    tr("Worst state"): [of.worst for _, _, of in rows],
                }
            ),
        ],
        name="between",
        note=tr(
            "With foresight: each state's releases are the best for that state, as if it were "
            "known. Rule: release at once while short, holding back the reserve, a share of the "
            "planned stock, for the dearer steps."
        ),
    )
    return Figure(chart, table)


def _bars(rows: Sequence[tuple[str, str, Performance]], estimates: Sequence[Estimate]) -> list[Bar]:
    return [
        Bar(name, of.value, of.standard_error, look)
        for (look, name, _), of in zip(rows, estimates, strict=True)
    ]
