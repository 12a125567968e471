"""How the company fares with a share, without one, alone, and if nobody acts."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Participation
from optimizer.report.figures import percent
from optimizer.report.html.parts import Column, Heading, Part, Table, alike, words
from optimizer.report.participating import picking
from optimizer.report.participating import words as said
from optimizer.report.participating.sections import named_standings


def standings(found: Participation) -> list[Part]:
    """The best share against acting alone and against waiting: a table, and what it means."""
    rows = named_standings(found)
    of = [standing for _, standing in rows]
    columns: list[Column] = [words(tr("If"), [name for name, _ in rows])]
    columns += alike(
        {
            tr("Mean damage"): [s.expected for s in of],
            tr("Mean of the worst states"): [s.cvar for s in of],
            tr("Net cost"): [s.net_cost_meur for s in of],
            tr("Damage plus cost"): [s.total for s in of],
        }
    )
    company = said.company(found)
    table = Table(
        tr("How {company} fares ({unit})", company=company, unit=said.unit(found)),
        columns,
        name="standings",
        note=tr(
            "Its own damage and its own money. Worst states: the worst {tail} by probability. "
            "Damage plus cost: mean damage plus net cost; the less, the better.",
            tail=percent(1 - found.cvar_level),
        ),
    )
    return [Heading(tr("With others, alone, or waiting")), table, *_meaning(found)]


def _meaning(found: Participation) -> Iterator[str]:
    curve = next(iter(picking.main_curves(found)), None)
    none = None if curve is None else picking.point_at(curve, 0.0)
    if none is not None and none.standing is not None:
        yield tr(
            "Who takes no share still has something of what others build: {avoided} less mean "
            "damage than if nobody acts. What a share is worth shows against that, and not "
            "against nobody acting.",
            avoided=said.damage(found, found.without_plan.expected - none.standing.expected),
        )
    if found.alone is not None:
        yield tr(
            "Acting alone means: only {company} invests, in the way that is best for itself, and "
            "nobody else does anything.",
            company=said.company(found),
        )
