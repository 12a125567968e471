"""An evaluation for a reader: a section for each question, and one on how it was reckoned."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import (
    Evaluation,
    Information,
    OptimalityGap,
    Performance,
    ProvenRange,
    RareEvents,
)
from optimizer.report.evaluating import words
from optimizer.report.evaluating.grids import MOST_ROWS, Columns, table
from optimizer.report.evaluating.parts import consumers, materials, years
from optimizer.report.evaluating.prose import best_rule, reach, tail_reach
from optimizer.report.figures import NOISE, NONE, column, number, percent, rounded, small_percent
from optimizer.report.sections import Grid, Section
from optimizer.report.varying.words import million


def all_of(found: Evaluation) -> Iterator[Section]:
    """All sections that have something to say."""
    makers = (fresh, rules, distance, information, tail, rare, longer, years, materials, consumers)
    yield from (section for make in makers if (section := make(found)) is not None)
    yield reckoning(found)


def fresh(found: Evaluation) -> Section:
    """What is left and what is avoided, beside what the plan's own states promise."""
    here, level = found.fresh, percent(1 - found.cvar_level)
    without, with_ = here.without_plan, here.with_plan
    worst = iter(column([without.worst, with_.worst]))
    cells = words.cells([without.expected, without.cvar, with_.expected, with_.cvar, here.avoided])
    own = column([found.own_expected, found.own_cvar])
    rows = [
        [tr("Expected"), cells[0], cells[2], cells[4], own[0]],
        [tr("Mean of the worst {share} (CVaR)", share=level), cells[1], cells[3], NONE, own[1]],
        [tr("Worst state"), next(worst), next(worst), NONE, NONE],
    ]
    headers = [
        tr("Without any plan"),
        tr("With the plan"),
        tr("Avoided"),
        tr("With it on its own states"),
    ]
    if not here.sampled and found.states_of is None:
        rows = [row[:-1] for row in rows]
        headers.pop()
    grid = Grid({"": "words", **dict.fromkeys(headers, "figures")}, rows)
    parts: list[str | Grid] = [grid]
    if here.sampled:
        parts.append(
            tr(
                "± holds the true figure in 95 of 100 samples. Its own states are {own} that the "
                "plan was chosen by.",
                own=number(found.own_states),
            )
        )
    if here.states > 1:
        parts.append(_spread(found))
    return Section(_title(found), parts)


