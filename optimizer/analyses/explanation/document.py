"""Why a plan is as it is, as a document: what is in or out, and why, in sentences."""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import groupby
from typing import Any

from models.language import tr
from models.results import (
    AdditionEffect,
    BindingRule,
    ExplainedDecision,
    Explanation,
    LimitValue,
    Regret,
)
from optimizer.analyses.assumption_dependence.sentences import damage_by_set_table
from optimizer.analyses.plan.shortage_durations import shortage_duration_parts
from optimizer.analyses.plan_diff import describe_plan_diff
from optimizer.report.cells import format_range
from optimizer.report.charts import Chart
from optimizer.report.charts import explanation as charts
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
)
from optimizer.report.wording import Wording, join_with_and

ExplanationWording = Wording[Explanation]

MAX_NAMED = 8
"""Projects and stocks that are named in one sentence; the others are counted."""

RULE_CLAUSE_TABLES = tomllib.loads(
    (files("optimizer.analyses.explanation") / "rules.toml").read_text(encoding="utf-8")
)
RULE_CLAUSES: dict[str, str] = {**RULE_CLAUSE_TABLES["any"], **RULE_CLAUSE_TABLES["financing"]}
"""Rules as clauses, in the order in which they are told."""
RULE_ORDER = list(RULE_CLAUSES)


def build_document(result: Explanation) -> Document:
    """What each decision is worth, why each was made, and what more of a limit would bring."""
    say = Wording(result)
    worth = tr("What one more million or percentage point is worth")
    method = tr(
        "A project that is out is built all the same, one that is in is ruled out, and everything "
        "else is decided anew. A stock that is bought buys nothing; one that buys nothing holds "
        "{days} more days of the need it serves at the end of the last year, as far as room and "
        "market allow.",
        days=format_number(result.days),
    )
    # So many digits that the two can be told apart.
    places = min(decimals_needed([result.objective]) + 3, 6)
    bound = format_number(round_outwards(result.bound, places, up=False), places)
    proof = say.proof_table(
        (tr("Objective of the plan"), f"{format_number(result.objective, places)} {say.unit}"),
        (tr("No plan below"), f"{bound} {say.unit}"),
        (tr("Questions stopped early"), format_number(result.cut_short_count)),
    )
    return say.build_document(
        tr("Vorrat: why each project and each stock is in or out"),
        [*_describe_answer(say), *_regret_parts(say)],
        [
            _reasons_section(
                say, "projects-out", tr("Projects that are out"), "project", chosen=False
            ),
            _reasons_section(
                say, "projects-in", tr("Projects that are in"), "project", chosen=True
            ),
            _reasons_section(
                say, "stocks-in", tr("Stocks that are bought"), "stockpile", chosen=True
            ),
            _reasons_section(
                say, "stocks-out", tr("Stocks that buy nothing"), "stockpile", chosen=False
            ),
            Section("budgets", worth, _limit_value_parts(say)),
            Section(
                "lasting",
                tr("How long shortages last"),
                list(shortage_duration_parts(say, result.adaptation)),
            ),
            Section("method", tr("How it was computed"), [Text(method, PAGE_AND_SHEET)]),
            Section("proof", tr("How good the proof is"), [proof]),
        ],
        title=tr("Why this plan? {title}", title=say.title),
        answer_title=tr("What each decision is worth"),
    )


