"""Document on an explanation: sentences on each decision and its reasons."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import groupby
from typing import Any

from models.language import mark_translatable, tr
from models.results import (
    AdditionEffect,
    BindingRule,
    ExplainedDecision,
    Explanation,
    LimitValue,
    Regret,
)
from models.scenario.case import child_at
from optimizer.analyses.plan_diff import describe_plan_diff
from optimizer.analyses.shared_wording import damage_by_set_table, shortage_duration_parts
from optimizer.model.rules import RULES
from optimizer.report.cells import format_range
from optimizer.report.charts import Chart, analysis_charts as charts
from optimizer.report.countries import country_name
from optimizer.report.document import (
    PAGE_AND_SHEET,
    Bullets,
    Column,
    Document,
    Part,
    Section,
    Table,
    Text,
)
from optimizer.report.number_format import (
    NO_VALUE,
    decimals_needed,
    format_exact,
    format_number,
    format_percent,
    format_rounded,
    round_outwards,
    sanitize,
)
from optimizer.report.wording import Wording, join_with_and

ExplanationWording = Wording[Explanation]

EARLIEST_START_CLAUSE = mark_translatable("it cannot start before {years}")
"""Clause for a project that starts in the first possible year: a bound, and no constraint."""
RULE_CLAUSES = {name: rule.clause for name, rule in RULES.items() if rule.clause}
RULE_CLAUSES["earliest_start"] = EARLIEST_START_CLAUSE
"""Clause of each rule, by its name."""
RULE_ORDER = [*RULES]
RULE_ORDER.insert(RULE_ORDER.index("offtake_right"), "earliest_start")


def rule_clauses(wording: ExplanationWording, rules: Iterable[BindingRule]) -> str:
    """Return rules as clauses with their tags; rows of the same rule for several years give one
    clause."""

    def rank(rule: BindingRule) -> tuple[int, Any]:
        # A result of a later version may have unknown rules.
        position = RULE_ORDER.index(rule.name) if rule.name in RULE_ORDER else len(RULE_ORDER)
        return position, sorted(rule.about.items())

    clauses = []
    for _, group in groupby(sorted(rules, key=rank), rank):
        same_rules = list(group)
        clause = tr(
            RULE_CLAUSES.get(same_rules[0].name, same_rules[0].name),
            **_clause_values(wording, same_rules),
        )
        clauses.append(f"{clause} ({same_rules[0].tag})")
    return "; ".join(clauses)


def _clause_values(wording: ExplanationWording, rules: list[BindingRule]) -> dict[str, str]:
    """Return the texts that replace the placeholders in a rule's clause."""
    ids, limit = rules[0].about, rules[0].limit
    forms: dict[str, Callable[[float], str]] = {
        "share": format_percent, "money": wording.money_amount, "tonnes": tonnes_text,
        "number": format_number,
    }  # fmt: skip
    kinds = {"project": "projects", "other": "projects", "funder": "funders"}
    kinds |= {"stockpile": "stockpiles", "material": "materials"}
    years = sorted({year for rule in rules for year in rule.years})
    runs = [list(run) for _, run in groupby(enumerate(years), lambda pair: pair[1] - pair[0])]
    spans = [
        str(run[0][1]) if len(run) == 1
        else tr("{first} to {last}", first=run[0][1], last=run[-1][1])
        for run in runs
    ]  # fmt: skip
    return {
        **{part: wording.name(kind, ids[part]) for part, kind in kinds.items() if part in ids},
        "instrument": wording.instrument_name(ids.get("funder", ""), ids.get("instrument", "")),
        "line": wording.budget_line_name(ids.get("funder", ""), ids.get("line", "")),
        "country": country_name(ids.get("country", "")),
        "rule": wording.user_rule_title(ids.get("rule", "")),
        "constraint": sanitize(ids.get("constraint", "")),
        "years": ", ".join(spans),
        **{
            form: "" if limit is None else format_limit(limit)
            for form, format_limit in forms.items()
        },
    }


