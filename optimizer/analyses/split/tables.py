"""The tables of a split: what they hold of players, rules and groups, and how a sheet gets it.

Formulas find the gain of all in ``joint-gain``, what each bears in ``split-players``, what rules
leave in ``gains``, and groups in ``coalitions``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from models.language import tr
from models.results import Core, Interval, JointProject
from optimizer.analyses.split.sentences import sampled
from optimizer.analyses.split.words import COMMON, MARKET, Game, state_meaning
from optimizer.report.cells import along
from optimizer.report.document import (
    DETAIL,
    EVERYWHERE,
    SHEET,
    TEXT,
    Column,
    Form,
    Media,
    Of,
    Table,
    ids,
    sheet_only,
)
from optimizer.report.workbook.expressions import Expression, absolute, of, ratio, total
from optimizer.report.workbook.formulas import Formulas, Line


def interval(
    header: str, figure: Of, key: str = "", apart: Media = SHEET, **more: Any
) -> list[Column]:
    """A figure with what the proofs leave of it: three columns in the media ``apart``, else one.

    ``figure`` gives an :class:`~models.results.Interval` or None.
    """
    read = along(figure) if isinstance(figure, str) else figure
    low, value, high = (end_of(read, name) for name in ("low", "value", "high"))
    summed = more.pop("total", False)
    return [
        Column(header, value, "money", on=EVERYWHERE & ~apart, total=summed, **more),
        Column(tr("At least"), low, "money", header, on=apart, **more),
        Column(tr("By the plans"), value, "money", header, on=apart, key=key, total=summed, **more),
        Column(tr("At most"), high, "money", header, on=apart, **more),
    ]


def end_of(read: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    """An attribute of what is read off a row; None where that is None."""
    return lambda row: getattr(read(row), name, None)


def borne(line: Line, key: str = "alone") -> Expression:
    """What the player of a row bears, from the table of players."""
    return line.book["split-players"].find(line.row.id, key)


def apart(deviation: Callable[[Line], Expression | None]) -> Column:
    """How far figures of a row are apart that must be equal."""
    return sheet_only(tr("Deviation"), "deviation", deviation, "deviation")


def player_column(game: Game) -> Column:
    """The names of players."""
    return Column(tr("Player"), lambda one: game.player(one.id), "text")


# What all do together


def projects(game: Game) -> Table:
    """Projects of all: who carries them, and for whom output is reserved."""
    some = game.found.plan.projects
    carriers = _named(some, "shares")

    columns = [
        Column(tr("Project"), lambda item: game.project(item.id), "text"),
        Column(tr("Start"), "start", "year"),
        Column(tr("Capex, {unit}", unit=game.million), "capex_meur", "money", key="capex"),
        Column(tr("Carried by"), game.carried, "text", on=TEXT),
        Column(tr("Output for"), game.reserved, "text", on=TEXT),
        *(_share(game.funder(id), "shares", id, tr("Carried by")) for id in carriers),
    ]
    if carriers:
        ends = f"f {carriers[0]}", f"f {carriers[-1]}"
        columns.append(
            sheet_only(
                tr("All shares together"), "whole", lambda line: total(line.span(*ends)), "share"
            )
        )
        columns.append(apart(lambda line: absolute(line["whole"] - of(1)) * line["capex"]))
    columns += [
        _share(game.taker(id), "offtake", id, tr("Output for")) for id in _named(some, "offtake")
    ]
    columns.append(ids(tr("Id"), "id", "id"))
    return Table(
        tr("Projects of all, and who carries them"),
        some,
        columns,
        "joint-projects",
        tr("Capex is not discounted. Shares are of capex, and of output."),
        empty=tr("Nothing is built."),
    )


def _named(some: Sequence[JointProject], of_one: str) -> list[str]:
    """Ids that occur, in the order in which they come; those for all stand last."""
    found = dict.fromkeys(id for item in some for id in getattr(item, of_one))
    return sorted(found, key=lambda id: id in (MARKET, COMMON))


def _share(name: str, of_one: str, id: str, group: str) -> Column:
    key = f"f {id}" if of_one == "shares" else ""
    return Column(
        name, lambda item: getattr(item, of_one).get(id, 0.0), "share", group, on=SHEET, key=key
    )


def stocks(game: Game) -> Table:
    """What each stockpile holds at most."""
    return Table(
        tr("Stocks of all"),
        list(game.found.plan.stocks_t.items()),
        [
            Column(tr("Stockpile"), lambda row: game.name("stockpiles", row[0]), "text"),
            # Each with digits of its own: tonnes of gallium beside thousands of graphite.
            Column(tr("Held at most, t"), "1", lambda _: "tonnes"),
        ],
        "joint-stocks",
    )


def outlay(game: Game) -> Table:
    """What each funder pays by year in the plan of all."""
    paid = game.found.plan.outlay_by_year_meur
    years = sorted({int(year) for by_year in paid.values() for year in by_year})

    def by(header: str, *funders: str, **more: Any) -> Column:
        return Column(
            header, lambda year: sum(paid[f].get(str(year), 0.0) for f in funders), "money",
            like="paid", total=True, **more,
        )  # fmt: skip

    def whole(line: Line) -> Expression:
        return total(line.span(next(iter(paid)), [*paid][-1]))

    columns = [
        Column(tr("Year"), int, "year"),
        *(by(game.funder(funder), funder, key=funder) for funder in paid),
        by(tr("All"), *paid, formula=whole),
    ]
    title = tr(
        "What each pays by year in the plan of all ({unit}, not discounted)", unit=game.million
    )
    return Table(title, years, columns, "joint-outlay", total=tr("Sum"), on=DETAIL)


# What each bears, and what all gain


def players(game: Game) -> Table:
    """What each bears alone, and with all before anything is shared."""

    def column(header: str, key: str, **more: Any) -> Column:
        return Column(header, key, "money", like="borne", key=key, total=True, **more)

    note = tr(
        "Means over the states, discounted. Alone: damage and net cost of a player that does what "
        "is best for itself while nobody else acts. Gain before transfers: what it bears alone, "
        "less damage and outlay with all; together that is the gain of all."
    )
    if game.others is not None:
        note += " " + tr(
            "Last come those who are no players but count in every group: alone is what they bear "
            "without any company, and figures of players come on top of that."
        )
    return Table(
        tr("What each bears, alone and with all ({unit})", unit=game.million),
        game.bearers,
        [
            Column(tr("Player"), "name", "text"),
            Column(tr("Kind"), "kind", "text", on=SHEET),
            Column(tr("Stands for"), "consumers", "text", on=SHEET),
            Column(tr("Value of its demand"), "demand", "money", on=SHEET, total=True),
            column(tr("Damage if nobody acts"), "without"),
            *interval(
                tr("Damage and net cost alone"), "alone", "alone", like="borne", total=True
            ),
            column(tr("Damage with all"), "damage"),
            column(tr("Net outlay with all"), "outlay"),
            column(
                tr("Gain before transfers"), "before",
                formula=lambda line: line["alone"] - line["damage"] - line["outlay"],
            ),
            ids(tr("Id"), "id", "id"),
        ],
        "split-players",
        note,
        total=tr("All"),
        key=lambda one: one.id,
    )  # fmt: skip


class Figure(NamedTuple):
    """A line of a table of figures of different kinds."""

    what: str
    figure: Interval | float | None = None
    form: Form = "money"
    remark: str = ""
    key: str = ""
    formula: Callable[[Formulas], Expression] | None = None


def figures(caption: str, rows: Sequence[Figure], name: str) -> Table:
    """Figures of a workbook, with the ranges of the proofs where they have one."""
    return Table(
        caption,
        rows,
        [
            Column(tr("Figure"), "what", "text"),
            Column(tr("At least"), end_of(lambda row: row.figure, "low"), _form),
            Column(
                tr("By the plans"), _value, _form, key="value",
                formula=lambda line: line.row.formula and line.row.formula(line.book),
                name=lambda row: "joint_gain" if row.key == "worth" else "",
            ),
            Column(tr("At most"), end_of(lambda row: row.figure, "high"), _form),
            Column(tr("Remark"), "remark", "text", empty="", width=34),
        ],
        name,
        on=SHEET,
        key=lambda row: row.key,
    )  # fmt: skip


def _value(row: Figure) -> float | None:
    return row.figure.value if isinstance(row.figure, Interval) else row.figure


def _form(row: Figure) -> Form:
    return row.form


def joint_gain(game: Game) -> Table:
    """What all bear alone and together, what they gain, and the core."""
    split = game.found

    def share(book: Formulas) -> Expression:
        return ratio(gain_of_all(book), gain_of_all(book, "alone"))

    rows = [
        Figure(
            tr("Damage and net cost of all, each alone"), key="alone",
            formula=lambda book: book["split-players"].total("alone"),
        ),
        Figure(tr("Damage and net cost of all together"), split.plan.objective, key="together"),
        Figure(tr("Gain of all"), split.worth, key="worth"),
        Figure(tr("Gain, as a share of what they bear alone"), form="share", formula=share),
        *([] if split.core is None else core_figures(split.core)),
    ]  # fmt: skip
    return figures(tr("What all gain ({unit})", unit=game.million), rows, "joint-gain")


def gain_of_all(book: Formulas, row: str = "worth") -> Expression:
    """The gain of all in a workbook, or what they bear ``alone`` or ``together``."""
    return book["joint-gain"].find(row, "value")


def core_figures(core: Core) -> list[Figure]:
    """The least core and the public money it takes."""
    return [
        Figure(
            tr("Least core"), core.least_core,
            remark=tr("What the group with most to gain has by leaving, made least"),
        ),
        Figure(
            tr("Public money to keep all"), core.contribution,
            remark=tr("On top of the gain of all, shared at best"),
        ),
    ]  # fmt: skip


def proof(game: Game) -> Table:
    """What the answer rests on, in figures."""
    split = game.found
    rows = [
        Figure(tr("Groups solved"), len(split.coalitions), "count"),
        Figure(tr("States of the world"), split.states, "count"),
        Figure(tr("Gap asked for"), split.gap_target, "gap"),
        Figure(tr("Largest gap"), game.largest_gap, "gap", tr("Of all groups.")),
        Figure(tr("Objective of the plan of all"), split.plan.objective, "objective", key="found"),
        Figure(
            tr("Bound"), split.plan.bound, "objective", tr("No plan can have a lower objective."),
            "bound",
        ),
        Figure(tr("Gap"), split.plan.gap, "gap", key="gap"),
        Figure(
            tr("Public funders, net ({unit})", unit=game.million), split.plan.public_meur,
            "money", state_meaning(split.state),
        ),
        Figure(tr("Time, s"), split.seconds, "count"),
    ]  # fmt: skip
    if split.sampling is not None:
        rows.append(Figure(tr("Orders sampled"), split.sampling.orders, "count", sampled(game)))
    return Table(
        tr("How good the proof is"),
        rows,
        [
            Column(tr("Figure"), "what", "text"),
            Column(tr("Value"), _value, _form, key="value", width=18),
            Column(tr("Remark"), "remark", "text", on=DETAIL, empty="", width=60),
        ],
        "split-proof",
        key=lambda row: row.key,
    )
