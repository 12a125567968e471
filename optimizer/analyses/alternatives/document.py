"""What else would do, and how robust each choice is, as a document."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from models.language import tr
from models.results import Alternative, Alternatives, OtherCase, PlanFigures, Robustness
from optimizer.report.charts import Chart
from optimizer.report.charts import alternatives as charts
from optimizer.report.document import (
    DETAIL,
    Bullets,
    Caution,
    Column,
    Document,
    Fact,
    Facts,
    Part,
    Section,
    Table,
)
from optimizer.report.figures import NONE, clean, exact, number, percent, rounded, small_percent
from optimizer.report.wording import Wording

MOVED = 1.0
"""Days of cover that differ by less are not told apart."""
COVER_SHOWN = 3
"""Materials named for days of cover."""

Say = Wording[Alternatives]


class Row(NamedTuple):
    """The plan, or one of its alternatives."""

    label: str
    plan: PlanFigures
    own: Alternative | None


def document(found: Alternatives) -> Document:
    """How many there are, what is different in them, and how often each choice is made."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: what else would do"),
        [*_answer(say), _facts(found), _figures(say), *_changes(say)],
        [
            Section("matrix", tr("What each alternative chooses"), _matrix(say)),
            Section("robust", tr("How robust each choice is"), _robust(say)),
            Section("others", tr("What other cases choose"), _others(say)),
            Section("method", tr("How it was computed"), [Bullets(list(_method(found)))]),
            Section("proof", tr("How good the proof is"), [_proof(say)]),
        ],
        answer_title=tr("What else would do"),
    )


def _answer(say: Say) -> Iterator[Part]:
    """The answer, and the cautions that belong beside it."""
    found = say.found
    yield tr(
        "No plan has an objective below {bound} {unit}; this one has {objective}. An alternative "
        "may have {limit}, {within} above the bound.",
        bound=_level(found, found.bound, floor=True),
        objective=_level(found, found.plan.objective),
        limit=_level(found, found.limit),
        within=small_percent(found.within),
        unit=say.unit,
    )
    if found.alternatives:
        yield _count(found)
    elif found.exhausted:
        yield tr(
            "There is no alternative: it is proven that no plan within the limit builds other "
            "projects or fills other stockpiles."
        )
    else:
        yield tr("No alternative was found.")
    yield from _essential(say)
    cautions = []
    if found.plan.objective > found.limit:
        cautions.append(tr("The plan itself is not within the limit."))
    if found.ended == "interrupted":
        cautions.append(tr("Stopped early: alternatives, variants or assumptions are missing."))
    yield Caution([*cautions, *say.illustration()])


def _level(found: Alternatives, value: float, *, floor: bool = False) -> str:
    """An objective, with so many digits that bound and limit can be told apart; a bound is rounded
    down, since no plan lies below it."""
    room = found.limit - found.bound
    if room <= 0:
        return rounded(value)
    places = min(max(1 - math.floor(math.log10(room)), 0), 9)
    return number(math.floor(value * 10**places) / 10**places if floor else value, places)


def _count(found: Alternatives) -> str:
    unlike = [own.unlike_plan for own in found.alternatives]
    low, high = number(min(unlike)), number(max(unlike))
    span = low if low == high else tr("{low} to {high}", low=low, high=high)
    about = {"count": number(len(unlike)), "span": span, "marks": number(found.marks)}
    if found.exhausted and len(unlike) == 1:
        return tr(
            "One alternative is within the limit, and it is proven that there are no more; it "
            "differs from the plan in {span} of {marks} choices.",
            **about,
        )
    if found.exhausted:
        return tr(
            "{count} alternatives are within the limit, and it is proven that there are no more; "
            "they differ from the plan in {span} of {marks} choices.",
            **about,
        )
    if len(unlike) == 1:
        return tr(
            "One alternative is within the limit; it differs from the plan in {span} of {marks} "
            "choices.",
            **about,
        )
    return tr(
        "{count} alternatives are within the limit; they differ from the plan in {span} of "
        "{marks} choices.",
        **about,
    )


