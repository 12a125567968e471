"""The sentences of an explanation: what is in or out, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from models.language import marked, tr
from models.results import Beside, BindingRule, Explained, Explanation, LimitValue, Regret
from models.results.evaluation import ProvenRange
from optimizer.analyses.instead import changes
from optimizer.report.cells import between
from optimizer.report.countries import country
from optimizer.report.figures import NOISE, exact, number, percent, rounded
from optimizer.report.wording import Wording

Say = Wording[Explanation]

NOTHING = 0.01
"""Of the greater of damage and cost as the objective weighs them: less is said to be none."""
NAMED = 8
"""Projects and stocks that are named in one sentence; the others are counted."""

RULES = {
    "funder_budget": marked("the budget of {funder} is {money}"),
    "funder_budget_by_year": marked("the budget of {funder} is limited in {years}"),
    "public_budget": marked("the public budget is {money}"),
    "budget_line_by_year": marked("the line {line} of {funder} is limited in {years}"),
    "budget_line_total": marked("the line {line} of {funder} is {money}"),
    "guarantee_stock_limit": marked("guarantees of {funder} ({line}) are limited in {years}"),
    "earliest_start": marked("it cannot start before {years}"),
    "offtake_right": marked("its output goes only to those who hold a share"),
    "offtake_limit": marked("at most {share} of its output can be reserved"),
    "requires": marked("{project} needs {other} to start no later"),
    "excludes": marked("{project} and {other} exclude each other"),
    "must_build": marked("the scenario demands {project}"),
    "must_not_build": marked("the scenario rules out {project}"),
    "max_projects": marked("of all projects at most {number} may be built"),
    "purchase_limit": marked("the market gives {stockpile} only so much a year"),
    "storage_limit": marked("{stockpile} has room for {tonnes}"),
    "days_of_demand": marked("{stockpile} must cover so many days of demand"),
    "country_share_limit": marked(
        "{country} may supply at most {share} of the demand for {material}"
    ),
    "market_finance_limit": marked("lenders and other investors carry at most {share} of it"),
    "share_limit": marked("{funder} ({instrument}) carries at most {share} of a project"),
    "ticket_min": marked("{funder} ({instrument}) puts at least {money} into a project"),
    "ticket_max": marked("{funder} ({instrument}) puts at most {money} into a project"),
    "public_share_limit": marked("public funders together carry at most {share} of a project"),
    "state_aid_limit": marked("state aid to it is limited to {money}"),
}
"""Rules as clauses, in the order in which they are told."""
ORDER = list(RULES)
FINANCING = set(ORDER[ORDER.index("market_finance_limit") :])
"""Rules on who carries how much: where only these stop a project, it lacks another investor."""


def clauses(say: Say, rules: Iterable[BindingRule]) -> str:
    """Rules as clauses with their tags, the years of one budget together."""

    def rank(rule: BindingRule) -> tuple[int, Any]:
        # A result may be of a later version.
        known = ORDER.index(rule.name) if rule.name in ORDER else len(ORDER)
        return known, sorted(rule.about.items())

    told = []
    for _, group in groupby(sorted(rules, key=rank), rank):
        some = list(group)
        clause = tr(RULES.get(some[0].name, some[0].name), **_values(say, some))
        told.append(f"{clause} ({some[0].tag})")
    return "; ".join(told)


def _values(say: Say, rules: list[BindingRule]) -> dict[str, str]:
    """What can stand in the clause of a rule."""
    about, limit = rules[0].about, rules[0].limit
    forms: dict[str, Callable[[float], str]] = {
        "share": percent, "money": say.money, "tonnes": tonnes, "number": number,
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
        **{part: say.name(kind, about[part]) for part, kind in kinds.items() if part in about},
        "instrument": say.instrument(about.get("funder", ""), about.get("instrument", "")),
        "line": say.budget_line(about.get("funder", ""), about.get("line", "")),
        "country": country(about.get("country", "")),
        "years": ", ".join(spans),
        **{form: "" if limit is None else said(limit) for form, said in forms.items()},
    }


def name(say: Say, one: Explained) -> str:
    """The name of a project or a stockpile."""
    return say.name("projects" if one.kind == "project" else "stockpiles", one.id)


def tonnes(value: float) -> str:
    """Tonnes."""
    return f"{rounded(value)} {tr('t')}"


def span(low: float | None, high: float | None) -> str:
    """What is proven of a loss or a gain, without its unit."""
    if high is None:
        return tr("not known") if low is None else tr("at least {low}", low=number(low))
    return between(ProvenRange(low=low or 0.0, high=high))


def headline(say: Say) -> Iterator[str]:
    """What was asked, and what holds of all answers."""
    found, every = say.found, say.found.items
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
    yield tr(
        "Better and worse are by the scenario's objective: mean damage with weight {mean}, the "
        "mean of the worst {tail} of states with weight {weight}, and net cost with weight "
        "{cost}. Ranges are what the solves prove.",
        mean=percent(1 - found.cvar_weight),
        weight=percent(found.cvar_weight),
        tail=percent(1 - found.cvar_level),
        cost=exact(found.cost_weight),
    )

    def listed(some: Iterable[Explained]) -> str:
        names = [name(say, one) for one in some]
        more = len(names) - NAMED
        told = ", ".join(names[:NAMED])
        return tr("{names} and {more} more", names=told, more=more) if more > 0 else told

    if ties := listed(one for one in every if one.tie and not one.is_cut_short):
        yield tr("Too close to call, so that a plan may be as good the other way: {names}.",
                 names=ties)  # fmt: skip
    if late := listed(one for one in every if one.is_cut_short and not at_least(one)):
        yield tr("Not settled before a limit was met: {names}.", names=late)
    gain = found.objective - found.best
    if gain > 2 * found.gap_target * max(abs(found.objective), 1e-6):
        yield tr(
            "A better plan was found on the way, by {gain}: solve the scenario again with a "
            "smaller gap. What comes instead is told against that plan.",
            gain=say.amount(gain),
        )
    if found.ended == "interrupted":
        yield tr("Stopped early: some questions have no answer.")


def at_least(one: Explained) -> float:
    """What is lost at least by deciding otherwise."""
    return 0.0 if one.regret is None else one.regret.low or 0.0


def item(say: Say, one: Explained) -> str:
    """All that is told of one project or stockpile."""
    return " ".join(_sentences(say, one))


def _sentences(say: Say, one: Explained) -> Iterator[str]:
    named = name(say, one)
    if one.kind == "project":
        yield (
            tr("{name} is in, decided in {year}.", name=named, year=one.start)
            if one.chosen
            else tr("{name} is out.", name=named)
        )
    elif one.chosen:
        held = tonnes(one.held_t or 0.0)
        yield tr("{name} is bought, it holds {tonnes} when it is fullest.", name=named, tonnes=held)
    else:
        yield tr("{name} buys nothing.", name=named)
    if one.conflict:
        told = {"rules": clauses(say, one.conflict)}
        if one.chosen:
            yield tr("No plan can do without it: {rules}.", **told)
        else:
            yield tr("No plan can have it: {rules}.", **told)
            yield from _lacks_investor(one.conflict)
    elif one.regret is not None:
        yield from _regret(say, one, one.regret)
    elif one.kind == "stockpile" and not one.chosen and not one.forced_days:
        yield tr("There is no room, no market or no demand for any.")
    else:
        yield tr("What the other decision would cost was not found out.")
    if one.stops:
        yield from _stopped(say, one.stops)
    if one.beside is not None:
        yield _beside(say, one.beside)
    if one.tight:
        yield tr("No room is left here: {rules}.", rules=clauses(say, one.tight))


def _lacks_investor(rules: Iterable[BindingRule]) -> Iterator[str]:
    names = {rule.name for rule in rules}
    if "market_finance_limit" in names and names <= FINANCING:
        yield tr("Nobody carries the rest of its capex.")


def _regret(say: Say, one: Explained, regret: Regret) -> Iterator[str]:
    """What it costs to decide otherwise, and what comes instead."""
    if regret.high is None:
        yield (
            tr("Decided the other way, every plan is worse by at least {low}; none was found in "
               "time.", low=say.amount(regret.low))
            if regret.low
            else tr("What the other decision would cost was not found out in time.")
        )  # fmt: skip
        return
    days = number(round(one.forced_days or 0.0, 1))
    other = {
        ("project", True): tr("Without it"),
        ("project", False): tr("With it"),
        ("stockpile", True): tr("Without these purchases"),
        ("stockpile", False): tr("With {days} more days of demand in it", days=days),
    }[one.kind, one.chosen]
    worse = f"{span(regret.low, regret.high)} {say.unit}"
    if regret.high == 0:
        yield tr("{other} a plan is just as good.", other=other)
    elif one.tie:
        yield tr("{other} a plan may be as good: it is worse by {span}, if at all.", other=other,
                 span=worse)  # fmt: skip
    else:
        yield tr("{other} the best plan is worse by {span}.", other=other, span=worse)
    if not one.tie:
        told = "" if regret.instead is None else changes(say, regret.instead, but=one.id)
        some = (_split(say, regret), told and tr("Instead: {changes}.", changes=told))
        yield from filter(None, some)


def _split(say: Say, regret: Regret) -> str:
    """How damage and cost differ between the two plans."""
    more, money = regret.expected, regret.net_cost_meur
    if more is None or money is None:
        return ""
    # Damage need not be money: what is next to nothing is told by what each adds to the objective.
    told = {"damage": say.amount(abs(more)), "cost": say.money(abs(money))}
    weight = say.found.cost_weight
    damaged, costs = _sign(more, money * weight), _sign(money, more, weight)
    return {
        (1, -1): tr("Mean damage rises by {damage}, net cost falls by {cost}.", **told),
        (1, 0): tr("Mean damage rises by {damage}.", **told),
        (1, 1): tr("Mean damage rises by {damage}, net cost rises by {cost}.", **told),
        (0, 1): tr("Damage stays as it is, net cost rises by {cost}.", **told),
        (-1, 1): tr("Mean damage falls by {damage}, net cost rises by {cost}.", **told),
    }.get((damaged, costs), "")


def _sign(change: float, beside: float, weight: float = 1.0) -> int:
    """Whether something rises or falls: 0 where it weighs next to nothing beside something else."""
    if abs(change) <= NOISE or (weight > 0 and abs(change) * weight < NOTHING * abs(beside)):
        return 0
    return 1 if change > 0 else -1


def _stopped(say: Say, stops: tuple[BindingRule, ...]) -> Iterator[str]:
    """Why it does not fit beside the plan, and which of the rules would have to give way."""
    yield tr("Beside the plan as it stands it does not fit: {rules}.", rules=clauses(say, stops))
    yield from _lacks_investor(stops)
    if not any(rule.alone for rule in stops):
        yield tr("Other rules stop it as well: none of these alone would be enough.")
    elif len(stops) > 1:
        lacking = [rule for rule in stops if not rule.alone]
        if lacking:
            yield tr(
                "It would be enough if any one of these gave way, but for this: {rules}.",
                rules=clauses(say, lacking),
            )
        else:
            yield tr("It would be enough if any one of these gave way.")


def _beside(say: Say, beside: Beside) -> str:
    told = {
        "avoided": say.amount(max(0.0, beside.avoided)),
        "cost": say.money(beside.net_cost_meur),
    }
    if beside.weighed > beside.weighed_cost:
        return tr(
            "Beside the plan nothing stops it: it would avoid {avoided} of mean damage at a net "
            "cost of {cost}, and the plan would be better by {gain}.",
            gain=say.amount(beside.weighed - beside.weighed_cost),
            **told,
        )
    return tr(
        "Beside the plan nothing stops it, but it would avoid only {avoided} of mean damage, at a "
        "net cost of {cost}.",
        **told,
    )


def limit_name(say: Say, value: LimitValue) -> str:
    """A budget or a limit in words."""
    steps, f = value.path.split("."), value.funder or ""
    told = {"funder": say.name("funders", f), "year": value.year}
    if value.project is not None:
        project = say.name("projects", value.project)
        return tr("Share that lenders and investors carry of {project}", project=project)
    if steps[-1] == "max_share":
        name = say.instrument(f, steps[-2])
        return tr("Largest share: {funder}, {instrument}", instrument=name, **told)
    if value.funder is not None:
        of_line = "budget_lines" in steps
        name = (
            tr("{funder}, line {line}", line=say.budget_line(f, steps[3]), **told)
            if of_line
            else tr("Budget of {funder}", **told)
        )
        return name if value.year is None else f"{name}, {value.year}"
    return {
        "policy.budget_meur": tr("Budget of all public funders"),
        "policy.max_public_share": tr("Largest public share of a project"),
        "policy.state_aid.max_intensity": tr("Largest state aid, share of capex"),
        "policy.max_country_share.limit": tr("Largest share of demand from one country"),
    }.get(value.path, value.path)