SPREAD = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Levels of the distribution that are shown; the worst state stands above."""


def _spread(found: Evaluation) -> Grid:
    """How damage is spread over the states; what is avoided is that within each state."""
    of = found.fresh.distribution
    at = [n for n, level in enumerate(of.levels) if round(level, 6) in SPREAD]
    names = [
        tr("Not exceeded in {share} of states", share=percent(of.levels[n]))
        if of.levels[n]
        else tr("Least state")
        for n in at
    ]
    values = [[row[n] for n in at] for row in (of.without_plan, of.with_plan, of.avoided)]
    texts = iter(column([value for row in values for value in row]))
    cells = [[next(texts) for _ in row] for row in values]
    headers = (tr("Without any plan"), tr("With the plan"), tr("Avoided"))
    return Grid(
        {"": "words", **dict.fromkeys(headers, "figures")},
        [list(row) for row in zip(names, *cells, strict=True)],
    )


def _title(found: Evaluation) -> str:
    states, unit = found.fresh.states, words.unit(found)
    if found.states_of is not None:
        about = {"other": words.states_of(found), "unit": unit}
        if states == 1:
            return tr("In the one state of {other} ({unit})", **about)
        return tr("On {states} states of {other} ({unit})", states=number(states), **about)
    if found.fresh.sampled:
        return tr("On {states} fresh states ({unit})", states=number(states), unit=unit)
    return tr("On the {states} states of the scenario ({unit})", states=number(states), unit=unit)


def rules(found: Evaluation) -> Section | None:
    """The plan under rules that foresee nothing."""
    if not found.rules:
        return None
    some: list[Performance] = [found.fresh.with_plan, *(r.performance for r in found.rules)]
    above = words.cells([None, *(rule.above_foresight for rule in found.rules)])
    columns: Columns = {
        tr("Stock is released"): (
            "words",
            [
                tr("with foresight"),
                *(
                    tr("when short, keeping {reserve}", reserve=percent(rule.reserve))
                    for rule in found.rules
                ),
            ],
        ),
        tr("Expected"): ("figures", words.cells(p.expected for p in some)),
        tr("Above foresight"): ("figures", above),
        tr("CVaR"): ("figures", words.cells(p.cvar for p in some)),
        tr("Worst state"): ("figures", column([p.worst for p in some])),
    }
    parts: list[str | Grid] = [
        table(columns),
        tr(
            "When short: at once while demand is not covered, by an agency that knows past and "
            "present alone; a share of planned stock is kept for the dearer shortages."
        ),
    ]
    parts += _by_material(found)
    return Section(tr("Without foresight ({unit})", unit=words.unit(found)), parts)


def _by_material(found: Evaluation) -> Iterator[Grid]:
    """Where foresight is worth most, under the best of the rules."""
    rule = best_rule(found)
    lost = [] if rule is None else [m for m in rule.materials if m.expected > NOISE]
    lost = [m for m in lost if m.expected - m.expected_with_foresight > NOISE * m.expected]
    lost.sort(key=lambda m: m.expected_with_foresight - m.expected)
    if rule is None or not lost:
        return
    shown = lost[:MOST_ROWS]
    yield table(
        {
            tr("Material, keeping {reserve}", reserve=percent(rule.reserve)): (
                "words",
                [words.name(found, "materials", m.id, m.name) for m in shown],
            ),
            tr("With foresight"): ("figures", column([m.expected_with_foresight for m in shown])),
            tr("By the rule"): ("figures", column([m.expected for m in shown])),
        }
    )


def distance(found: Evaluation) -> Section | None:
    """How far from the best the plan can be."""
    gap = found.gap
    if gap is None:
        return None
    some = gap.replications
    alike = column([value for r in some for value in (r.candidate, r.found, r.bound)])
    columns: Columns = {
        tr("Sample"): ("figures", [str(one.seed) for one in some]),
        tr("The plan"): ("figures", alike[::3]),
        tr("Best plan found"): ("figures", alike[1::3]),
        tr("No plan below"): ("figures", alike[2::3]),
        tr("Above that"): ("figures", column([one.gap for one in some])),
    }
    title = tr("How far from the best it can be (objective, {unit})", unit=words.unit(found))
    return Section(title, [table(columns), _summed(gap)])


def _summed(gap: OptimalityGap) -> str:
    return tr(
        "Each sample has {states} states of its own, and a plan made for them. In the mean the "
        "plan is {mean} above what no plan can fall below; {solver} of that is due to solves that "
        "were not finished. Its distance from the best is not above {upper} with {confidence} "
        "confidence (Mak, Morton and Wood 1999).",
        states=number(gap.states),
        mean=words.about(gap.mean),
        solver=number(gap.solver_share),
        upper=number(gap.upper),
        confidence=percent(gap.confidence),
    )


def information(found: Evaluation) -> Section | None:
    """What it is worth to know, and to plan for many states."""
    known = found.information
    if known is None:
        return None
    exact = ProvenRange(low=known.mean_plan, high=known.mean_plan)
    rows = [
        (tr("Best plan for the mean state, in that state (EV)"), known.mean_value_problem),
        (tr("Each state known beforehand (WS)"), known.wait_and_see),
        (tr("Best plan for all states (RP)"), known.recourse_problem),
        (tr("Plan for the mean state, in all states (EEV)"), exact),
        (tr("Worth knowing what comes (EVPI = RP - WS)"), known.evpi),
        (tr("Worth planning for many states (VSS = EEV - RP)"), known.vss),
    ]
    ends = column([end for _, r in rows for end in (r.low, r.high)])
    columns: Columns = {
        tr("Objective"): ("words", [name for name, _ in rows]),
        tr("At least"): ("figures", ends[::2]),
        tr("At most"): ("figures", ends[1::2]),
    }
    title = tr("What uncertainty is worth (objective, {unit})", unit=words.unit(found))
    return Section(title, [table(columns), *_about_information(found, known)])


def _about_information(found: Evaluation, known: Information) -> Iterator[str]:
    if known.wait_and_see_error:
        yield tr(
            "{states} of {of} states were solved by themselves: chance may have moved WS and EVPI "
            "by {error} to either side (95 %).",
            states=number(known.states),
            of=number(known.of_states),
            error=rounded(words.TWO_SIDED * known.wait_and_see_error),
        )
    yield tr(
        "The plan for the mean state builds: {projects}. It buys stock for: {stockpiles}.",
        projects=words.projects(found, known.mean_plan_projects),
        stockpiles=words.stockpiles(found, known.mean_plan_stockpiles),
    )
    yield from reach(found)


def tail(found: Evaluation) -> Section | None:
    """What minding the worst states costs."""
    told = found.tail
    if told is None:
        return None
    both = (told.neutral, told.averse)
    columns: Columns = {
        tr("Weight of the worst states"): ("figures", [percent(p.weight) for p in both]),
        tr("Expected, {unit}", unit=words.unit(found)): (
            "figures",
            column([p.expected for p in both]),
        ),
        tr("CVaR, {unit}", unit=words.unit(found)): ("figures", column([p.cvar for p in both])),
        tr("Net cost, {unit}", unit=million(found.currency)): (
            "figures",
            column([p.net_cost_meur for p in both]),
        ),
        tr("Gap left"): ("figures", [small_percent(p.gap) for p in both]),
    }
    entering = [p for p in told.averse.projects if p not in told.neutral.projects]
    leaving = [p for p in told.neutral.projects if p not in told.averse.projects]
    figures = {
        "share": percent(1 - told.level),
        "premium": words.between(told.premium),
        "bought": number(abs(told.bought)),
        "unit": words.unit(found),
        "entering": words.projects(found, entering),
        "leaving": words.projects(found, leaving),
    }
    note = tr(
        "Minding the worst {share} of states costs {premium} {unit} of the mean objective, and "
        "lowers their mean by {bought}. Built besides: {entering}. Left out: {leaving}.",
        **figures,
    )
    if told.bought < -NOISE:
        note = tr(
            "Minding the worst {share} of states costs {premium} {unit} of the mean objective, and "
            "leaves their mean higher by {bought}: it saves cost, or the solves stopped too early. "
            "Built besides: {entering}. Left out: {leaving}.",
            **figures,
        )
    parts: list[str | Grid] = [table(columns), note, *tail_reach(found)]
    return Section(tr("What minding the worst states costs"), parts)


def rare(found: Evaluation) -> Section | None:
    """The same figures with rare events drawn more often."""
    told = found.rare
    if told is None:
        return None
    kinds = (told.plain, told.performance)
    columns: Columns = {
        "": ("words", [tr("Expected"), tr("CVaR")]),
        tr("Drawn as they come"): (
            "figures",
            words.cells([told.plain.expected, told.plain.cvar]),
        ),
        tr("Rare events more often"): (
            "figures",
            words.cells([told.performance.expected, told.performance.cvar]),
        ),
        tr("Variance saved, times"): (
            "figures",
            [number(told.variance_ratio_expected), number(told.variance_ratio_cvar)],
        ),
        tr("From the fresh states, standard errors"): (
            "figures",
            column([told.deviation_expected, told.deviation_cvar]),
        ),
    }
    worst = tr(
        "Worst state: {plain} and {other}.",
        plain=number(kinds[0].worst),
        other=number(kinds[1].worst),
    )
    title = tr(
        "Rare events drawn more often, {states} states ({unit})",
        states=number(told.states),
        unit=words.unit(found),
    )
    return Section(title, [table(columns), f"{worst} {_about_rare(told)}"])


def _about_rare(told: RareEvents) -> str:
    return tr(
        "States weigh what they are more likely in truth than here: that leaves as much as "
        "{effective} states of equal weight; the mean weight is {weight} and has to be 1.",
        effective=number(told.effective_states, 0),
        weight=words.about(told.weight_sum),
    )


def longer(found: Evaluation) -> Section | None:
    """The same commitment with some years more."""
    told = found.longer
    if told is None:
        return None
    share = percent(1 - found.cvar_level)
    rows = [
        [
            tr("Expected"),
            *words.cells([told.without_plan.expected, told.with_plan.expected]),
        ],
        [
            tr("Mean of the worst {share} (CVaR)", share=share),
            *words.cells([told.without_plan.cvar, told.with_plan.cvar]),
        ],
    ]
    headers = (tr("Without any plan"), tr("With the plan"))
    note = tr(
        "It avoids {avoided}; with its own horizon, in the same states, {within}. Its net cost is "
        "{cost} {money}; with its own horizon, {cost_within}.",
        avoided=words.amount(found, told.avoided),
        within=number(told.avoided_within),
        cost=number(told.net_cost_meur),
        money=million(found.currency),
        cost_within=number(told.net_cost_within_meur),
    )
    if told.residual_meur:
        note += " " + tr(
            "The latter is less by a residual value of {residual} at its end, which is not counted "
            "where the years go on.",
            residual=number(told.residual_meur),
        )
    title = tr(
        "With {years} years more, to {last} ({unit})",
        years=number(told.years),
        last=str(told.last_year),
        unit=words.unit(found),
    )
    return Section(title, [Grid({"": "words", **dict.fromkeys(headers, "figures")}, rows), note])


def reckoning(found: Evaluation) -> Section:
    """What the figures rest on."""
    fresh = found.fresh
    rows = [
        [tr("The plan was made for"), tr("{count} states", count=number(found.own_states))],
        [tr("Gap of the plan there"), small_percent(found.own_gap)],
        [tr("Objective there"), words.told(found, found.own_objective)],
        [tr("Objective here"), words.amount(found, fresh.objective)],
        [tr("Net cost"), f"{number(found.net_cost_meur)} {million(found.currency)}"],
        [tr("Seed of the fresh states"), NONE if fresh.seed is None else str(fresh.seed)],
        [tr("Time"), f"{number(sum(found.seconds.values()))} s"],
        [tr("Input, SHA-256"), found.input_sha256],
    ]
    there = found.net_cost_there_meur
    if there is not None:
        rows.insert(5, [tr("Net cost there"), f"{number(there)} {million(found.currency)}"])
    return Section(
        tr("How this was reckoned"), [Grid({"": "words", " ": "words"}, rows, headed=False)]
    )
