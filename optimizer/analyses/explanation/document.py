"""Why a plan is as it is, as a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from models.language import tr
from models.results import Explained, Explanation, Instead, LimitValue, ValueStep
from optimizer.analyses.explanation import sentences, words
from optimizer.analyses.explanation.words import Say
from optimizer.report.charts import Chart
from optimizer.report.charts import explanation as charts
from optimizer.report.document import DETAIL, Bullets, Column, Document, Part, Section, Shown, Table
from optimizer.report.figures import NONE, number, percent
from optimizer.report.wording import Wording


def document(found: Explanation) -> Document:
    """What each decision is worth, why each was made, and what more of a limit would bring."""
    say = Wording(found)
    values = found.values
    return say.document(
        tr("Vorrat: why each project and each stock is in or out"),
        [*sentences.headline(say), *_regrets(say)],
        [
            _reasons(say, "projects-out", tr("Projects that are out"), "project", False),
            _reasons(say, "projects-in", tr("Projects that are in"), "project", True),
            _reasons(say, "stocks-in", tr("Stocks that are bought"), "stockpile", True),
            _reasons(say, "stocks-out", tr("Stocks that buy nothing"), "stockpile", False),
            Section("budgets", tr("What one more million is worth"),
                    _budgets(say, [value for value in values if value.kind == "budget"])),
            Section("limits", tr("What one more percentage point is worth"),
                    _shares(say, [value for value in values if value.kind == "share"])),
            Section("method", tr("How it was computed"), [_method(found)]),
            Section("proof", tr("How good the proof is"), [_proof(say)]),
        ],
        title=tr("Why this plan? {title}", title=say.title),
        answer_title=tr("What each decision is worth"),
    )  # fmt: skip


def _regrets(say: Say) -> Iterator[Part]:
    """What each decision is worth, those that matter most first."""
    known = [one for one in say.found.items if one.regret and one.regret.high is not None]
    some = sorted(known, key=_ends, reverse=True)
    if not some:
        return
    title = tr("What is lost by deciding the other way ({unit})", unit=say.unit)
    bars = [
        charts.Bar(words.item(say, one), *_ends(one), one.chosen, words.span(*_ends(one)))
        for one in some
    ]
    chart = Chart(
        "regrets",
        title,
        tr(
            "One bar for each project and stock. It is longest for {name}: {span}. The figures are "
            "in the table below.",
            name=bars[0].name,
            span=bars[0].text,
        ),
        lambda: charts.regrets(bars, say.unit),
    )
    columns = [
        Column(tr("Project or stock"), lambda one: words.item(say, one), "text"),
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
    yield Table(title, some, columns, "regrets", note, chart=chart)


def _ends(one: Explained) -> tuple[float, float]:
    regret = one.regret
    assert regret is not None
    return regret.low or 0.0, regret.high or 0.0


def _reasons(say: Say, id: str, title: str, kind: str, chosen: bool) -> Section:
    """Projects or stockpiles that are in or out, those that matter most first."""

    def matters(one: Explained) -> float:
        known = -1.0 if one.regret is None else one.regret.low or 0.0
        return float("inf") if one.conflict else known

    some = [one for one in say.found.items if one.kind == kind and one.chosen == chosen]
    told = [sentences.item(say, one) for one in sorted(some, key=matters, reverse=True)]
    return Section(id, title, [Bullets(told)] if told else [])


def _budgets(say: Say, some: Sequence[LimitValue]) -> list[Part]:
    """What one more million is worth."""
    note = tr(
        "Solved anew at each step; the smaller steps only where a budget is used up and the "
        "largest brings something. Gain for each million, by the objective, in {unit}. Last: the "
        "smallest step whose gain is proven, and what it changes.",
        unit=say.unit,
    )
    first = [
        Column(tr("Million"), "now", "money", origin="scenario"),
        Column(tr("Unused"), "unused_meur", "money"),
    ]
    steps = _steps(some, lambda step: tr("Worth of a million: {step} more", step=step))
    return _values(say, "budgets", tr("What one more million is worth"), some, [*first, *steps],
                   note)  # fmt: skip


def _shares(say: Say, some: Sequence[LimitValue]) -> list[Part]:
    """What one more percentage point is worth."""
    note = tr(
        "Limits that leave no room somewhere in the plan, solved anew with so many percentage "
        "points more. Gain for each point, by the objective, in {unit}.",
        unit=say.unit,
    )
    first = Column(tr("Limit"), lambda value: percent(value.now))
    steps = _steps(some, lambda step: tr("Worth of a point: {step} more", step=step))
    title = tr("What one more percentage point is worth")
    return _values(say, "limits", title, some, [first, *steps], note)


def _values(
    say: Say,
    name: str,
    title: str,
    some: Sequence[LimitValue],
    columns: Sequence[Column],
    note: str,
) -> list[Part]:
    limit = Column(tr("Budget or limit"), lambda value: sentences.limit_name(say, value), "text")
    seen = Column(tr("Seen from"), lambda value: _seen_from(say, value), "text")
    return [Table(title, some, [limit, *columns, seen], name, note)] if some else []


def _steps(some: Sequence[LimitValue], headed: Callable[[str], str]) -> Iterator[Column]:
    """A column for each step that any limit was loosened by."""

    def at(step: float) -> Callable[[LimitValue], Shown]:
        return lambda value: Shown("".join(_worth(of) for of in value.steps if of.step == step))

    for step in sorted({one.step for value in some for one in value.steps}):
        yield Column(headed(number(step)), at(step), "ratio")


def _worth(step: ValueStep) -> str:
    """What a unit of a step is worth, in a cell."""
    if step.high is None and step.low is None:
        return NONE
    return "0" if step.high == 0 else words.span(step.low, step.high)


def _seen_from(say: Say, value: LimitValue) -> str:
    """From which step on a gain shows, and what it lets in."""
    if value.visible is None:
        return tr("none seen")
    step = next(one for one in value.steps if one.step == value.visible)
    changes = "" if step.instead is None else _instead(say, step.instead)
    name = number(value.visible)
    return f"{name}: {changes}" if changes else name


def _instead(say: Say, other: Instead) -> str:
    """What comes and goes, in a cell."""
    told = [f"+ {say.name('projects', p)}" for p in other.entering]
    told += [f"- {say.name('projects', p)}" for p in other.leaving]
    told += sentences.moves(say, other)
    return ", ".join(told) or (tr("stocks alone") if other.stocks_t else "")


def _method(found: Explanation) -> Bullets:
    """What was asked."""
    return Bullets([
        tr("A project that is out is built all the same, one that is in is ruled out, and "
           "everything else is decided anew. A stock that is bought buys nothing; one that buys "
           "nothing holds {days} more days of the demand it serves at the end of the last year, as "
           "far as room and market allow.", days=number(found.days)),
        tr("What is lost lies between what no plan can avoid losing and what the best plan that "
           "was found loses. Where that range reaches down to 0 the decision is called a tie: "
           "other considerations may settle it."),
        tr("Beside the plan: all other decisions are held as they are. The rules that are named "
           "then are a smallest set: without any one of them the others would not stop it."),
        tr("What a million is worth is solved anew at each step, since projects are built whole or "
           "not at all: the first million may bring nothing and the hundredth much."),
    ], DETAIL)  # fmt: skip


def _proof(say: Say) -> Table:
    """How good the answers are, and what it takes to repeat them."""
    found = say.found
    return say.proof(
        (tr("Objective of the plan"), words.level(say, found.objective)),
        (tr("No plan below"), words.level(say, found.bound)),
        (tr("Questions stopped early"), number(found.cut_short)),
    )
