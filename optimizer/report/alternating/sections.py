"""The sections of alternatives for a terminal, in the order in which a committee asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from models.language import tr
from models.results import Alternatives, OtherCase, PlanFigures
from optimizer.report.alternating import prose
from optimizer.report.alternating import words as said
from optimizer.report.figures import NONE, column, number, small_percent
from optimizer.report.sections import Grid, Kind, Section
from optimizer.report.varying.words import joined, million


def all_of(found: Alternatives) -> Iterator[Section]:
    """All sections that have something to say."""
    makers: tuple[Callable[[Alternatives], Section | None], ...] = (
        figures,
        changes,
        index,
        others,
        proof,
    )
    return (section for make in makers if (section := make(found)) is not None)


def _grid(columns: Mapping[str, tuple[Kind, Sequence[str]]]) -> Grid:
    rows = list(zip(*(cells for _, cells in columns.values()), strict=True))
    return Grid({header: kind for header, (kind, _) in columns.items()}, rows)


def plans_of(found: Alternatives) -> list[tuple[str, PlanFigures]]:
    """The plan and its alternatives, by what they are called."""
    return [(tr("Plan"), found.plan), *((str(a.number), a.plan) for a in found.alternatives)]


def figures(found: Alternatives) -> Section | None:
    """What each leads to and costs."""
    rows, unit = plans_of(found), said.unit(found)
    of = [figures for _, figures in rows]
    money = million(found.currency)
    unlike = [NONE, *(said.unlike(own) for own in found.alternatives)]
    grid = _grid(
        {
            tr("No."): ("words", [name for name, _ in rows]),
            tr("Objective, {unit}", unit=unit): ("figures", column([f.objective for f in of])),
            tr("Above the best, at most"): ("figures", [small_percent(f.above) for f in of]),
            tr("Expected damage, {unit}", unit=unit): ("figures", column([f.expected for f in of])),
            tr("Worst states (CVaR), {unit}", unit=unit): ("figures", column([f.cvar for f in of])),
            tr("Net cost, {unit}", unit=money): ("figures", column([f.net_cost_meur for f in of])),
            tr("Public money, {unit}", unit=money): (
                "figures",
                column([f.public_meur for f in of]),
            ),
            tr("Unlike"): ("words", unlike),
        }
    )
    return Section(tr("What else would do"), [grid, *prose.notes(found)])


def changes(found: Alternatives) -> Section | None:
    """What enters and leaves, against the plan."""
    if not found.alternatives:
        return None
    some = found.alternatives
    grid = _grid(
        {
            tr("No."): ("words", [str(own.number) for own in some]),
            tr("Builds instead"): (
                "words",
                [said.listed(found, "project", own.entering) for own in some],
            ),
            tr("Does not build"): (
                "words",
                [said.listed(found, "project", own.leaving) for own in some],
            ),
            tr("Stocks up"): (
                "words",
                [said.listed(found, "stockpile", own.bought_up) for own in some],
            ),
            tr("Does not stock up"): (
                "words",
                [said.listed(found, "stockpile", own.given_up) for own in some],
            ),
            tr("Days of cover at the end of {year}", year=found.last_year): (
                "words",
                [said.cover(found, own) for own in some],
            ),
        }
    )
    return Section(tr("What is different from the plan"), [grid])


def index(found: Alternatives) -> Section | None:
    """How often each is chosen."""
    if not found.items:
        return None
    ranked = sorted(found.items, key=lambda item: -(item.index or 0.0))
    grid = _grid(
        {
            tr("Project or stockpile"): (
                "words",
                [said.name(found, item.kind, item.id) for item in ranked],
            ),
            tr("In the plan"): ("words", [tr("yes") if i.in_plan else tr("no") for i in ranked]),
            tr("All plans within"): ("words", [said.proven(item) for item in ranked]),
            tr("Alternatives"): ("figures", [said.share(i.alternatives) for i in ranked]),
            tr("Variants"): ("figures", [said.share(i.variants) for i in ranked]),
            tr("Assumptions"): ("figures", [said.share(i.assumptions) for i in ranked]),
            tr("Index"): ("figures", [said.share(i.index) for i in ranked]),
            tr("In words"): ("words", [said.how_often(item) for item in ranked]),
        }
    )
    return Section(tr("How robust each choice is"), [grid, *prose.index_notes(found)])


def others(found: Alternatives) -> Section | None:
    """Variants and assumption sets, each with what its plan does otherwise."""
    if not found.others:
        return None
    names = [said.other_case(other) for other in found.others]
    grid = _grid(
        {
            tr("Variant or assumption"): ("words", names),
            tr("Objective, {unit}", unit=said.unit(found)): (
                "figures",
                column([other.objective for other in found.others]),
            ),
            tr("Builds instead"): ("words", [otherwise(found, o, True) for o in found.others]),
            tr("Does not build"): ("words", [otherwise(found, o, False) for o in found.others]),
            "": ("words", [said.status(other) for other in found.others]),
        }
    )
    return Section(tr("What other cases choose"), [grid])


def otherwise(found: Alternatives, other: OtherCase, more: bool) -> str:
    """Projects that another case's plan builds beyond the plan, or leaves out."""
    if other.objective is None:
        return NONE
    own, plan = set(other.projects), set(found.plan.projects)
    chosen = own - plan if more else plan - own
    order = [item.id for item in found.items if item.kind == "project"]
    return joined(
        said.name(found, "project", p)
        for p in [*order, *sorted(chosen - set(order))]
        if p in chosen
    )


def proof(found: Alternatives) -> Section | None:
    """How good the proof is."""
    far = [own for own in found.alternatives if own.unlike_proven]
    rows = [
        [tr("Gap of the plan"), small_percent(found.gap)],
        [tr("Gap asked for"), small_percent(found.gap_target)],
        [
            tr("Alternatives, all proven to be within the limit"),
            tr("{some} of {all}", some=len(found.alternatives), all=found.wanted),
        ],
        [
            tr("Of these proven to be as unlike as can be"),
            tr("{some} of {all}", some=len(far), all=len(found.alternatives)),
        ],
        [tr("States of the world"), number(found.states)],
        [tr("Time"), f"{number(found.seconds)} s"],
    ]
    return Section(
        tr("How good the proof is"), [Grid({"": "words", " ": "words"}, rows, headed=False)]
    )
