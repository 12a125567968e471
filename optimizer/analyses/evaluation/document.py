"""An evaluation as a document: what a plan does in states that it was not made for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from models.language import tr
from models.results import ConsumerOutcome, Estimate, Evaluation, MaterialOutcome, Performance
from optimizer.analyses.evaluation.words import (
    Say,
    best_rule,
    cautions,
    estimated,
    exact,
    facts,
    headline,
    world,
)
from optimizer.analyses.evaluation.yardsticks import information, longer, quality, rare, tail
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as damage_charts
from optimizer.report.charts import evaluation as charts
from optimizer.report.document import (
    DETAIL,
    Bullets,
    Caution,
    Column,
    Document,
    Facts,
    Heading,
    Part,
    Section,
    Table,
    Terms,
)
from optimizer.report.figures import NONE, number, percent, small_percent
from optimizer.report.wording import Wording, pairs

MOST_ROWS = 10
"""Materials and consumers that a terminal shows, those that lose most first."""
LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Levels of the distribution that are shown."""


def document(found: Evaluation) -> Document:
    """What a plan avoids, how sure that is, how far it is from the best, and what it is worth to
    know what comes."""
    say = Wording(found)
    said = list(headline(say))
    answer: list[Part] = [said[0], Facts(list(facts(say)), DETAIL), *said[1:]]
    return say.document(
        tr("Vorrat: a plan judged on states it was not made for"),
        [*answer, Caution(list(cautions(say))), _between(say)],
        [
            Section("chance", tr("How bad it can get"), _chance(say)),
            Section("parts", tr("When, in what, and on whom it falls"), list(_parts(say))),
            Section("quality", tr("How far from the best"), quality(say, found.gap)),
            Section("information", tr("What knowledge is worth"),
                    list(information(say, found.information))),
            Section("tail", tr("What caution costs"), list(tail(say, found.tail))),
            Section("rare", tr("Rare events"), rare(say, found.rare)),
            Section("longer", tr("Beyond the horizon"), list(longer(say, found.longer))),
            Section("method", tr("How it was judged"), _method(found), DETAIL),
            Section("proof", tr("How good the proof is"), [_proof(say)]),
            Section("glossary", tr("Terms"), [_terms(found)], DETAIL),
        ],
        title=tr("How good is the plan? {title}", title=say.title),
        amounts=[found.net_cost_meur],
        outcomes=[found.fresh.without_plan.worst],
    )  # fmt: skip


class _Left(NamedTuple):
    """What is left under a way to release stocks, or what is avoided."""

    name: str
    expected: Estimate
    cvar: Estimate | None
    worst: float | None
    above: Estimate | None = None
    look: str = ""
    """How it is drawn; not at all where empty."""


def _between(say: Say) -> Table:
    """What is left without a plan, with it under each rule, and with foresight."""
    found, fresh = say.found, say.found.fresh

    def left(name: str, of: Performance, look: str, above: Estimate | None = None) -> _Left:
        return _Left(name, of.expected, of.cvar, of.worst, above, look)

    ruled = sorted(found.rules, key=lambda rule: rule.reserve)
    rows = [
        left(tr("Without plan"), fresh.without_plan, "without"),
        left(tr("With plan, foresight"), fresh.with_plan, "foresight"),
        *(left(_ruled(of.reserve), of.performance, "rule", of.above_foresight) for of in ruled),
        _Left(tr("Avoided with foresight"), fresh.avoided, None, None),
    ]
    if fresh.sampled or found.states_of is not None:
        name = tr("With foresight, on the plan's own {own} states", own=number(found.own_states))
        rows.append(_Left(name, exact(found.own_expected), exact(found.own_cvar), None))
    drawn = [rows[0], *rows[2:], rows[1]]

    def bars(of: str) -> list[charts.Bar]:
        figures: list[tuple[_Left, Estimate]] = [(r, getattr(r, of)) for r in drawn if r.look]
        return [charts.Bar(r.name, f.value, f.standard_error, r.look) for r, f in figures]

    groups = [(tr("Mean of all states"), bars("expected")), (_worst(found), bars("cvar"))]
    chart = Chart(
        "between",
        tr("What is left with the plan, between foresight and rule ({unit})", unit=say.unit),
        tr(
            "Bars from above: without any plan, with the plan under each rule, and with foresight. "
            "The best that can be reached lies between the best of these rules and foresight. "
            "Lines at the ends of bars show the sampling error (95 %)."
        ),
        lambda: charts.between(groups, say.unit),
    )
    columns = [
        Column(tr("Stocks released"), "name", "text"),
        Column(tr("Expected"), "expected", "estimate"),
        Column(f"{_worst(found)} (CVaR)", "cvar", "estimate"),
        Column(tr("Worst state"), "worst", "outcome"),
        *([Column(tr("Above foresight"), "above", "estimate")] if found.rules else []),
    ]
    ruled_note = tr(
        "With foresight: each state's releases are the best for that state, as if it were known. "
        "Rule: stock is released at once while demand is not covered; the reserve, a share of "
        "planned stock, only for shortages dearer than the mean tonne."
    )
    sampled_note = tr("± holds the true figure in 95 of 100 samples.")
    notes = [ruled_note] * bool(found.rules) + [sampled_note] * fresh.sampled
    return Table(_states(say), rows, columns, "between", " ".join(notes), chart=chart)


