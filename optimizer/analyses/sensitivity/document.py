"""What the answer rests on, as a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from models.language import tr
from models.results import BreakEven, Screened, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.analyses.sensitivity import words
from optimizer.report.cells import between
from optimizer.report.charts import Chart
from optimizer.report.charts import sensitivity as charts
from optimizer.report.document import (
    DETAIL,
    Bullets,
    Caution,
    Column,
    Document,
    Fact,
    Facts,
    Heading,
    Part,
    Section,
    Table,
    Terms,
)
from optimizer.report.figures import NOISE, NONE, number, small_percent
from optimizer.report.wording import Wording

DRAWN, SCREENED, NAMED, STOCKS_SHOWN = 18, 15, 4, 3


def document(found: Sensitivity) -> Document:
    """What moves the answer, what turns it, and at what value."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: what the answer rests on"),
        list(answer(say)),
        [
            Section("swings", tr("What moves the best plan"), swings(say)),
            Section("turns", tr("Where the decision turns"), turns(say)),
            Section("own", tr("How this plan fares"), own(say)),
            Section("screen", tr("All inputs moved together"), list(screened(say))),
            Section("method", tr("How it was computed"), list(method(say))),
            Section("glossary", tr("Terms"), [Terms(terms())]),
        ],
    )


def answer(say: Wording[Sensitivity]) -> Iterator[Part]:
    """What moves the answer most, and what turns it."""
    found = say.found
    yield tr(
        "As things are, {what} with the plan is {expected}; its objective is {objective}, that of "
        "the best plan {best}.",
        what=say.expected,
        expected=say.amount(found.own.expected),
        objective=say.amount(found.own.objective),
        best=between(found.best.objective),
    )
    if found.decision == "changed" and found.regret is not None:
        yield tr(
            "It is not the best plan even as things are: its objective is worse by {regret}. "
            "Break-evens were not sought.",
            regret=between(found.regret),
        )
    elif found.decision == "open":
        yield tr(
            "Whether it is the best plan as things are was not decided before the limit. "
            "Break-evens were not sought."
        )
    if not found.inputs:
        yield tr("No input was varied to both ends of its range.")
        return
    yield Facts(list(_facts(say)))
    yield _most(say)
    if found.decision == "same":
        yield from _turning(say)
    near = [text for one in words.changing(found) if (text := _turn(say, one))]
    if near:
        yield Bullets([tr("Nearest to turn: {inputs}.", inputs="; ".join(near[:NAMED]))])
    early = [tr("Stopped early: inputs are missing.")] if found.ended == "interrupted" else []
    wide = tr(
        "Inputs are moved one at a time over ranges that are chosen, not estimated: a longer bar "
        "may only mean a wider range."
    )
    yield Caution([*early, *say.illustration(), wide])


def _facts(say: Wording[Sensitivity]) -> Iterator[Fact]:
    found = say.found
    first, turning = words.leading(found), words.changing(found)
    own = max(found.inputs, key=attrgetter("own_swing_expected"))
    if first is not None:
        swing = tr("no plan keeps all rules")
        if first.swing:
            swing = tr("swing {swing}", swing=f"{between(first.swing)} {say.unit}")
        yield Fact(tr("Moves the best plan most"), words.name(say, first), swing)
    yield Fact(
        tr("Moves this plan's damage most"),
        words.name(say, own),
        tr("swing {swing}", swing=say.amount(own.own_swing_expected)),
    )
    if found.decision == "same":
        count = tr("{count} of {all}", count=number(len(turning)), all=number(len(found.inputs)))
        beside = tr("one at a time, within their ranges")
        yield Fact(tr("Inputs that turn the decision"), count, beside)


def _most(say: Wording[Sensitivity]) -> str:
    found = say.found
    first = words.leading(found)
    if first is None:
        return tr(
            "No input is proven to move the objective of the best plan: the gaps leave it open."
        )
    low, high = first.low, first.high
    about = {
        "name": words.name(say, first),
        "low": words.of_point(say, first, low),
        "high": words.of_point(say, first, high),
    }
    if low.best is None or high.best is None:
        return tr(
            "Most depends on: {name}. At one end of {low} to {high} no plan keeps all rules.",
            **about,
        )
    return tr(
        "Most depends on: {name}. From {low} to {high}, the objective of the best plan goes from "
        "{before} to {after}.",
        before=between(low.best.objective),
        after=f"{between(high.best.objective)} {say.unit}",
        **about,
    )


