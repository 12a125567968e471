"""The sentences of an explanation: what is in or out, and why.

Each case is a sentence of its own, since languages order, bend and count their words otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.language import tr
from models.results import Beside, Explained, Instead, LimitValue, Regret
from optimizer.analyses.explanation import rules, words
from optimizer.analyses.explanation.words import Say
from optimizer.report.figures import NOISE, exact, number, percent

FEW_STOCKS = 3
"""So many changes of stocks are named in a sentence."""
NOTHING = 0.01
"""Of the greater of damage and cost as the objective weighs them: less is said to be none."""


def headline(say: Say) -> Iterator[str]:
    """What was asked, and what holds of all answers."""
    every = say.found.items
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
    yield measured(say)
    telling = sorted((one for one in every if _at_least(one) > 0), key=_at_least)[-3:]
    decisions = [
        tr("{name} ({span} {unit})", name=words.item(say, one), span=span, unit=say.unit)
        for one in reversed(telling)
        if one.regret and (span := words.span(one.regret.low, one.regret.high))
    ]
    if decisions:
        yield tr("Most depends on {decisions}.", decisions=", ".join(decisions))
    ties = [words.item(say, one) for one in every if one.tie and not one.is_cut_short]
    if ties:
        yield tr("Too close to call, so that a plan may be as good the other way: {names}.",
                 names=words.listed(ties, 8))  # fmt: skip
    late = [words.item(say, one) for one in every if one.is_cut_short and not _at_least(one)]
    if late:
        yield tr("Not settled before a limit was met: {names}.", names=words.listed(late, 8))
    gain = say.found.objective - say.found.best
    if gain > 2 * say.found.gap_target * max(abs(say.found.objective), 1e-6):
        yield tr(
            "A better plan was found on the way, by {gain}: solve the scenario again with a "
            "smaller gap. What comes instead is told against that plan.",
            gain=say.amount(gain),
        )
    if say.found.ended == "interrupted":
        yield tr("Stopped early: some questions have no answer.")


def _at_least(one: Explained) -> float:
    """What is lost at least by deciding otherwise."""
    return 0.0 if one.regret is None else one.regret.low or 0.0


def measured(say: Say) -> str:
    """What better and worse mean."""
    found, cost = say.found, exact(say.found.cost_weight)
    if not found.cvar_weight > 0:
        return tr("Better and worse are by the scenario's objective: mean damage plus net cost "
                  "with weight {cost}. Ranges are what the solves prove.", cost=cost)  # fmt: skip
    return tr(
        "Better and worse are by the scenario's objective: mean damage with weight {mean}, the "
        "mean of the worst {tail} of states with weight {weight}, and net cost with weight "
        "{cost}. Ranges are what the solves prove.",
        mean=percent(1 - found.cvar_weight),
        weight=percent(found.cvar_weight),
        tail=percent(1 - found.cvar_level),
        cost=cost,
    )


def item(say: Say, one: Explained) -> str:
    """All that is told of one project or stockpile."""
    return " ".join(_sentences(say, one))


def _sentences(say: Say, one: Explained) -> Iterator[str]:
    yield _decision(say, one)
    if one.conflict:
        yield _impossible(say, one)
    elif one.regret is not None:
        yield from _regret(say, one, one.regret)
    elif one.kind == "stockpile" and not one.chosen and not one.forced_days:
        yield tr("There is no room, no market or no demand for any.")
    else:
        yield tr("What the other decision would cost was not found out.")
    if one.stops:
        yield from _stopped(say, one)
    if one.beside is not None:
        yield _beside(say, one.beside)
    if one.tight:
        yield tr("No room is left here: {rules}.", rules=rules.binding(say, one.tight))


def _decision(say: Say, one: Explained) -> str:
    name = words.item(say, one)
    held = words.tonnes(one.held_t or 0.0)
    return {
        ("project", True): tr("{name} is in, decided in {year}.", name=name, year=one.start),
        ("project", False): tr("{name} is out.", name=name),
        ("stockpile", True): tr("{name} is bought, it holds {tonnes} when it is fullest.",
                                name=name, tonnes=held),
        ("stockpile", False): tr("{name} buys nothing.", name=name),
    }[one.kind, one.chosen]  # fmt: skip


def _impossible(say: Say, one: Explained) -> str:
    told = {"rules": rules.conflicting(say, one.conflict)}
    if one.chosen:
        return tr("No plan can do without it: {rules}.", **told)
    if rules.lacks_investor(one.conflict):
        return tr("No plan can have it, as nobody carries the rest of its capex: {rules}.", **told)
    return tr("No plan can have it: {rules}.", **told)


def _regret(say: Say, one: Explained, regret: Regret) -> Iterator[str]:
    if regret.high is None:
        if regret.low is not None and regret.low > 0:
            low = f"{words.least(regret.low)} {say.unit}"
            yield tr("Decided the other way, every plan is worse by at least {low}; none was found "
                     "in time.", low=low)  # fmt: skip
        else:
            yield tr("What the other decision would cost was not found out in time.")
        return
    span = f"{words.span(regret.low, regret.high)} {say.unit}"
    yield _lost(one, span, regret.high)
    if one.tie:
        return
    told = (_split(say, regret), regret.instead and instead(say, regret.instead, one.id))
    yield from filter(None, told)


def _lost(one: Explained, span: str, high: float) -> str:
    """What it costs to decide otherwise."""
    said = {"span": span, "days": number(round(one.forced_days or 0.0, 1))}
    nothing, tie, worse = {
        ("project", True): (
            tr("A plan without it is just as good."),
            tr("A plan without it may be as good: it is worse by {span}, if at all.", **said),
            tr("Without it the best plan is worse by {span}.", **said),
        ),
        ("project", False): (
            tr("A plan with it is just as good."),
            tr("A plan with it may be as good: it is worse by {span}, if at all.", **said),
            tr("With it the best plan is worse by {span}.", **said),
        ),
        ("stockpile", True): (
            tr("A plan without these purchases is just as good."),
            tr("A plan without these purchases may be as good: it is worse by {span}, if at all.",
               **said),
            tr("Without these purchases the best plan is worse by {span}.", **said),
        ),
        ("stockpile", False): (
            tr("A plan with {days} more days of demand in it is just as good.", **said),
            tr("A plan with {days} more days of demand in it may be as good: it is worse by "
               "{span}, if at all.", **said),
            tr("With {days} more days of demand in it the best plan is worse by {span}.", **said),
        ),
    }[one.kind, one.chosen]  # fmt: skip
    return nothing if high == 0 else tie if one.tie else worse


def _split(say: Say, regret: Regret) -> str:
    """How damage and cost differ between the two plans."""
    more, money = regret.expected, regret.net_cost_meur
    if more is None or money is None:
        return ""
    # Damage need not be money: what is next to nothing is told by what each adds to the objective.
    weighed = money * say.found.cost_weight
    told = {"damage": say.amount(abs(more)), "cost": say.money(abs(money))}
    damaged, costs = _sign(more, weighed), _sign(money, more, say.found.cost_weight)
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


def instead(say: Say, other: Instead, own: str = "") -> str:
    """What comes instead of it, in a sentence; empty where nothing does."""

    def names(kind: str, some: Iterable[str], most: int = 4) -> str:
        return words.listed([say.name(kind, id) for id in some if id != own], most)

    entering, leaving = names("projects", other.entering), names("projects", other.leaving)
    more, less = (
        names("stockpiles", [h for h, t in other.stocks_t.items() if (t > 0) == rises], FEW_STOCKS)
        for rises in (True, False)
    )
    told = [
        entering and tr("in comes {names}", names=entering),
        leaving and tr("out goes {names}", names=leaving),
        words.listed(moves(say, other)),
        more and tr("more is stocked of: {names}", names=more),
        less and tr("less is stocked of: {names}", names=less),
    ]
    return tr("Instead: {changes}.", changes="; ".join(filter(None, told))) if any(told) else ""


def moves(say: Say, other: Instead) -> list[str]:
    """The projects that move to other years."""
    return [
        tr("{name} moves to {year}", name=say.name("projects", p), year=year)
        for p, (_, year) in other.moved.items()
    ]


def _stopped(say: Say, one: Explained) -> Iterator[str]:
    told = {"rules": rules.stopping(say, one.stops)}
    yield (
        tr("Beside the plan as it stands nobody carries the rest of its capex: {rules}.", **told)
        if rules.lacks_investor(one.stops)
        else tr("Beside the plan as it stands it does not fit: {rules}.", **told)
    )
    enough = [rule for rule in one.stops if rule.alone]
    if not enough:
        yield tr("Other rules stop it as well: none of these alone would be enough.")
    elif len(one.stops) > 1 and len(enough) == len(one.stops):
        yield tr("It would be enough if any one of these gave way.")
    elif len(one.stops) > 1:
        lacking = [rule for rule in one.stops if not rule.alone]
        yield tr(
            "It would be enough if any one of these gave way, but for this: {rules}.",
            rules=rules.stopping(say, lacking),
        )


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
    if beside.avoided <= max(NOISE, NOISE * abs(say.found.expected)):
        return tr(
            "Beside the plan nothing stops it, but it would avoid no damage, at a net cost of "
            "{cost}.",
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
    if "budget_lines" in steps:
        told["line"] = say.budget_line(f, steps[3])
        if value.year is not None:
            return tr("{funder}, line {line}, {year}", **told)
        return tr("{funder}, line {line}", **told)
    if value.funder is not None:
        if value.year is not None:
            return tr("Budget of {funder}, {year}", **told)
        return tr("Budget of {funder}", **told)
    return {
        "policy.budget_meur": tr("Budget of all public funders"),
        "policy.max_public_share": tr("Largest public share of a project"),
        "policy.state_aid.max_intensity": tr("Largest state aid, share of capex"),
        "policy.max_country_share.limit": tr("Largest share of demand from one country"),
    }.get(value.path, value.path)