def _ruled(reserve: float) -> str:
    return charts.marked(percent(reserve))


def _worst(found: Evaluation) -> str:
    return tr("Mean of the worst {share}", share=percent(1 - found.cvar_level))


def _states(say: Say) -> str:
    """Of which states figures are, with their unit."""
    found, states, unit = say.found, say.found.fresh.states, say.unit
    if found.states_of is not None:
        return tr("In the states of {other} ({unit})", other=world(found), unit=unit)
    if found.fresh.sampled:
        return tr("On {states} fresh states ({unit})", states=number(states), unit=unit)
    return tr("On the {states} states of the scenario ({unit})", states=number(states), unit=unit)


def _chance(say: Say) -> list[Part]:
    """How damage is spread over the states; what is avoided is that within each state."""
    fresh, of = say.found.fresh, say.found.fresh.distribution
    if fresh.states < 2:
        return []
    before, after = fresh.without_plan, fresh.with_plan
    marks = [
        (tr("Expected"), before.expected.value, after.expected.value),
        (_worst(say.found), before.cvar.value, after.cvar.value),
        (tr("Worst state"), before.worst, after.worst),
    ]
    chart = Chart(
        "fresh-distribution",
        tr("Chance of more damage than a value ({unit})", unit=say.unit)
        if say.of_damage
        else tr("Chance of more shortage than a value ({unit})", unit=say.unit),
        tr(
            "Left, a dashed curve without the plan and a full one with it. Right, bars of the "
            "mean, of the worst states and of the worst one."
        ),
        lambda: damage_charts.exceedance(of.levels, of.without_plan, of.with_plan, marks, say.unit),
    )
    every = zip(of.levels, of.without_plan, of.with_plan, of.avoided, strict=True)
    rows = [row for row in every if round(row[0], 6) in LEVELS]

    def name(row: tuple[float, ...]) -> str:
        least, share = tr("Least state"), percent(row[0])
        return tr("Not exceeded in {share} of states", share=share) if row[0] else least

    heads = (tr("Without plan"), tr("With plan"), tr("Avoided in the same state"))
    columns = [
        Column("", name, "text"),
        *(Column(head, str(n), "outcome", like="damage") for n, head in enumerate(heads, 1)),
    ]
    note = tr(
        "The column of what is avoided has its own order: its quantiles are those of the "
        "difference within each state."
    )
    return [Table(_states(say), rows, columns, "fresh-distribution", note, chart=chart)]


class _Part(NamedTuple):
    """What falls on a year, a material or a consumer."""

    name: str
    before: float
    after: float
    ruled: float | None = None
    """With the plan under the best rule."""


