"""What experts disagree on, as a document."""

from collections.abc import Callable, Iterator

from models.language import tr
from models.results import DecisiveFigures, Disagreement, SetPlan
from optimizer.analyses.assumption_dependence.sentences import (
    DisagreementWording,
    agreement_sentences,
    compromise_sentences,
    set_title,
    uncertainty_sentences,
)
from optimizer.analyses.comparison.setting_words import subject_name
from optimizer.report.document import (
    Caution,
    Check,
    Column,
    DisplayedValue,
    Document,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import ZERO_TOLERANCE, format_number, format_rounded
from optimizer.report.wording import Wording


def build_document(result: Disagreement) -> Document:
    """What all sets agree on, what they argue about, and what the compromise costs each."""
    say = Wording(result)
    return say.build_document(
        tr("Vorrat: what experts disagree on"),
        [*_answer_sentences(say), Caution(list(_cautions(say)))],
        [
            Section(
                "regrets", tr("What each plan costs under each set"), list(_regret_tables(say))
            ),
            Section("choices", tr("What each plan builds"), list(_choice_tables(say))),
            Section(
                "deciding", tr("Which figures make the difference"), list(_deciding_tables(say))
            ),
            Section("proof", tr("How good the proof is"), [_proof_table(say), say.proof_table()]),
        ],
        outcome_amounts=[one.without_plan.worst for one in result.sets],
    )


def sections_for_plan_report(result: Disagreement) -> tuple[list[Section], list[Check]]:
    """What experts disagree on, in the report on a plan."""
    say = Wording(result)
    said = " ".join([*_answer_sentences(say), *uncertainty_sentences(result)])
    parts: list[Part] = [said, *_regret_tables(say), *_choice_tables(say), *_deciding_tables(say)]
    return [Section("disagreement", tr("What experts disagree on"), parts)], []


def _answer_sentences(wording: DisagreementWording) -> Iterator[str]:
    """What all agree on, what they argue about, and what the compromise costs at most."""
    found = wording.result
    yield from agreement_sentences(wording)
    yield from compromise_sentences(wording)
    pairs = [
        (told.regret, plan.of, id)
        for plan in found.plans
        for id, told in plan.under.items()
        if not told.broken_rules
    ]
    if pairs and (top := max(pairs, key=lambda pair: pair[0]))[0] > ZERO_TOLERANCE:
        yield tr(
            "Who plans for “{believed}” and meets “{true}” pays {regret} more than need be.",
            believed=set_title(wording, top[1]),
            true=set_title(wording, top[2]),
            regret=wording.amount(top[0]),
        )


def _cautions(wording: DisagreementWording) -> Iterator[str]:
    yield from uncertainty_sentences(wording.result)
    yield from wording.few_states_caution()


def _regret_tables(wording: DisagreementWording) -> Iterator[Part]:
    """The square of regrets, and of expected damage."""
    found = wording.result
    note = tr("Objective of the plan less that of the best plan found for the set.")
    if any(under.regret < 0 for plan in found.all_plans for under in plan.under.values()):
        note += " " + tr("Below 0 it breaks rules of the set that its best plan keeps.")

    def regret(id: str) -> Callable[[SetPlan], DisplayedValue | float | None]:
        def of(plan: SetPlan) -> DisplayedValue | float | None:
            told = plan.under.get(id)
            if told is None or not told.broken_rules:
                return None if told is None else told.regret
            return DisplayedValue(
                tr("{regret}, breaks rules", regret=format_rounded(told.regret)), told.regret
            )

        return of

    def expected(id: str) -> Callable[[SetPlan], float | None]:
        return lambda plan: plan.under[id].expected if id in plan.under else None

    def name(plan: SetPlan) -> str:
        return set_title(wording, plan.of)

    for caption, of, table, said in (
        (
            tr("Regret under each set, {unit}", unit=wording.unit),
            regret,
            "experts_regret",
            note,
        ),
        (
            tr("Expected damage under each set, {unit}", unit=wording.unit)
            if wording.counts_damage
            else tr("Expected shortage under each set, {unit}", unit=wording.unit),
            expected,
            "experts_damage",
            "",
        ),
    ):
        columns = [Column(tr("Best plan for"), name, "text")]
        columns += [
            Column(
                wording.assumption_set_title(one.id), of(one.id), decimals_group=table, key=one.id
            )
            for one in found.sets
        ]
        yield Table(caption, found.all_plans, columns, table, said)


def _choice_tables(wording: DisagreementWording) -> Iterator[Part]:
    """Start years, project by project."""
    found = wording.result

    def start(plan: SetPlan) -> Callable[[str], int | None]:
        return lambda p: plan.projects.get(p)

    columns = [
        Column(tr("Project"), lambda p: wording.name("projects", p, found.project_names[p]), "text")
    ]
    columns += [
        Column(set_title(wording, plan.of), start(plan), "year", key=plan.of or "all")
        for plan in found.all_plans
    ]
    yield Table(
        tr("Year in which each plan starts a project"),
        list(found.project_names),
        columns,
        "experts_choices",
    )


def _deciding_tables(wording: DisagreementWording) -> Iterator[Part]:
    """What of a set makes its expert choose otherwise."""
    found = wording.result
    rows = [one for one in found.deciding if one.gain > ZERO_TOLERANCE * max(1.0, abs(one.gain))]
    columns = [
        Column(tr("Set of assumptions"), lambda one: set_title(wording, one.of), "text"),
        Column(tr("Figures"), _figure_group_name, "text", width=40),
        Column(tr("Gain of its own plan"), "gain", "outcome", decimals_group="gain", key="gain"),
        Column(
            tr("Without these"), "gain_without", "outcome", decimals_group="gain", key="without"
        ),
    ]
    note = tr(
        "What the set's own plan gains over the one for all, under the set; then the same with "
        "these figures as in the file. Where little is left, or less than nothing, these figures "
        "are why the expert chooses otherwise. Both plans are looked at anew, none is sought."
    )
    if found.deciding and not rows:
        yield tr("Under no set does its own plan gain anything over the one for all.")
    yield Table(tr("What makes experts choose otherwise"), rows, columns, "experts_figures", note)


def _figure_group_name(deciding: DecisiveFigures) -> str:
    """Which figures, and how many: a section by its name."""
    name = deciding.figures if "." in deciding.figures else subject_name(deciding.figures)
    return name if deciding.count == 1 else f"{name} ({format_number(deciding.count)})"


def _proof_table(wording: DisagreementWording) -> Table:
    """The proof of each plan."""
    found = wording.result
    columns = [
        Column(tr("Best plan for"), lambda plan: set_title(wording, plan.of), "text"),
        Column(tr("Objective"), "objective", "objective"),
        Column(tr("Bound"), "bound", "objective"),
        Column(tr("Gap"), "gap", "gap"),
    ]
    note = ""
    if found.over == "regret":
        note = tr("A regret may be nought: its gap is a share of the largest best objective.")
    return Table(tr("The plans and their proofs"), found.all_plans, columns, "proofs", note)
