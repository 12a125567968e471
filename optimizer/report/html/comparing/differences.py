"""What makes the difference between an option and the base."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results.comparison import Difference, MaterialDifference, ProjectChange, ProjectIn
from optimizer.report.figures import NOISE, NONE, number, rounded
from optimizer.report.html.comparing.side import Side
from optimizer.report.html.parts import Heading, Part, Section, Table, alike, words

MOST = 8
"""Materials listed one by one; the rest is one row."""


def differences(side: Side) -> Section | None:
    """Each option against the base, material by material."""
    found = side.comparison.differences
    if not found:
        return None
    parts: list[Part] = [
        tr(
            "Differences are those to “{base}”: less damage is negative.",
            base=side.name(side.base),
        )
    ]
    for number_, one in enumerate(found):
        parts.append(Heading(side.called(one.option)))
        parts += _sentences(side, one)
        if one.by_material:
            parts.append(_materials(side, one, number_))
    return Section("differences", tr("What makes the difference"), parts)


def _sentences(side: Side, one: Difference) -> Iterator[str]:
    if one.expected is not None:
        about = {"change": signed(one.expected), "unit": side.unit}
        text = (
            tr("Expected damage changes by {change} {unit}.", **about)
            if side.of_damage
            else tr("Expected shortage changes by {change} {unit}.", **about)
        )
        if one.significant is False and one.resolution is not None:
            text += " " + tr(
                "That is within what the gaps of both plans leave open ({resolution}); the order "
                "of the two is not proven.",
                resolution=number(one.resolution),
            )
        yield text
    if one.public_paid_meur is not None and one.net_cost_meur is not None:
        yield tr(
            "Against the base: public funders {public} {unit}, companies {private}, lenders "
            "{market}; net cost {net}.",
            public=signed(one.public_paid_meur),
            private=signed(one.private_paid_meur or 0.0),
            market=signed(one.market_meur or 0.0),
            net=signed(one.net_cost_meur),
            unit=side.million,
        )
    if one.avoided_per_extra_public_euro is not None:
        yield tr(
            "Each further public {currency} avoids {amount} {currency} of damage.",
            currency=side.base.currency,
            amount=number(one.avoided_per_extra_public_euro, 1),
        )


def signed(value: float) -> str:
    """A difference with its sign."""
    if abs(value) < NOISE:
        return "0"
    text = rounded(abs(value))
    return f"{'+' if value > 0 else '−'}{text}"


def _materials(side: Side, one: Difference, place: int) -> Table:
    shown = sorted(one.by_material, key=lambda m: -abs(m.damage))
    top, rest = shown[:MOST], shown[MOST:]
    names = [side.item("materials", m.material) for m in top]
    values = [m.damage for m in top]
    told = [_told(side, m) for m in top]
    if rest:
        names.append(tr("All others"))
        values.append(sum(m.damage for m in rest))
        told.append(NONE)
    columns = [words(tr("Material"), [*names, tr("Sum")])]
    columns += alike({tr("Difference, {unit}", unit=side.unit): [*values, sum(values)]})
    columns.append(words(tr("What is done otherwise"), [*told, ""]))
    caption = (
        tr("Difference in expected damage by material: {option}", option=side.called(one.option))
        if side.of_damage
        else tr(
            "Difference in expected shortage by material: {option}", option=side.called(one.option)
        )
    )
    return Table(caption, columns, total=True, name=f"difference-{place + 1}", dense=True)


def _told(side: Side, one: MaterialDifference) -> str:
    parts = [_project(side, change) for change in one.projects]
    for stock in one.stockpiles:
        if abs(stock.held_t) > NOISE:
            parts.append(
                tr(
                    "{stockpile}: {change} t",
                    stockpile=side.item("stockpiles", stock.stockpile),
                    change=signed(stock.held_t),
                )
            )
    return "; ".join(parts) or NONE


def _project(side: Side, change: ProjectChange) -> str:
    name = side.item("projects", change.project)
    if change.change == "added":
        return tr("{project} in addition", project=name)
    if change.change == "dropped":
        return tr("without {project}", project=name)
    if change.change == "moved":
        return tr(
            "{project} from {before} to {after}",
            project=name,
            before=_start(change.base),
            after=_start(change.option),
        )
    return tr("{project} financed otherwise", project=name)


def _start(of: ProjectIn | None) -> str:
    return NONE if of is None else str(of.start)
