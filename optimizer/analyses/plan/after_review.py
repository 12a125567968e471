"""What a plan decides again at a review, as a short tree: now; then, by what has been seen."""

from collections.abc import Callable, Iterator
from typing import Any

from models.language import tr
from models.results import AfterReview, Group, Seen, StockpilePlan
from optimizer.report.document import Bullets, Column, Part, Section, Table
from optimizer.report.figures import NOISE, number, rounded, rounded_percent
from optimizer.report.wording import (
    Wording,
    capital,
    listed,
    stockpiles_counted,
)

Say = Wording[Any]  # of any result that has a review
FEW = 5  # stockpiles whose purchases are told of a group, those of most tonnes
UNLIKE = 0.05  # purchases that differ by a smaller share are called the same


def seen(say: Say, year: int, one: Seen) -> str:
    """One thing that was seen before the review, as part of a sentence."""
    if one.hazard is not None:
        about = {"hazard": say.name("hazards", one.hazard), "year": year}
        if one.struck:
            return tr("“{hazard}” has come before {year}", **about)
        return tr("“{hazard}” has not come before {year}", **about)
    if one.price is not None:
        material = say.name("materials", one.price)
        return tr("the price of {material} is “{state}”", material=material, state=one.state)
    if not one.regime:
        return tr("nothing is said of the regime of {year}", year=year - 1)
    return tr("{year} is “{regime}”", year=year - 1, regime=say.regime(one.regime))


def condition(say: Say, year: int, group: Group) -> str:
    """All that was seen in a group."""
    return listed([seen(say, year, one) for one in group.seen])


def later(told: AfterReview) -> set[str]:
    """Projects that are started from the review on in some group that may come."""
    return {p.id for g in _likely(told) for p in g.projects if p.start >= told.year}


def means(told: AfterReview | None) -> Iterator[str]:
    """That amounts at risk are means over the groups."""
    if told is not None:
        yield tr(
            "These are means over the groups of {year}; one group may lose more.", year=told.year
        )


def _likely(told: AfterReview) -> list[Group]:
    """Groups that may come; what is decided in another costs nothing, and may be anything."""
    return [group for group in told.groups if group.probability > 0]


def worth(say: Say, told: AfterReview) -> str:
    """What the review is worth, and compared with what; empty where that is not known."""
    if told.worth is None or told.now is None:
        return ""
    about = {"year": told.year, "worth": say.amount(max(0.0, told.worth))}
    if told.worth_least is None or told.worth_most is None:
        return tr(
            "That is worth {worth}, compared with the best plan found that decides all now.",
            **about,
        )
    about |= {"least": rounded(told.worth_least), "most": say.amount(told.worth_most)}
    return tr(
        "That is worth {worth}, compared with the best plan that decides all now; by the proofs of "
        "both at least {least} and at most {most}.",
        **about,
    )


def sentences(say: Say, told: AfterReview | None) -> Iterator[str]:
    """That a plan decides again, and what that is worth."""
    if told is None:
        return
    late = later(told)
    yield tr(
        "In {year} it decides again, by what has been seen until then: on purchases, and on later "
        "projects ({late}).",
        year=told.year,
        late=number(len(late)),
    )
    if text := worth(say, told):
        yield text


def left_open(say: Say, told: AfterReview) -> Iterator[str]:
    """What another plan would leave to a review, and what that is worth."""
    late = later(told)
    yield tr(
        "What can be left to {year}: purchases from then on, and later projects ({late}), decided "
        "by what has been seen until then.",
        year=told.year,
        late=number(len(late)),
    )
    if text := worth(say, told):
        yield text


def section(say: Say, told: AfterReview | None) -> Section:
    """What is decided at the review; without parts where there is none."""
    parts = []
    if told is not None:
        parts = list(_parts(say, told.model_copy(update={"groups": tuple(_likely(told))})))
    return Section("review", tr("What is decided again"), parts, tab=tr("Review"))


def _parts(say: Say, told: AfterReview) -> Iterator[Part]:
    yield Bullets([*_now(say, told), *(_then(say, told, group) for group in told.groups)])
    yield _groups(say, told)
    yield from _choices(say, told)
    proof = getattr(say.found, "certificate", None)
    if getattr(proof, "over_assumptions", None) in ("worst", "regret"):
        yield tr(
            "Groups that play no part in the worst set, or in the largest regret, decide what is "
            "one of many equally good choices."
        )
    yield tr("Each group keeps all rules and budgets by itself.")
    if proof is not None:  # it is the document of the plan that waits
        yield tr(
            "Sums of this document are means over the groups: of money, stocks and where supply "
            "comes from."
        )


def _now(say: Say, told: AfterReview) -> Iterator[str]:
    """What is decided now, and what will be whatever has been seen."""
    early = (p for p in told.groups[0].projects if p.start < told.year)
    now = [_started(say, p.id, p.start) for p in early]
    soon = [h for pile in told.groups[0].stockpiles if (h := _soon(told, pile)) is not None]
    if soon:
        now.append(tr("purchases for {stockpiles}", stockpiles=stockpiles_counted(len(soon))))
    yield tr("Now: {what}.", what=listed(now) if now else tr("nothing"))
    always = [_started(say, p, year) for p, year in _always(told).items()]
    bought = {h for g in told.groups for h, t in _bought(told, g).items() if t > NOISE}
    if alike := len(bought - _unlike(told)):
        always.append(tr("purchases for {stockpiles}", stockpiles=stockpiles_counted(alike)))
    if always:
        yield tr("From {year} on, whatever is seen: {what}.", year=told.year, what=listed(always))


