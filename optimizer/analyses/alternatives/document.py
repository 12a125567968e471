"""Document on near-optimal alternatives to a plan and the robustness of each choice."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from models.language import tr
from models.results import Alternative, Alternatives, PlanFigures, Robustness, RobustnessCase
from optimizer.analyses.sensitivity.document import input_kind_name
from optimizer.analyses.shared_wording import damage_by_set_table
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.document import Bullets, Caution, Column, Document, Part, Section, Table
from optimizer.report.number_format import (
    NO_VALUE,
    format_exact,
    format_number,
    format_percent,
    format_rounded,
    format_small_percent,
    round_outwards,
    sanitize,
)
from optimizer.report.wording import Wording, metric_columns

AlternativesWording = Wording[Alternatives]


class PlanRow(NamedTuple):
    """A row of the table of plans: the plan itself or one of its alternatives."""

    label: str
    plan: PlanFigures
    alternative: Alternative | None


def build_document(result: Alternatives) -> Document:
    """Build the document on alternatives: their number, their differences, and the robustness of
    choices."""
    wording = Wording(result)
    return wording.build_document(
        tr("Vorrat: what else would do"),
        [*_answer_parts(wording), *_figure_tables(wording), *_change_tables(wording)],
        [
            Section("robust", tr("How robust each choice is"), _robustness_tables(wording)),
            Section("others", tr("What other cases choose"), _other_case_tables(wording)),
            Section("method", tr("How it was computed"), [_method_notes(result)]),
            Section("proof", tr("How good the proof is"), [_proof_table(wording)]),
        ],
        answer_title=tr("What else would do"),
    )


def _answer_parts(wording: AlternativesWording) -> Iterator[Part]:
    """Yield the answer of the document, and its cautions."""
    result = wording.result
    yield tr(
        "No plan has an objective below {bound} {unit}; this one has {objective}. An alternative "
        "may have {limit}, {within} above the bound.",
        bound=_format_objective(result, result.bound, round_down=True),
        objective=_format_objective(result, result.plan.objective),
        limit=_format_objective(result, result.limit),
        within=format_small_percent(result.within),
        unit=wording.unit,
    )
    if result.alternatives:
        yield tr(
            "Alternatives within the limit: {count}. They differ from the plan in at most {most} "
            "of {marks} choices.",
            count=format_number(len(result.alternatives)),
            most=format_number(max(alternative.unlike_plan for alternative in result.alternatives)),
            marks=format_number(result.marks),
        )
    if result.exhausted:
        yield tr(
            "It is proven that no other plan within the limit builds other projects or fills other "
            "stockpiles."
        )
    elif not result.alternatives:
        yield tr("No alternative was found.")
    yield from _essential_sentences(wording)
    cautions = []
    if result.plan.objective > result.limit:
        cautions.append(tr("The plan itself is not within the limit."))
    if result.ended == "interrupted":
        cautions.append(tr("Stopped early: alternatives, variants or assumptions are missing."))
    yield Caution([*cautions, *wording.few_states_caution()])


def _format_objective(result: Alternatives, value: float, *, round_down: bool = False) -> str:
    """Format an objective with enough digits to distinguish the bound from the limit.

    A bound is rounded down (``round_down``), since no plan lies below it.
    """
    distance = result.limit - result.bound
    if distance <= 0:
        return format_rounded(value)
    places = min(max(1 - math.floor(math.log10(distance)), 0), 9)
    return format_number(round_outwards(value, places, up=False) if round_down else value, places)


def _essential_sentences(wording: AlternativesWording) -> Iterator[str]:
    """Yield sentences on the projects and stockpiles that all plans within the limit choose, and on
    the projects that none builds."""

    def item_names(kind: str, within: str) -> str:
        items = [
            item for item in wording.result.items if (item.kind, item.within) == (kind, within)
        ]
        return ", ".join(_item_name(wording, item) for item in items)

    if names := item_names("project", "in all"):
        yield tr("Every plan within the limit builds: {names}.", names=names)
    if names := item_names("stockpile", "in all"):
        yield tr("Every plan within the limit fills: {names}.", names=names)
    if names := item_names("project", "in none"):
        yield tr("No plan within the limit builds: {names}.", names=names)


def _item_name(wording: AlternativesWording, item: Robustness) -> str:
    return wording.name(f"{item.kind}s", item.id)


def _figure_tables(wording: AlternativesWording) -> Iterator[Part]:
    """Yield the table of each plan's outcomes and costs, and the table of damage under each
    assumption set."""
    result, unit, money_unit = wording.result, wording.unit, wording.money_unit

    def unlike(row: PlanRow) -> str:
        """Return the distance of a plan from the nearest plan before it, and the proven maximum if
        that is larger."""
        if row.alternative is None:
            return NO_VALUE
        if row.alternative.unlike_proven:
            return format_number(row.alternative.unlike)
        return tr(
            "{found}, at most {most}",
            found=row.alternative.unlike,
            most=row.alternative.unlike_at_most,
        )

    rows = [
        PlanRow(tr("Plan"), result.plan, None),
        *(PlanRow(str(x.number), x.plan, x) for x in result.alternatives),
    ]
    columns = [
        Column(tr("No."), "label", "text"),
        Column(tr("Objective, {unit}", unit=unit), "plan.objective", "outcome", decimals_group="x"),
        Column(
            tr("Expected damage, {unit}", unit=unit), "plan.expected", "outcome", decimals_group="x"
        ),
        Column(
            tr("Worst states (CVaR), {unit}", unit=unit), "plan.cvar", "outcome", decimals_group="x"
        ),
        Column(tr("Above the best, at most"), "plan.above", "gap"),
        *metric_columns(wording, "net_cost", owner="plan."),
        Column(tr("Public money, {unit}", unit=money_unit), "plan.public_meur", "money"),
        Column(tr("Unlike"), unlike, "text"),
    ]
    note = tr(
        "Unlike: choices that differ from the nearest of all plans before it; a second number is "
        "the most that is possible, as far as proven."
    )
    yield Table(tr("The plan and its alternatives"), rows, columns, "figures", note)
    if result.plan.expected_under:
        number_column = Column(tr("No."), "label", "text")
        yield damage_by_set_table(wording, number_column, rows, lambda row: row.plan.expected_under)
        yield tr(
            "Objectives and limit are over all sets of assumptions; damage, tail and net cost of "
            "the first table those under the file as it stands, or else the first set."
        )


def _names_or_dash(wording: AlternativesWording, kind: str, ids: Iterable[str]) -> str:
    """Return the names separated by commas; a dash if there are none."""
    return wording.names(kind, ids) or NO_VALUE


def _change_tables(wording: AlternativesWording) -> list[Part]:
    """Return the table of the projects and stockpiles that each alternative adds to the plan or
    leaves out; empty if there are no alternatives."""
    result = wording.result

    def names_in(kind: str, field: str) -> Callable[[Alternative], str]:
        return lambda alternative: _names_or_dash(wording, kind, getattr(alternative, field))

    columns = [
        Column(tr("No."), lambda alternative: str(alternative.number), "text"),
        Column(tr("Builds instead"), names_in("projects", "entering"), "text"),
        Column(tr("Does not build"), names_in("projects", "leaving"), "text"),
        Column(tr("Stocks up"), names_in("stockpiles", "bought_up"), "text"),
        Column(tr("Does not stock up"), names_in("stockpiles", "given_up"), "text"),
    ]
    title = tr("What is different from the plan")
    return [Table(title, result.alternatives, columns, "changes")] if result.alternatives else []


def _robustness_tables(wording: AlternativesWording) -> list[Part]:
    """Return the table and chart of how often each project or stockpile is chosen, if there are
    any."""
    items_by_index = sorted(wording.result.items, key=lambda item: -(item.index or 0.0))
    if not items_by_index:
        return []
    chart_rows = [
        charts.RobustnessRow(
            _item_name(wording, item),
            item.in_plan,
            item.index,
            (item.alternatives, item.variants, item.assumptions),
        )
        for item in items_by_index
    ]
    title = tr("Robustness index of projects and stockpiles")
    description = tr(
        "A bar for the index of each, hatched where the plan does not have it; marks for the "
        "shares of alternatives, variants and assumption sets. The figures are in the table below."
    )
    chart = Chart("robustness", title, description, lambda: charts.robustness_bars(chart_rows))
    proof_words = {"in all": tr("all have it"), "in none": tr("none has it"), "open": tr("open")}
    frequency_words: dict[Any, str] = {
        "always": tr("always"),
        "nearly always": tr("nearly always"),
        "in most": tr("in most"),
        "in some": tr("in some"),
        "never": tr("never"),
    }
    columns = [
        Column(tr("Project or stockpile"), lambda item: _item_name(wording, item), "text"),
        Column(tr("In the plan"), lambda item: tr("yes") if item.in_plan else tr("no"), "text"),
        Column(tr("All plans within"), lambda item: proof_words[item.within], "text"),
        Column(tr("Alternatives"), "alternatives", "share"),
        Column(tr("Variants"), "variants", "share"),
        Column(tr("Assumptions"), "assumptions", "share"),
        Column(tr("Index"), "index", "share"),
        Column(tr("In words"), lambda item: frequency_words.get(item.says, NO_VALUE), "text"),
    ]
    note = tr(
        "Index: mean of the shares of alternatives, variants and assumption sets that have it, as "
        "far as there are any; neither the plan itself nor what was stopped early is counted. "
        "Always is all, nearly always at least {nearly}, in most at least half. All plans within: "
        "whether it is proven that every plan within the limit has it, or none.",
        nearly=format_percent(0.9),
    )
    has_index = any(item.index is not None for item in items_by_index)
    return [
        Table(
            title, items_by_index, columns, "robustness", note, chart=chart if has_index else None
        )
    ]


def _other_case_tables(wording: AlternativesWording) -> list[Part]:
    """Return the table of variants and assumption sets, with the projects in which their plans
    differ from the plan; empty if none was solved."""
    result, plan_projects = wording.result, wording.result.plan.projects

    def added_projects(other: RobustnessCase) -> str:
        return _names_or_dash(
            wording, "projects", [p for p in other.projects if p not in plan_projects]
        )

    def removed_projects(other: RobustnessCase) -> str:
        is_solved = other.objective is not None
        return _names_or_dash(
            wording, "projects", [p for p in plan_projects if is_solved and p not in other.projects]
        )

    ending_texts = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }
    columns = [
        Column(tr("Variant or assumption"), _other_case_name, "text"),
        Column(tr("Objective, {unit}", unit=wording.unit), "objective", "outcome"),
        Column(tr("Builds instead"), added_projects, "text"),
        Column(tr("Does not build"), removed_projects, "text"),
        Column(
            tr("How it ended"), lambda other: ending_texts.get(other.status, tr("solved")), "text"
        ),
    ]
    note = tr("Each shows one plan within its gap; another as good may choose otherwise.")
    title = tr("Variants and assumption sets, each solved")
    return [Table(title, result.others, columns, "others", note)] if result.others else []


def _other_case_name(case: RobustnessCase) -> str:
    """Return the name of a variant or assumption set, or of a kind of figures with its factor."""
    if case.factor is None:
        return sanitize(case.title)
    return f"{input_kind_name(case.id)} × {format_exact(round(case.factor, 2))}"


def _method_notes(result: Alternatives) -> Bullets:
    """Return notes on how alternatives are searched for, and on the meaning of the figures."""
    return Bullets(
        [
            tr(
                "Alternatives are searched for one after the other: each is to differ as "
                "much as possible from the nearest of the plan and all before it (Brill, "
                "Chang and Hopkins 1982; DeCarolis 2011)."
            ),
            tr(
                "A choice is a project that is built, or a stockpile that is filled: what it buys "
                "over all years lasts for {days} or more days of the need it serves, at its mean "
                "over the years. Plans within the limit are those that buy at least so much for a "
                "stockpile, or nothing.",
                days=format_number(result.least_days),
            ),
        ]
    )


def _proof_table(wording: AlternativesWording) -> Table:
    """Return the table of the plan's gap, of the number of alternatives found, and of how many are
    proven to be as far as possible."""
    result, count = wording.result, len(wording.result.alternatives)
    proven_count = sum(alternative.unlike_proven for alternative in result.alternatives)
    within_text, unlike_text = (
        tr("{some} of {all}", some=some_count, all=all_count)
        for some_count, all_count in ((count, result.wanted), (proven_count, count))
    )
    return wording.proof_table(
        (tr("Gap of the plan"), format_small_percent(result.gap)),
        (tr("Alternatives, all proven to be within the limit"), within_text),
        (tr("Of these proven to be as unlike as can be"), unlike_text),
    )