def _regret_parts(wording: ExplanationWording) -> Iterator[Part]:
    """What each decision is worth, those that matter most first."""

    def ends(one: ExplainedDecision) -> tuple[float, float]:
        return min_regret(one), one.regret.high or 0.0 if one.regret else 0.0

    known = [one for one in wording.result.items if one.regret and one.regret.high is not None]
    some = sorted(known, key=ends, reverse=True)
    if not some:
        return
    title = tr("What is lost by deciding the other way ({unit})", unit=wording.unit)
    bars = [
        charts.DecisionRegret(
            item_name(wording, one), *ends(one), one.chosen, format_range(one.regret)
        )
        for one in some
    ]
    shows = tr(
        "One bar for each project and stock. It is longest for {name}: {span}. The figures are in "
        "the table below.",
        name=bars[0].name,
        span=f"{bars[0].label} {wording.unit}",
    )
    columns = [
        Column(tr("Project or stock"), lambda one: item_name(wording, one), "text"),
        Column(tr("In the plan"), lambda one: tr("yes") if one.chosen else tr("no"), "text"),
        Column(tr("Lost"), "regret", "range"),
        Column(tr("Mean damage, change"), "regret.expected", "outcome"),
        Column(tr("Net cost, change"), "regret.net_cost_meur", "money"),
    ]
    note = tr(
        "Lost: by the objective, as far as the gaps prove. Changes: of the best plan that was "
        "found the other way against the plan. Decisions that no plan can make the other way are "
        "not shown."
    )
    chart = Chart("regrets", title, shows, lambda: charts.regret_bars(bars, wording.unit))
    yield Table(title, some, columns, "regrets", note, chart=chart)
    caption = tr("Mean damage, change under each set ({unit})", unit=wording.unit)
    yield damage_by_set_table(wording, columns[0], some, _expected_by_set, caption)


def _expected_by_set(explained: ExplainedDecision) -> Mapping[str, float]:
    return {} if explained.regret is None else explained.regret.expected_under


MAX_LEFT_OUT_ROWS = 12
"""Candidates that are left out with a row each."""


def left_out_table(explanation: Explanation) -> Table:
    """Candidates that the plan does not build, those first that would cost least to build, for the
    report on the plan."""
    say = Wording(explanation)

    def far(one: ExplainedDecision) -> tuple[float, float]:
        known = one.regret is not None and one.regret.high is not None
        return (
            (min_regret(one), one.regret.high or 0.0) if known and one.regret else (math.inf, 0.0)
        )

    def why(one: ExplainedDecision) -> str:
        if one.stops:
            first, *more = (re.sub(r" \(\w+\)$", "", clause)
                            for clause in rule_clauses(say, one.stops).split("; "))  # fmt: skip
            return "; ".join([first, tr("{count} more", count=len(more))] if more else [first])
        return "" if one.beside is None else _describe_addition(say, one.beside)

    def capex(one: ExplainedDecision) -> float | None:
        return None if say.case is None else float(say.case.projects[one.id].capex_meur)

    def may_start(one: ExplainedDecision) -> str | None:
        if say.case is None:
            return None
        years = say.case.projects[one.id].start_years(say.case.horizon.years)
        return tr("{first} to {last}", first=years.start, last=years.stop - 1)

    def instead(one: ExplainedDecision) -> str:
        other = one.regret and one.regret.instead
        return "; ".join(say.name("projects", p) for p in other.leaving) if other else ""

    every = [one for one in explanation.items if one.kind == "project" and not one.chosen]
    never = [item_name(say, one) for one in every if one.conflict]
    out = [one for one in every if not one.conflict]
    columns = [
        Column(tr("Project"), lambda one: item_name(say, one), "text"),
        Column(tr("May start"), may_start, "text"),
        Column(tr("Capex announced"), capex, "money"),
        Column(tr("Worse by"), "regret", "range"),
        Column(tr("Public money for it"), "regret.public_meur", "money"),
        Column(tr("Net cost in addition"), "regret.net_cost_meur", "signed"),
        Column(tr("Then not built"), instead, "text"),
        Column(tr("Why"), why, "text"),
    ]
    note = tr(
        "Worse by: what the objective loses in the best plan that builds it, as far as the gaps "
        "prove ({unit}); what public funders put into it there, guaranteed loans in full; what "
        "that plan costs in addition, all funders together, and what it does not build. Money in "
        "{million}. Budgets, tickets and the number of starts hold there too: where a budget is "
        "used up, the public money for it is taken from other projects or stocks.",
        unit=say.unit,
        million=say.money_unit,
    )
    if never:
        note += " " + tr("No plan may start: {projects}.", projects=", ".join(never))
    ranked = sorted(out, key=far)
    if len(ranked) > MAX_LEFT_OUT_ROWS:
        rest = join_with_and([item_name(say, one) for one in ranked[MAX_LEFT_OUT_ROWS:]])
        note += " " + tr("Left out by more: {projects}.", projects=rest)
    title = tr("Candidates that are left out, and what building them would cost")
    return Table(title, ranked[:MAX_LEFT_OUT_ROWS], columns, "left-out", note)