def item_name(wording: ExplanationWording, decision: ExplainedDecision) -> str:
    """Return the name of the project or stockpile that a decision is about."""
    return wording.name("projects" if decision.kind == "project" else "stockpiles", decision.id)


def tonnes_text(value: float) -> str:
    """Format a number of tonnes with its unit."""
    return f"{format_rounded(value)} {tr('t')}"


def min_regret(decision: ExplainedDecision) -> float:
    """Return the proven lower bound of a decision's regret; 0 if there is none."""
    return 0.0 if decision.regret is None else decision.regret.low or 0.0


def describe_item(wording: ExplanationWording, decision: ExplainedDecision) -> str:
    """Return sentences on the decision about a project or stockpile, and on its reasons."""
    return " ".join(filter(None, _item_sentences(wording, decision)))


def _item_sentences(wording: ExplanationWording, decision: ExplainedDecision) -> Iterator[str]:
    name = item_name(wording, decision)
    if decision.kind == "project":
        if decision.chosen:
            yield (tr("{name} is in, decided in {year}.", name=name, year=decision.start))
        else:
            yield (tr("{name} is out.", name=name))
    elif decision.chosen:
        holding = tonnes_text(decision.held_t or 0.0)
        yield tr(
            "{name} is bought, it holds {tonnes} when it is fullest.", name=name, tonnes=holding
        )
    else:
        yield tr("{name} buys nothing.", name=name)
    if decision.conflict:
        sentence_fields = {"rules": rule_clauses(wording, decision.conflict)}
        if decision.chosen:
            yield tr("No plan can do without it: {rules}.", **sentence_fields)
        else:
            yield tr("No plan can have it: {rules}.", **sentence_fields)
            yield from _describe_missing_investor(decision.conflict)
    elif decision.regret is not None:
        yield from _describe_regret(wording, decision, decision.regret)
    elif decision.kind == "stockpile" and not decision.chosen and not decision.forced_days:
        yield tr("There is no room, no market or no demand for any.")
    else:
        yield tr("What the other decision would cost was not found out.")
    if decision.stops:
        sentence_fields = {"rules": rule_clauses(wording, decision.stops)}
        yield tr("Beside the plan as it stands it does not fit: {rules}.", **sentence_fields)
        yield from _describe_missing_investor(decision.stops)
    if decision.beside is not None:
        yield describe_addition(wording, decision.beside)
    if decision.tight:
        yield tr("No room is left here: {rules}.", rules=rule_clauses(wording, decision.tight))


def _describe_missing_investor(rules: Iterable[BindingRule]) -> Iterator[str]:
    names = {rule.name for rule in rules}
    if "market_finance_limit" in names and all(
        name in RULES and RULES[name].is_financing for name in names
    ):
        yield tr("Nobody carries the rest of its capex.")


def _describe_regret(
    wording: ExplanationWording, decision: ExplainedDecision, regret: Regret
) -> Iterator[str]:
    """Yield sentences on the regret of a decision, and on the best plan with the reversed
    decision."""
    if regret.high is None:
        yield (
            tr("Decided the other way, every plan is worse by {span}; none was found in time.",
               span=f"{format_range(regret)} {wording.unit}")
            if regret.low
            else tr("What the other decision would cost was not found out in time.")
        )  # fmt: skip
        return
    days = format_number(round(decision.forced_days or 0.0, 1))
    condition = {
        ("project", True): tr("Without it"),
        ("project", False): tr("With it"),
        ("stockpile", True): tr("Without these purchases"),
        ("stockpile", False): tr("With {days} more days of need in it", days=days),
    }[decision.kind, decision.chosen]
    worse = f"{format_range(regret)} {wording.unit}"
    if regret.high == 0:
        yield tr("{other} a plan is just as good.", other=condition)
    elif decision.tie:
        yield tr("{other} a plan may be as good: it is worse by {span}, if at all.",
            other=condition,
                 span=worse)  # fmt: skip
    else:
        yield tr("{other} the best plan is worse by {span}.", other=condition, span=worse)
    if regret.instead is not None and not decision.tie:
        changes = describe_plan_diff(wording, regret.instead, excluded_id=decision.id)
        yield tr("Instead: {changes}.", changes=changes) if changes else ""