def _essential(say: Say) -> Iterator[str]:
    """What all plans within the limit have, and what none has."""
    for kind in ("project", "stockpile"):
        always = [i.id for i in say.found.items if i.kind == kind and i.within == "in all"]
        names = _listed(say, kind, always)
        if always and kind == "project":
            yield tr("Every plan within the limit builds: {names}.", names=names)
        elif always:
            yield tr("Every plan within the limit fills: {names}.", names=names)
    never = [i.id for i in say.found.items if i.kind == "project" and i.within == "in none"]
    if never:
        yield tr("No plan within the limit builds: {names}.", names=_listed(say, "project", never))


def _name(say: Say, kind: str, id: str) -> str:
    return say.name("projects" if kind == "project" else "stockpiles", id)


def _listed(say: Say, kind: str, ids: Sequence[str]) -> str:
    """Names with commas between them; a dash for none."""
    return ", ".join(_name(say, kind, id) for id in ids) or NONE


def _facts(found: Alternatives) -> Facts:
    unlike = max((own.unlike_plan for own in found.alternatives), default=0)
    return Facts(
        [
            Fact(
                tr("Alternatives within the limit"),
                str(len(found.alternatives)),
                tr("none further") if found.exhausted else "",
            ),
            Fact(
                tr("Unlike the plan in at most"),
                str(unlike),
                tr("of {marks} choices", marks=found.marks),
            ),
            Fact(
                tr("Choices that all plans within share"),
                str(sum(item.within == "in all" for item in found.items)),
            ),
        ],
        DETAIL,
    )


def _rows(found: Alternatives) -> list[Row]:
    return [
        Row(tr("Plan"), found.plan, None),
        *(Row(str(own.number), own.plan, own) for own in found.alternatives),
    ]


def _figures(say: Say) -> Table:
    """What each plan leads to and costs."""

    def unlike(row: Row) -> str:
        """By how many choices it differs from those before, and what is proven."""
        if row.own is None:
            return NONE
        if row.own.unlike_proven:
            return number(row.own.unlike)
        return tr("{found}, at most {most}", found=row.own.unlike, most=row.own.unlike_at_most)

    unit, money = say.unit, say.million
    columns = [
        Column(tr("No."), "label", "text"),
        Column(tr("Objective, {unit}", unit=unit), "plan.objective", "outcome", like="outcome"),
        Column(tr("Expected damage, {unit}", unit=unit), "plan.expected", "outcome",
               like="outcome"),
        Column(tr("Worst states (CVaR), {unit}", unit=unit), "plan.cvar", "outcome",
               like="outcome"),
        Column(tr("Above the best, at most"), "plan.above", "gap"),
        Column(tr("Net cost, {unit}", unit=money), "plan.net_cost_meur", "money"),
        Column(tr("Public money, {unit}", unit=money), "plan.public_meur", "money"),
        Column(tr("Unlike"), unlike, "text"),
    ]  # fmt: skip
    note = tr(
        "Unlike: choices that differ from the nearest of all plans before it; a second number is "
        "the most that is possible, as far as proven."
    )
    title = tr("The plan and its alternatives")
    return Table(title, _rows(say.found), columns, "figures", note)


def _changes(say: Say) -> list[Part]:
    """What enters and leaves, against the plan."""
    found = say.found

    def cover(own: Alternative) -> str:
        """The materials whose days of cover differ most from the plan's."""
        before, after = found.plan.days_of_cover, own.plan.days_of_cover
        moves = {m: after.get(m, 0.0) - before.get(m, 0.0) for m in {**before, **after}}
        ranked = sorted((m for m in moves if abs(moves[m]) >= MOVED), key=lambda m: -abs(moves[m]))
        told = [
            f"{say.name('materials', m)} {rounded(before.get(m, 0.0))} → "
            f"{rounded(after.get(m, 0.0))}"
            for m in ranked[:COVER_SHOWN]
        ]
        if len(ranked) > COVER_SHOWN:
            told.append(tr("{count} more", count=number(len(ranked) - COVER_SHOWN)))
        return ", ".join(told) or NONE

    def listed(kind: str, field: str) -> Callable[[Alternative], str]:
        return lambda own: _listed(say, kind, getattr(own, field))

    columns = [
        Column(tr("No."), lambda own: str(own.number), "text"),
        Column(tr("Builds instead"), listed("project", "entering"), "text"),
        Column(tr("Does not build"), listed("project", "leaving"), "text"),
        Column(tr("Stocks up"), listed("stockpile", "bought_up"), "text"),
        Column(tr("Does not stock up"), listed("stockpile", "given_up"), "text"),
        Column(tr("Days of cover at the end of {year}", year=found.last_year), cover, "text"),
    ]
    title = tr("What is different from the plan")
    return [Table(title, found.alternatives, columns, "changes")] if found.alternatives else []