def _reasons_section(
    wording: ExplanationWording, id: str, title: str, kind: str, *, chosen: bool
) -> Section:
    """Projects or stockpiles that are in or out, those that matter most first."""

    def matters(one: ExplainedDecision) -> float:
        known = -1.0 if one.regret is None else min_regret(one)
        return float("inf") if one.conflict else known

    some = [one for one in wording.result.items if one.kind == kind and one.chosen == chosen]
    told = [describe_item(wording, one) for one in sorted(some, key=matters, reverse=True)]
    return Section(id, title, [Bullets(told)])


def _limit_value_parts(wording: ExplanationWording) -> list[Part]:
    """What one more million of each budget, or point of each limit, is worth."""

    def now(value: LimitValue) -> str:
        return (
            format_percent(value.now) if value.kind == "share" else wording.money_amount(value.now)
        )

    def worth(value: LimitValue) -> str:
        """At each step; of those that were not solved by themselves what others say of them."""
        known = [one for one in value.steps if (one.low, one.high) != (None, None)]
        return (
            "; ".join(f"{format_number(one.step)}: {format_range(one)}" for one in known)
            or NO_VALUE
        )

    def seen(value: LimitValue) -> str:
        """From which step on a gain shows, and what it lets in."""
        if value.visible is None:
            return tr("none seen")
        step = next(one for one in value.steps if one.step == value.visible)
        told = "" if step.instead is None else describe_plan_diff(wording, step.instead)
        return f"{format_number(value.visible)}: {told}" if told else format_number(value.visible)

    columns = [
        Column(tr("Budget or limit"), lambda value: limit_name(wording, value), "text"),
        Column(tr("As it is"), now),
        Column(tr("Unused"), "unused_meur", "money"),
        Column(tr("Worth of one more, by step"), worth, "text"),
        Column(tr("Seen from"), seen, "text"),
    ]
    note = tr(
        "Solved anew at each step, of a budget the smaller ones only where it is used up, of "
        "limits those that leave no room. Gain for each million or percentage point, by the "
        "objective, in {unit}. Last: the smallest step whose gain is proven, and what it changes.",
        unit=wording.unit,
    )
    values, title = wording.result.values, tr("What one more million or percentage point is worth")
    return [Table(title, values, columns, "budgets", note)] if values else []


def rule_clauses(wording: ExplanationWording, rules: Iterable[BindingRule]) -> str:
    """Rules as clauses with their tags, the years of one budget together."""

    def rank(rule: BindingRule) -> tuple[int, Any]:
        # A result may be of a later version.
        known = RULE_ORDER.index(rule.name) if rule.name in RULE_ORDER else len(RULE_ORDER)
        return known, sorted(rule.about.items())

    told = []
    for _, group in groupby(sorted(rules, key=rank), rank):
        some = list(group)
        clause = tr(RULE_CLAUSES.get(some[0].name, some[0].name), **_clause_values(wording, some))
        told.append(f"{clause} ({some[0].tag})")
    return "; ".join(told)


def _clause_values(wording: ExplanationWording, rules: list[BindingRule]) -> dict[str, str]:
    """What can stand in the clause of a rule."""
    about, limit = rules[0].about, rules[0].limit
    forms: dict[str, Callable[[float], str]] = {
        "share": format_percent, "money": wording.money_amount, "tonnes": tonnes_text, "number": format_number,
    }  # fmt: skip
    kinds = {"project": "projects", "other": "projects", "funder": "funders"}
    kinds |= {"stockpile": "stockpiles", "material": "materials"}
    years = sorted({year for rule in rules for year in rule.years})
    runs = [list(run) for _, run in groupby(enumerate(years), lambda at: at[1] - at[0])]
    spans = [
        str(run[0][1]) if len(run) == 1
        else tr("{first} to {last}", first=run[0][1], last=run[-1][1])
        for run in runs
    ]  # fmt: skip
    return {
        **{part: wording.name(kind, about[part]) for part, kind in kinds.items() if part in about},
        "instrument": wording.instrument_name(about.get("funder", ""), about.get("instrument", "")),
        "line": wording.budget_line_name(about.get("funder", ""), about.get("line", "")),
        "country": country_name(about.get("country", "")),
        "years": ", ".join(spans),
        **{form: "" if limit is None else said(limit) for form, said in forms.items()},
    }


