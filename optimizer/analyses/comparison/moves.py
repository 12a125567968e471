"""What makes the difference between options: sentences, and tables of differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from models.results.comparison import Difference, ProjectChange
from optimizer.analyses.comparison.words import Side
from optimizer.report.document import SHEET, Bullets, Column, Form, Part, Table, ids
from optimizer.report.figures import NOISE, number, percent, rounded
from optimizer.report.wording import class_name
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Line

MOST = 8
"""Materials that are told one by one."""
SMALL = 0.02
"""A smaller part of the difference is told together with others."""


def explained(side: Side) -> Iterator[Part]:
    """What makes the difference between each option and the base, the main thing first."""
    for difference in side.found.differences:
        yield _first(side, difference)
        yield Bullets([*_materials(side, difference), *_money(side, difference)])


def _first(side: Side, one: Difference) -> str:
    about = {"option": side.called(one.option), "base": side.called(side.found.base)}
    if one.expected is None:
        return tr("“{option}” and “{base}”: {noun} is not compared.", noun=side.counted, **about)
    if one.significant is False:
        return tr(
            "“{option}” and “{base}” differ by {amount}, which is not significant: the gaps of "
            "both plans leave room for {room}.",
            amount=side.amount(abs(one.expected)),
            room=rounded(one.resolution or 0.0),
            **about,
        )
    option = next(o for o in side.options if o.label == one.option).benefit.expected
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
    """The materials that make most of the difference, and the rest together."""
    if one.expected is None:
        return
    whole = sum(abs(part.damage) for part in one.by_material)
    told = [part for part in one.by_material[:MOST] if abs(part.damage) > SMALL * whole]
    for part in told:
        done = [_project(side, change) for change in part.projects]
        done += [
            tr(
                "{stockpile}: {change} t",
                stockpile=side.name("stockpiles", change.stockpile),
                change=side.signed(change.held_t),
            )
            for change in part.stockpiles
            if abs(change.held_t) > NOISE
        ]
        name = side.name("materials", part.material)
        yield f"{name}: {'; '.join([_less_or_more(side, part.damage), *done])}."
    rest = one.expected - sum(part.damage for part in told)
    if len(told) < len(one.by_material) and abs(rest) > NOISE * max(1.0, abs(one.expected)):
        yield tr("All other materials together: {change}.", change=_less_or_more(side, rest))


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
    if one.public_paid_meur is not None and one.net_cost_meur is not None:
        yield tr(
            "Public funding {public} {unit}, companies and other private funders {private}, "
            "lenders and investors {market}; net cost of all {net} (present value).",
            public=side.signed(one.public_paid_meur),
            private=side.signed(one.private_paid_meur or 0.0),
            market=side.signed(one.market_meur or 0.0),
            net=side.signed(one.net_cost_meur),
            unit=side.million,
        )
    if one.avoided_per_extra_public_euro is not None:
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

    @property
    def largest(self) -> float:
        """Its largest difference."""
        return max(map(abs, self.moves.values()), default=0.0)


def damage(side: Side) -> Iterator[Table]:
    """How far each option's expected damage is from that of the base, by material and consumer;
    where the plans are known, a sheet holds what is left with each."""
    some = [d for d in side.found.differences if d.expected is not None]
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
            label: {part.id: part.expected for part in getattr(plan, kind)}
            for label, plan in side.plans.items()
            if not side.bars(label, "damage")
        }
        known = dict.fromkeys(id for by in (moves, left) for of in by.values() for id in of)
        rows = [Moved(id, side.name(kind, id), _of(id, left), _of(id, moves)) for id in known]
        rows.sort(key=lambda row: -row.largest)
        first = [Column(header, "name", "text")]
        yield _table(side, caption, rows, kind, first, ("outcome", "signed_outcome"))


def _of(id: str, by_label: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {label: of.get(id, 0.0) for label, of in by_label.items()}


def money(side: Side, title: str) -> Table:
    """How far money is from that of the base, by funder and class, and of lenders."""
    some = [o for o in side.options if not side.bars(o.label, "money")]
    paid = {
        o.label: {(p.funder, p.budget_class): p.sums.paid_meur for p in o.cost.parts} for o in some
    }
    rows = []
    for funder, booked in dict.fromkeys(at for of in paid.values() for at in of):
        levels = {label: of.get((funder, booked), 0.0) for label, of in paid.items()}
        name = side.name("funders", funder)
        rows.append(Moved(funder, name, levels, _moves(side, levels), class_name(booked)))
    levels = {o.label: o.cost.market_meur for o in some}
    rows.append(Moved("", tr("Lenders and investors"), levels, _moves(side, levels)))
    first = [
        Column(tr("Funder"), "name", "text"),
        Column(tr("Budget class"), "booked", "text", empty=""),
    ]
    return _table(side, title, rows, "money", first, ("money", "signed"))


def _moves(side: Side, levels: Mapping[str, float]) -> dict[str, float]:
    base = side.found.base
    return {label: of - levels[base] for label, of in levels.items() if label != base}


def _table(
    side: Side,
    caption: str,
    rows: Sequence[Moved],
    name: str,
    first: Sequence[Column],
    forms: tuple[Form, Form],
) -> Table:
    """Differences of each option to the base; what there is with each stands on a sheet."""
    base = side.key(side.found.base)
    rows = [row for row in rows if max(row.largest, *map(abs, row.levels.values()), 0.0) > NOISE]
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

    columns = [*first, *map(level, levels), *map(move, moves), ids(tr("Id"), "id", "id")]
    return Table(caption, rows if moves else [], columns, name, total=tr("Total"))
