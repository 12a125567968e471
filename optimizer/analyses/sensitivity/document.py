"""What the answer rests on, as a document."""

from collections.abc import Iterator
from typing import NamedTuple

from models.language import tr
from models.results import BreakEven, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.analyses.instead import changes
from optimizer.analyses.sensitivity import words
from optimizer.analyses.sensitivity.words import Say
from optimizer.report import document as doc
from optimizer.report.cells import between
from optimizer.report.charts import Chart
from optimizer.report.charts import sensitivity as charts
from optimizer.report.document import Column, Document, Part, Section, Table
from optimizer.report.figures import NONE, number, small_percent
from optimizer.report.wording import Wording

DRAWN, SCREENED, NAMED = 18, 15, 4


def document(found: Sensitivity) -> Document:
    """What moves the answer, what turns it, and at what value."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: what the answer rests on"),
        list(_answer(say)),
        [
            Section("swings", tr("What moves the best plan"), _swings(say)),
            Section("turns", tr("Where the decision turns"), _turns(say)),
            Section("own", tr("How this plan fares"), _own(say)),
            Section("screen", tr("All inputs moved together"), list(_screened(say))),
            Section("method", tr("How it was computed"), list(_method(say))),
        ],
    )


def _answer(say: Say) -> Iterator[Part]:
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
    yield from words.standing(say)
    if not found.inputs:
        yield tr("No input was varied to both ends of its range.")
        return
    yield _most(say)
    if found.decision == "same":
        yield from _turning(say)
    early = [tr("Stopped early: inputs are missing.")] if found.ended == "interrupted" else []
    wide = tr(
        "Inputs are moved one at a time over ranges that are chosen, not estimated: a longer bar "
        "may only mean a wider range."
    )
    yield doc.Caution([*early, *say.illustration(), wide])


def _most(say: Say) -> str:
    """What the best plan depends on most."""
    first = words.leading(say.found)
    if first is None:
        return tr(
            "No input is proven to move the objective of the best plan: the gaps leave it open."
        )
    low, high = first.low, first.high
    about = {"name": words.name(say, first)}
    about |= {"low": words.of_point(say, first, low), "high": words.of_point(say, first, high)}
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


def _turning(say: Say) -> Iterator[str]:
    """How many inputs turn the decision, which first, and which may."""
    found, some, open_ = say.found, words.changing(say.found), words.undecided(say)
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
    if some:
        nearest = "; ".join(_nearest(say, one) for one in some[:NAMED])
        yield tr("Nearest to turn: {inputs}.", inputs=nearest)
    if open_:
        yield tr("Not decided before the limit: {inputs}.", inputs=", ".join(open_))


def _nearest(say: Say, one: SensitivityInput) -> str:
    """An input with the values between which it turns the decision."""
    ends = [words.turned(say, one, turn) for turn in one.break_evens]
    told = [tr("between {good} and {changed}", good=g, changed=c) for g, c in ends]
    base = words.value(say, one, one.base, one.base_number)
    now = tr("{name} (now {base})", name=words.name(say, one), base=base)
    return f"{now}: {', '.join(told)}" if told else now


def _inputs(say: Say) -> list[Column]:
    """The columns that name an input and its range."""
    return [
        Column(tr("Input"), lambda one: words.name(say, one), "text"),
        Column(tr("Low"), lambda one: words.of_point(say, one, one.low)),
        Column(tr("High"), lambda one: words.of_point(say, one, one.high)),
    ]


def _swings(say: Say) -> list[Part]:
    """How far the best plan's objective moves, the widest first."""
    found = say.found
    if not found.inputs:
        return []

    def best(point: SensitivityPoint) -> object:
        if point.best is None:
            return tr("no plan") if point.status == "infeasible" else None
        return point.best.objective

    def swing(one: SensitivityInput) -> object:
        proven = one.swing is None or (one.swing.low > 0 and one.swing.high < float("inf"))
        return one.swing if proven else tr("within the gaps")

    def bar(one: SensitivityInput) -> charts.Bar:
        low, high = one.low, one.high
        bests = [end.best.objective.high if end.best else None for end in (low, high)]
        marks = [end.decision if end.decision in charts.SIGNS else "" for end in (low, high)]
        return charts.Bar(
            words.name(say, one),
            (words.of_point(say, one, low), words.of_point(say, one, high)),
            (bests[0], bests[1]),
            (low.own.objective, high.own.objective),
            (marks[0], marks[1]),
        )

    title = tr("Objective of the best plan, and of this one ({unit})", unit=say.unit)
    shows = tr(
        "Two bars an input, from the objective as things are to that at the low and at the high "
        "end; below, framed, the same of this plan carried out all the same. The longest come "
        "first."
    )
    base, drawn = found.best.objective.high, found.inputs[:DRAWN]
    chart = Chart(
        "tornado", title, shows, lambda: charts.tornado([*map(bar, drawn)], base, say.unit)
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


def _turns(say: Say) -> list[Part]:
    """Where the decision turns, and what becomes of it."""
    found = say.found
    rows = [
        Turn(one, point, next((t for t in one.break_evens if t.toward == toward), None))
        for one in words.changing(found)
        for point, toward in ((one.low, "low"), (one.high, "high"))
        if point.decision in ("changed", "broken")
    ]

    def at(row: Turn) -> tuple[str, str]:
        """The last value that is right and the first that is not."""
        end = words.of_point(say, row.one, row.point)
        return (NONE, end) if row.at is None else words.turned(say, row.one, row.at)

    def then(row: Turn) -> str:
        """What is different at an end: rules that break, what enters, leaves and moves."""
        point = row.point
        none = tr("no plan keeps all rules") if point.status == "infeasible" else ""
        held = {**(point.best.stocks_t if point.best else {}), **found.stocks_t}
        told = [words.reasons(point.broken), none, changes(say, point, held)]
        return "; ".join(filter(None, told)) or tr("another plan is better")

    columns = [
        Column(tr("Input"), lambda row: words.name(say, row.one), "text"),
        Column(tr("As it is"), lambda r: words.value(say, r.one, r.one.base, r.one.base_number)),
        Column(tr("Still right at"), lambda row: at(row)[0]),
        Column(tr("No longer at"), lambda row: at(row)[1]),
        Column(tr("End of the range"), lambda row: words.of_point(say, row.one, row.point)),
        Column(tr("Then, at that end"), then, "text"),
        Column(tr("The plan is worse by"), "point.regret", "range", on=doc.DETAIL),
    ]
    note = tr(
        "Still right: no plan is better by more than {tolerance} of the objective. Both values are "
        "proven. The nearest to turn come first.",
        tolerance=small_percent(found.tolerance),
    )
    return [Table(tr("Where the decision turns"), rows, columns, "turns", note)] if rows else []


def _own(say: Say) -> list[Part]:
    """How the plan itself fares, by the swing of its expected damage."""
    rows = sorted(say.found.inputs, key=lambda one: -one.own_swing_expected)
    if not rows:
        return []

    def regret(point: SensitivityPoint) -> object:
        tags = ", ".join(dict.fromkeys(rule.partition(" ")[0] for rule in point.broken))
        return tr("breaks {rules}", rules=tags) if tags else point.regret

    columns = [
        *_inputs(say),
        Column(tr("At low"), "low.own.expected", group=tr("Expected")),
        Column(tr("At high"), "high.own.expected", group=tr("Expected")),
        Column(tr("Regret at low"), lambda one: regret(one.low), "range"),
        Column(tr("Regret at high"), lambda one: regret(one.high), "range"),
    ]
    note = tr(
        "Exact on the scenario's states. Regret: the plan's objective less that of the best plan "
        "there. Where the plan breaks a rule, its damage is shown as if carried out, and there is "
        "no regret."
    )
    title = tr("Expected damage with this plan ({unit})", unit=say.unit)
    if not say.of_damage:
        title = tr("Expected shortage with this plan ({unit})", unit=say.unit)
    return [Table(title, rows, columns, "own", note)]


def _screened(say: Say) -> Iterator[Part]:
    """Which inputs matter when all move together."""
    made = say.found.screen
    if made is None:
        return
    yield tr(
        "Here all inputs move together, along {paths} random paths of one step an input (Morris "
        "1991). An input with a small mean effect of going through its range hardly matters, "
        "whatever the others are; a spread as large says that its effect depends on them.",
        paths=number(made.trajectories),
    )
    damage, best = (
        {row.id: row.mu_star for row in rows or ()} for rows in (made.own_expected, made.best)
    )
    own, others = tr("Objective of this plan"), tr("Mean effect on others")
    columns = [
        Column(tr("Input"), lambda row: words.named_by_id(say, row.id), "text"),
        Column(tr("Mean effect"), "mu_star", group=own),
        Column(tr("± (95 %)"), "mu_star_confidence", group=own),
        Column(tr("Spread"), "sigma", group=own),
        Column(tr("Its expected damage"), lambda row: damage[row.id], group=others, on=doc.DETAIL),
    ]
    if best:
        header = tr("Objective of the best plan")
        columns.append(Column(header, lambda r: best[r.id], group=others, on=doc.DETAIL))
    title = tr("Effects of all inputs together ({unit})", unit=say.unit)
    drawn = [
        (words.named_by_id(say, row.id), row.mu_star, row.mu_star_confidence, row.sigma)
        for row in made.own[:SCREENED]
    ]
    shows = tr("Two bars an input: the mean size of its effects, and how much they differ.")
    chart = Chart("screen", title, shows, lambda: charts.screen(drawn, say.unit))
    yield Table(title, made.own, columns, "screen", chart=chart, most=SCREENED)
    if made.best is not None:
        yield tr("The largest gap of these solves is {gap}.", gap=small_percent(made.best_gap))
    if made.left_out:
        left = ", ".join(words.named_by_id(say, id) for id in made.left_out)
        yield tr("Left out, since others move the same numbers: {inputs}.", inputs=left)


def _method(say: Say) -> Iterator[Part]:
    """What was asked at each value, and how good the answers are."""
    found = say.found
    gap, largest = small_percent(found.gap_target), small_percent(words.largest_gap(found))
    told = [
        tr(
            "At both ends of each range the best plan was sought anew, to a gap of {gap}; the "
            "largest gap left is {largest}. What lies within the gaps is called no effect.",
            gap=gap,
            largest=largest,
        ),
        tr(
            "A break-even lies between a value at which no plan is better by more than {tolerance} "
            "and one at which a plan is, or this one breaks a rule; both are proven. Between them, "
            "and beyond, the decision may turn more than once.",
            tolerance=small_percent(found.tolerance),
        ),
    ]
    supply = () if found.case is None else found.case.supply
    moved = any(one.kind == "demand" for one in found.inputs)
    if moved and any(row.share is not None for row in supply):
        told.append(tr("Supply that is given as a share of need moves along with demand."))
    yield doc.Bullets(told)
    yield say.proof((tr("Inputs"), number(len(found.inputs))), (tr("Largest gap"), largest))