def describe_addition(wording: ExplanationWording, addition: AdditionEffect) -> str:
    """Return a sentence on what adding an item to the plan would avoid and cost."""
    sentence_fields = {
        "avoided": wording.amount(max(0.0, addition.avoided)),
        "cost": wording.money_amount(addition.net_cost_meur),
    }
    if addition.weighed > addition.weighed_cost:
        return tr(
            "Beside the plan nothing stops it: it would avoid {avoided} of mean damage at a net "
            "cost of {cost}, and the plan would be better by {gain}.",
            gain=wording.amount(addition.weighed - addition.weighed_cost),
            **sentence_fields,
        )
    return tr(
        "Beside the plan nothing stops it, but it would avoid only {avoided} of mean damage, at a "
        "net cost of {cost}.",
        **sentence_fields,
    )


MAX_NAMED = 8
"""Largest number of projects and stockpiles named in one sentence; others are counted."""


def build_document(result: Explanation) -> Document:
    """Build the document on an explanation: regrets, reasons of each decision, and marginal values
    of limits."""
    wording = Wording(result)
    limits_title = tr("What one more million or percentage point is worth")
    method = tr(
        "A project that is out is built all the same, one that is in is ruled out, and "
        "everything else is decided again. A stock that is bought buys nothing; one that "
        "buys nothing holds {days} more days of the need it serves at the end of the last "
        "year, as far as room and market allow.",
        days=format_number(result.days),
    )
    # As many digits as objective and bound need to differ visibly.
    decimals = min(decimals_needed([result.objective]) + 3, 6)
    bound = format_number(round_outwards(result.bound, decimals, up=False), decimals)
    objective = format_number(result.objective, decimals)
    proof = wording.proof_table(
        (tr("Objective of the plan"), f"{objective} {wording.unit}"),
        (tr("No plan below"), f"{bound} {wording.unit}"),
        (tr("Questions stopped early"), format_number(result.cut_short_count)),
    )
    return wording.build_document(
        tr("Vorrat: why each project and each stock is in or out"),
        [*_describe_answer(wording), *_regret_parts(wording)],
        [
            *_reasons_sections(wording),
            Section("budgets", limits_title, _limit_value_parts(wording)),
            Section(
                "lasting",
                tr("How long shortages last"),
                list(shortage_duration_parts(wording, result.adaptation)),
            ),
            Section("method", tr("How it was computed"), [Text(method, PAGE_AND_SHEET)]),
            Section("proof", tr("How good the proof is"), [proof]),
        ],
        title=tr("Why this plan? {title}", title=wording.title),
        answer_title=tr("What each decision is worth"),
    )


def _regret_parts(wording: ExplanationWording) -> Iterator[Part]:
    """Yield the table and chart of the regret of each decision, largest first."""

    def regret_range(decision: ExplainedDecision) -> tuple[float, float]:
        return min_regret(decision), decision.regret.high or 0.0 if decision.regret else 0.0

    with_regret = [x for x in wording.result.items if x.regret and x.regret.high is not None]
    items_by_regret = sorted(with_regret, key=regret_range, reverse=True)
    if not items_by_regret:
        return
    title = tr("What is lost by deciding the other way ({unit})", unit=wording.unit)
    bars = [
        charts.DecisionRegret(
            item_name(wording, x), *regret_range(x), x.chosen, format_range(x.regret)
        )
        for x in items_by_regret
    ]
    description = tr(
        "One bar for each project and stock. It is longest for {name}: {span}. The figures are in "
        "the table below.",
        name=bars[0].name,
        span=f"{bars[0].label} {wording.unit}",
    )
    columns = [
        Column(tr("Project or stock"), lambda decision: item_name(wording, decision), "text"),
        Column(
            tr("In the plan"), lambda decision: tr("yes") if decision.chosen else tr("no"), "text"
        ),
        Column(tr("Lost"), "regret", "range"),
        Column(tr("Mean damage, change"), "regret.expected", "outcome"),
        Column(tr("Net cost, change"), "regret.net_cost_meur", "money"),
    ]
    note = tr(
        "Lost: by the objective, as far as the gaps prove. Changes: of the best plan that was "
        "found the other way against the plan. Decisions that no plan can make the other way are "
        "not shown."
    )
    chart = Chart("regrets", title, description, lambda: charts.regret_bars(bars, wording.unit))
    yield Table(title, items_by_regret, columns, "regrets", note, chart=chart)
    caption = tr("Mean damage, change under each set ({unit})", unit=wording.unit)
    yield damage_by_set_table(
        wording,
        columns[0],
        items_by_regret,
        lambda x: x.regret.expected_under if x.regret else {},
        caption,
    )


