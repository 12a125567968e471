"""How many alternatives there are, what they lead to and cost, and what is different."""

from __future__ import annotations

from models.language import tr
from models.results import Alternatives
from optimizer.report.alternating import prose
from optimizer.report.alternating import words as said
from optimizer.report.alternating.sections import plans_of
from optimizer.report.figures import NONE, small_percent
from optimizer.report.html.parts import (
    Cell,
    Column,
    Fact,
    Facts,
    Part,
    Section,
    Table,
    alike,
    amounts,
    words,
)
from optimizer.report.varying.words import million


def answer(found: Alternatives) -> Section:
    """The answer in figures and sentences, and a table of all plans."""
    proven = [item for item in found.items if item.within == "in all"]
    facts = Facts(
        [
            Fact(
                tr("Alternatives within the limit"),
                str(len(found.alternatives)),
                tr("none further") if found.exhausted else "",
            ),
            Fact(
                tr("Unlike the plan in at most"),
                str(max((own.unlike_plan for own in found.alternatives), default=0)),
                tr("of {marks} choices", marks=found.marks),
            ),
            Fact(tr("Choices that all plans within share"), str(len(proven))),
        ]
    )
    parts: list[Part] = [*prose.headline(found), facts, figures(found)]
    if found.alternatives:
        parts.append(changes(found))
    return Section("answer", tr("What else would do"), parts)


def figures(found: Alternatives) -> Table:
    """What each plan leads to and costs."""
    rows, unit, money = plans_of(found), said.unit(found), million(found.currency)
    of = [figures for _, figures in rows]
    columns: list[Column] = [words(tr("No."), [name for name, _ in rows])]
    columns += alike(
        {
            tr("Objective"): [f.objective for f in of],
            tr("Expected damage"): [f.expected for f in of],
            tr("Mean of the worst states"): [f.cvar for f in of],
        },
        unit,
    )
    columns += [
        Column(tr("Above the best, at most"), [Cell(small_percent(f.above), f.above) for f in of]),
        amounts(tr("Net cost, {unit}", unit=money), [f.net_cost_meur for f in of]),
        amounts(tr("Public money, {unit}", unit=money), [f.public_meur for f in of]),
        words(tr("Unlike"), [NONE, *(said.unlike(own) for own in found.alternatives)]),
    ]
    return Table(
        tr("The plan and its alternatives"),
        columns,
        name="figures",
        dense=True,
        note=tr(
            "Unlike: choices that differ from the nearest of all plans before it; a second number "
            "is the most that is possible, as far as proven."
        ),
    )


def changes(found: Alternatives) -> Table:
    """What enters and leaves, against the plan."""
    some = found.alternatives
    return Table(
        tr("What is different from the plan"),
        [
            words(tr("No."), [str(own.number) for own in some]),
            words(tr("Builds instead"), [said.listed(found, "project", o.entering) for o in some]),
            words(tr("Does not build"), [said.listed(found, "project", o.leaving) for o in some]),
            words(tr("Stocks up"), [said.listed(found, "stockpile", o.bought_up) for o in some]),
            words(
                tr("Does not stock up"),
                [said.listed(found, "stockpile", o.given_up) for o in some],
            ),
            words(
                tr("Days of cover at the end of {year}", year=found.last_year),
                [said.cover(found, own) for own in some],
            ),
        ],
        name="changes",
        dense=True,
    )
