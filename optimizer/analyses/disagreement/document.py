"""What experts disagree on, as a document."""

from collections.abc import Callable, Iterator

from models.language import tr
from models.results import Disagreement, PlanAmongSets, WhatDecides
from optimizer.analyses.comparison.settings import part_called
from optimizer.analyses.plan.under import measures
from optimizer.report.document import Caution, Column, Document, Part, Section, Shown, Table
from optimizer.report.figures import NOISE, number, rounded
from optimizer.report.wording import Wording, listed

Say = Wording[Disagreement]


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


def _all(found: Disagreement) -> list[PlanAmongSets]:
    """The best plans of the sets, and the compromise where there is one."""
    return [*found.plans, *([] if found.compromise is None else [found.compromise])]


def _called(say: Say, id: str | None) -> str:
    """The title of a set; None for the plan for all of them."""
    return tr("One plan for all") if id is None else say.assumptions(id)


def _built(found: Disagreement) -> tuple[list[str], list[str]]:
    """Projects that the best plans of all sets build, and those that only some do."""
    plans = [set(plan.projects) for plan in found.plans]
    in_all = [p for p in found.project_names if all(p in own for own in plans)]
    some = [p for p in found.project_names if p not in in_all and any(p in x for x in plans)]
    return in_all, some


def _answers(say: Say) -> Iterator[str]:
    """What all agree on, what they argue about, and what the compromise costs at most."""
    found, (in_all, some) = say.found, _built(say.found)
    names = {p: say.name("projects", p, found.project_names[p]) for p in found.project_names}
    if in_all:
        yield tr(
            "The best plans of all {count} sets of assumptions build {projects}.",
            count=number(len(found.plans)),
            projects=listed([names[p] for p in in_all]),
        )
    if some:
        yield tr("They differ on {projects}.", projects=listed([names[p] for p in some]))
    elif in_all:
        yield tr("They differ in no project, but in years, shares or stocks at most.")
    else:
        yield tr("None of them builds a project.")
    if (one := found.compromise) is not None and one.under:
        of, worst = max(one.under.items(), key=lambda pair: pair[1].regret)
        yield tr(
            "One plan for all, which minimises {what}, costs at most {regret} more than the best "
            "plan of any set ({set}).",
            what=measures()[found.over],
            regret=say.amount(max(0.0, worst.regret)),
            set=_called(say, of),
        )
    pairs = [
        (told.regret, plan.of, id)
        for plan in found.plans
        for id, told in plan.under.items()
        if not told.broken_rules
    ]
    if pairs and (top := max(pairs, key=lambda pair: pair[0]))[0] > NOISE:
        yield tr(
            "Who plans for “{believed}” and meets “{true}” pays {regret} more than need be.",
            believed=_called(say, top[1]),
            true=_called(say, top[2]),
            regret=say.amount(top[0]),
        )


def _cautions(say: Say) -> Iterator[str]:
    found = say.found
    if found.ended == "interrupted":
        yield tr("Stopped early: not all plans were found.")
    if any(plan.status != "optimal" for plan in _all(found)):
        yield tr("Some plans were stopped before their gap was closed: regrets may be larger.")
    yield from say.illustration()


def _regrets(say: Say) -> Iterator[Part]:
    """The square of regrets, and of expected damage."""
    found = say.found

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
        return _called(say, plan.of)

    for caption, of, called, note in (
        (
            tr("Regret under each set, {unit}", unit=say.unit),
            regret,
            "regrets",
            tr("Objective of the plan less that of the best plan found for the set."),
        ),
        (
            tr("Expected damage under each set, {unit}", unit=say.unit)
            if say.of_damage
            else tr("Expected shortage under each set, {unit}", unit=say.unit),
            expected,
            "damage",
            "",
        ),
    ):
        columns = [Column(tr("Best plan for"), name, "text")]
        columns += [
            Column(say.assumptions(one.id), of(one.id), like=called, key=one.id)
            for one in found.sets
        ]
        yield Table(caption, _all(found), columns, called, note)


def _choices(say: Say) -> Iterator[Part]:
    """Start years, project by project."""
    found = say.found

    def start(plan: PlanAmongSets) -> Callable[[str], int | None]:
        return lambda p: plan.projects.get(p)

    columns = [
        Column(tr("Project"), lambda p: say.name("projects", p, found.project_names[p]), "text")
    ]
    columns += [
        Column(_called(say, plan.of), start(plan), "year", key=plan.of or "all")
        for plan in _all(found)
    ]
    yield Table(
        tr("Year in which each plan starts a project"),
        list(found.project_names),
        columns,
        "choices",
    )


def _deciding(say: Say) -> Iterator[Part]:
    """What of a set makes its expert choose otherwise."""
    found = say.found
    rows = [one for one in found.deciding if one.gain > NOISE * max(1.0, abs(one.gain))]
    columns = [
        Column(tr("Set of assumptions"), lambda one: _called(say, one.of), "text"),
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
    yield Table(tr("What makes experts choose otherwise"), rows, columns, "deciding", note)


def _figures(one: WhatDecides) -> str:
    """Which figures, and how many: a section by its name."""
    name = one.figures if "." in one.figures else part_called(one.figures)
    return name if one.count == 1 else f"{name} ({number(one.count)})"


def _proofs(say: Say) -> Table:
    """The proof of each plan."""
    found = say.found
    columns = [
        Column(tr("Best plan for"), lambda plan: _called(say, plan.of), "text"),
        Column(tr("Objective"), "objective", "objective"),
        Column(tr("Bound"), "bound", "objective"),
        Column(tr("Gap"), "gap", "gap"),
    ]
    note = ""
    if found.over == "regret":
        note = tr("A regret may be nought: its gap is a share of the largest best objective.")
    return Table(tr("The plans and their proofs"), _all(found), columns, "proofs", note)