MAX_LEFT_OUT_ROWS = 12
"""Largest number of left-out candidates with a row each."""


def left_out_table(explanation: Explanation) -> Table:
    """Return the table of candidate projects that the plan does not build, by increasing regret.

    It is meant for the report on the plan.
    """
    wording = Wording(explanation)

    def rank(decision: ExplainedDecision) -> tuple[float, float]:
        has_regret = decision.regret is not None and decision.regret.high is not None
        if has_regret and decision.regret:
            return (min_regret(decision), decision.regret.high or 0.0)
        return (math.inf, 0.0)

    def reason(decision: ExplainedDecision) -> str:
        if decision.stops:
            clauses = rule_clauses(wording, decision.stops).split("; ")
            first_clause, *other_clauses = (re.sub(r" \(\w+\)$", "", clause) for clause in clauses)
            return "; ".join(
                [first_clause, tr("{count} more", count=len(other_clauses))]
                if other_clauses
                else [first_clause]
            )
        return "" if decision.beside is None else describe_addition(wording, decision.beside)

    def capex(decision: ExplainedDecision) -> float | None:
        return (
            None if wording.case is None else float(wording.case.projects[decision.id].capex_meur)
        )

    def start_range(decision: ExplainedDecision) -> str | None:
        if wording.case is None:
            return None
        years = wording.case.projects[decision.id].start_years(wording.case.horizon.years)
        return tr("{first} to {last}", first=years.start, last=years.stop - 1)

    def displaced_projects(decision: ExplainedDecision) -> str:
        difference = decision.regret and decision.regret.instead
        return (
            "; ".join(wording.name("projects", p) for p in difference.leaving) if difference else ""
        )

    unbuilt = [x for x in explanation.items if x.kind == "project" and not x.chosen]
    impossible = [item_name(wording, candidate) for candidate in unbuilt if candidate.conflict]
    left_out = [candidate for candidate in unbuilt if not candidate.conflict]
    columns = [
        Column(tr("Project"), lambda candidate: item_name(wording, candidate), "text"),
        Column(tr("May start"), start_range, "text"),
        Column(tr("Capex announced"), capex, "money"),
        Column(tr("Worse by"), "regret", "range"),
        Column(tr("Public money for it"), "regret.public_meur", "money"),
        Column(tr("Net cost in addition"), "regret.net_cost_meur", "signed"),
        Column(tr("Then not built"), displaced_projects, "text"),
        Column(tr("Why"), reason, "text"),
    ]
    note = tr(
        "Worse by: what the objective loses in the best plan that builds it, as far as the gaps "
        "prove ({unit}); what public funders put into it there, guaranteed loans in full; what "
        "that plan costs in addition, all funders together, and what it does not build. Money in "
        "{million}. Budgets, tickets and the number of starts hold there too: where a budget is "
        "used up, the public money for it is taken from other projects or stocks.",
        unit=wording.unit,
        million=wording.money_unit,
    )
    if impossible:
        note += " " + tr("No plan may start: {projects}.", projects=", ".join(impossible))
    ranked_items = sorted(left_out, key=rank)
    if len(ranked_items) > MAX_LEFT_OUT_ROWS:
        remaining_names = join_with_and(
            [item_name(wording, candidate) for candidate in ranked_items[MAX_LEFT_OUT_ROWS:]]
        )
        note += " " + tr("Left out by more: {projects}.", projects=remaining_names)
    title = tr("Candidates that are left out, and what building them would cost")
    return Table(title, ranked_items[:MAX_LEFT_OUT_ROWS], columns, "left-out", note)


