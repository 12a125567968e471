"""Views of plans, files that are made from them, and the differences between two answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.language import mark_translatable, tr
from models.results import Comparison, Plan
from models.results.plan import WHOLE_BUDGET
from optimizer.analyses.comparison.money import budget_uses
from optimizer.analyses.participation.tables import pooled_supply_note
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.plan_diff import DecisionDiff, Decisions, differences, pair_up
from optimizer.analyses.registry import build_result_document
from optimizer.errors import VorratError
from optimizer.report.cells import format_value
from optimizer.report.document import (
    PAGE,
    Bullets,
    Caution,
    Column,
    Document,
    Part,
    Section,
    Table,
    ValueForm,
    parts_for_medium,
)
from optimizer.report.number_format import (
    NO_BREAK_SPACE,
    ZERO_TOLERANCE,
    format_number,
    format_rounded,
)
from optimizer.report.wording import capitalize, join_with_and

SHIFT_SHARE, MIN_SHIFT = 0.1, 0.5
"""A payer is named if its money changes by more than this share of the largest change and by more
than this amount in million; likewise a project by its contracted output, in percent."""
MIN_TABLE_SHARE = 0.005
"""Differences below this share of the largest are left out of tables."""


def changes_section(plan_before: Plan, plan_after: Plan) -> Section:
    """Return a section that compares the last two answers. They may be about the same scenario or
    about two."""
    wording, plan_headings = PlanWording(plan_after), (tr("Before"), tr("Now"))
    diff = DecisionDiff.between(Decisions.of_plan(plan_before), Decisions.of_plan(plan_after))
    caption = tr("{contracted}: % of a project's output", contracted=wording.contracted_header)
    contracted = _contracted_percentages(wording, diff)
    tables = [
        _damage_table(wording, "materials", (plan_before, plan_after), plan_headings),
        _damage_table(wording, "consumers", (plan_before, plan_after), plan_headings),
        _payments_table(wording, diff),
        _difference_table(caption, tr("Project"), contracted, plan_headings, "secured"),
    ]
    outcome = " ".join(_outcome_sentences(wording, plan_before, plan_after))
    title = tr("From the answer before to this one")
    decisions = Bullets(list(_decision_sentences(wording, plan_before, plan_after, diff)))
    return Section(
        "turned", title, [outcome, decisions, *(table for table in tables if table.rows)]
    )


def _outcome_sentences(wording: PlanWording, plan_before: Plan, plan_after: Plan) -> Iterator[str]:
    """Yield sentences that compare expected damage before and now, with a plan and without any, and
    one on the gaps."""
    outcome_before, outcome_after = plan_before.outcome, plan_after.outcome
    figures = {
        "what": capitalize(wording.expected_outcome),
        "before": wording.amount_for_sentence(outcome_before.expected),
        "now": wording.amount_for_sentence(outcome_after.expected),
        "share": (
            f" ({_signed_text(100 * (outcome_after.expected / outcome_before.expected - 1))}"
            f"{NO_BREAK_SPACE}%)"
            if outcome_before.expected
            else ""
        ),
        "idle": wording.amount_for_sentence(outcome_before.without_plan.expected),
        "idle_now": wording.amount_for_sentence(outcome_after.without_plan.expected),
    }
    if figures["before"] == figures["now"]:
        yield tr("{what} stays at {now}.", **figures)
    elif outcome_before.expected < outcome_after.expected:
        yield tr("{what} rises from {before} to {now}{share}.", **figures)
    else:
        yield tr("{what} falls from {before} to {now}{share}.", **figures)
    if figures["idle"] == figures["idle_now"]:
        yield tr("Without any plan it is {idle}, as before.", **figures)
    else:
        yield tr("Without any plan it is {idle_now}, and was {idle}.", **figures)
    yield _proof_sentence(wording, plan_before, plan_after)
    if (
        0
        < abs(outcome_after.expected - outcome_before.expected)
        <= _combined_gap(plan_before, plan_after)
    ):
        yield tr("A difference in damage as small as this is not distinguished from none.")


def _decision_sentences(
    wording: PlanWording, plan_before: Plan, plan_after: Plan, diff: DecisionDiff
) -> Iterator[str]:
    """Yield sentences on the decisions and payments that differ between two plans."""
    yield from _budget_sentences(wording, plan_before, plan_after)
    if _decisions(plan_before) == _decisions(plan_after):
        yield tr("It is the same plan: what is built, bought and paid is as before.")
        return
    if not diff.leaving and not diff.entering:
        yield tr("The same projects are supported.")
    if diff.leaving:
        yield tr("No longer supported: {projects}.", projects=_project_names(wording, diff.leaving))
    if diff.entering:
        yield tr("Supported now: {projects}.", projects=_project_names(wording, diff.entering))
    unit = wording.money_unit
    by_payer = {f: b - a for f, (a, b) in diff.paid_by_payer_meur.items()}
    if shifts := _signed_shifts(by_payer, wording.payer_name, f" {unit}"):
        yield tr("Put up otherwise, not discounted: {shifts}.", shifts=shifts)
    contracted = {
        name: b - a for name, (a, b) in _contracted_percentages(wording, diff, in_both=True).items()
    }
    if shifts := _signed_shifts(contracted):
        yield tr("{contracted}, in percentage points of output: {shifts}.",
                 contracted=wording.contracted_header, shifts=shifts)  # fmt: skip
    if shifts := _signed_shifts(
        differences(*(_stock_spending(wording, x) for x in (plan_before, plan_after)))
    ):
        yield tr("Largest changes of what is spent on stocks, in {unit}, not discounted: {shifts}.",
                 unit=unit, shifts=shifts)  # fmt: skip


def _combined_gap(*plans: Plan) -> float:
    """Return the sum of the absolute gaps of plans, in the unit of the objective."""
    return sum((p.certificate.gap or 0) * abs(p.certificate.objective) for p in plans)


def _budget_sentences(wording: PlanWording, plan_before: Plan, plan_after: Plan) -> Iterator[str]:
    """Yield a sentence on each funder whose budget was changed, with how much of it is used now."""
    use_before, use_after = (
        {
            use.funder: (use.used_meur, use.granted_meur)
            for use in budget_uses(plan)
            if use.line == WHOLE_BUDGET and use.funder and use.granted_meur
        }
        for plan in (plan_before, plan_after)
    )
    for funder, (used_meur, granted_meur) in use_after.items():
        if abs(granted_meur - use_before.get(funder, (0.0, granted_meur))[1]) > ZERO_TOLERANCE:
            yield tr("{funder}: {used} of {granted} are used.", funder=wording.payer_header(funder),
                     used=format_rounded(used_meur),
                     granted=wording.money_amount(granted_meur))  # fmt: skip


def _decisions(plan: Plan) -> object:
    """Return what a plan builds, buys and pays, by payer, so that two plans can be compared."""
    paid_amounts = [
        (a.funder, a.instrument, a.project, a.stockpile, a.paid_meur) for a in plan.accounts
    ]
    return plan.projects, plan.stockpiles, paid_amounts


def _proof_sentence(wording: PlanWording, *plans: Plan) -> str:
    """Return a sentence on the gaps of two plans, or one that says that a plan is not proven to be
    optimal."""
    proofs = [plan.certificate for plan in plans]
    if any(proof.status != "optimal" or proof.gap is None for proof in proofs):
        return tr("Not both plans are proven to be the best.")
    return tr("Either plan may be improved, by no more than {open} for both together.",
              open=wording.amount_for_sentence(_combined_gap(*plans)))  # fmt: skip


def _signed_shifts(
    shifts: Mapping[str, float], name_of: Callable[[str], str] = str, unit: str = ""
) -> str:
    """Return a text on the changes that are large, with the largest change first."""
    return join_with_and(
        [f"{name_of(key)} {_signed_text(x)}{unit}" for key, x in _large_shifts(shifts)]
    )


def _large_shifts(
    shifts: Mapping[str, float], largest_shift: float | None = None
) -> list[tuple[str, float]]:
    """Return pairs of a name and a change, for changes that are large compared with
    ``largest_shift`` (by default the largest of them). The largest change comes first."""
    if largest_shift is None:
        largest_shift = max(map(abs, shifts.values()), default=0.0)
    large = [
        item
        for item in shifts.items()
        if abs(item[1]) > max(MIN_SHIFT, SHIFT_SHARE * largest_shift)
    ]
    return sorted(large, key=lambda item: -abs(item[1]))


def _signed_text(value: float) -> str:
    return format_value(value, "signed", 0 if abs(value) >= 100 else None)


def _project_names(wording: PlanWording, ids: Iterable[str]) -> str:
    return join_with_and(sorted(wording.name("projects", id) for id in ids))


def _damage_table(
    wording: PlanWording, kind: str, plans: tuple[Plan, Plan], column_headings: tuple[str, str]
) -> Table:
    """Return a table of expected damage in two plans, by material or consumer as ``kind`` states,
    with the sum."""
    labels = {"what": wording.expected_title, "unit": wording.unit}
    caption, head = tr("{what} by consumer ({unit})", **labels), tr("Consumer")
    if kind == "materials":
        caption, head = tr("{what} by material ({unit})", **labels), tr("Material")
    damage_before, damage_after = (
        {wording.name(kind, item.id): item.expected for item in getattr(plan, kind)}
        for plan in plans
    )
    losses = pair_up(damage_before, damage_after, 0.0)
    table = _difference_table(caption, head, losses, column_headings, total=tr("Sum"))
    note = tr("Plans that are as good as a whole may divide it otherwise.")
    return replace(table, note=note) if len(table.rows) > 1 else table


def _stock_spending(wording: PlanWording, plan: Plan) -> dict[str, float]:
    """Return what a plan spends on stocks over all years, by name of the material."""
    spending: dict[str, float] = {}
    for stockpile in plan.stockpiles:
        name = wording.name("materials", stockpile.material)
        spending[name] = spending.get(name, 0.0) + math.fsum(stockpile.cost_meur.values())
    return spending


def _contracted_percentages(
    wording: PlanWording, diff: DecisionDiff, in_both: bool = False
) -> dict[str, tuple[float, float]]:
    """Return the percentages of a project's output that are contracted to consumers at home, by
    name of the project; with ``in_both``, those of projects that both plans build."""
    return {
        wording.name("projects", p): (round(100 * a, 1), round(100 * b, 1))
        for p, (a, b) in diff.offtake.items()
        if not in_both or p not in (*diff.entering, *diff.leaving)
    }


def _payments_table(wording: PlanWording, diff: DecisionDiff) -> Table:
    """Return a table of payments, with a row for each project or stock for which a payer pays much
    more or less. Rows with a different sum come first, then those in which one payer replaces
    another."""
    rows = []
    for item, by_payer in diff.paid_meur.items():
        paid_before, paid_after = (
            math.fsum(amount_pair[n] for amount_pair in by_payer.values()) for n in (0, 1)
        )
        rows.append((item, paid_before, paid_after, {f: b - a for f, (a, b) in by_payer.items()}))
    largest_shift = max((abs(x) for *_, shifts in rows for x in shifts.values()), default=0.0)
    rows = [row for row in rows if _large_shifts(row[3], largest_shift)]
    rows.sort(key=lambda row: (-round(abs(row[2] - row[1])), -max(map(abs, row[3].values()))))
    columns = [
        Column(tr("Project or stock"), lambda row: wording.name(*row[0]), "text"),
        *_comparison_columns(tr("Before"), tr("Now"), "money", "signed"),
        Column(
            tr("Who gives more or less"),
            lambda row: _shift_text(wording, row[3], largest_shift),
            "text",
        ),
    ]
    unit = wording.money_unit
    caption = tr("Who pays for what, where that changes ({unit}, not discounted)", unit=unit)
    note = tr(
        "Smaller changes, up to a tenth of the largest, are left out. Where the sum stays "
        "as it is, one payer steps in for another; several plans may do so equally well."
    )
    return Table(caption, rows, columns, "payments", note=note)


def _shift_text(wording: PlanWording, shifts: Mapping[str, float], largest_shift: float) -> str:
    """Return a text on who pays more or less for one project or stock. Changes that are small
    compared with ``largest_shift`` are added up as those of others."""
    large = _large_shifts(shifts, largest_shift)
    shift_texts = [f"{wording.payer_name(f)} {_signed_text(x)}" for f, x in large]
    remaining_shift = sum(shifts.values()) - sum(x for _, x in large)
    if abs(remaining_shift) > MIN_SHIFT:
        shift_texts.append(f"{tr('others')} {_signed_text(remaining_shift)}")
    return capitalize(join_with_and(shift_texts))


def _difference_table(
    caption: str,
    heading: str,
    value_pairs: Mapping[str, tuple[float, float]],
    column_headings: tuple[str, str],
    name: str = "",
    total: str = "",
) -> Table:
    """Return a table of figures of two plans by name, and their differences, with the largest
    difference first. If ``total`` is given, figures that hardly differ are added up in one row."""
    figures = [(name, *value_pair) for name, value_pair in value_pairs.items()]
    largest = max((abs(y - x) for _, x, y in figures), default=0.0)
    rows = [
        row
        for row in figures
        if abs(row[2] - row[1]) > max(ZERO_TOLERANCE, MIN_TABLE_SHARE * largest)
    ]
    rows.sort(key=lambda row: -abs(row[2] - row[1]))
    remaining_rows = [row for row in figures if row not in rows and row[1:] != (0.0, 0.0)]
    if rows and total and len(remaining_rows) == 1:
        rows += remaining_rows
    elif rows and total and remaining_rows:
        row_name = tr("{count} others", count=format_number(len(remaining_rows)))
        rows.append(
            (row_name, sum(row[1] for row in remaining_rows), sum(row[2] for row in remaining_rows))
        )
    columns = [
        Column(heading, lambda row: row[0], "text"),
        *(
            replace(column, total=bool(total))
            for column in _comparison_columns(*column_headings, "outcome", "signed_outcome")
        ),
    ]
    return Table(caption, rows, columns, name, total_label=total)


def _comparison_columns(then: str, now: str, form: ValueForm, signed: ValueForm) -> list[Column]:
    """Return three columns: the figures of the two plans, and their difference."""
    return [
        Column(then, lambda row: row[1], form, decimals_group="both"),
        Column(now, lambda row: row[2], form, decimals_group="both"),
        Column(tr("Difference"), lambda row: row[2] - row[1], signed),
    ]


def gained_section(
    funder: str, comparison: Comparison, taking_part: Plan, staying_out: Plan
) -> Section:
    """Return a section on what a funder gains by taking part, and what this changes for all
    consumers. ``taking_part`` and ``staying_out`` are the plans with and without this funder, which
    ``comparison`` compares in this order."""
    wording = PlanWording(taking_part)
    view = next(view for view in comparison.own_views if view.funder == funder)
    cost_taking_part, cost_staying_out = (
        comparison.options[n].cost.by_funder.get(funder) for n in (0, 1)
    )
    added_cost = (cost_taking_part.cost_meur if cost_taking_part else 0.0) - (
        cost_staying_out.cost_meur if cost_staying_out else 0.0
    )

    def expected_loss(plan: Plan, ids: Sequence[str]) -> float:
        return sum(consumer.expected for consumer in plan.consumers if consumer.id in ids)

    all_consumers = [consumer.id for consumer in taking_part.consumers]
    name = wording.name("funders", funder)
    sentences = [tr("Taking part costs {name} {cost} net (present value).", name=name,
               cost=wording.money_amount(added_cost))]  # fmt: skip
    for ids in (view.consumers, all_consumers):
        loss_with, loss_without = expected_loss(taking_part, ids), expected_loss(staying_out, ids)
        net_gain = loss_without - loss_with - added_cost
        figures = {"now": loss_with, "alone": loss_without, "less": loss_without - loss_with}
        amounts = {name: wording.amount_for_sentence(value) for name, value in figures.items()}
        if ids and ids is view.consumers:
            sentences.append(
                tr("Its own consumers are expected to lose {less} less: {now} and not {alone}.",
                   **amounts)
            )  # fmt: skip
            if wording.counts_damage and net_gain > 0:
                sentences.append(
                    tr(
                        "That is {over} more than it costs.",
                        over=wording.amount_for_sentence(net_gain),
                    )
                )
        elif ids:
            sentences.append(
                tr("All consumers together are expected to lose {less} less: {now} and not "
                   "{alone}.", **amounts)
            )  # fmt: skip
    sentences.append(_proof_sentence(wording, taking_part, staying_out))
    plan_headings = tr("It stays out"), tr("It takes part")
    table = _damage_table(wording, "consumers", (staying_out, taking_part), plan_headings)
    section_parts: list[Part] = [" ".join(sentences), *([table] if table.rows else [])]
    if wording.case is not None and wording.case.objective.allocation == "pooled":
        section_parts.insert(1, Caution([pooled_supply_note()]))
    return Section("gained", tr("What {name} gains by taking part", name=name), section_parts)


DOWNLOADS = {
    "brief": ("brief.html", "text/html; charset=utf-8"),
    "word": (
        "brief.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "report": ("report.html", "text/html; charset=utf-8"),
    "workbook": (
        "results.xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "plan": ("plan.json", "application/json"),
}
"""Downloads by name: file name and content type."""

PLAN_VIEWS: dict[str, tuple[str, Collection[str]]] = {
    "brief": (mark_translatable("In brief"), ("answer",)),
    "projects": (mark_translatable("Projects"), ("projects",)),
    "money": (mark_translatable("Money"), ("funding", "fiscal", "accounts", "budgets")),
    "stocks": (mark_translatable("Stocks"), ("stocks",)),
    "exposure": (mark_translatable("Dependence"), ("dependence",)),
    "map": (mark_translatable("Map"), ("dependence",)),
    "damage": (mark_translatable("Damage"), ("damage",)),
}
"""Views of one plan: title, and the ids of their sections."""
COMPARISON_VIEWS = {
    "changed": mark_translatable("What has changed"),
    "board": mark_translatable("Options"),
}
"""Views of several plans side by side."""
STRESS_VIEWS = {"stress": mark_translatable("Stress test")}
FUNDER_VIEWS = {"company": mark_translatable("What a funder gains")}
ALL_VIEWS = (
    {name: title for name, (title, _) in PLAN_VIEWS.items()}
    | COMPARISON_VIEWS
    | STRESS_VIEWS
    | FUNDER_VIEWS
)
"""Titles of all views by name."""
KEEP_ONLY = "keep"
"""View without content: a request for it makes the worker keep the document of a plan."""
FLOWS_TABLE = "flows"
"""Name of the table that the view ``map`` shows, and ``exposure`` leaves out."""


class NothingToShow(VorratError):
    """Raised for a view that would have no content."""


class PlanNotKept(VorratError):
    """Raised for a plan that is no longer kept and has to be solved again."""


def plan_view(name: str, document: Document) -> str:
    """Return the view with this name as HTML, from the document of a plan. Raises NothingToShow if
    it is empty, as do the other views."""
    wanted_sections = PLAN_VIEWS[name][1]
    sections = [
        section
        for section in document.sections_for(PAGE, tr("In brief"))
        if section.id in wanted_sections
    ]
    if name in ("map", "exposure"):
        on_map = name == "map"
        sections = [replace(s, parts=list(_map_parts(s.parts, on_map))) for s in sections]
    return _render_sections(document, sections)


def _map_parts(parts: Iterable[Part], on_map: bool) -> Iterable[Part]:
    for part in parts:
        if (isinstance(part, Table) and part.name == FLOWS_TABLE) == on_map:
            yield part


def changes_view(plan_before: Plan, plan_after: Plan) -> str:
    """Return the differences between two plans as HTML."""
    document = _comparison_document([plan_before, plan_after], ["before", "after"], as_given=True)
    wanted_sections = ("projects", "costs")
    sections = [section for section in document.sections_for(PAGE) if section.id in wanted_sections]
    return _render_sections(
        document, [_section_on_page(changes_section(plan_before, plan_after)), *sections]
    )


def _section_on_page(section: Section) -> Section:
    return replace(section, parts=parts_for_medium(section.parts, PAGE))


def options_view(plans: Sequence[Plan]) -> str:
    """Return several plans side by side as HTML, with benefits and costs."""
    document = _comparison_document(plans, [f"option {n}" for n in range(1, len(plans) + 1)])
    wanted_sections = ("answer", "steps", "benefits", "costs", "differences")
    return _render_sections(
        document,
        [
            section
            for section in document.sections_for(PAGE, tr("Options"))
            if section.id in wanted_sections
        ],
    )


def _comparison_document(
    plans: Sequence[Plan], labels: Sequence[str], as_given: bool = False
) -> Document:
    comparison, by_label = _compare_plans(plans, labels)
    return build_result_document(comparison, plans=by_label, as_given=as_given)


def _compare_plans(
    plans: Sequence[Plan], labels: Sequence[str], federal: Collection[str] | None = None
) -> tuple[Comparison, dict[str, Plan]]:
    from optimizer.analyses.comparison.plan_comparison import compare_plans

    comparison = compare_plans(plans, labels, base=labels[0], federal=federal)
    return comparison, dict(zip(labels, plans, strict=True))


def funder_view(funder: str, taking_part: Plan, staying_out: Plan) -> str:
    """Return, as HTML, what a funder gains by taking part rather than staying out."""
    from optimizer.analyses.comparison.funder_page import build_funder_page

    federal = {f.id for f in taking_part.funders if f.kind == "public" and f.id != funder}
    plans = [taking_part, staying_out]
    comparison, by_label = _compare_plans(plans, ["taking part", "staying out"], federal)
    if funder not in {view.funder for view in comparison.own_views}:
        raise NothingToShow(tr("It pays for nothing in this plan, so staying out changes nothing."))
    document = build_funder_page(comparison, by_label, funder)
    section = gained_section(funder, comparison, taking_part, staying_out)
    return _render_sections(document, [_section_on_page(section), *document.sections_for(PAGE)])


def stress_view(result: Any) -> str:
    """Return a stress test as HTML, period by period."""
    document = build_result_document(result)
    return _render_sections(
        document, [s for s in document.sections_for(PAGE, tr("What happens")) if s.id != "method"]
    )


def _render_sections(document: Document, sections: Sequence[Section]) -> str:
    from optimizer.report.render.html import render_sections

    sections = [section for section in sections if section.parts]
    if not sections:
        raise NothingToShow(tr("This plan has nothing of that to show."))
    return render_sections(sections, document.units)


def render_download(name: str, plan: Plan) -> bytes:
    """Return the content of the file ``name`` (a key of ``DOWNLOADS``) that is made from a plan, in
    the current language."""
    from optimizer.analyses.plan.document import brief_document
    from optimizer.report.render import html, word, workbook

    renderers: dict[str, Callable[[], bytes]] = {
        "brief": lambda: html.render_page(brief_document(plan)).encode(),
        "word": lambda: word.render_word(brief_document(plan)),
        "report": lambda: html.render_page(build_result_document(plan)).encode(),
        "workbook": lambda: workbook.render_workbook(build_result_document(plan)),
        "plan": lambda: f"{plan.model_dump_json(indent=2)}\n".encode(),
    }
    return renderers[name]()


DOWNLOADS_WITH_CHAINS = ("report", "workbook", "plan")
"""Files that also describe chains, which takes further recourse evaluations."""