def item_name(wording: ExplanationWording, explained: ExplainedDecision) -> str:
    """The name of a project or a stockpile."""
    return wording.name("projects" if explained.kind == "project" else "stockpiles", explained.id)


def tonnes_text(value: float) -> str:
    """Tonnes with their unit."""
    return f"{format_rounded(value)} {tr('t')}"


def _describe_answer(wording: ExplanationWording) -> Iterator[str]:
    """What was asked, and what holds of all answers."""
    found, every = wording.result, wording.result.items
    projects, stocks = (
        [one.chosen for one in every if one.kind == kind] for kind in ("project", "stockpile")
    )
    yield tr(
        "The plan builds {built} of {projects} projects and buys {bought} of {stocks} stocks. Each "
        "of these decisions was made the other way and everything else decided anew.",
        built=sum(projects),
        projects=len(projects),
        bought=sum(stocks),
        stocks=len(stocks),
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
    cost = format_exact(found.cost_weight)
    yield (
        tr(
            "Better and worse are by the scenario's objective: mean damage with weight {mean}, the "
            "mean of the worst {tail} of states with weight {weight}, and net cost with weight "
            "{cost}. Ranges are what the solves prove.",
            mean=format_percent(1 - found.cvar_weight),
            weight=format_percent(found.cvar_weight),
            tail=format_percent(1 - found.cvar_level),
            cost=cost,
        )
        if found.cvar_weight > 0
        else tr(
            "Better and worse are by the scenario's objective: mean damage plus net cost with "
            "weight {cost}. Ranges are what the solves prove.",
            cost=cost,
        )
    )

    def listed(some: Iterable[ExplainedDecision]) -> str:
        names = [item_name(wording, one) for one in some]
        more = len(names) - MAX_NAMED
        told = ", ".join(names[:MAX_NAMED])
        return tr("{names} and {more} more", names=told, more=more) if more > 0 else told

    if ties := listed(one for one in every if one.tie and not one.is_cut_short):
        yield tr("Too close to call, so that a plan may be as good the other way: {names}.",
                 names=ties)  # fmt: skip
    if late := listed(one for one in every if one.is_cut_short and not min_regret(one)):
        yield tr("Not settled before a limit was met: {names}.", names=late)
    gain = found.objective - found.best
    if gain > 2 * found.gap_target * max(abs(found.objective), 1e-6):
        yield tr(
            "A better plan was found on the way, by {gain}: solve the scenario again with a "
            "smaller gap. What comes instead is told against that plan.",
            gain=wording.amount(gain),
        )
    if found.ended == "interrupted":
        yield tr("Stopped early: some questions have no answer.")


def min_regret(explained: ExplainedDecision) -> float:
    """What is lost at least by deciding otherwise."""
    return 0.0 if explained.regret is None else explained.regret.low or 0.0


def describe_item(wording: ExplanationWording, explained: ExplainedDecision) -> str:
    """All that is told of one project or stockpile."""
    return " ".join(filter(None, _item_sentences(wording, explained)))


def _item_sentences(wording: ExplanationWording, explained: ExplainedDecision) -> Iterator[str]:
    named = item_name(wording, explained)
    if explained.kind == "project":
        yield (
            tr("{name} is in, decided in {year}.", name=named, year=explained.start)
            if explained.chosen
            else tr("{name} is out.", name=named)
        )
    elif explained.chosen:
        held = tonnes_text(explained.held_t or 0.0)
        yield tr("{name} is bought, it holds {tonnes} when it is fullest.", name=named, tonnes=held)
    else:
        yield tr("{name} buys nothing.", name=named)
    if explained.conflict:
        told = {"rules": rule_clauses(wording, explained.conflict)}
        if explained.chosen:
            yield tr("No plan can do without it: {rules}.", **told)
        else:
            yield tr("No plan can have it: {rules}.", **told)
            yield from _describe_missing_investor(explained.conflict)
    elif explained.regret is not None:
        yield from _describe_regret(wording, explained, explained.regret)
    elif explained.kind == "stockpile" and not explained.chosen and not explained.forced_days:
        yield tr("There is no room, no market or no demand for any.")
    else:
        yield tr("What the other decision would cost was not found out.")
    if explained.stops:
        told = {"rules": rule_clauses(wording, explained.stops)}
        yield tr("Beside the plan as it stands it does not fit: {rules}.", **told)
        yield from _describe_missing_investor(explained.stops)
    if explained.beside is not None:
        yield _describe_addition(wording, explained.beside)
    if explained.tight:
        yield tr("No room is left here: {rules}.", rules=rule_clauses(wording, explained.tight))


def _describe_missing_investor(rules: Iterable[BindingRule]) -> Iterator[str]:
    names = {rule.name for rule in rules}
    if "market_finance_limit" in names and names <= set(RULE_CLAUSE_TABLES["financing"]):
        yield tr("Nobody carries the rest of its capex.")


def _describe_regret(
    wording: ExplanationWording, explained: ExplainedDecision, regret: Regret
) -> Iterator[str]:
    """What it costs to decide otherwise, and what comes instead."""
    if regret.high is None:
        yield (
            tr("Decided the other way, every plan is worse by {span}; none was found in time.",
               span=f"{format_range(regret)} {wording.unit}")
            if regret.low
            else tr("What the other decision would cost was not found out in time.")
        )  # fmt: skip
        return
    days = format_number(round(explained.forced_days or 0.0, 1))
    other = {
        ("project", True): tr("Without it"),
        ("project", False): tr("With it"),
        ("stockpile", True): tr("Without these purchases"),
        ("stockpile", False): tr("With {days} more days of need in it", days=days),
    }[explained.kind, explained.chosen]
    worse = f"{format_range(regret)} {wording.unit}"
    if regret.high == 0:
        yield tr("{other} a plan is just as good.", other=other)
    elif explained.tie:
        yield tr("{other} a plan may be as good: it is worse by {span}, if at all.", other=other,
                 span=worse)  # fmt: skip
    else:
        yield tr("{other} the best plan is worse by {span}.", other=other, span=worse)
    if regret.instead is not None and not explained.tie:
        told = describe_plan_diff(wording, regret.instead, excluded_id=explained.id)
        yield tr("Instead: {changes}.", changes=told) if told else ""


def _describe_addition(wording: ExplanationWording, addition: AdditionEffect) -> str:
    told = {
        "avoided": wording.amount(max(0.0, addition.avoided)),
        "cost": wording.money_amount(addition.net_cost_meur),
    }
    if addition.weighed > addition.weighed_cost:
        return tr(
            "Beside the plan nothing stops it: it would avoid {avoided} of mean damage at a net "
            "cost of {cost}, and the plan would be better by {gain}.",
            gain=wording.amount(addition.weighed - addition.weighed_cost),
            **told,
        )
    return tr(
        "Beside the plan nothing stops it, but it would avoid only {avoided} of mean damage, at a "
        "net cost of {cost}.",
        **told,
    )


def limit_name(wording: ExplanationWording, value: LimitValue) -> str:
    """A budget or a limit in words."""
    steps, f = value.path.split("."), value.funder or ""
    told = {"funder": wording.name("funders", f), "year": value.year}
    if value.project is not None:
        project = wording.name("projects", value.project)
        return tr("Share that lenders and investors carry of {project}", project=project)
    if steps[-1] == "max_share":
        name = wording.instrument_name(f, steps[-2])
        return tr("Largest share: {funder}, {instrument}", instrument=name, **told)
    if value.funder is not None:
        of_line = "budget_lines" in steps
        name = (
            tr("{funder}, line {line}", line=wording.budget_line_name(f, steps[3]), **told)
            if of_line
            else tr("Budget of {funder}", **told)
        )
        return name if value.year is None else f"{name}, {value.year}"
    return {
        "policy.budget_meur": tr("Budget of all public funders"),
        "policy.max_public_share": tr("Largest public share of a project"),
        "policy.state_aid.max_intensity": tr("Largest state aid, share of capex"),
        "policy.max_country_share.limit": tr("Largest share of need from one country"),
    }.get(value.path, value.path)