def _reasons_sections(wording: ExplanationWording) -> Iterator[Section]:
    """Yield the sections with the reasons of projects and stocks that are chosen, and of those that
    are not, by decreasing regret."""

    def importance(decision: ExplainedDecision) -> float:
        regret = -1.0 if decision.regret is None else min_regret(decision)
        return float("inf") if decision.conflict else regret

    items_by_importance = sorted(wording.result.items, key=importance, reverse=True)
    for id, title, kind, is_chosen in (
        ("projects-out", tr("Projects that are out"), "project", False),
        ("projects-in", tr("Projects that are in"), "project", True),
        ("stocks-in", tr("Stocks that are bought"), "stockpile", True),
        ("stocks-out", tr("Stocks that buy nothing"), "stockpile", False),
    ):
        decisions = [x for x in items_by_importance if x.kind == kind and x.chosen == is_chosen]
        yield Section(id, title, [Bullets([describe_item(wording, x) for x in decisions])])


def _limit_value_parts(wording: ExplanationWording) -> list[Part]:
    """Return the table of the gain from each additional million of a budget, or percentage point of
    another limit."""

    def current_value(value: LimitValue) -> str:
        formats = {"share": format_percent, "budget": wording.money_amount, "unit": format_number}
        text = formats[value.kind](value.now)
        figure = reduce(child_at, value.path.split("."), wording.case)
        written = getattr(figure, "written", None)
        return f"{text} ({tr('in the file: {figure}', figure=written)})" if written else text

    def gains_by_step(value: LimitValue) -> str:
        """Return a text with the gain at each step.

        Steps that were not solved have the range that follows from other steps, if there is one.
        """
        solved_steps = [entry for entry in value.steps if (entry.low, entry.high) != (None, None)]
        texts = [f"{format_number(entry.step)}: {format_range(entry)}" for entry in solved_steps]
        return "; ".join(texts) or NO_VALUE

    def first_visible_step(value: LimitValue) -> str:
        """Return a text with the smallest step that has a proven gain, and how the plan changes at
        it."""
        if value.visible is None:
            return tr("none seen")
        step = next(entry for entry in value.steps if entry.step == value.visible)
        changes = "" if step.instead is None else describe_plan_diff(wording, step.instead)
        figure = format_number(value.visible)
        return f"{figure}: {changes}" if changes else figure

    columns = [
        Column(tr("Budget or limit"), lambda value: limit_name(wording, value), "text"),
        Column(tr("As it is"), current_value),
        Column(tr("Unused"), "unused_meur", "money"),
        Column(tr("Worth of one more, by step"), gains_by_step, "text"),
        Column(tr("Seen from"), first_visible_step, "text"),
    ]
    note = tr(
        "Solved again at each step, of a budget the smaller ones only where it is used up, "
        "of limits those that leave no room. Gain for each million or percentage point, by "
        "the objective, in {unit}. Last: the smallest step whose gain is proven, and what it "
        "changes.",
        unit=wording.unit,
    )
    if any(value.kind == "unit" for value in wording.result.values):
        note += " " + tr(
            "Of a rule of your own, a step is one project, tonne or million, or 0.1 of a multiple; "
            "a lower limit is reduced by it."
        )
    limit_values, title = (
        wording.result.values,
        tr("What one more million or percentage point is worth"),
    )
    return [Table(title, limit_values, columns, "budgets", note)] if limit_values else []


