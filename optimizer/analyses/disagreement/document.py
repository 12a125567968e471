"""What experts disagree on, as a document."""

from collections.abc import Callable, Iterator

from models.language import tr
from models.results import Disagreement, PlanAmongSets, WhatDecides
from optimizer.analyses.comparison.settings import part_called
from optimizer.analyses.disagreement.words import Say, agreed, called, compromise, unsure
from optimizer.report.document import Caution, Check, Column, Document, Part, Section, Shown, Table
from optimizer.report.figures import NOISE, number, rounded
from optimizer.report.wording import Wording


def document(found: Disagreement) -> Document:
    """What all sets agree on, what they argue about, and what the compromise costs each."""
    say = Wording(found)
    return say.document(
        tr("Vorrat: what experts disagree on"),
        [*_answers(say), Caution(list(_cautions(say)))],
        [
            Section("regrets", tr("What each plan costs under each set"), list(_regrets(say))),
            Section("choices", tr("What each plan builds"), list(_choices(say))),
            Section("deciding", tr("Which figures make the difference"), list(_deciding(say))),
            Section("proof", tr("How good the proof is"), [_proofs(say), say.proof()]),
        ],
        outcomes=[one.without_plan.worst for one in found.sets],
    )


def beside_plan(found: Disagreement) -> tuple[list[Section], list[Check]]:
    """What experts disagree on, in the report on a plan."""
    say = Wording(found)
    said = " ".join([*_answers(say), *unsure(found)])
    parts: list[Part] = [said, *_regrets(say), *_choices(say), *_deciding(say)]
    return [Section("disagreement", tr("What experts disagree on"), parts)], []


def _answers(say: Say) -> Iterator[str]:
    """What all agree on, what they argue about, and what the compromise costs at most."""
    found = say.found
    yield from agreed(say)
    yield from compromise(say)
    pairs = [
        (told.regret, plan.of, id)
        for plan in found.plans
        for id, told in plan.under.items()
        if not told.broken_rules
    ]
    if pairs and (top := max(pairs, key=lambda pair: pair[0]))[0] > NOISE:
        yield tr(
            "Who plans for “{believed}” and meets “{true}” pays {regret} more than need be.",
            believed=called(say, top[1]),
            true=called(say, top[2]),
            regret=say.amount(top[0]),
        )


def _cautions(say: Say) -> Iterator[str]:
    yield from unsure(say.found)
    yield from say.illustration()


def _regrets(say: Say) -> Iterator[Part]:
    """The square of regrets, and of expected damage."""
    found = say.found
    note = tr("Objective of the plan less that of the best plan found for the set.")
    if any(under.regret < 0 for plan in found.every for under in plan.under.values()):
        note += " " + tr("Below 0 it breaks rules of the set that its best plan keeps.")

    def regret(id: str) -> Callable[[PlanAmongSets], Shown | float | None]:
        def of(plan: PlanAmongSets) -> Shown | float | None:
            told = plan.under.get(id)
            if told is None or not told.broken_rules:
                return None if told is None else told.regret
            return Shown(tr("{regret}, breaks rules", regret=rounded(told.regret)), told.regret)

        return of

    def expected(id: str) -> Callable[[PlanAmongSets], float | None]:
        return lambda plan: plan.under[id].expected if id in plan.under else None

    def name(plan: PlanAmongSets) -> str:
        return called(say, plan.of)

    for caption, of, table, said in (
        (
            tr("Regret under each set, {unit}", unit=say.unit),
            regret,
            "experts_regret",
            note,
        ),
        (
            tr("Expected damage under each set, {unit}", unit=say.unit)
            if say.of_damage
            else tr("Expected shortage under each set, {unit}", unit=say.unit),
            expected,
            "experts_damage",
            "",
        ),
    ):
        columns = [Column(tr("Best plan for"), name, "text")]
        columns += [
            Column(say.assumptions(one.id), of(one.id), like=table, key=one.id)
            for one in found.sets
        ]
        yield Table(caption, found.every, columns, table, said)


def _choices(say: Say) -> Iterator[Part]:
    """Start years, project by project."""
    found = say.found

    def start(plan: PlanAmongSets) -> Callable[[str], int | None]:
        return lambda p: plan.projects.get(p)

    columns = [
        Column(tr("Project"), lambda p: say.name("projects", p, found.project_names[p]), "text")
    ]
    columns += [
        Column(called(say, plan.of), start(plan), "year", key=plan.of or "all")
        for plan in found.every
    ]
    yield Table(
        tr("Year in which each plan starts a project"),
        list(found.project_names),
        columns,
        "experts_choices",
    )


def _deciding(say: Say) -> Iterator[Part]:
    """What of a set makes its expert choose otherwise."""
    found = say.found
    rows = [one for one in found.deciding if one.gain > NOISE * max(1.0, abs(one.gain))]
    columns = [
        Column(tr("Set of assumptions"), lambda one: called(say, one.of), "text"),
        Column(tr("Figures"), _figures, "text", width=40),
        Column(tr("Gain of its own plan"), "gain", "outcome", like="gain", key="gain"),
        Column(tr("Without these"), "gain_without", "outcome", like="gain", key="without"),
    ]
    note = tr(
        "What the set's own plan gains over the one for all, under the set; then the same with "
        "these figures as in the file. Where little is left, or less than nothing, these figures "
        "are why the expert chooses otherwise. Both plans are looked at anew, none is sought."
    )
    if found.deciding and not rows:
        yield tr("Under no set does its own plan gain anything over the one for all.")
    yield Table(tr("What makes experts choose otherwise"), rows, columns, "experts_figures", note)


def _figures(one: WhatDecides) -> str:
    """Which figures, and how many: a section by its name."""
    name = one.figures if "." in one.figures else part_called(one.figures)
    return name if one.count == 1 else f"{name} ({number(one.count)})"


def _proofs(say: Say) -> Table:
    """The proof of each plan."""
    found = say.found
    columns = [
        Column(tr("Best plan for"), lambda plan: called(say, plan.of), "text"),
        Column(tr("Objective"), "objective", "objective"),
        Column(tr("Bound"), "bound", "objective"),
        Column(tr("Gap"), "gap", "gap"),
    ]
    note = ""
    if found.over == "regret":
        note = tr("A regret may be nought: its gap is a share of the largest best objective.")
    return Table(tr("The plans and their proofs"), found.every, columns, "proofs", note)
