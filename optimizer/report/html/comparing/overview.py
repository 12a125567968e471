"""The options on one page."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report.charts import Chart
from optimizer.report.charts import options as charts
from optimizer.report.figures import NOISE, NONE, clean, number
from optimizer.report.html.comparing.side import Side
from optimizer.report.html.parts import (
    Caution,
    Cell,
    Column,
    Figure,
    Part,
    Section,
    Table,
    alike,
    amounts,
    words,
    years,
)
from optimizer.report.html.subject import CLASSES, capital, class_name, listed


def overview(side: Side) -> Section:
    """What each option leaves and costs, and what must be read with that."""
    parts: list[Part] = [*_lead(side), _figure(side)]
    cautions = list(_cautions(side))
    if cautions:
        parts.append(Caution(cautions))
    return Section("answer", tr("The options on one page"), parts, one_page=True)


def _lead(side: Side) -> Iterator[str]:
    free = [o for o in side.options if o.label not in side.barred("damage")]
    before = side.base.benefit.expected.without_plan
    best = min(free, key=lambda o: o.benefit.expected.with_plan)
    about = {
        "count": number(len(side.options)),
        "before": f"{number(before)} {side.unit}",
        "best": side.name(best),
        "after": number(best.benefit.expected.with_plan),
    }
    yield (
        tr(
            "{count} options are compared. Without any plan, expected damage is {before}; the "
            "option “{best}” leaves least of it, {after}.",
            **about,
        )
        if side.of_damage
        else tr(
            "{count} options are compared. Without any plan, expected shortage is {before}; the "
            "option “{best}” leaves least of it, {after}.",
            **about,
        )
    )
    rated = [
        (o, of.expected)
        for o in free
        for of in [o.cost.avoided_per_public_euro]
        if of is not None and of.expected is not None
    ]
    if len(rated) > 1:
        option, most = max(rated, key=lambda pair: pair[1])
        yield tr(
            "Most damage per public {currency} is avoided by “{option}”: {most} {currency}.",
            currency=option.currency,
            option=side.name(option),
            most=number(most, 1),
        )


def _figure(side: Side) -> Figure:
    left = side.likely("damage", [o.benefit.expected.with_plan for o in side.options])
    classes = [
        name
        for name in CLASSES
        if any(o.cost.by_class.get(name or "none") is not None for o in side.options)
    ]
    money = {}
    for name in classes:
        found = [o.cost.by_class.get(name or "none") for o in side.options]
        values = [0.0 if sums is None else sums.paid_meur for sums in found]
        if any(value > NOISE for value in values):
            money[capital(class_name(name))] = values
    title = (
        tr(
            "Expected damage that each option leaves, and the public money it takes ({unit})",
            unit=side.million,
        )
        if side.of_damage
        else tr("Expected shortage that each option leaves, and the public money it takes")
    )
    titles = (
        tr("Expected damage left") if side.of_damage else tr("Expected shortage left"),
        tr("Public money put up"),
    )
    names = side.names
    chart = Chart(
        "options",
        title,
        tr("One line an option: a bar of what is left, and bars of public money by budget class."),
        lambda: charts.side_by_side(names, left, money, titles, (side.unit, side.million)),
    )
    return Figure(chart, _table(side, left, money, title))


def _table(
    side: Side, left: list[float | None], money: dict[str, list[float]], title: str
) -> Table:
    per = [o.cost.avoided_per_public_euro for o in side.options]
    columns: list[Column] = [words(tr("Option"), side.names)]
    columns += alike(
        {
            tr("Expected"): left,
            tr("Worst states"): side.likely(
                "tail", [o.benefit.cvar.with_plan for o in side.options]
            ),
        },
        tr("Left ({unit})", unit=side.unit),
    )
    columns += alike(
        {**money, tr("Sum"): [o.cost.public.paid_meur for o in side.options]},
        tr("Public money put up ({unit})", unit=side.million),
    )
    columns.append(
        amounts(
            tr("Charge on public budgets"),
            [o.cost.public_charged_meur for o in side.options],
            places=0,
        )
    )
    if any(of is not None for of in per):
        columns.append(
            Column(
                tr("Avoided per public {currency}", currency=side.base.currency),
                [
                    Cell(
                        NONE if of is None or of.expected is None else number(of.expected, 1),
                        None if of is None else of.expected,
                    )
                    for of in per
                ],
            )
        )
    built = [
        sum(o.label in project.options for project in side.comparison.projects)
        for o in side.options
    ]
    columns.append(amounts(tr("Projects"), built, places=0))
    first = [o.benefit.first_tonne for o in side.options]
    columns.append(years(tr("First output"), [None if f is None else f.year for f in first]))
    return Table(
        title,
        columns,
        dense=True,
        name="options",
        note=tr(
            "Amounts of money are not discounted; a guarantee counts with the loan that it "
            "covers, and is charged to a budget with its provision alone. Avoided per public unit "
            "of money: both as present values."
        ),
    )


def _cautions(side: Side) -> Iterator[str]:
    for failed in side.comparison.failed:
        yield tr("“{option}” is left out: there is no plan.", option=clean(failed.label))
    early = [side.name(o) for o in side.options if o.proof.status == "limit"]
    if early:
        yield tr("Stopped before the gap reached its target: {options}.", options=listed(early))
    few = [side.name(o) for o in side.options if o.proof.illustrative]
    if few:
        yield tr(
            "For illustration only, on fewer than 100 states of the world: {options}.",
            options=listed(few),
        )
    for one in side.comparison.unlike:
        if one.bars:
            yield tr(
                "“{option}” rests on another {subject} than “{base}”; figures that hang on it are "
                "not compared.",
                option=side.called(one.option),
                subject=clean(one.subject),
                base=side.name(side.base),
            )
        else:
            yield tr(
                "“{option}” differs from “{base}” in {subject}.",
                option=side.called(one.option),
                subject=clean(one.subject),
                base=side.name(side.base),
            )