def _soon(told: AfterReview, pile: StockpilePlan) -> str | None:
    """A stockpile for which something is bought before the review."""
    tonnes = sum(t for year, t in pile.buy_t.items() if int(year) < told.year)
    return pile.id if tonnes > NOISE else None


def _then(say: Say, told: AfterReview, group: Group) -> str:
    """What is decided in a group."""
    always, what = _always(told), list[str]()
    for p in group.projects:
        if p.start >= told.year and p.id not in always:
            what.append(_started(say, p.id, p.start))
    bought = sorted(_bought(told, group).items(), key=lambda pair: -pair[1])
    unlike = [(h, t) for h, t in bought if t > NOISE and h in _unlike(told)]
    what += [
        tr("{tonnes} t for {stockpile}", tonnes=rounded(t), stockpile=say.name("stockpiles", h))
        for h, t in unlike[:FEW]
    ]
    if len(unlike) > FEW:
        what.append(tr("{count} more purchases", count=number(len(unlike) - FEW)))
    about = {
        "year": told.year,
        "seen": condition(say, told.year, group),
        "chance": rounded_percent(group.probability),
        "what": listed(what) if what else tr("nothing beside that"),
    }
    return tr("In {year}, if {seen} ({chance}): {what}.", **about)


def _started(say: Say, p: str, year: int) -> str:
    return f"{say.name('projects', p)} ({year})"


def _always(told: AfterReview) -> dict[str, int]:
    """Projects that all groups start after the review, and in the same year."""
    late = [{p.id: p.start for p in g.projects if p.start >= told.year} for g in told.groups]
    return {p: year for p, year in late[0].items() if all(own.get(p) == year for own in late)}


def _bought(told: AfterReview, group: Group) -> dict[str, float]:
    """Tonnes that a group buys from the review on, by stockpile."""
    return {
        pile.id: sum(t for year, t in pile.buy_t.items() if int(year) >= told.year)
        for pile in group.stockpiles
    }


def _unlike(told: AfterReview) -> set[str]:
    """Stockpiles whose purchases differ between groups."""
    several = [_bought(told, group) for group in told.groups]
    found = set()
    for h in several[0]:
        tonnes = [own.get(h, 0.0) for own in several]
        if max(tonnes) - min(tonnes) > max(NOISE, UNLIKE * max(tonnes)):
            found.add(h)
    return found


def _label(n: int) -> str:
    return tr("Group {number}", number=n + 1)


def _groups(say: Say, told: AfterReview) -> Table:
    def spent(group: Group) -> float:
        years = (by_year.items() for by_year in group.spend_meur.values())
        return sum(x for own in years for year, x in own if int(year) >= told.year)

    numbered = {id(group): n for n, group in enumerate(told.groups)}
    columns = [
        Column(tr("Group"), lambda g: _label(numbered[id(g)]), "text"),
        Column(tr("What has been seen"), lambda g: capital(condition(say, told.year, g)), "text"),
        Column(tr("Probability"), "probability", "share", key="probability"),
        Column(
            tr("Without plan"), "expected_without_plan", "outcome", like="damage", key="without"
        ),
        Column(tr("With plan"), "expected", "outcome", like="damage", key="with"),
        Column(tr("Net cost"), "net_cost_meur", "money", key="cost"),
        Column(tr("Budgets used from {year} on", year=told.year), spent, "money", key="spent"),
    ]
    return Table(tr("What may have been seen, and what follows"), told.groups, columns, "groups")


def _choices(say: Say, told: AfterReview) -> Iterator[Part]:
    """Start years and purchases of each group."""

    def start(group: Group) -> Callable[[str], int | None]:
        years = {p.id: p.start for p in group.projects}
        return lambda p: years.get(p)

    def bought(group: Group) -> Callable[[str], float | None]:
        tonnes = _bought(told, group)
        return lambda h: tonnes[h] if tonnes[h] > NOISE else None

    groups = list(enumerate(told.groups))
    late = {p.id: None for g in told.groups for p in g.projects if p.start >= told.year}
    if late:
        columns = [Column(tr("Project"), lambda p: say.name("projects", p), "text")]
        columns += [Column(_label(n), start(g), "year", key=f"group{n + 1}") for n, g in groups]
        yield Table(
            tr("Year in which each group starts a project, from {year} on", year=told.year),
            list(late),
            columns,
            "late_projects",
        )
    piles = [h for h in _bought(told, told.groups[0]) if h in _unlike(told)]
    if piles:
        columns = [Column(tr("Stockpile"), lambda h: say.name("stockpiles", h), "text")]
        columns += [Column(_label(n), bought(g), "tonnes", key=f"group{n + 1}") for n, g in groups]
        yield Table(
            tr("Tonnes that each group buys from {year} on, where they differ", year=told.year),
            piles,
            columns,
            "late_purchases",
        )
