"""Why a plan is as it is, as a document: what is in or out, and why, in sentences."""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import groupby
from typing import Any

from models.language import tr
from models.results import Beside, BindingRule, Explained, Explanation, LimitValue, Regret
from optimizer.analyses.disagreement.words import by_set
from optimizer.analyses.instead import changes
from optimizer.analyses.plan.lasting import lasting
from optimizer.report.cells import between
from optimizer.report.charts import Chart
from optimizer.report.charts import explanation as charts
from optimizer.report.countries import country
from optimizer.report.document import DETAIL, Bullets, Column, Document, Part, Section, Table, Text
from optimizer.report.figures import NONE, decimals, exact, number, outwards, percent, rounded
from optimizer.report.wording import Wording, listed

Say = Wording[Explanation]

NAMED = 8
"""Projects and stocks that are named in one sentence; the others are counted."""

TABLES = tomllib.loads(
    (files("optimizer.analyses.explanation") / "rules.toml").read_text(encoding="utf-8")
)
RULES: dict[str, str] = {**TABLES["any"], **TABLES["financing"]}
"""Rules as clauses, in the order in which they are told."""
ORDER = list(RULES)


def document(found: Explanation) -> Document:
    """What each decision is worth, why each was made, and what more of a limit would bring."""
    say = Wording(found)
    worth = tr("What one more million or percentage point is worth")
    method = tr(
        "A project that is out is built all the same, one that is in is ruled out, and everything "
        "else is decided anew. A stock that is bought buys nothing; one that buys nothing holds "
        "{days} more days of the need it serves at the end of the last year, as far as room and "
        "market allow.",
        days=number(found.days),
    )
    # So many digits that the two can be told apart.
    places = min(decimals([found.objective]) + 3, 6)
    bound = number(outwards(found.bound, places, up=False), places)
    proof = say.proof(
        (tr("Objective of the plan"), f"{number(found.objective, places)} {say.unit}"),
        (tr("No plan below"), f"{bound} {say.unit}"),
        (tr("Questions stopped early"), number(found.cut_short)),
    )
    return say.document(
        tr("Vorrat: why each project and each stock is in or out"),
        [*_headline(say), *_regrets(say)],
        [
            _reasons(say, "projects-out", tr("Projects that are out"), "project", chosen=False),
            _reasons(say, "projects-in", tr("Projects that are in"), "project", chosen=True),
            _reasons(say, "stocks-in", tr("Stocks that are bought"), "stockpile", chosen=True),
            _reasons(say, "stocks-out", tr("Stocks that buy nothing"), "stockpile", chosen=False),
            Section("budgets", worth, _values(say)),
            Section("lasting", tr("How long shortages last"), list(lasting(say, found.adaptation))),
            Section("method", tr("How it was computed"), [Text(method, DETAIL)]),
            Section("proof", tr("How good the proof is"), [proof]),
        ],
        title=tr("Why this plan? {title}", title=say.title),
        answer_title=tr("What each decision is worth"),
    )