def _matrix(say: Say) -> list[Part]:
    """A row for each project and stockpile, a column for each plan."""
    found = say.found
    projects = [item for item in found.items if item.kind == "project"]
    piles = [item for item in found.items if item.kind == "stockpile"]
    if not found.alternatives:
        return []
    tables = [
        _choices(say, tr("Start year of each project"), tr("Project"), "projects", projects),
        _choices(say, tr("Tonnes that each stockpile buys"), tr("Stockpile"), "stockpiles", piles),
    ]
    return [table for table in tables if table.rows]


def _choices(say: Say, caption: str, header: str, name: str, items: Sequence[Robustness]) -> Table:
    def chosen(plan: PlanFigures) -> Callable[[Robustness], float | None]:
        """The start year or the tonnes bought; nothing where it is not chosen."""
        if name == "projects":
            return lambda item: plan.projects.get(item.id)
        return lambda item: plan.bought_t.get(item.id) if item.id in plan.stockpiles else None

    columns = [
        Column(header, lambda item: _name(say, item.kind, item.id), "text"),
        *(
            Column(row.label, chosen(row.plan), "year" if name == "projects" else "tonnes",
                   like="plans")
            for row in _rows(say.found)
        ),
        Column(tr("All plans within"), _proven, "text"),
    ]  # fmt: skip
    return Table(caption, items, columns, name, on=DETAIL)


def _proven(item: Robustness) -> str:
    """What is proven of all plans within the limit."""
    told = {"in all": tr("all have it"), "in none": tr("none has it"), "open": tr("open")}
    return told[item.within]


def _robust(say: Say) -> list[Part]:
    """How often each is chosen."""
    ranked = sorted(say.found.items, key=lambda item: -(item.index or 0.0))
    if not ranked:
        return []
    lines = [
        charts.Line(
            _name(say, item.kind, item.id),
            item.in_plan,
            item.index,
            (item.alternatives, item.variants, item.assumptions),
        )
        for item in ranked
    ]
    title = tr("Robustness index of projects and stockpiles")
    chart = Chart(
        "robustness",
        title,
        tr(
            "A bar for the index of each, hatched where the plan does not have it; marks for the "
            "shares of alternatives, variants and assumption sets. The figures are in the table "
            "below."
        ),
        lambda: charts.robustness(lines),
    )
    often = {
        "always": tr("always"),
        "nearly always": tr("nearly always"),
        "in most": tr("in most"),
        "in some": tr("in some"),
        "never": tr("never"),
        None: NONE,
    }
    columns = [
        Column(tr("Project or stockpile"), lambda item: _name(say, item.kind, item.id), "text"),
        Column(tr("In the plan"), lambda item: tr("yes") if item.in_plan else tr("no"), "text"),
        Column(tr("All plans within"), _proven, "text"),
        Column(tr("Alternatives"), "alternatives", "share"),
        Column(tr("Variants"), "variants", "share"),
        Column(tr("Assumptions"), "assumptions", "share"),
        Column(tr("Index"), "index", "share"),
        Column(tr("In words"), lambda item: often[item.says], "text"),
    ]
    known = any(item.index is not None for item in ranked)
    table = Table(title, ranked, columns, "robustness", chart=chart if known else None)
    return [table, *_index_notes(say.found)]


