"""Document on how the best plan depends on assumption sets."""

from collections.abc import Callable, Iterator

from models.language import tr
from models.results import DecisiveFigures, Disagreement, SetPlan
from optimizer.analyses.comparison.comparison_wording import subject_name
from optimizer.analyses.shared_wording import (
    DisagreementWording,
    agreement_sentences,
    compromise_sentences,
    damage_by_set_caption,
    set_title,
    uncertainty_sentences,
)
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
from optimizer.report.wording import Wording, metric_columns


def build_document(result: Disagreement) -> Document:
    """Build the document: choices on which all sets agree, choices on which they differ, and the
    cost of the compromise."""
    wording = Wording(result)
    return wording.build_document(
        tr("Vorrat: what experts disagree on"),
        [*_answer_sentences(wording), Caution(list(_cautions(wording)))],
        [
            Section(
                "regrets", tr("What each plan costs under each set"), list(_regret_tables(wording))
            ),
            Section("choices", tr("What each plan builds"), list(_choice_tables(wording))),
            Section(
                "deciding", tr("Which figures make the difference"), list(_deciding_tables(wording))
            ),
            Section(
                "proof", tr("How good the proof is"), [_proof_table(wording), wording.proof_table()]
            ),
        ],
    )


def sections_for_plan_report(result: Disagreement) -> tuple[list[Section], list[Check]]:
    """Return the section on assumption sets for the report on a plan; there are no checks."""
    wording = Wording(result)
    summary = " ".join([*_answer_sentences(wording), *uncertainty_sentences(result)])
    answer_parts: list[Part] = [
        summary,
        *_regret_tables(wording),
        *_choice_tables(wording),
        *_deciding_tables(wording),
    ]
    return [Section("disagreement", tr("What experts disagree on"), answer_parts)], []


def _answer_sentences(wording: DisagreementWording) -> Iterator[str]:
    """Yield sentences on the projects in all or some of the best plans of the sets, on the largest
    regret of the compromise, and on the largest regret of any plan that breaks no rule."""
    result = wording.result
    yield from agreement_sentences(wording)
    yield from compromise_sentences(wording)
    regrets = [
        (outcome.regret, plan.of, id)
        for plan in result.plans
        for id, outcome in plan.under.items()
        if not outcome.broken_rules
    ]
    if regrets and (largest_regret := max(regrets, key=lambda pair: pair[0]))[0] > ZERO_TOLERANCE:
        yield tr(
            "Who plans for “{believed}” and meets “{true}” pays {regret} more than need be.",
            believed=set_title(wording, largest_regret[1]),
            true=set_title(wording, largest_regret[2]),
            regret=wording.amount(largest_regret[0]),
        )


def _cautions(wording: DisagreementWording) -> Iterator[str]:
    """Yield cautions that limit the comparison."""
    yield from uncertainty_sentences(wording.result)
    yield from wording.few_states_caution()


def _regret_tables(wording: DisagreementWording) -> Iterator[Part]:
    """Yield the tables of regret and of expected damage, a row per plan and a column per assumption
    set."""
    result = wording.result
    note = tr("Objective of the plan less that of the best plan found for the set.")
    if any(x.regret < 0 for plan in result.all_plans for x in plan.under.values()):
        note += " " + tr("Below 0 it breaks rules of the set that its best plan keeps.")

    def regret_getter(id: str) -> Callable[[SetPlan], DisplayedValue | float | None]:
        def regret_of_plan(plan: SetPlan) -> DisplayedValue | float | None:
            outcome = plan.under.get(id)
            if outcome is None or not outcome.broken_rules:
                return None if outcome is None else outcome.regret
            return DisplayedValue(
                tr("{regret}, breaks rules", regret=format_rounded(outcome.regret)), outcome.regret
            )

        return regret_of_plan

    def damage_getter(id: str) -> Callable[[SetPlan], float | None]:
        return lambda plan: plan.under[id].expected if id in plan.under else None

    def name(plan: SetPlan) -> str:
        return set_title(wording, plan.of)

    for caption, getter_for_set, table, table_note in (
        (
            tr("Regret under each set, {unit}", unit=wording.unit),
            regret_getter,
            "experts_regret",
            note,
        ),
        (damage_by_set_caption(wording), damage_getter, "experts_damage", ""),
    ):
        columns = [Column(tr("Best plan for"), name, "text")]
        columns += [
            Column(
                wording.assumption_set_title(assumption_set.id),
                getter_for_set(assumption_set.id),
                decimals_group=table,
                key=assumption_set.id,
            )
            for assumption_set in result.sets
        ]
        yield Table(caption, result.all_plans, columns, table, table_note)


def _choice_tables(wording: DisagreementWording) -> Iterator[Part]:
    """Yield the table of start years, a row per project and a column per plan."""
    result = wording.result

    def start_getter(plan: SetPlan) -> Callable[[str], int | None]:
        return lambda p: plan.projects.get(p)

    columns = [
        Column(
            tr("Project"), lambda p: wording.name("projects", p, result.project_names[p]), "text"
        )
    ]
    columns += [
        Column(set_title(wording, plan.of), start_getter(plan), "year", key=plan.of or "all")
        for plan in result.all_plans
    ]
    yield Table(
        tr("Year in which each plan starts a project"),
        list(result.project_names),
        columns,
        "experts_choices",
    )


def _deciding_tables(wording: DisagreementWording) -> Iterator[Part]:
    """Yield the table of the figures that explain why the plan of a set differs from the
    compromise."""
    result = wording.result
    rows = [row for row in result.deciding if row.gain > ZERO_TOLERANCE * max(1.0, abs(row.gain))]
    columns = [
        Column(tr("Set of assumptions"), lambda row: set_title(wording, row.of), "text"),
        Column(tr("Figures"), _figure_group_name, "text"),
        Column(tr("Gain of its own plan"), "gain", "outcome", decimals_group="gain", key="gain"),
        Column(
            tr("Without these"), "gain_without", "outcome", decimals_group="gain", key="without"
        ),
    ]
    note = tr(
        "What the set's own plan gains over the one for all, under the set; then the same "
        "with these figures as in the file. Where little is left, or less than nothing, "
        "these figures are why the expert chooses otherwise. Both plans are evaluated again; "
        "neither is searched for."
    )
    if result.deciding and not rows:
        yield tr("Under no set does its own plan gain anything over the one for all.")
    yield Table(tr("What makes experts choose otherwise"), rows, columns, "experts_figures", note)


def _figure_group_name(deciding: DecisiveFigures) -> str:
    """Return the name of a group of figures; if there are several, their number is added."""
    name = deciding.figures if "." in deciding.figures else subject_name(deciding.figures)
    return name if deciding.count == 1 else f"{name} ({format_number(deciding.count)})"


def _proof_table(wording: DisagreementWording) -> Table:
    """Return the table of objective, bound and gap of each plan."""
    result = wording.result
    columns = [
        Column(tr("Best plan for"), lambda plan: set_title(wording, plan.of), "text"),
        *metric_columns(wording, "objective", "bound", "gap"),
    ]
    note = ""
    if result.over == "regret":
        note = tr("A regret may be zero: its gap is a share of the largest best objective.")
    return Table(tr("The plans and their proofs"), result.all_plans, columns, "proofs", note)