def _regrets(say: Say) -> Iterator[Part]:
    """What each decision is worth, those that matter most first."""

    def ends(one: Explained) -> tuple[float, float]:
        return at_least(one), one.regret.high or 0.0 if one.regret else 0.0

    known = [one for one in say.found.items if one.regret and one.regret.high is not None]
    some = sorted(known, key=ends, reverse=True)
    if not some:
        return
    title = tr("What is lost by deciding the other way ({unit})", unit=say.unit)
    bars = [charts.Bar(name(say, one), *ends(one), one.chosen, between(one.regret)) for one in some]
    shows = tr(
        "One bar for each project and stock. It is longest for {name}: {span}. The figures are in "
        "the table below.",
        name=bars[0].name,
        span=f"{bars[0].text} {say.unit}",
    )
    columns = [
        Column(tr("Project or stock"), lambda one: name(say, one), "text"),
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
    chart = Chart("regrets", title, shows, lambda: charts.regrets(bars, say.unit))
    yield Table(title, some, columns, "regrets", note, chart=chart)
    caption = tr("Mean damage, change under each set ({unit})", unit=say.unit)
    yield by_set(say, columns[0], some, _under, caption)


def _under(one: Explained) -> Mapping[str, float]:
    return {} if one.regret is None else one.regret.expected_under


NEAREST = 12
"""Candidates that are left out with a row each."""


def left_out(found: Explanation) -> Table:
    """Candidates that the plan does not build, those first that would cost least to build, for the
    report on the plan."""
    say = Wording(found)

    def far(one: Explained) -> tuple[float, float]:
        known = one.regret is not None and one.regret.high is not None
        return (at_least(one), one.regret.high or 0.0) if known and one.regret else (math.inf, 0.0)

    def why(one: Explained) -> str:
        if one.stops:
            first, *more = (re.sub(r" \(\w+\)$", "", clause)
                            for clause in clauses(say, one.stops).split("; "))  # fmt: skip
            return "; ".join([first, tr("{count} more", count=len(more))] if more else [first])
        return "" if one.beside is None else _beside(say, one.beside)

    def capex(one: Explained) -> float | None:
        return None if say.case is None else float(say.case.projects[one.id].capex_meur)

    def may_start(one: Explained) -> str | None:
        if say.case is None:
            return None
        years = say.case.projects[one.id].starts(say.case.horizon.years)
        return tr("{first} to {last}", first=years.start, last=years.stop - 1)

    def instead(one: Explained) -> str:
        other = one.regret and one.regret.instead
        return "; ".join(say.name("projects", p) for p in other.leaving) if other else ""

    every = [one for one in found.items if one.kind == "project" and not one.chosen]
    never = [name(say, one) for one in every if one.conflict]
    out = [one for one in every if not one.conflict]
    columns = [
        Column(tr("Project"), lambda one: name(say, one), "text"),
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
        million=say.million,
    )
    if never:
        note += " " + tr("No plan may start: {projects}.", projects=", ".join(never))
    ranked = sorted(out, key=far)
    if len(ranked) > NEAREST:
        rest = listed([name(say, one) for one in ranked[NEAREST:]])
        note += " " + tr("Left out by more: {projects}.", projects=rest)
    title = tr("Candidates that are left out, and what building them would cost")
    return Table(title, ranked[:NEAREST], columns, "left-out", note)


def _reasons(say: Say, id: str, title: str, kind: str, *, chosen: bool) -> Section:
    """Projects or stockpiles that are in or out, those that matter most first."""

    def matters(one: Explained) -> float:
        known = -1.0 if one.regret is None else at_least(one)
        return float("inf") if one.conflict else known

    some = [one for one in say.found.items if one.kind == kind and one.chosen == chosen]
    told = [item(say, one) for one in sorted(some, key=matters, reverse=True)]
    return Section(id, title, [Bullets(told)])


def _values(say: Say) -> list[Part]:
    """What one more million of each budget, or point of each limit, is worth."""

    def now(value: LimitValue) -> str:
        return percent(value.now) if value.kind == "share" else say.money(value.now)

    def worth(value: LimitValue) -> str:
        """At each step; of those that were not solved by themselves what others say of them."""
        known = [one for one in value.steps if (one.low, one.high) != (None, None)]
        return "; ".join(f"{number(one.step)}: {between(one)}" for one in known) or NONE

    def seen(value: LimitValue) -> str:
        """From which step on a gain shows, and what it lets in."""
        if value.visible is None:
            return tr("none seen")
        step = next(one for one in value.steps if one.step == value.visible)
        told = "" if step.instead is None else changes(say, step.instead)
        return f"{number(value.visible)}: {told}" if told else number(value.visible)

    columns = [
        Column(tr("Budget or limit"), lambda value: limit_name(say, value), "text"),
        Column(tr("As it is"), now),
        Column(tr("Unused"), "unused_meur", "money"),
        Column(tr("Worth of one more, by step"), worth, "text"),
        Column(tr("Seen from"), seen, "text"),
    ]
    note = tr(
        "Solved anew at each step, of a budget the smaller ones only where it is used up, of "
        "limits those that leave no room. Gain for each million or percentage point, by the "
        "objective, in {unit}. Last: the smallest step whose gain is proven, and what it changes.",
        unit=say.unit,
    )
    values, title = say.found.values, tr("What one more million or percentage point is worth")
    return [Table(title, values, columns, "budgets", note)] if values else []


def clauses(say: Say, rules: Iterable[BindingRule]) -> str:
    """Rules as clauses with their tags, the years of one budget together."""

    def rank(rule: BindingRule) -> tuple[int, Any]:
        # A result may be of a later version.
        known = ORDER.index(rule.name) if rule.name in ORDER else len(ORDER)
        return known, sorted(rule.about.items())

    told = []
    for _, group in groupby(sorted(rules, key=rank), rank):
        some = list(group)
        clause = tr(RULES.get(some[0].name, some[0].name), **_named(say, some))
        told.append(f"{clause} ({some[0].tag})")
    return "; ".join(told)


def _named(say: Say, rules: list[BindingRule]) -> dict[str, str]:
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
    """Tonnes with their unit."""
    return f"{rounded(value)} {tr('t')}"


def _headline(say: Say) -> Iterator[str]:
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
    case = say.case
    if case is not None and case.decides_again is not None:
        yield tr(
            "A project is in if some group of {year} builds it, and its year is the earliest; the "
            "other way is to build it in every group, or in none.",
            year=int(case.decides_again.year),
        )
    if case is not None and case.objective.over_assumptions is not None:
        yield tr(
            "The plan is made over sets of assumptions: what is lost is lost over all of them."
        )
    cost = exact(found.cost_weight)
    yield (
        tr(
            "Better and worse are by the scenario's objective: mean damage with weight {mean}, the "
            "mean of the worst {tail} of states with weight {weight}, and net cost with weight "
            "{cost}. Ranges are what the solves prove.",
            mean=percent(1 - found.cvar_weight),
            weight=percent(found.cvar_weight),
            tail=percent(1 - found.cvar_level),
            cost=cost,
        )
        if found.cvar_weight > 0
        else tr(
            "Better and worse are by the scenario's objective: mean damage plus net cost with "
            "weight {cost}. Ranges are what the solves prove.",
            cost=cost,
        )
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
    return " ".join(filter(None, _sentences(say, one)))


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
        told = {"rules": clauses(say, one.stops)}
        yield tr("Beside the plan as it stands it does not fit: {rules}.", **told)
        yield from _lacks_investor(one.stops)
    if one.beside is not None:
        yield _beside(say, one.beside)
    if one.tight:
        yield tr("No room is left here: {rules}.", rules=clauses(say, one.tight))


def _lacks_investor(rules: Iterable[BindingRule]) -> Iterator[str]:
    names = {rule.name for rule in rules}
    if "market_finance_limit" in names and names <= set(TABLES["financing"]):
        yield tr("Nobody carries the rest of its capex.")


def _regret(say: Say, one: Explained, regret: Regret) -> Iterator[str]:
    """What it costs to decide otherwise, and what comes instead."""
    if regret.high is None:
        yield (
            tr("Decided the other way, every plan is worse by {span}; none was found in time.",
               span=f"{between(regret)} {say.unit}")
            if regret.low
            else tr("What the other decision would cost was not found out in time.")
        )  # fmt: skip
        return
    days = number(round(one.forced_days or 0.0, 1))
    other = {
        ("project", True): tr("Without it"),
        ("project", False): tr("With it"),
        ("stockpile", True): tr("Without these purchases"),
        ("stockpile", False): tr("With {days} more days of need in it", days=days),
    }[one.kind, one.chosen]
    worse = f"{between(regret)} {say.unit}"
    if regret.high == 0:
        yield tr("{other} a plan is just as good.", other=other)
    elif one.tie:
        yield tr("{other} a plan may be as good: it is worse by {span}, if at all.", other=other,
                 span=worse)  # fmt: skip
    else:
        yield tr("{other} the best plan is worse by {span}.", other=other, span=worse)
    if regret.instead is not None and not one.tie:
        told = changes(say, regret.instead, but=one.id)
        yield tr("Instead: {changes}.", changes=told) if told else ""


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
        "policy.max_country_share.limit": tr("Largest share of need from one country"),
    }.get(value.path, value.path)
