"""What else would do, and how robust each choice is, as a document."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from models.language import tr
from models.results import Alternative, Alternatives, PlanFigures, Robustness, RobustnessCase
from optimizer.analyses.assumption_dependence.sentences import damage_by_set_table
from optimizer.analyses.sensitivity.sensitivity_wording import input_kind_name
from optimizer.report.charts import Chart
from optimizer.report.charts import alternatives as charts
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
from optimizer.report.wording import Wording

AlternativesWording = Wording[Alternatives]


class PlanRow(NamedTuple):
    """The plan, or one of its alternatives."""

    label: str
    plan: PlanFigures
    alternative: Alternative | None


def build_document(result: Alternatives) -> Document:
    """How many there are, what is different in them, and how often each choice is made."""
    say = Wording(result)
    return say.build_document(
        tr("Vorrat: what else would do"),
        [*_answer_parts(say), *_figure_tables(say), *_change_tables(say)],
        [
            Section("robust", tr("How robust each choice is"), _robustness_tables(say)),
            Section("others", tr("What other cases choose"), _other_case_tables(say)),
            Section("method", tr("How it was computed"), [_method_notes(result)]),
            Section("proof", tr("How good the proof is"), [_proof_table(say)]),
        ],
        answer_title=tr("What else would do"),
    )


def _answer_parts(wording: AlternativesWording) -> Iterator[Part]:
    """The answer, and the cautions that belong beside it."""
    found = wording.result
    yield tr(
        "No plan has an objective below {bound} {unit}; this one has {objective}. An alternative "
        "may have {limit}, {within} above the bound.",
        bound=_format_objective(found, found.bound, round_down=True),
        objective=_format_objective(found, found.plan.objective),
        limit=_format_objective(found, found.limit),
        within=format_small_percent(found.within),
        unit=wording.unit,
    )
    if found.alternatives:
        yield tr(
            "Alternatives within the limit: {count}. They differ from the plan in at most {most} "
            "of {marks} choices.",
            count=format_number(len(found.alternatives)),
            most=format_number(max(own.unlike_plan for own in found.alternatives)),
            marks=format_number(found.marks),
        )
    if found.exhausted:
        yield tr(
            "It is proven that no other plan within the limit builds other projects or fills other "
            "stockpiles."
        )
    elif not found.alternatives:
        yield tr("No alternative was found.")
    yield from _essential_sentences(wording)
    cautions = []
    if found.plan.objective > found.limit:
        cautions.append(tr("The plan itself is not within the limit."))
    if found.ended == "interrupted":
        cautions.append(tr("Stopped early: alternatives, variants or assumptions are missing."))
    yield Caution([*cautions, *wording.few_states_caution()])


def _format_objective(result: Alternatives, value: float, *, round_down: bool = False) -> str:
    """An objective, with so many digits that bound and limit can be told apart; a bound is rounded
    down, since no plan lies below it."""
    room = result.limit - result.bound
    if room <= 0:
        return format_rounded(value)
    places = min(max(1 - math.floor(math.log10(room)), 0), 9)
    return format_number(round_outwards(value, places, up=False) if round_down else value, places)


def _essential_sentences(wording: AlternativesWording) -> Iterator[str]:
    """What all plans within the limit have, and what none has."""

    def those(kind: str, within: str) -> str:
        some = [item for item in wording.result.items if (item.kind, item.within) == (kind, within)]
        return ", ".join(_item_name(wording, item) for item in some)

    if names := those("project", "in all"):
        yield tr("Every plan within the limit builds: {names}.", names=names)
    if names := those("stockpile", "in all"):
        yield tr("Every plan within the limit fills: {names}.", names=names)
    if names := those("project", "in none"):
        yield tr("No plan within the limit builds: {names}.", names=names)


def _item_name(wording: AlternativesWording, item: Robustness) -> str:
    return wording.name(f"{item.kind}s", item.id)


def _figure_tables(wording: AlternativesWording) -> Iterator[Part]:
    """What each plan leads to and costs, under each set of assumptions as well."""
    found, unit, money = wording.result, wording.unit, wording.money_unit

    def unlike(row: PlanRow) -> str:
        """By how many choices it differs from those before, and what is proven."""
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
        PlanRow(tr("Plan"), found.plan, None),
        *(PlanRow(str(own.number), own.plan, own) for own in found.alternatives),
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
        yield damage_by_set_table(wording, head, rows, lambda row: row.plan.expected_under)
        yield tr(
            "Objectives and limit are over all sets of assumptions; damage, tail and net cost of "
            "the first table those under the file as it stands, or else the first set."
        )


def _names_or_dash(wording: AlternativesWording, kind: str, ids: Iterable[str]) -> str:
    """Names with commas between them; a dash for none."""
    return wording.names(kind, ids) or NO_VALUE


def _change_tables(wording: AlternativesWording) -> list[Part]:
    """What enters and leaves, against the plan."""
    found = wording.result

    def listed(kind: str, field: str) -> Callable[[Alternative], str]:
        return lambda own: _names_or_dash(wording, kind, getattr(own, field))

    columns = [
        Column(tr("No."), lambda own: str(own.number), "text"),
        Column(tr("Builds instead"), listed("projects", "entering"), "text"),
        Column(tr("Does not build"), listed("projects", "leaving"), "text"),
        Column(tr("Stocks up"), listed("stockpiles", "bought_up"), "text"),
        Column(tr("Does not stock up"), listed("stockpiles", "given_up"), "text"),
    ]
    title = tr("What is different from the plan")
    return [Table(title, found.alternatives, columns, "changes")] if found.alternatives else []


def _robustness_tables(wording: AlternativesWording) -> list[Part]:
    """How often each is chosen."""
    ranked = sorted(wording.result.items, key=lambda item: -(item.index or 0.0))
    if not ranked:
        return []
    lines = [
        charts.RobustnessRow(
            _item_name(wording, item),
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
    chart = Chart("robustness", title, shows, lambda: charts.robustness_bars(lines))
    proven = {"in all": tr("all have it"), "in none": tr("none has it"), "open": tr("open")}
    often: dict[Any, str] = {
        "always": tr("always"),
        "nearly always": tr("nearly always"),
        "in most": tr("in most"),
        "in some": tr("in some"),
        "never": tr("never"),
    }
    columns = [
        Column(tr("Project or stockpile"), lambda item: _item_name(wording, item), "text"),
        Column(tr("In the plan"), lambda item: tr("yes") if item.in_plan else tr("no"), "text"),
        Column(tr("All plans within"), lambda item: proven[item.within], "text"),
        Column(tr("Alternatives"), "alternatives", "share"),
        Column(tr("Variants"), "variants", "share"),
        Column(tr("Assumptions"), "assumptions", "share"),
        Column(tr("Index"), "index", "share"),
        Column(tr("In words"), lambda item: often.get(item.says, NO_VALUE), "text"),
    ]
    note = tr(
        "Index: mean of the shares of alternatives, variants and assumption sets that have it, as "
        "far as there are any; neither the plan itself nor what was stopped early is counted. "
        "Always is all, nearly always at least {nearly}, in most at least half. All plans within: "
        "whether it is proven that every plan within the limit has it, or none.",
        nearly=format_percent(0.9),
    )
    known = any(item.index is not None for item in ranked)
    return [Table(title, ranked, columns, "robustness", note, chart=chart if known else None)]


def _other_case_tables(wording: AlternativesWording) -> list[Part]:
    """Variants and assumption sets, each with what its plan does otherwise."""
    found, plan = wording.result, wording.result.plan.projects

    def more(other: RobustnessCase) -> str:
        return _names_or_dash(wording, "projects", [p for p in other.projects if p not in plan])

    def less(other: RobustnessCase) -> str:
        known = other.objective is not None
        return _names_or_dash(
            wording, "projects", [p for p in plan if known and p not in other.projects]
        )

    ended = {
        "infeasible": tr("no plan keeps all rules"),
        "none": tr("no plan found"),
        "limit": tr("stopped early"),
    }
    columns = [
        Column(tr("Variant or assumption"), _other_case_name, "text"),
        Column(tr("Objective, {unit}", unit=wording.unit), "objective", "outcome"),
        Column(tr("Builds instead"), more, "text"),
        Column(tr("Does not build"), less, "text"),
        Column(tr("How it ended"), lambda other: ended.get(other.status, tr("solved")), "text"),
    ]
    note = tr("Each shows one plan within its gap; another as good may choose otherwise.")
    title = tr("Variants and assumption sets, each solved")
    return [Table(title, found.others, columns, "others", note)] if found.others else []


def _other_case_name(case: RobustnessCase) -> str:
    """A variant or an assumption set."""
    if case.factor is None:
        return sanitize(case.title)
    return f"{input_kind_name(case.id)} × {format_exact(round(case.factor, 2))}"


def _method_notes(result: Alternatives) -> Bullets:
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
                days=format_number(result.least_days),
            ),
        ]
    )


def _proof_table(wording: AlternativesWording) -> Table:
    """How good the proof is."""
    found, all_of = wording.result, len(wording.result.alternatives)
    far = sum(own.unlike_proven for own in found.alternatives)
    within, unlike = (
        tr("{some} of {all}", some=some, all=every)
        for some, every in ((all_of, found.wanted), (far, all_of))
    )
    return wording.proof_table(
        (tr("Gap of the plan"), format_small_percent(found.gap)),
        (tr("Alternatives, all proven to be within the limit"), within),
        (tr("Of these proven to be as unlike as can be"), unlike),
    )