def _turning(say: Wording[Sensitivity]) -> Iterator[str]:
    found = say.found
    some, open_ = words.changing(found), words.undecided(found)
    about = {"count": number(len(found.inputs)), "tolerance": small_percent(found.tolerance)}
    if not some and not open_:
        yield tr(
            "None of {count} inputs, one at a time, turns the decision at an end of its range: "
            "there the plan is proven to stay within {tolerance} of the best.",
            **about,
        )
        return
    yield tr(
        "{some} of {count} inputs, one at a time, turn the decision within their range: another "
        "plan is better by more than {tolerance} of the objective, or this one breaks a rule.",
        some=number(len(some)),
        **about,
    )
    if open_:
        names = ", ".join(words.name(say, one) for one in open_)
        yield tr("Not decided before the limit: {inputs}.", inputs=names)


def _turn(say: Wording[Sensitivity], one: SensitivityInput) -> str:
    between = [
        tr(
            "between {good} and {changed}",
            good=words.turned(say, one, turn.good, turn.good_number),
            changed=words.turned(say, one, turn.changed, turn.changed_number),
        )
        for turn in one.break_evens
    ]
    if not between:
        return ""
    return tr(
        "{name} (now {base}): {turns}",
        name=words.name(say, one),
        base=words.of_base(say, one),
        turns=", ".join(between),
    )


def _inputs(say: Wording[Sensitivity]) -> list[Column]:
    """The columns that name an input and its range."""
    return [
        Column(tr("Input"), lambda one: words.name(say, one), "text"),
        Column(tr("Low"), lambda one: words.of_point(say, one, one.low)),
        Column(tr("High"), lambda one: words.of_point(say, one, one.high)),
    ]


def swings(say: Wording[Sensitivity]) -> list[Part]:
    """How far the best plan's objective moves, the widest first."""
    found = say.found
    if not found.inputs:
        return []

    def best(point: SensitivityPoint) -> object:
        if point.best is None:
            return tr("no plan") if point.status == "infeasible" else None
        return point.best.objective

    def swing(one: SensitivityInput) -> object:
        return one.swing if words.is_proven(one.swing) else tr("within the gaps")

    title = tr("Objective of the best plan, and of this one ({unit})", unit=say.unit)
    chart = Chart(
        "tornado",
        title,
        tr(
            "Two bars an input, from the objective as things are to that at the low and at the "
            "high end; below, framed, the same of this plan carried out all the same. The longest "
            "come first."
        ),
        lambda: charts.tornado(
            [_bar(say, one, "objective") for one in found.inputs[:DRAWN]],
            found.best.objective.high,
            say.unit,
        ),
    )
    columns = [
        *_inputs(say),
        Column(tr("Best plan at low"), lambda one: best(one.low), "range"),
        Column(tr("Best plan at high"), lambda one: best(one.high), "range"),
        Column(tr("Swing"), swing, "range"),
    ]
    note = tr(
        "At least: the proven bound. At most: the best plan that is known. A swing of at least 0 "
        "may be none. As things are: {base}.",
        base=between(found.best.objective),
    )
    return [Table(title, found.inputs, columns, "swings", note, chart=chart)]


class Turn(NamedTuple):
    """An end of an input's range at which the decision is another, and where it turns."""

    one: SensitivityInput
    point: SensitivityPoint
    at: BreakEven | None


def turns(say: Wording[Sensitivity]) -> list[Part]:
    """Where the decision turns, and what becomes of it."""
    found = say.found
    rows = [
        Turn(one, point, next((t for t in one.break_evens if t.toward == toward), None))
        for one in words.changing(found)
        for point, toward in ((one.low, "low"), (one.high, "high"))
        if point.decision in ("changed", "broken")
    ]

    def good(row: Turn) -> str:
        at = row.at
        return NONE if at is None else words.turned(say, row.one, at.good, at.good_number)

    def changed(row: Turn) -> str:
        at = row.at
        if at is None:
            return words.of_point(say, row.one, row.point)
        return words.turned(say, row.one, at.changed, at.changed_number)

    columns = [
        Column(tr("Input"), lambda row: words.name(say, row.one), "text"),
        Column(tr("As it is"), lambda row: words.of_base(say, row.one)),
        Column(tr("Still right at"), good),
        Column(tr("No longer at"), changed),
        Column(tr("Then, at the end of the range"), lambda row: _what(say, row.point), "text"),
    ]
    note = tr(
        "Still right: no plan is better by more than {tolerance} of the objective. Both values are "
        "proven. The nearest to turn come first.",
        tolerance=small_percent(found.tolerance),
    )
    title = tr("Where the decision turns")
    return [Table(title, rows, columns, "turns", note)] if rows else []


