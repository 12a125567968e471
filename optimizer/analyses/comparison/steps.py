"""What public money adds from option to option: sentences, tables and a chart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from models.language import tr
from models.results.comparison import BestFrom, Increment, Step
from models.results.option import Option
from optimizer.analyses.comparison.words import Side
from optimizer.report.charts import Chart
from optimizer.report.charts import options as charts
from optimizer.report.charts.drawing import Figure
from optimizer.report.document import DETAIL, SHEET, Check, Column, Form, Part, Section, Table
from optimizer.report.figures import NOISE, number, rounded
from optimizer.report.wording import listed
from optimizer.report.workbook.expressions import Expression, ratio
from optimizer.report.workbook.formulas import Formulas, Line


def told(side: Side) -> Iterator[Part]:
    """Increments first, then averages."""
    if side.found.efficient:
        yield " ".join([*_alone(side), *_steps(side)])
        yield " ".join(_averages(side))
        yield from _best(side)


def _best(side: Side) -> Iterator[str]:
    """Which option is best where an avoided euro is worth a public one."""
    some = {
        tr("by public funding"): side.found.best_from,
        tr("by net public cost"): side.found.best_from_by_net_cost,
    }
    at_one = {
        by: [x for x in known if x.worth <= 1][-1].option for by, known in some.items() if known
    }
    if at_one:
        yield tr(
            "Where it is worth one public {currency} to avoid one {currency} of damage, the best "
            "option is {choices}.",
            currency=side.currency,
            choices=listed([f"{by} {_quoted(side, label)}" for by, label in at_one.items()]),
        )


def _quoted(side: Side, label: str | None) -> str:
    return tr("no plan") if label is None else tr("“{option}”", option=side.called(label))


def worths(side: Side) -> Iterator[Column]:
    """From which to which worth of an avoided euro each option is best; a terminal has no room."""
    group = tr("Best if an avoided {currency} is worth", currency=side.currency)

    def column(head: str, some: Sequence[BestFrom]) -> Column:
        told: dict[str | None, str] = {}
        for one, after in zip(some, [*some[1:], None], strict=True):
            low = number(one.worth, 2)
            told[one.option] = (
                tr("{low} or more", low=low)
                if after is None
                else tr("{low} to {high}", low=low, high=number(after.worth, 2))
            )
        return Column(head, lambda o: told.get(o.label), "text", group=group, width=15, on=DETAIL)

    if side.found.best_from:
        yield column(tr("by public funding"), side.found.best_from)
    if side.found.best_from_by_net_cost:
        yield column(tr("by net public cost"), side.found.best_from_by_net_cost)


def remarks(side: Side) -> Iterator[str]:
    """Which options are dominated, and which the proofs do not tell apart."""
    for one in side.found.dominated:
        yield _dominated(side, one)
    yield from _alike(side)
    yield from _by_net_cost(side)


def _by_net_cost(side: Side) -> Iterator[str]:
    """Which options are efficient, and which dominated, where net cost takes the place of
    funding."""
    own, by_net = [s.option for s in side.found.efficient], side.found.efficient_by_net_cost
    told_apart = [one.option for one in side.found.dominated if one.significant is not False]

    def figures(label: str) -> tuple[float, float]:
        of = side.option(label)
        return of.cost.public.cost_meur, of.benefit.expected.with_plan

    def dominated(label: str) -> str:
        money, left = figures(label)
        better = {figures(o)[1]: o for o in by_net if figures(o)[0] <= money}
        name = _quoted(side, label)
        if not better or min(better) > left:
            return name
        other = side.called(better[min(better)])
        return tr("{option} by “{other}”", option=name, other=other)

    lost = [one for one in own if one not in by_net]
    gained = [_quoted(side, one) for one in by_net if one not in own]
    if own and not gained and not lost:
        yield tr("By net public cost, in place of public funding, the same options are efficient.")
    if gained:
        yield tr("By net public cost, in place of public funding, efficient as well: {options}.",
                 options=listed(gained))  # fmt: skip
    if lost:
        others = [one for one in told_apart if one not in by_net]
        yield tr("By net public cost, in place of public funding, dominated: {options}.",
                 options=listed([dominated(one) for one in (*lost, *others)]))  # fmt: skip


def _alone(side: Side) -> Iterator[str]:
    """What is done without public money."""
    found = side.found
    if found.industry_alone is None:
        kinds = {part.kind for option in side.options for part in option.cost.parts}
        if kinds - {"public"}:
            yield tr(
                "No option shows what companies do alone; a variant in which every public funder "
                "has a budget of 0 shows it."
            )
        return
    of = side.option(found.industry_alone).benefit.expected
    yield tr(
        "“{option}” takes no public funding and avoids {avoided} of that.",
        option=side.called(found.industry_alone),
        avoided=side.spoken(of.avoided),
    )


def _steps(side: Side) -> Iterator[str]:
    """The first, second and last significant step, per additional euro."""
    known = [s for s in side.found.efficient if s.avoided_per_euro and s.significant is not False]

    def about(step: Step) -> dict[str, str]:
        amount = number(step.avoided_per_euro, 2)
        return {"currency": side.currency, "option": side.called(step.option), "amount": amount}

    told = None
    for step in known[:2]:
        if told is not None and step.over == told.option:
            yield tr("The next step, to “{option}”, avoids {amount} {currency} for each additional "
                     "public {currency}.", **about(step))  # fmt: skip
        elif step.over is None:
            yield tr("The first step, to “{option}”, avoids {amount} {currency} for each public "
                     "{currency}.", **about(step))  # fmt: skip
        else:
            yield tr("Compared with “{over}”, “{option}” avoids {amount} {currency} for each "
                     "additional public {currency}.", over=side.called(step.over),
                     **about(step))  # fmt: skip
        told = step

    def each(step: Step) -> float:
        return step.avoided_per_euro or 0.0

    most = max(known[2:-1], key=each, default=None)
    if most is not None and each(most) > each(known[1]):
        yield tr("Most of all later steps avoids that to “{option}”, {amount} {currency}.",
                 **about(most))  # fmt: skip
    if len(known) > 2 and known[-1] is side.found.efficient[-1]:
        yield tr("The last step, to “{option}”, avoids {amount} {currency}.", **about(known[-1]))


def _averages(side: Side) -> Iterator[str]:
    some = [side.option(i.option) for i in (*side.found.efficient, *side.found.dominated)]
    known = [x for o in some if (x := average(o)) is not None]
    if not known:
        return
    low, high = number(min(known), 2), number(max(known), 2)
    yield tr(
        "On average over all their public funding, options avoid {amount} {currency} per public "
        "{currency}.",
        amount=low if low == high else tr("{low} to {high}", low=low, high=high),
        currency=side.currency,
    )
    yield tr(
        "Averages credit public funding with what companies achieve as well: increments decide."
    )


def average(option: Option) -> float | None:
    """Damage avoided per public euro, on average over all that an option takes."""
    of = option.cost.avoided_per_public_euro
    return None if of is None else of.expected


def _dominated(side: Side, one: Increment) -> str:
    """Which option is dominated by which, and by how much."""
    about = {"option": side.called(one.option), "noun": side.counted}
    less = -one.avoided
    apart = less > NOISE * max(1.0, abs(side.option(one.option).benefit.expected.with_plan))
    about["left"] = tr("no more {noun}", noun=side.counted)
    if apart:
        about["left"] = tr("{amount} less {noun}", amount=side.spoken(less), noun=side.counted)
    if one.over is None:
        return tr("“{option}” is dominated: no plan at all leaves {left}.", **about)
    about["money"] = tr("no more public funding")
    if one.public_present_meur > NOISE:
        more = one.public_present_meur
        money = side.spoken(more) if side.of_damage else side.money(more)
        about["money"] = tr("{money} less public funding", money=money)
    about["other"] = side.called(one.over)
    if not apart or one.significant is not False:
        return tr("“{option}” is dominated: “{other}” takes {money} and leaves {left}.", **about)
    return tr(
        "“{option}” seems dominated: “{other}” takes {money} and leaves {left}; but the proofs "
        "leave open {room}.",
        room=side.amount(one.resolution or 0.0),
        **about,
    )


def _alike(side: Side) -> Iterator[str]:
    """Efficient options that the proofs do not tell apart from the one before."""
    alike = [step for step in side.found.efficient if step.significant is False]
    if alike:
        yield tr(
            "Not distinguishable from the efficient option before them, since {noun} or objective "
            "differs by less than the proofs leave open: {options}.",
            noun=side.counted,
            options=listed([_how_near(side, step) for step in alike]),
        )


def _how_near(side: Side, step: Step) -> str:
    """The smaller of both differences, and what is left open."""
    apart = abs(step.avoided)
    if max(apart, abs(step.public_present_meur)) <= NOISE:
        return tr("“{option}” (the same figures)", option=side.called(step.option))
    if step.over is not None:
        objectives = [side.option(label).proof.objective for label in (step.option, step.over)]
        apart = min(apart, abs(objectives[0] - objectives[1]))
    return tr(
        "“{option}” ({amount} of {room} {unit})",
        option=side.called(step.option),
        amount=rounded(apart),
        room=rounded(step.resolution or 0.0),
        unit=side.unit,
    )


def standing(side: Side, option: Option) -> str:
    """Whether an option is efficient, or which one dominates it."""
    for step in side.found.efficient:
        if step.option == option.label and step.significant is False:
            return tr("like {other}", other=_other(side, step))
        if step.option == option.label:
            return tr("efficient")
    for one in side.found.dominated:
        if one.option == option.label and one.significant is False:
            return tr("not proven apart from {other}", other=_other(side, one))
        if one.option == option.label:
            return tr("dominated by {other}", other=_other(side, one))
    return tr("not compared")


def _other(side: Side, one: Increment) -> str:
    return tr("no plan") if one.over is None else side.short(one.over)


def chart(side: Side, title: str) -> Chart | None:
    """Public money across, damage left up, as far as options are compared; None where none is."""
    labels = {step.option for step in side.found.efficient}
    shown = labels | {one.option for one in side.found.dominated}
    points = [
        charts.Point(side.tagged(o.label), money, o.benefit.expected.with_plan, o.label in labels)
        for o in side.options
        if o.label in shown and (money := o.cost.public.paid_present_meur) is not None
    ]
    without = side.base.benefit.expected.without_plan
    about = tr(
        "Public funding across, what is left up. A staircase joins efficient options, dominated "
        "ones are hollow, and a cross at no public funding is what is expected without any plan."
    )
    across = tr("Public funding, present value ({unit})", unit=side.million)
    up = tr("Expected {noun} ({unit})", noun=side.counted, unit=side.unit)

    def drawn() -> Figure:
        return charts.efficient_line(points, without, across, up)

    return Chart("options", title, about, drawn) if points else None


def sections(side: Side) -> Iterator[Section]:
    """What each efficient option adds to the one before, and each option to industry alone."""
    if side.found.efficient:
        title = tr("What each step of public funding adds")
        yield Section("steps", title, [_line(side)], tab=tr("Steps"))
    if side.found.industry_alone is not None and side.found.over_industry:
        base = side.called(side.found.industry_alone)
        title = tr("What options add to “{base}”", base=base)
        table = _over_industry(side, base)
        yield Section("over-industry", title, [table], tab=tr("Beyond industry alone"))


def _line(side: Side) -> Table:
    columns = [
        *_columns(side, "outcome"),
        Column(tr("Left open by the proofs"), "resolution", "outcome"),
    ]
    columns.insert(1, Column(tr("Compared with"), lambda s: _other(side, s), "text", on=SHEET))
    note = tr(
        "Efficient: no other option leaves no more {noun} for no more public funding and is better "
        "in one of the two. Each is set against the one before it, the first against no plan; "
        "public funding as a present value.",
        noun=side.counted,
    )
    note += _not_significant(side, side.found.efficient)
    late = [side.short(step.option) for step in side.found.efficient if not step.convex]
    if late:
        note += " " + tr(
            "Above the straight line between an earlier and a later option, and so, by public "
            "funding, best at no worth of an avoided {currency}: {options}.",
            currency=side.currency,
            options=listed(late),
        )
    title = tr("From one efficient option to the next ({unit})", unit=side.million)
    return Table(title, side.found.efficient, columns, "steps", note, total=tr("Together"))


def _over_industry(side: Side, base: str) -> Table:
    head = tr("Per public {currency}, on average", currency=side.currency)
    columns = [
        *_columns(side, "signed_outcome", total=False),
        Column(head, lambda one: average(side.option(one.option)), "ratio"),
    ]
    note = tr(
        "The average is of all that is avoided against no plan, over all public funding: it "
        "credits public funding with what “{base}” achieves as well.",
        base=base,
    )
    note += _not_significant(side, side.found.over_industry)
    title = tr("What each option adds to “{base}” ({unit})", base=base, unit=side.million)
    return Table(title, side.found.over_industry, columns, "over-industry", note)


def _not_significant(side: Side, some: Sequence[Increment]) -> str:
    """Which of these the proofs do not confirm, behind a note."""
    near = [side.short(one.option) for one in some if one.significant is False]
    return " " + tr("Not distinguishable: {options}.", options=listed(near)) if near else ""


def _columns(side: Side, form: Form, total: bool = True) -> list[Column]:
    """An option, what it takes and avoids in addition, and the one per the other."""

    def money(line: Line) -> Expression:
        cell = line.book["costs"].find("public_present", side.key(line.row.option))
        if line.row.over is None:
            return cell
        return cell - line.book["costs"].find("public_present", side.key(line.row.over))

    def avoided(line: Line) -> Expression:
        benefits = line.book["benefits"]
        row, over = (
            ("without", side.found.base) if line.row.over is None else ("left", line.row.over)
        )
        return benefits.find(row, side.key(over)) - benefits.find("left", side.key(line.row.option))

    def each(line: Line) -> Expression | None:
        return ratio(line["avoided"], line["public"]) if line.row.avoided_per_euro else None

    about = {"noun": side.counted, "currency": side.currency}
    columns = [
        Column(tr("public funding"), "public_present_meur", "money", key="public",
               formula=money, total=total),
        Column(tr("{noun} avoided", **about), "avoided", form, key="avoided",
               formula=avoided, total=total),
        Column(tr("avoided per public {currency}", **about), "avoided_per_euro", "ratio",
               key="each", formula=each, places=2),
    ]  # fmt: skip
    group = tr("In addition")
    return [
        Column(tr("Option"), lambda one: side.tagged(one.option), "text"),
        *(replace(column, group=group, width=17) for column in columns),
    ]


def checks(side: Side) -> Iterator[Check]:
    """Steps add up to the last efficient option."""
    if not side.found.efficient:
        return
    last, base = side.key(side.found.efficient[-1].option), side.key(side.found.base)

    def money(book: Formulas) -> Expression:
        return book["costs"].find("public_present", last)

    def avoided(book: Formulas) -> Expression:
        return book["benefits"].find("without", base) - book["benefits"].find("left", last)

    says = tr("Steps add up to the public funding of the last")
    yield Check(says, "steps", lambda book: book["steps"].total("public"), money)
    says = tr("Steps add up to what the last avoids")
    yield Check(says, "steps", lambda book: book["steps"].total("avoided"), avoided)
