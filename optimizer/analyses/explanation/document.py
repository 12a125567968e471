"""Why a plan is as it is, as a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from models.language import tr
from models.results import Explained, Explanation, LimitValue
from optimizer.analyses.explanation import sentences
from optimizer.analyses.explanation.sentences import Say, span
from optimizer.analyses.instead import changes
from optimizer.report.charts import Chart
from optimizer.report.charts import explanation as charts
from optimizer.report.document import DETAIL, Bullets, Column, Document, Part, Section, Shown, Table
from optimizer.report.figures import NONE, number, percent
from optimizer.report.wording import Wording


def document(found: Explanation) -> Document:
    """What each decision is worth, why each was made, and what more of a limit would bring."""
    say = Wording(found)
    budgets = tr("What one more million is worth")
    shares = tr("What one more percentage point is worth")
    proof = say.proof(
        (tr("Objective of the plan"), f"{number(found.objective, 6)} {say.unit}"),
        (tr("No plan below"), f"{number(found.bound, 6)} {say.unit}"),
        (tr("Questions stopped early"), number(found.cut_short)),
    )
    return say.document(
        tr("Vorrat: why each project and each stock is in or out"),
        [*sentences.headline(say), *_regrets(say)],
        [
            _reasons(say, "projects-out", tr("Projects that are out"), "project", chosen=False),
            _reasons(say, "projects-in", tr("Projects that are in"), "project", chosen=True),
            _reasons(say, "stocks-in", tr("Stocks that are bought"), "stockpile", chosen=True),
            _reasons(say, "stocks-out", tr("Stocks that buy nothing"), "stockpile", chosen=False),
            Section("budgets", budgets, _values(say, "budget", budgets)),
            Section("limits", shares, _values(say, "share", shares)),
            Section("method", tr("How it was computed"), [_method(found)]),
            Section("proof", tr("How good the proof is"), [proof]),
        ],
        title=tr("Why this plan? {title}", title=say.title),
        answer_title=tr("What each decision is worth"),
    )


def _regrets(say: Say) -> Iterator[Part]:
    """What each decision is worth, those that matter most first."""

    def ends(one: Explained) -> tuple[float, float]:
        return sentences.at_least(one), one.regret.high or 0.0 if one.regret else 0.0

    known = [one for one in say.found.items if one.regret and one.regret.high is not None]
    some = sorted(known, key=ends, reverse=True)
    if not some:
        return
    title = tr("What is lost by deciding the other way ({unit})", unit=say.unit)
    bars = [
        charts.Bar(sentences.name(say, one), *ends(one), one.chosen, span(*ends(one)))
        for one in some
    ]
    shows = tr(
        "One bar for each project and stock. It is longest for {name}: {span}. The figures are in "
        "the table below.",
        name=bars[0].name,
        span=bars[0].text,
    )
    columns = [
        Column(tr("Project or stock"), lambda one: sentences.name(say, one), "text"),
        Column(tr("In the plan"), lambda one: tr("yes") if one.chosen else tr("no"), "text"),
        Column(tr("Lost at least"), "regret.low", "outcome", like="lost"),
        Column(tr("Lost at most"), "regret.high", "outcome", like="lost"),
        Column(tr("Mean damage, change"), "regret.expected", "outcome"),
        Column(tr("Net cost, change"), "regret.net_cost_meur", "money"),
    ]
    note = tr(
        "Lost: by the objective, as far as the gaps prove. Changes: of the best plan that was "
        "found the other way against the plan. Decisions that no plan can make the other way are "
        "not shown."
    )
    chart = Chart("regrets", title, shows, lambda: charts.regrets(bars, say.unit))
    yield Table(title, some, columns, "regrets", note, chart=chart)


def _reasons(say: Say, id: str, title: str, kind: str, *, chosen: bool) -> Section:
    """Projects or stockpiles that are in or out, those that matter most first."""

    def matters(one: Explained) -> float:
        known = -1.0 if one.regret is None else sentences.at_least(one)
        return float("inf") if one.conflict else known

    some = [one for one in say.found.items if one.kind == kind and one.chosen == chosen]
    told = [sentences.item(say, one) for one in sorted(some, key=matters, reverse=True)]
    return Section(id, title, [Bullets(told)])


def _values(say: Say, kind: Literal["budget", "share"], title: str) -> list[Part]:
    """What one more million of each budget, or point of each limit, is worth."""
    some = [value for value in say.found.values if value.kind == kind]
    of_budgets = kind == "budget"

    def worth(step: float) -> Column:
        def at(value: LimitValue) -> Shown:
            own = next((one for one in value.steps if one.step == step), None)
            if own is None:
                return Shown("")
            return Shown(NONE if own.low is own.high is None else span(own.low, own.high))

        return Column(tr("Worth of one: {step} more", step=number(step)), at, "ratio")

    def seen(value: LimitValue) -> str:
        """From which step on a gain shows, and what it lets in."""
        if value.visible is None:
            return tr("none seen")
        step = next(one for one in value.steps if one.step == value.visible)
        told = "" if step.instead is None else changes(say, step.instead)
        return f"{number(value.visible)}: {told}" if told else number(value.visible)

    now = (
        [
            Column(tr("Million"), "now", "money", origin="scenario"),
            Column(tr("Unused"), "unused_meur", "money"),
        ]
        if of_budgets
        else [Column(tr("Limit"), lambda value: percent(value.now))]
    )
    columns = [
        Column(tr("Budget or limit"), lambda value: sentences.limit_name(say, value), "text"),
        *now,
        *map(worth, sorted({one.step for value in some for one in value.steps})),
        Column(tr("Seen from"), seen, "text"),
    ]
    note = tr(
        "Solved anew at each step, of a budget the smaller ones only where it is used up, of "
        "limits those that leave no room. Gain for each million or percentage point, by the "
        "objective, in {unit}. Last: the smallest step whose gain is proven, and what it changes.",
        unit=say.unit,
    )
    name = "budgets" if of_budgets else "limits"
    return [Table(title, some, columns, name, note)] if some else []


def _method(found: Explanation) -> Bullets:
    """What was asked."""
    return Bullets(
        [
            tr(
                "A project that is out is built all the same, one that is in is ruled out, and "
                "everything else is decided anew. A stock that is bought buys nothing; one that "
                "buys nothing holds {days} more days of the demand it serves at the end of the "
                "last year, as far as room and market allow.",
                days=number(found.days),
            ),
            tr(
                "What is lost lies between what no plan can avoid losing and what the best plan "
                "that was found loses. Where that range reaches down to 0 the decision is called a "
                "tie: other considerations may settle it."
            ),
            tr(
                "Beside the plan: all other decisions are held as they are. The rules that are "
                "named then are a smallest set: without any one of them the others would not stop "
                "it."
            ),
        ],
        DETAIL,
    )