def _what(say: Wording[Sensitivity], point: SensitivityPoint) -> str:
    """What is different at an end: rules that break, what enters, leaves and moves."""
    moved = (
        f"{say.name('projects', p)} ({before} → {after})"
        for p, (before, after) in point.moved.items()
    )
    told = {
        words.reasons(point.broken): bool(point.broken),
        words.decision(point): point.status == "infeasible",
        tr("enters: {projects}", projects=say.names("projects", point.entering)): point.entering,
        tr("leaves: {projects}", projects=say.names("projects", point.leaving)): point.leaving,
        tr("moves: {projects}", projects=", ".join(moved)): point.moved,
        tr("stocks: {stocks}", stocks=_stocks(say, point)): point.stocks_t,
    }
    return "; ".join(text for text, holds in told.items() if holds) or words.decision(point)


def _stocks(say: Wording[Sensitivity], point: SensitivityPoint) -> str:
    """Stocks that change most, by the share of what is held before or after."""
    found = say.found
    held, best = found.stocks_t, point.best.stocks_t if point.best else {}
    ranked = sorted(
        point.stocks_t,
        key=lambda h: -abs(point.stocks_t[h]) / max(held.get(h, 0.0), best.get(h, 0.0), 1e-9),
    )
    shown = [
        f"{say.name('stockpiles', h)} {'+' if point.stocks_t[h] > 0 else '-'}"
        f"{number(abs(point.stocks_t[h]))} t"
        for h in ranked[:STOCKS_SHOWN]
    ]
    if len(ranked) > STOCKS_SHOWN:
        shown.append(tr("{count} more", count=number(len(ranked) - STOCKS_SHOWN)))
    return ", ".join(shown)


def own(say: Wording[Sensitivity]) -> list[Part]:
    """How the plan itself fares, by the swing of its expected damage."""
    found = say.found
    rows = sorted(found.inputs, key=lambda one: -one.own_swing_expected)
    if not rows:
        return []

    def regret(point: SensitivityPoint) -> object:
        return tr("breaks a rule") if point.broken else point.regret

    def broken(one: SensitivityInput) -> str:
        low, high = words.reasons(one.low.broken), words.reasons(one.high.broken)
        told = [tr("low: {why}", why=low)] if low else []
        return "; ".join([*told, *([tr("high: {why}", why=high)] if high else [])])

    title = tr("Expected damage with this plan ({unit})", unit=say.unit)
    if found.measure != "damage":
        title = tr("Expected shortage with this plan ({unit})", unit=say.unit)
    moving = [one for one in rows if one.own_swing_expected > NOISE]
    chart = Chart(
        "own-tornado",
        title,
        tr("Two bars an input, from the figure as things are to that at either end."),
        lambda: charts.own_tornado(
            [_bar(say, one, "expected") for one in moving[:DRAWN]], found.own.expected, say.unit
        ),
    )
    columns = [
        *_inputs(say),
        Column(tr("At low"), attrgetter("low.own.expected"), group=tr("Expected")),
        Column(tr("At high"), attrgetter("high.own.expected"), group=tr("Expected")),
        Column(tr("Regret at low"), lambda one: regret(one.low), "range"),
        Column(tr("Regret at high"), lambda one: regret(one.high), "range"),
        Column(tr("Breaks a rule"), broken, "text", on=DETAIL),
    ]
    note = tr(
        "Exact on the scenario's states. Regret: the plan's objective less that of the best plan "
        "there. Where the plan breaks a rule, its damage is shown as if carried out, and there is "
        "no regret."
    )
    return [Table(title, rows, columns, "own", note, chart=chart)]


def _bar(say: Wording[Sensitivity], one: SensitivityInput, figure: str) -> charts.Bar:
    ends = (one.low, one.high)
    objective = figure == "objective"
    best = [end.best.objective.high if end.best and objective else None for end in ends]
    marks = [end.decision if end.decision in charts.SIGNS else "" for end in ends]
    low, high = (words.of_point(say, one, end) for end in ends)
    own = [getattr(end.own, figure) for end in ends]
    return charts.Bar(
        words.name(say, one), (low, high), (best[0], best[1]), (own[0], own[1]),
        (marks[0], marks[1]),
    )  # fmt: skip


def screened(say: Wording[Sensitivity]) -> Iterator[Part]:
    """Which inputs matter when all move together."""
    found = say.found
    made = found.screen
    if made is None:
        return
    yield tr(
        "Here all inputs move together. An input with a small mean effect hardly matters, whatever "
        "the others are; a spread as large as the mean says that its effect depends on them."
    )
    for name, rows, title in (
        ("screen", made.own, tr("Effects on the objective of this plan ({unit})", unit=say.unit)),
        ("screen-expected", made.own_expected,
         tr("Effects on its expected damage ({unit})", unit=say.unit)),
        ("screen-best", made.best or (),
         tr("Effects on the objective of the best plan ({unit})", unit=say.unit)),
    ):  # fmt: skip
        if rows:
            yield _effects(say, rows, title, name)
    if made.best is not None:
        yield tr("The largest gap of these solves is {gap}.", gap=small_percent(made.best_gap))
    if made.left_out:
        left = ", ".join(words.named_by_id(say, id) for id in made.left_out)
        yield tr("Left out, since others move the same numbers: {inputs}.", inputs=left)


