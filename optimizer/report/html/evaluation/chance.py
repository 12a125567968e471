"""How damage is spread over fresh states."""

from __future__ import annotations

from models.language import tr
from models.results import Evaluation
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.evaluating import words as said
from optimizer.report.figures import number, percent
from optimizer.report.html.parts import Figure, Section, Table, alike, words
from optimizer.report.html.sections.damage import LEVELS


def chance(found: Evaluation) -> Section:
    """The distribution, as a curve and a table."""
    fresh, of = found.fresh, found.fresh.distribution
    marks = [
        (
            tr("Expected"),
            fresh.without_plan.expected.value,
            fresh.with_plan.expected.value,
        ),
        (
            tr("Worst {share}", share=percent(1 - found.cvar_level)),
            fresh.without_plan.cvar.value,
            fresh.with_plan.cvar.value,
        ),
        (tr("Worst state"), fresh.without_plan.worst, fresh.with_plan.worst),
    ]
    title = tr("Chance of more than a value, on fresh states ({unit})", unit=said.unit(found))
    chart = Chart(
        "fresh-distribution",
        title,
        tr(
            "Left, a dashed curve without the plan and a full one with it. Right, bars of the "
            "mean, of the worst states and of the worst one."
        ),
        lambda: charts.exceedance(
            of.levels, of.without_plan, of.with_plan, marks, said.unit(found)
        ),
    )
    at = [n for n, level in enumerate(of.levels) if round(level, 4) in LEVELS]
    names = [tr("Not exceeded in {share} of states", share=percent(of.levels[n])) for n in at]
    table = Table(
        title,
        [
            words(tr("Key figure"), names),
            *alike(
                {
                    tr("Without plan"): [of.without_plan[n] for n in at],
                    tr("With plan"): [of.with_plan[n] for n in at],
                    tr("Avoided in the same state"): [of.avoided[n] for n in at],
                }
            ),
        ],
        name="fresh-distribution",
    )
    lead = (
        tr(
            "{states} states were drawn with another seed than the plan's. On its own {own} states "
            "the plan looks {optimism}.",
            states=number(fresh.states),
            own=number(found.own_states),
            optimism=_optimism(found),
        )
        if fresh.sampled and found.states_of is None
        else tr(
            "Damage is that of the states of {other}, where the plan was not made.",
            other=said.states_of(found),
        )
        if found.states_of is not None
        else tr(
            "The scenario writes out its {states} states: they are all there are, and every figure "
            "is exact.",
            states=number(fresh.states),
        )
    )
    return Section("chance", tr("How bad it can get"), [lead, Figure(chart, table)])


def _optimism(found: Evaluation) -> str:
    optimism = found.fresh.optimism
    amount = said.told(found, abs(optimism.value))
    if abs(optimism.value) <= 1.96 * (optimism.standard_error or 0.0):
        return tr("neither better nor worse beyond chance (difference {amount})", amount=amount)
    if optimism.value > 0:
        return tr("better by {amount} than it is", amount=amount)
    return tr("worse by {amount} than it is", amount=amount)
