"""What options choose and pay for, and what makes the difference between them."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from models.language import tr
from models.results.comparison import Difference, ProjectChange
from models.results.option import BudgetUse, Option
from optimizer.analyses.comparison.figures import of_options
from optimizer.analyses.comparison.words import Side
from optimizer.report.document import SHEET, Bullets, Column, Form, Part, Shown, Table, ids
from optimizer.report.figures import NOISE, number, percent, rounded, rounded_percent
from optimizer.report.wording import class_name, joined
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Line

MOST = 2
"""Materials that are told one by one; the others stand in a table."""
SMALL = 0.02
"""A smaller part of the difference is not told."""


def columns(side: Side, of: Callable[[Any, Option], Any], form: Any, **more: Any) -> list[Column]:
    """A column an option, of rows that are items."""

    def column(option: Option) -> Column:
        return Column(side.called(option.label), lambda row: of(row, option), form, like="options",
                      key=side.key(option.label), width=17, **more)  # fmt: skip

    return of_options(side, list(map(column, side.options)))


def by_year(side: Side, title: str) -> list[Table]:
    """Public funding by year."""
    paid = {o.label: o.cost.public.paid_by_year_meur for o in side.options}
    return of_years(side, title, paid, "by-year")


def of_years(
    side: Side,
    title: str,
    amounts: Mapping[str, Mapping[str, float]],
    name: str,
    most: int | None = None,
) -> list[Table]:
    """Money by year, a column an option; ``amounts`` by its label. Where there are many more than
    ``most`` years, the later ones stand together."""

    def of(some: Sequence[str], option: Option) -> float | None:
        by_year = amounts.get(option.label, {})
        barred = side.bars(option.label, "money")
        return None if barred else math.fsum(by_year.get(year, 0.0) for year in some)

    years = sorted({year for by_year in amounts.values() for year in by_year}, key=int)
    if not any(abs(of([year], o) or 0.0) > NOISE for year in years for o in side.options):
        return []
    alone = len(years) if most is None or len(years) <= most + 1 else most
    rows = [[year] for year in years[:alone]] + ([years[alone:]] if years[alone:] else [])
    first = Column(
        tr("Year"), lambda some: int(some[0]) if len(some) == 1 else tr("Later"), "year", width=34
    )
    shown = [first, *columns(side, of, "money", total=True)]
    return [Table(title, rows, shown, name, total=tr("All years"))]


def budgets(side: Side, title: str) -> list[Part]:
    """How far each budget is used."""
    uses = {(u.funder, u.line): u for o in reversed(side.options) for u in o.cost.budgets}

    def share(use: BudgetUse, option: Option) -> float | None:
        for own in option.cost.budgets:
            if (own.funder, own.line) == (use.funder, use.line) and own.granted_meur:
                return own.used_meur / own.granted_meur
        return None

    shown = [Column(tr("Budget"), side.budget, "text"), *columns(side, share, "share")]
    return [Table(title, list(uses.values()), shown, "budgets", side.noted())]


def projects(side: Side) -> Iterator[Part]:
    """Which projects are in all, some or none of the options."""
    kinds = {"all": tr("all"), "some": tr("some"), "none": tr("none")}
    of = {kind: [p for p in side.found.projects if p.built_in == kind] for kind in kinds}
    if not side.found.projects:
        return
    yield tr(
        "Projects of the scenario: {count}; supported in all options: {all}, in some: {some}, in "
        "none: {none}.",
        count=number(len(side.found.projects)),
        **{kind: number(len(some)) for kind, some in of.items()},
    )
    shown = [
        Column(tr("Project"), lambda row: side.name("projects", row.project), "text"),
        Column(tr("In"), lambda row: kinds[row.built_in], "text"),
        *columns(side, _decided, "year"),
        ids(tr("Id"), "id", "project"),
    ]
    title, some = tr("Year of the decision to build"), [*of["all"], *of["some"]]
    yield Table(title, some, shown, "projects")
    if of["none"]:
        names = side.names("projects", [p.project for p in of["none"]])
        yield tr("In no option: {names}.", names=names)


ALMOST = 1e-9
"""A probability that is short of 1 by less is 1."""


def _decided(row: Any, option: Option) -> Shown | int | None:
    """The year in which an option decides to build, and how likely where that is left open."""
    own = row.options.get(option.label)
    if own is None or own.probability >= 1 - ALMOST:
        return None if own is None else own.start
    said = tr("{year} ({chance})", year=own.start, chance=rounded_percent(own.probability))
    return Shown(said, own.start)


def stocks(side: Side, title: str) -> Iterator[Part]:
    """How much each option holds in stock."""

    def held(row: Any, option: Option) -> float:
        return getattr(row.options.get(option.label), "held_t", 0.0)

    shown = [
        Column(tr("Stockpile"), lambda row: side.name("stockpiles", row.stockpile), "text"),
        *columns(side, held, lambda _row: "tonnes"),
        ids(tr("Id"), "id", "stockpile"),
    ]
    some = [pile for pile in side.found.stockpiles if pile.bought_in != "none"]
    idle = [pile.stockpile for pile in side.found.stockpiles if pile.bought_in == "none"]
    yield Table(title, some, shown, "stockpiles", side.noted())
    if idle:
        yield tr("In no option: {names}.", names=side.names("stockpiles", idle))


def explained(side: Side) -> Iterator[Part]:
    """What makes the difference between each option and the base, the main thing first."""
    yield Bullets([
        " ".join([_first(side, one), *_materials(side, one), *_money(side, one)])
        for one in side.differences
    ])  # fmt: skip


def _first(side: Side, one: Difference) -> str:
    about = {"option": side.called(one.option), "base": side.called(side.found.base)}
    if one.expected is None:
        return tr("“{option}” and “{base}”: {noun} is not compared.", noun=side.counted, **about)
    if abs(one.expected) <= NOISE:
        return tr("“{option}” and “{base}” leave the same {noun}.", noun=side.counted, **about)
    if one.significant is False:
        return tr(
            "“{option}” and “{base}” differ by {amount}, which is not significant: the gaps of "
            "both plans leave room for {room}.",
            amount=side.amount(abs(one.expected)),
            room=rounded(one.resolution or 0.0),
            **about,
        )
    option = side.option(one.option).benefit.expected
    before = side.base.benefit.expected.without_plan
    about["change"] = _less_or_more(side, one.expected)
    if before <= 0 or abs(before - option.without_plan) > NOISE * before:
        return tr("“{option}” leaves {change} than “{base}”.", **about)
    return tr(
        "“{option}” leaves {change} than “{base}”: {share} of what is expected without any plan.",
        share=percent(abs(one.expected) / before),
        **about,
    )


def _less_or_more(side: Side, change: float) -> str:
    about = {"amount": side.amount(abs(change)), "noun": side.counted}
    less, more = tr("{amount} less {noun}", **about), tr("{amount} more {noun}", **about)
    return less if change < 0 else more


def _materials(side: Side, one: Difference) -> Iterator[str]:
    """The materials that make most of the difference."""
    if one.expected is None or one.significant is False:
        return
    whole = sum(abs(part.damage) for part in one.by_material)
    told = []
    for part in one.by_material[:MOST]:
        if abs(part.damage) <= SMALL * whole:
            continue
        piles = [change for change in part.stockpiles if abs(change.held_t) > NOISE]
        done = [_project(side, change) for change in part.projects]
        done += [
            f"{side.name('stockpiles', change.stockpile)}: {side.signed(change.held_t)} {tr('t')}"
            for change in piles
        ]
        name = f"{side.name('materials', part.material)} {side.signed(part.damage)}"
        told.append(f"{name} ({joined(done)})" if done else name)
    if told:
        yield tr("Largest parts: {parts}.", parts="; ".join(told))


def _project(side: Side, change: ProjectChange) -> str:
    before, after = (getattr(of, "start", None) for of in (change.base, change.option))
    about = {"project": side.name("projects", change.project), "before": before, "after": after}
    return {
        "added": tr("{project} in addition", **about),
        "dropped": tr("without {project}", **about),
        "moved": tr("{project} from {before} to {after}", **about),
        "refinanced": tr("{project} financed otherwise", **about),
    }[change.change]


def _money(side: Side, one: Difference) -> Iterator[str]:
    if one.public_paid_meur is not None:
        yield tr(
            "Public funding: {public} {unit} (not discounted).",
            public=side.signed(one.public_paid_meur),
            unit=side.million,
        )
    if one.avoided_per_extra_public_euro is not None and one.significant is not False:
        yield tr(
            "Each additional public {currency} avoids {amount} {currency} of expected damage "
            "(both as present values).",
            currency=side.currency,
            amount=number(one.avoided_per_extra_public_euro, 2),
        )


class Moved(NamedTuple):
    """A row of differences: what there is with each option, by label, and how much more that is
    than in the base."""

    id: str
    name: str
    levels: Mapping[str, float]
    moves: Mapping[str, float]
    booked: str = ""


def damage(side: Side) -> Iterator[Table]:
    """How far each option's expected damage is from that of the base, by material and consumer;
    where the plans are known, a sheet holds what is left with each."""
    some = [d for d in side.differences if d.expected is not None]
    about = {"noun": side.counted, "unit": side.unit}
    for kind, header, caption, moves in (
        ("materials", tr("Material"),
         tr("Difference in expected {noun} by material ({unit})", **about),
         {d.option: {m.material: m.damage for m in d.by_material} for d in some}),
        ("consumers", tr("Consumer"),
         tr("Difference in expected {noun} by consumer ({unit})", **about),
         {d.option: d.by_consumer for d in some}),
    ):  # fmt: skip
        left = {
            o.label: {part.id: part.expected for part in getattr(side.plans[o.label], kind)}
            for o in side.options
            if o.label in side.plans and not side.bars(o.label, "damage")
        }
        known = dict.fromkeys(id for by in (moves, left) for of in by.values() for id in of)
        rows = [Moved(id, side.name(kind, id), _of(id, left), _of(id, moves)) for id in known]
        rows.sort(key=lambda row: -max(map(abs, row.moves.values()), default=0.0))
        first = [Column(header, "name", "text")]
        yield _moved(side, caption, rows, kind, first, ("outcome", "signed_outcome"))


def _of(id: Any, by_label: Mapping[str, Mapping[Any, float]]) -> dict[str, float]:
    return {label: of.get(id, 0.0) for label, of in by_label.items()}


def money(side: Side, title: str) -> Table:
    """How far money is from that of the base, by funder and class, and of lenders."""
    paid: dict[str, dict[tuple[str, str | None], float]] = {
        o.label: {
            **{(p.funder, p.budget_class): p.sums.paid_meur for p in o.cost.parts},
            ("", ""): o.cost.market_meur,
        }
        for o in side.options
        if not side.bars(o.label, "money")
    }
    rows, base = [], side.found.base
    for funder, booked in dict.fromkeys(at for of in paid.values() for at in of):
        levels = _of((funder, booked), paid)
        moves = {label: of - levels[base] for label, of in levels.items() if label != base}
        name = side.name("funders", funder) if funder else tr("Lenders and investors")
        rows.append(Moved(funder, name, levels, moves, class_name(booked) if funder else ""))
    first = [
        Column(tr("Funder"), "name", "text"),
        Column(tr("Budget class"), "booked", "text", empty=""),
    ]
    return _moved(side, title, rows, "money", first, ("money", "signed"))


def _moved(
    side: Side,
    caption: str,
    rows: Sequence[Moved],
    name: str,
    first: Sequence[Column],
    forms: tuple[Form, Form],
) -> Table:
    """Differences of each option to the base; what there is with each stands on a sheet."""
    base = side.key(side.found.base)
    rows = [r for r in rows if max(map(abs, [*r.moves.values(), *r.levels.values(), 0])) > NOISE]
    levels = dict.fromkeys(label for row in rows for label in row.levels)
    moves = dict.fromkeys(label for row in rows for label in row.moves)
    group = tr("Difference to “{base}”", base=side.called(side.found.base))

    def level(label: str) -> Column:
        return Column(side.called(label), lambda row: row.levels[label], forms[0], like="levels",
                      on=SHEET, key=side.key(label), total=True, width=17)  # fmt: skip

    def move(label: str) -> Column:
        def formula(line: Line) -> Expression | None:
            return line[side.key(label)] - line[base] if levels else None

        return Column(side.called(label), lambda row: row.moves[label], forms[1], group,
                      key=f"{side.key(label)}_moves", formula=formula, total=True,
                      width=17)  # fmt: skip

    moved = of_options(side, list(map(move, moves)), list(moves))
    columns = [*first, *map(level, levels), *moved, ids(tr("Id"), "id", "id")]
    note = side.noted() if name == "money" else ""  # once in the section
    return Table(caption, rows if moves else [], columns, name, note, total=tr("Total"))