def _effects(say: Wording[Sensitivity], rows: Sequence[Screened], title: str, name: str) -> Table:
    drawn = [
        (words.named_by_id(say, row.id), row.mu_star, row.mu_star_confidence, row.sigma)
        for row in rows[:SCREENED]
    ]
    shows = tr("Two bars an input: the mean size of its effects, and how much they differ.")
    chart = Chart("screen", title, shows, lambda: charts.screen(drawn, say.unit))
    one = tr("Effect")
    columns = [
        Column(tr("Input"), lambda row: words.named_by_id(say, row.id), "text"),
        Column(tr("Mean effect"), attrgetter("mu_star"), group=one),
        Column(tr("± (95 %)"), attrgetter("mu_star_confidence"), group=one),
        Column(tr("With its sign"), attrgetter("mu"), group=one, on=DETAIL),
        Column(tr("Spread"), attrgetter("sigma"), group=one),
    ]
    shown = chart if name == "screen" else None
    return Table(title, rows, columns, name=name, chart=shown, most=SCREENED)


def method(say: Wording[Sensitivity]) -> Iterator[Part]:
    """What was asked at each value, how good the answers are, and what they do not say."""
    found = say.found
    yield Bullets(list(_steps(say)))
    yield Heading(tr("What it does not say"), DETAIL)
    yield Bullets(
        [
            tr(
                "How likely a value within a range is. Ranges are wide on purpose; one of your own "
                "replaces each."
            ),
            tr(
                "What happens when several inputs are off at once, apart from the screen where "
                "there is one."
            ),
            tr(
                "Whether hazards, projects or rules that the scenario does not have would matter "
                "more than those it has."
            ),
        ],
        DETAIL,
    )
    yield say.proof(
        (tr("Inputs"), number(len(found.inputs))),
        (tr("Largest gap"), small_percent(words.largest_gap(found))),
    )


def _steps(say: Wording[Sensitivity]) -> Iterator[str]:
    found = say.found
    gap, largest = small_percent(found.gap_target), small_percent(words.largest_gap(found))
    yield tr(
        "At both ends of each range the best plan was sought anew, to a gap of {gap}; the largest "
        "gap left is {largest}. What lies within the gaps is called no effect.",
        gap=gap,
        largest=largest,
    )
    yield tr(
        "The plan itself was judged at each value as it stands, nothing scaled, by an exact sweep. "
        "Its regret is its objective less that of the best plan there."
    )
    states = number(found.states)
    if found.seed is None:
        yield tr("All values are judged on the same {states} states.", states=states)
    else:
        yield tr(
            "All values are judged on {states} states that are drawn from the same random numbers "
            "(seed {seed}), so that differences are those of the input.",
            states=states,
            seed=str(found.seed),
        )
    yield tr(
        "A break-even lies between a value at which no plan is better by more than {tolerance} and "
        "one at which a plan is, or this one breaks a rule; both are proven. Between them, and "
        "beyond, the decision may turn more than once.",
        tolerance=small_percent(found.tolerance),
    )
    if found.screen is not None:
        yield tr(
            "The screen moves all inputs together, along {paths} random paths of one step an input "
            "({points} points). Mean effect: of going through the whole range of an input; "
            "spread: how much that depends on the others (Morris 1991).",
            paths=number(found.screen.trajectories),
            points=number(found.screen.evaluations),
        )
    kinds = {one.kind for one in found.inputs}
    supply = () if found.case is None else found.case.supply
    if "demand" in kinds and any(row.share is not None for row in supply):
        yield tr("Supply that is given as a share of demand moves along with demand.")
    if "hazard" in kinds and found.seed is None:
        yield tr(
            "States are written out: a hazard's probability is that of the states in which it "
            "strikes, taken from the others in proportion."
        )


def terms() -> list[tuple[str, str]]:
    """What the words mean."""
    return [
        (
            tr("Break-even"),
            tr("The value of an input beyond which this plan is no longer the right one."),
        ),
        (
            tr("Input"),
            tr("A number of the scenario that is uncertain, or several that move together."),
        ),
        (
            tr("Objective"),
            tr(
                "What a plan is measured by: its damage, weighed with that of the worst states, "
                "and its net cost by the weight that the scenario gives it."
            ),
        ),
        (
            tr("Regret"),
            tr("How much better one could have done there, had one known the value."),
        ),
        (
            tr("Swing"),
            tr("The largest difference of a figure between the low end, the high end and today."),
        ),
    ]