def _parts(say: Say) -> Iterator[Table]:
    """Expected damage by year, material and consumer."""
    found, fresh = say.found, say.found.fresh
    rule = best_rule(found)
    ruled = {} if rule is None else {m.id: m.expected for m in rule.materials}
    years = [_Part(y, of.expected_without_plan, of.expected) for y, of in fresh.by_year.items()]

    def ranked(kind: str, some: Sequence[MaterialOutcome | ConsumerOutcome]) -> list[_Part]:
        parts = [
            _Part(say.name(kind, one.id, one.name), one.expected_without_plan, one.expected,
                  ruled.get(one.id))
            for one in some
        ]  # fmt: skip
        return sorted(parts, key=lambda part: -part.after)

    by_year = tr("Expected by year ({unit})", unit=say.unit)
    chart = Chart(
        "fresh-years",
        by_year,
        tr("A pair of bars a year: hollow without the plan, full with it."),
        lambda: damage_charts.compared(
            [row.name for row in years],
            [row.before for row in years],
            [row.after for row in years],
            say.unit,
        ),
    )

    def columns(of: str, rule: Sequence[Column] = ()) -> list[Column]:
        return [
            Column(of, "name", "text"),
            Column(tr("Without plan"), "before", "outcome", like="damage"),
            *rule,
            Column(tr("With plan, foresight"), "after", "outcome", like="damage"),
        ]

    under = rule and [Column(_ruled(rule.reserve), "ruled", "outcome", like="damage")]
    yield Table(by_year, years, columns(tr("Year")), "fresh-years", chart=chart)
    yield Table(tr("Expected by material ({unit})", unit=say.unit),
                ranked("materials", fresh.materials), columns(tr("Material"), under or []),
                "fresh-materials", most=MOST_ROWS)  # fmt: skip
    yield Table(tr("Expected by consumer ({unit})", unit=say.unit),
                ranked("consumers", fresh.consumers), columns(tr("Consumer")),
                "fresh-consumers", most=MOST_ROWS)  # fmt: skip


def _method(found: Evaluation) -> list[Part]:
    """What was asked, and what the answer does not say."""
    if found.states_of is not None:
        about_states = tr("The states are those of {other}: they show how the plan fares there, "
                          "not how likely that world is.", other=world(found))  # fmt: skip
    elif found.fresh.sampled:
        about_states = tr(
            "Fresh states come from the same hazards and probabilities as the plan's own. They "
            "show what chance in sampling does, not whether the assumptions are right; vorrat "
            "sensitivity asks that."
        )
    else:
        about_states = tr(
            "The scenario's states are taken for all there are. Whether they and their "
            "probabilities are right is not shown; vorrat sensitivity asks that."
        )
    held = tr(
        "The plan is held, and what it leads to is computed exactly in {states} states.",
        states=number(found.fresh.states),
    )
    between = tr(
        "Neither foresight nor the rule is what an agency would do. It knows more than the rule "
        "takes into account, and less than all that comes: the best that it can do lies between "
        "them."
    )
    head = Heading(tr("What the model does not say"))
    return [held, head, Bullets([about_states, between])]


def _proof(say: Say) -> Table:
    """What it takes to judge and to repeat it."""
    found, fresh = say.found, say.found.fresh
    there = found.net_cost_there_meur
    rows = [
        (tr("States of the plan"), number(found.own_states)),
        (tr("Gap of the plan on its own states"), small_percent(found.own_gap)),
        (tr("Objective on its own states"), say.amount(found.own_objective)),
        (tr("States that it is judged on"), number(fresh.states)),
        (tr("Objective on the states it is judged on"), estimated(say, fresh.objective)),
        (tr("Seed of the fresh states"), NONE if fresh.seed is None else str(fresh.seed)),
        (tr("Net cost"), say.money(found.net_cost_meur)),
        *([] if there is None else [(tr("Net cost there"), say.money(there))]),
        (tr("Time"), f"{number(sum(found.seconds.values()))} s"),
        *say.made_of(),
    ]
    return pairs(tr("What it takes to repeat this"), rows, "proof")


def _terms(found: Evaluation) -> Terms:
    """Words of this document."""
    entries = {
        tr("State of the world"): tr(
            "One way the coming years may go: which hazards strike when, and which projects fail "
            "or come late."
        ),
        tr("Worst states"): tr(
            "The worst {tail} by probability; their mean is the CVaR, conditional value at risk.",
            tail=percent(1 - found.cvar_level),
        ),
        tr("Objective"): tr(
            "What a plan makes as small as it can: damage, and cost with its weight."
        ),
    }
    return Terms([*entries.items()])