def _describe_answer(wording: ExplanationWording) -> Iterator[str]:
    """Yield sentences on what was solved, and on facts that apply to all decisions."""
    result, decisions = wording.result, wording.result.items
    project_choices, stock_choices = (
        [decision.chosen for decision in decisions if decision.kind == kind]
        for kind in ("project", "stockpile")
    )
    yield tr(
        "The plan builds {built} of {projects} projects and buys {bought} of {stocks} "
        "stocks. Each of these decisions was made the other way and everything else decided "
        "again.",
        built=sum(project_choices),
        projects=len(project_choices),
        bought=sum(stock_choices),
        stocks=len(stock_choices),
    )
    case = wording.case
    if case is not None and case.planned_review is not None:
        yield tr(
            "A project is in if some group of {year} builds it, and its year is the earliest; the "
            "other way is to build it in every group, or in none.",
            year=int(case.planned_review.year),
        )
    if case is not None and case.objective.over_assumptions is not None:
        yield tr(
            "The plan is made over sets of assumptions: what is lost is lost over all of them."
        )
    cost = format_exact(result.cost_weight)
    if result.cvar_weight > 0:
        yield tr(
            "Better and worse are by the scenario's objective: mean damage with weight {mean}, the "
            "mean of the worst {tail} of states with weight {weight}, and net cost with weight "
            "{cost}. Ranges are what the solves prove.",
            mean=format_percent(1 - result.cvar_weight),
            weight=format_percent(result.cvar_weight),
            tail=format_percent(1 - result.cvar_level),
            cost=cost,
        )
    else:
        yield tr(
            "Better and worse are by the scenario's objective: mean damage plus net cost with "
            "weight {cost}. Ranges are what the solves prove.",
            cost=cost,
        )

    def list_names(listed: Iterable[ExplainedDecision]) -> str:
        names = [item_name(wording, decision) for decision in listed]
        shown_names, more_count = ", ".join(names[:MAX_NAMED]), len(names) - MAX_NAMED
        if more_count <= 0:
            return shown_names
        return tr("{names} and {more} more", names=shown_names, more=more_count)

    if tie_names := list_names(
        decision for decision in decisions if decision.tie and not decision.is_cut_short
    ):
        yield tr("Too close to call, so that a plan may be as good the other way: {names}.",
                 names=tie_names)  # fmt: skip
    if unsettled_names := list_names(x for x in decisions if x.is_cut_short and not min_regret(x)):
        yield tr("Not settled before a limit was met: {names}.", names=unsettled_names)
    gain = result.objective - result.best
    if gain > 2 * result.gap_target * max(abs(result.objective), 1e-6):
        yield tr(
            "A better plan was found on the way, by {gain}: solve the scenario again with a "
            "smaller gap. What comes instead is described against that plan.",
            gain=wording.amount(gain),
        )
    if result.ended == "interrupted":
        yield tr("Stopped early: some questions have no answer.")


def limit_name(wording: ExplanationWording, value: LimitValue) -> str:
    """Return the name of a budget or of another limit."""
    path_steps, f = value.path.split("."), value.funder or ""
    name_fields = {"funder": wording.name("funders", f), "year": value.year}
    if value.kind == "unit":
        return wording.user_rule_title(path_steps[2])
    if value.project is not None:
        project = wording.name("projects", value.project)
        return tr("Share that lenders and investors carry of {project}", project=project)
    if path_steps[-1] == "max_share":
        name = wording.instrument_name(f, path_steps[-2])
        return tr("Largest share: {funder}, {instrument}", instrument=name, **name_fields)
    if value.funder is not None:
        name = tr("Budget of {funder}", **name_fields)
        if "budget_lines" in path_steps:
            name = tr(
                "{funder}, line {line}",
                line=wording.budget_line_name(f, path_steps[3]),
                **name_fields,
            )
        return name if value.year is None else f"{name}, {value.year}"
    return {
        "policy.budget_meur": tr("Budget of all public funders"),
        "policy.max_public_share": tr("Largest public share of a project"),
        "policy.state_aid.max_intensity": tr("Largest state aid, share of capex"),
        "policy.max_country_share.limit": tr("Largest share of need from one country"),
    }.get(value.path, value.path)
