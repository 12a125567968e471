"""What knowledge is worth, what planning for uncertainty is worth, and what caution costs."""

from __future__ import annotations

from models.language import tr
from models.results import Evaluation, ProvenRange
from optimizer.report.charts import Chart
from optimizer.report.charts import evaluation as charts
from optimizer.report.charts.evaluation import Rung
from optimizer.report.evaluating import prose
from optimizer.report.evaluating import words as said
from optimizer.report.figures import NOISE, number, percent
from optimizer.report.html.parts import Figure, Section, Table, alike, shares, words


def information(found: Evaluation) -> Section | None:
    """The ladder from the mean problem over wait-and-see and the plan to the mean's plan."""
    known = found.information
    if known is None:
        return None
    rungs: list[tuple[str, ProvenRange]] = [
        (tr("If the mean state were certain (EV)"), known.mean_value_problem),
        (tr("If each state were known beforehand (WS)"), known.wait_and_see),
        (tr("This plan's problem (RP)"), known.recourse_problem),
        (
            tr("The plan made for the mean state (EEV)"),
            ProvenRange(low=known.mean_plan, high=known.mean_plan),
        ),
    ]
    title = tr("Objective by what is known when deciding ({unit})", unit=said.unit(found))
    chart = Chart(
        "ladder",
        title,
        tr(
            "Four bars, from the most knowledge to the least. Between the second and the third "
            "lies what foresight would be worth, between the third and the fourth what planning "
            "for uncertainty is worth."
        ),
        lambda: charts.ladder(
            [Rung(name, of.low, of.high) for name, of in rungs],
            [(1, 2, tr("perfect information")), (2, 3, tr("planning for uncertainty"))],
            said.unit(found),
        ),
    )
    differences: list[tuple[str, ProvenRange]] = [
        (tr("Perfect information is worth (EVPI)"), known.evpi),
        (tr("Planning for uncertainty is worth (VSS)"), known.vss),
    ]
    rows = rungs + differences
    table = Table(
        title,
        [
            words(tr("Problem"), [name for name, _ in rows]),
            *alike(
                {
                    tr("at least"): [of.low for _, of in rows],
                    tr("at most"): [of.high for _, of in rows],
                }
            ),
        ],
        name="ladder",
        note=" ".join(_notes(found)),
    )
    return Section(
        "information", tr("What knowledge is worth"), [*_lead(found), Figure(chart, table)]
    )


def _lead(found: Evaluation) -> list[str]:
    known = found.information
    assert known is not None
    texts = [
        tr(
            "Whoever knew what comes before deciding would be better off by {evpi}: forecasts "
            "cannot be worth more to what is decided now. Whoever planned for the mean of all "
            "states instead would be worse off by {vss}.",
            evpi=said.evpi(found, known),
            vss=said.told_range(found, known.vss),
        )
    ]
    texts.append(
        tr(
            "The plan for the mean state builds {projects} and buys {stocks}.",
            projects=said.projects(found, known.mean_plan_projects),
            stocks=said.stockpiles(found, known.mean_plan_stockpiles),
        )
    )
    return texts


def _notes(found: Evaluation) -> list[str]:
    known = found.information
    assert known is not None
    notes = [
        tr(
            "Ranges hold what the solves prove. RP is never below EV or WS, and EEV never below RP "
            "(Birge and Louveaux 2011). EV may lie above WS, since projects are whole."
        ),
        *prose.reach(found),
    ]
    if known.states < known.of_states:
        notes.append(
            tr(
                "Of the plan's {all} states {some} were solved by themselves; the standard error "
                "of WS is {error}.",
                all=number(known.of_states),
                some=number(known.states),
                error=said.told(found, known.wait_and_see_error or 0.0),
            )
        )
    return notes


def tail(found: Evaluation) -> Section | None:
    """What caring for the worst states costs in the mean."""
    of = found.tail
    if of is None:
        return None
    rows = [of.neutral, of.averse]
    figures = {
        "share": percent(1 - of.level),
        "weight": percent(of.averse.weight),
        "bought": said.told(found, abs(of.bought)),
        "premium": said.told_range(found, of.premium),
    }
    lead = tr(
        "A plan that gives the worst {share} of states a weight of {weight} brings their mean down "
        "by {bought}, and costs {premium} of the mean objective.",
        **figures,
    )
    if of.bought < -NOISE:
        lead = tr(
            "A plan that gives the worst {share} of states a weight of {weight} leaves their mean "
            "higher by {bought}, and costs {premium} of the mean objective: it saves cost, or the "
            "solves stopped too early.",
            **figures,
        )
    table = Table(
        tr("Plans without and with a weight on the worst states ({unit})", unit=said.unit(found)),
        [
            words(tr("Weight of the worst states"), [percent(one.weight) for one in rows]),
            *alike(
                {
                    tr("Mean"): [one.expected for one in rows],
                    tr("Worst states"): [one.cvar for one in rows],
                    tr("Net cost"): [one.net_cost_meur for one in rows],
                }
            ),
            shares(tr("Gap"), [one.gap for one in rows]),
            words(
                tr("Projects"),
                [said.projects(found, one.projects) for one in rows],
            ),
        ],
        name="tail",
    )
    return Section("tail", tr("What caution costs"), [lead, *prose.tail_reach(found), table])
