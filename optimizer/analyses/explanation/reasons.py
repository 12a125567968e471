"""Sentences on each decision of an explanation, with the rules behind it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from models.language import mark_translatable, tr
from models.results import AdditionEffect, BindingRule, ExplainedDecision, Explanation, Regret
from optimizer.analyses.plan_diff import describe_plan_diff
from optimizer.model.rules import RULES
from optimizer.report.cells import format_range
from optimizer.report.countries import country_name
from optimizer.report.number_format import format_number, format_percent, format_rounded, sanitize
from optimizer.report.wording import Wording

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
