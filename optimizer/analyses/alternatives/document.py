"""What else would do, and how robust each choice is, as a document."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from models.language import tr
from models.results import Alternative, Alternatives, OtherCase, PlanFigures, Robustness
from optimizer.analyses.disagreement.words import by_set
from optimizer.analyses.sensitivity.words import every
from optimizer.report.charts import Chart
from optimizer.report.charts import alternatives as charts
from optimizer.report.document import Bullets, Caution, Column, Document, Part, Section, Table
from optimizer.report.figures import (
    NONE,
    clean,
    exact,
    number,
    outwards,
    percent,
    rounded,
    small_percent,
)
from optimizer.report.wording import Wording

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
        [*_answer(say), *_figures(say), *_changes(say)],
        [
            Section("robust", tr("How robust each choice is"), _robust(say)),
            Section("others", tr("What other cases choose"), _others(say)),
            Section("method", tr("How it was computed"), [_method(found)]),
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
        yield tr(
            "Alternatives within the limit: {count}. They differ from the plan in at most {most} "
            "of {marks} choices.",
            count=number(len(found.alternatives)),
            most=number(max(own.unlike_plan for own in found.alternatives)),
            marks=number(found.marks),
        )
    if found.exhausted:
        yield tr(
            "It is proven that no other plan within the limit builds other projects or fills other "
            "stockpiles."
        )
    elif not found.alternatives:
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
    return number(outwards(value, places, up=False) if floor else value, places)


def _essential(say: Say) -> Iterator[str]:
    """What all plans within the limit have, and what none has."""

    def those(kind: str, within: str) -> str:
        some = [item for item in say.found.items if (item.kind, item.within) == (kind, within)]
        return ", ".join(_name(say, item) for item in some)

    if names := those("project", "in all"):
        yield tr("Every plan within the limit builds: {names}.", names=names)
    if names := those("stockpile", "in all"):
        yield tr("Every plan within the limit fills: {names}.", names=names)
    if names := those("project", "in none"):
        yield tr("No plan within the limit builds: {names}.", names=names)


def _name(say: Say, item: Robustness) -> str:
    return say.name(f"{item.kind}s", item.id)


def _figures(say: Say) -> Iterator[Part]:
    """What each plan leads to and costs, under each set of assumptions as well."""
    found, unit, money = say.found, say.unit, say.million

    def unlike(row: Row) -> str:
        """By how many choices it differs from those before, and what is proven."""
        if row.own is None:
            return NONE
        if row.own.unlike_proven:
            return number(row.own.unlike)
        return tr("{found}, at most {most}", found=row.own.unlike, most=row.own.unlike_at_most)

    rows = [
        Row(tr("Plan"), found.plan, None),
        *(Row(str(own.number), own.plan, own) for own in found.alternatives),
    ]
    columns = [
        Column(tr("No."), "label", "text"),
        Column(tr("Objective, {unit}", unit=unit), "plan.objective", "outcome", like="x"),
        Column(tr("Expected damage, {unit}", unit=unit), "plan.expected", "outcome", like="x"),
        Column(tr("Worst states (CVaR), {unit}", unit=unit), "plan.cvar", "outcome", like="x"),
        Column(tr("Above the best, at most"), "plan.above", "gap"),
        Column(tr("Net cost, {unit}", unit=money), "plan.net_cost_meur", "money"),
        Column(tr("Public money, {unit}", unit=money), "plan.public_meur", "money"),
        Column(tr("Unlike"), unlike, "text"),
    ]
    note = tr(
        "Unlike: choices that differ from the nearest of all plans before it; a second number is "
        "the most that is possible, as far as proven."
    )
    yield Table(tr("The plan and its alternatives"), rows, columns, "figures", note)
    if found.plan.expected_under:
        head = Column(tr("No."), "label", "text")
        yield by_set(say, head, rows, lambda row: row.plan.expected_under)
        yield tr(
            "Objectives and limit are over all sets of assumptions; damage, tail and net cost of "
            "the first table those under the file as it stands, or else the first set."
        )


def _listed(say: Say, kind: str, ids: Iterable[str]) -> str:
    """Names with commas between them; a dash for none."""
    return say.names(kind, ids) or NONE


def _changes(say: Say) -> list[Part]:
    """What enters and leaves, against the plan."""
    found = say.found

    def listed(kind: str, field: str) -> Callable[[Alternative], str]:
        return lambda own: _listed(say, kind, getattr(own, field))

    columns = [
        Column(tr("No."), lambda own: str(own.number), "text"),
        Column(tr("Builds instead"), listed("projects", "entering"), "text"),
        Column(tr("Does not build"), listed("projects", "leaving"), "text"),
        Column(tr("Stocks up"), listed("stockpiles", "bought_up"), "text"),
        Column(tr("Does not stock up"), listed("stockpiles", "given_up"), "text"),
    ]
    title = tr("What is different from the plan")
    return [Table(title, found.alternatives, columns, "changes")] if found.alternatives else []


def _robust(say: Say) -> list[Part]:
    """How often each is chosen."""
    ranked = sorted(say.found.items, key=lambda item: -(item.index or 0.0))
    if not ranked:
        return []
    lines = [
        charts.Line(
            _name(say, item),
            item.in_plan,
            item.index,
            (item.alternatives, item.variants, item.assumptions),
        )
        for item in ranked
    ]
    title = tr("Robustness index of projects and stockpiles")
    shows = tr(
        "A bar for the index of each, hatched where the plan does not have it; marks for the "
        "shares of alternatives, variants and assumption sets. The figures are in the table below."
    )
    chart = Chart("robustness", title, shows, lambda: charts.robustness(lines))
    proven = {"in all": tr("all have it"), "in none": tr("none has it"), "open": tr("open")}
    often: dict[Any, str] = {
        "always": tr("always"),
        "nearly always": tr("nearly always"),
        "in most": tr("in most"),
        "in some": tr("in some"),
        "never": tr("never"),
    }
    columns = [
        Column(tr("Project or stockpile"), lambda item: _name(say, item), "text"),
        Column(tr("In the plan"), lambda item: tr("yes") if item.in_plan else tr("no"), "text"),
        Column(tr("All plans within"), lambda item: proven[item.within], "text"),
        Column(tr("Alternatives"), "alternatives", "share"),
        Column(tr("Variants"), "variants", "share"),
        Column(tr("Assumptions"), "assumptions", "share"),
        Column(tr("Index"), "index", "share"),
        Column(tr("In words"), lambda item: often.get(item.says, NONE), "text"),
    ]
    note = tr(
        "Index: mean of the shares of alternatives, variants and assumption sets that have it, as "
        "far as there are any; neither the plan itself nor what was stopped early is counted. "
        "Always is all, nearly always at least {nearly}, in most at least half. All plans within: "
        "whether it is proven that every plan within the limit has it, or none.",
        nearly=percent(0.9),
    )
    known = any(item.index is not None for item in ranked)
    return [Table(title, ranked, columns, "robustness", note, chart=chart if known else None)]


def _others(say: Say) -> list[Part]:
    """Variants and assumption sets, each with what its plan does otherwise."""
    found, plan = say.found, say.found.plan.projects

    def more(other: OtherCase) -> str:
        return _listed(say, "projects", [p for p in other.projects if p not in plan])

    def less(other: OtherCase) -> str:
        known = other.objective is not None
        return _listed(say, "projects", [p for p in plan if known and p not in other.projects])

    ended = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }
    columns = [
        Column(tr("Variant or assumption"), _other_case, "text"),
        Column(tr("Objective, {unit}", unit=say.unit), "objective", "outcome"),
        Column(tr("Builds instead"), more, "text"),
        Column(tr("Does not build"), less, "text"),
        Column(tr("How it ended"), lambda other: ended.get(other.status, tr("solved")), "text"),
    ]
    note = tr("Each shows one plan within its gap; another as good may choose otherwise.")
    title = tr("Variants and assumption sets, each solved")
    return [Table(title, found.others, columns, "others", note)] if found.others else []


def _other_case(other: OtherCase) -> str:
    """A variant or an assumption set."""
    if other.factor is None:
        return clean(other.title)
    return f"{every(other.id)} × {exact(round(other.factor, 2))}"


def _method(found: Alternatives) -> Bullets:
    """How alternatives are sought, and what the figures mean."""
    return Bullets(
        [
            tr(
                "Alternatives are sought one after the other: each is to differ as much as "
                "possible from the nearest of the plan and all before it (Brill, Chang and Hopkins "
                "1982; DeCarolis 2011)."
            ),
            tr(
                "A choice is a project that is built, or a stockpile that is filled: what it buys "
                "over all years lasts for {days} or more days of the need it serves, at its mean "
                "over the years. Plans within the limit are those that buy at least so much for a "
                "stockpile, or nothing.",
                days=number(found.least_days),
            ),
        ]
    )


def _proof(say: Say) -> Table:
    """How good the proof is."""
    found, all_of = say.found, len(say.found.alternatives)
    far = sum(own.unlike_proven for own in found.alternatives)
    within, unlike = (
        tr("{some} of {all}", some=some, all=every)
        for some, every in ((all_of, found.wanted), (far, all_of))
    )
    return say.proof(
        (tr("Gap of the plan"), small_percent(found.gap)),
        (tr("Alternatives, all proven to be within the limit"), within),
        (tr("Of these proven to be as unlike as can be"), unlike),
    )
