"""What a plan is measured against: best plans, knowledge, caution, rare events, more years."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import (
    Information,
    LongerHorizon,
    OptimalityGap,
    ProvenRange,
    RareEvents,
    TailPremium,
)
from optimizer.analyses.evaluation.words import Say, exact, names, worth
from optimizer.report.cells import TWO_SIDED, about
from optimizer.report.charts import Chart
from optimizer.report.charts import evaluation as charts
from optimizer.report.document import DETAIL, Column, Part, Table
from optimizer.report.figures import NOISE, number, percent, rounded


def quality(say: Say, gap: OptimalityGap | None) -> list[Part]:
    """How far from the best the plan can be, seen on fresh samples."""
    if gap is None:
        return []
    columns = [
        Column(tr("Seed"), lambda one: str(one.seed), "text"),
        Column(tr("This plan"), "candidate", "objective", like="objective"),
        Column(tr("Best found for the sample"), "found", "objective", like="objective"),
        Column(tr("No plan is below"), "bound", "objective", like="objective"),
        Column(tr("Above that"), "gap", "objective"),
    ]
    lead = tr(
        "A plan made on a sample looks better there than it is. So {count} further samples of "
        "{states} states were each solved anew, and the plan was put beside the best for each. In "
        "the mean it is {mean} above what no plan can fall below; {solver} of that is due to "
        "solves that were not finished. With {confidence} confidence its distance from the best is "
        "not above {upper} (multiple replications; Mak, Morton and Wood 1999).",
        count=number(len(gap.replications)),
        states=number(gap.states),
        mean=about(gap.mean),
        solver=number(gap.solver_share),
        confidence=percent(gap.confidence),
        upper=say.amount(gap.upper),
    )
    title = tr("Objective in samples of {states} states each ({unit})",
               states=number(gap.states), unit=say.unit)  # fmt: skip
    return [lead, Table(title, gap.replications, columns, "replications")]


def information(say: Say, known: Information | None) -> Iterator[Part]:
    """The ladder from the most knowledge to the least, and what its steps are worth."""
    if known is None:
        return
    eev = ProvenRange(low=known.mean_plan, high=known.mean_plan)
    rungs: list[tuple[str, ProvenRange]] = [
        (tr("If the mean state were certain (EV)"), known.mean_value_problem),
        (tr("If each state were known beforehand (WS)"), known.wait_and_see),
        (tr("Best plan for all states (RP)"), known.recourse_problem),
        (tr("Plan for the mean state, in all states (EEV)"), eev),
    ]
    steps = [
        (tr("Worth knowing what comes (EVPI = RP - WS)"), known.evpi),
        (tr("Worth planning for many states (VSS = EEV - RP)"), known.vss),
    ]
    title = tr("Objective by what is known when deciding ({unit})", unit=say.unit)
    chart = Chart(
        "ladder",
        title,
        tr(
            "Four bars, from the most knowledge to the least. Between the second and the third "
            "lies what foresight would be worth, between the third and the fourth what planning "
            "for uncertainty is worth."
        ),
        lambda: charts.ladder(
            [charts.Rung(name, of.low, of.high) for name, of in rungs],
            [(1, 2, tr("perfect information")), (2, 3, tr("planning for uncertainty"))],
            say.unit,
        ),
    )
    columns = [
        Column(tr("Problem"), lambda row: row[0], "text"),
        Column(tr("Objective"), lambda row: row[1], "range"),
    ]
    note = tr(
        "Ranges hold what the solves prove. RP is never below EV or WS, and EEV never below RP "
        "(Birge and Louveaux 2011). EV may lie above WS, since projects are whole. The mean state "
        "has the mean of all supply, output and availability; it is none of the states."
    )
    yield Table(title, [*rungs, *steps], columns, "ladder", note, chart=chart)
    if known.states < known.of_states:
        yield tr(
            "{states} of {of} states were solved by themselves: chance may have moved WS and EVPI "
            "by {error} to either side (95 %).",
            states=number(known.states),
            of=number(known.of_states),
            error=rounded(TWO_SIDED * (known.wait_and_see_error or 0.0)),
        )
    yield tr(
        "The plan for the mean state builds: {projects}. It buys stock for: {stockpiles}.",
        projects=names(say, "projects", known.mean_plan_projects),
        stockpiles=names(say, "stockpiles", known.mean_plan_stockpiles),
    )
    yield tr(
        "Releases of stock foresee their state in all of these: what early warning is worth to "
        "them is left out."
    )
    if say.found.fresh.sampled:
        yield tr(
            "The figures are those of the plan's own states, by which it was chosen: on others, "
            "planning for many states gains less as a rule, and to know beforehand is worth more."
        )


def tail(say: Say, told: TailPremium | None) -> Iterator[Part]:
    """What caring for the worst states costs in the mean, and what it buys."""
    if told is None:
        return
    before, after = told.neutral.projects, told.averse.projects
    yield tr(
        "A plan that gives the worst {share} of states a weight of {weight} changes their mean by "
        "{moved}, and costs {premium} of the mean objective.",
        share=percent(1 - told.level),
        weight=percent(told.averse.weight),
        premium=worth(say, told.premium),
        moved=say.amount(-told.bought),
    )
    if told.bought < -NOISE:
        yield tr("So their mean is higher: the plan saves cost, or the solves stopped too early.")
    yield tr(
        "Built besides: {entering}. Left out: {leaving}.",
        entering=names(say, "projects", [p for p in after if p not in before]),
        leaving=names(say, "projects", [p for p in before if p not in after]),
    )
    if say.found.fresh.sampled:
        yield tr(
            "Both are figures of the plan's own states: the second plan is chosen by the worst of "
            "them, so that on others it lowers their mean by less, as a rule."
        )
    columns = [
        Column(tr("Weight of the worst states"), lambda plan: percent(plan.weight), "text"),
        Column(tr("Expected, {unit}", unit=say.unit), "expected", "outcome"),
        Column(tr("CVaR, {unit}", unit=say.unit), "cvar", "outcome"),
        Column(tr("Net cost, {unit}", unit=say.million), "net_cost_meur", "money"),
        Column(tr("Gap left"), "gap", "gap"),
        Column(tr("Projects"), lambda plan: names(say, "projects", plan.projects), "text",
               on=DETAIL),
    ]  # fmt: skip
    title = tr("Plans without and with a weight on the worst states")
    yield Table(title, [told.neutral, told.averse], columns, "tail")


def rare(say: Say, told: RareEvents | None) -> list[Part]:
    """The same figures with rare events drawn more often."""
    if told is None:
        return []
    lead = tr(
        "In {states} states rare events were drawn more often than they come, and weighed less for "
        "it. The estimate of the worst states is as sure as that of {factor} times as many states "
        "drawn as they come, and that of the mean as of {mean} times as many.",
        states=number(told.states),
        factor=number(told.variance_ratio_cvar, 2),
        mean=number(told.variance_ratio_expected, 2),
    )
    rows = [
        (tr("Drawn more often, weighed less"), told.performance),
        (tr("As many, drawn as they come"), told.plain),
        (tr("All fresh states"), say.found.fresh.with_plan),
    ]
    columns = [
        Column(tr("States"), lambda row: row[0], "text"),
        Column(tr("Expected"), lambda row: row[1].expected, "estimate"),
        Column(tr("CVaR"), lambda row: row[1].cvar, "estimate"),
        Column(tr("Worst state"), lambda row: row[1].worst, "outcome"),
    ]
    note = tr(
        "Deviation from the fresh states in standard errors: mean {mean}, worst states {worst}. "
        "States weigh what they are more likely in truth than here: that leaves as much as "
        "{effective} states of equal weight; the mean weight is {weight} and has to be 1.",
        mean=number(told.deviation_expected, 2),
        worst=number(told.deviation_cvar, 2),
        effective=number(told.effective_states, 0),
        weight=about(told.weight_sum),
    )
    title = tr("Rare events drawn more often ({unit})", unit=say.unit)
    return [lead, Table(title, rows, columns, "rare", note)]


def longer(say: Say, told: LongerHorizon | None) -> Iterator[Part]:
    """The same commitment with some years more."""
    if told is None:
        return
    last = told.last_year - told.years
    yield tr(
        "The plan's horizon ends in {last}; stocks and plants do not. The last row has {years} "
        "years more, and nothing new is decided in them.",
        last=str(last),
        years=number(told.years),
    )
    if told.residual_meur:
        yield tr(
            "The plan counts a residual value of {residual} at its end, which is left out where "
            "the years go on.",
            residual=say.money(told.residual_meur),
        )
    rows = [
        (last, exact(told.avoided_within), told.net_cost_within_meur, None, None),
        (told.last_year, told.avoided, told.net_cost_meur, told.without_plan, told.with_plan),
    ]
    columns = [
        Column(tr("Until"), "0", "year"),
        Column(tr("Avoided"), "1", "estimate"),
        Column(tr("Net cost, {unit}", unit=say.million), "2", "money"),
        *(Column(header, f"{n}.{of}", "estimate", group)
          for n, group in ((3, tr("Without plan")), (4, tr("With plan")))
          for header, of in ((tr("Expected"), "expected"), (tr("CVaR"), "cvar"))),
    ]  # fmt: skip
    title = tr("To {first} and to {last} ({unit})", first=str(last), last=str(told.last_year),
               unit=say.unit)  # fmt: skip
    yield Table(title, rows, columns, "longer")