def _index_notes(found: Alternatives) -> Iterator[str]:
    """How the index is to be read."""
    yield tr(
        "Index: mean of the shares of alternatives, variants and assumption sets that have it, as "
        "far as there are any; neither the plan itself nor what was stopped early is counted. "
        "Always is all, nearly always at least {nearly}, in most at least half.",
        nearly=percent(0.9),
    )
    yield tr(
        "All plans within: whether it is proven that every plan within the limit has it, or none. "
        "Variants and assumption sets each show one plan within their gap; another as good may "
        "choose otherwise."
    )
    if found.given and not any(other.kind == "variant" for other in found.others):
        yield tr("A saved plan carries no variants of its file: none were solved.")


def _others(say: Say) -> list[Part]:
    """Variants and assumption sets, each with what its plan does otherwise."""
    found = say.found

    def otherwise(more: bool) -> Callable[[OtherCase], str]:
        """Projects that another case's plan builds beyond the plan, or leaves out."""

        def of(other: OtherCase) -> str:
            if other.objective is None:
                return NONE
            own, plan = set(other.projects), set(found.plan.projects)
            chosen = own - plan if more else plan - own
            order = [item.id for item in found.items if item.kind == "project"]
            ids = [p for p in [*order, *sorted(chosen - set(order))] if p in chosen]
            return _listed(say, "project", ids)

        return of

    ended = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }
    columns = [
        Column(tr("Variant or assumption"), _other_case, "text"),
        Column(tr("Objective, {unit}", unit=say.unit), "objective", "outcome"),
        Column(tr("Builds instead"), otherwise(True), "text"),
        Column(tr("Does not build"), otherwise(False), "text"),
        Column(tr("How it ended"), lambda other: ended.get(other.status, tr("solved")), "text"),
    ]
    title = tr("Variants and assumption sets, each solved")
    return [Table(title, found.others, columns, "others")] if found.others else []


def _other_case(other: OtherCase) -> str:
    """A variant or an assumption set."""
    groups = {
        "hazard": tr("probability of hazards"),
        "damage": tr("damage of a missing tonne"),
        "capex": tr("capex"),
        "success": tr("risk that projects fail"),
        "delay": tr("risk of delays"),
        "price": tr("prices of materials"),
        "demand": tr("demand"),
    }
    if other.factor is None:
        return clean(other.title)
    group, factor = groups.get(other.id, other.id), exact(round(other.factor, 2))
    return tr("{group} x {factor}", group=group, factor=factor)


def _method(found: Alternatives) -> Iterator[str]:
    """How alternatives are sought, and what the figures mean."""
    yield tr(
        "Alternatives are sought one after the other: each is to differ as much as possible from "
        "the nearest of the plan and all before it (Brill, Chang and Hopkins 1982; DeCarolis 2011)."
    )
    yield tr(
        "Each alternative is the best plan with its choices. Its objective is exact for the states "
        "of the plan and is held against the proven bound, so that it is within the limit whatever "
        "the best plan is. Figures beside the objective may differ among plans within a gap of "
        "{gap}.",
        gap=small_percent(found.gap_target),
    )
    days = found.least_days
    yield tr(
        "A choice is a project that is built, or a stockpile that is filled: what it buys over "
        "all years lasts for at least {time} of the demand it serves, at its mean over the years. "
        "Plans within the limit are those that buy at least so much for a stockpile, or nothing.",
        time=tr("one day") if days == 1 else tr("{days} days", days=number(days)),
    )
    yield tr(
        "For each choice it is asked whether any plan within the limit makes it otherwise; where "
        "none does, that is proven."
    )


def _proof(say: Say) -> Table:
    """How good the proof is."""
    found = say.found
    far = sum(own.unlike_proven for own in found.alternatives)
    return say.proof(
        (tr("Proven bound of the objective"),
         f"{_level(found, found.bound, floor=True)} {say.unit}"),
        (tr("Limit of alternatives"), f"{_level(found, found.limit)} {say.unit}"),
        (tr("Gap of the plan"), small_percent(found.gap)),
        (
            tr("Alternatives, all proven to be within the limit"),
            tr("{some} of {all}", some=len(found.alternatives), all=found.wanted),
        ),
        (
            tr("Of these proven to be as unlike as can be"),
            tr("{some} of {all}", some=far, all=len(found.alternatives)),
        ),
    )  # fmt: skip
