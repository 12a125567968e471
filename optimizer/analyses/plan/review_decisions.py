"""What a plan decides again at a review, as a short tree: now; then, by what has been seen."""

from collections.abc import Callable, Iterator
from typing import Any

from models.language import tr
from models.results import ObservedOutcome, ReviewDecisions, ReviewGroup, StockpilePlan
from optimizer.report.document import Bullets, Column, Part, Section, Table
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_rounded,
    format_rounded_percent,
)
from optimizer.report.wording import (
    Wording,
    capitalize,
    join_with_and,
    stockpile_count_text,
)

ReviewWording = Wording[Any]  # of any result that has a review
MAX_LISTED_PURCHASES = 5  # stockpiles whose purchases are told of a group, those of most tonnes
PURCHASE_TOLERANCE = 0.05  # purchases that differ by a smaller share are called the same


def describe_observation(wording: ReviewWording, year: int, observation: ObservedOutcome) -> str:
    """One thing that was seen before the review, as part of a sentence."""
    if observation.hazard is not None:
        about = {"hazard": wording.name("hazards", observation.hazard), "year": year}
        if observation.struck:
            return tr("“{hazard}” has come before {year}", **about)
        return tr("“{hazard}” has not come before {year}", **about)
    if observation.price is not None:
        material = wording.name("materials", observation.price)
        return tr(
            "the price of {material} is “{state}”", material=material, state=observation.state
        )
    if not observation.regime:
        return tr("nothing is said of the regime of {year}", year=year - 1)
    return tr("{year} is “{regime}”", year=year - 1, regime=wording.regime_name(observation.regime))


def describe_observations(wording: ReviewWording, year: int, group: ReviewGroup) -> str:
    """All that was seen in a group."""
    return join_with_and([describe_observation(wording, year, one) for one in group.seen])


def later_projects(review: ReviewDecisions) -> set[str]:
    """Projects that are started from the review on in some group that may come."""
    return {p.id for g in _possible_groups(review) for p in g.projects if p.start >= review.year}


def describe_group_means(review: ReviewDecisions | None) -> Iterator[str]:
    """That amounts at risk are means over the groups."""
    if review is not None:
        yield tr(
            "These are means over the groups of {year}; one group may lose more.", year=review.year
        )


def _possible_groups(review: ReviewDecisions) -> list[ReviewGroup]:
    """Groups that may come; what is decided in another costs nothing, and may be anything."""
    return [group for group in review.groups if group.probability > 0]


def describe_review_value(wording: ReviewWording, review: ReviewDecisions) -> str:
    """What the review is worth, and compared with what; empty where that is not known."""
    if review.worth is None or review.now is None:
        return ""
    about = {"year": review.year, "worth": wording.amount(max(0.0, review.worth))}
    if review.worth_least is None or review.worth_most is None:
        return tr(
            "That is worth {worth}, compared with the best plan found that decides all now.",
            **about,
        )
    about |= {
        "least": format_rounded(review.worth_least),
        "most": wording.amount(review.worth_most),
    }
    return tr(
        "That is worth {worth}, compared with the best plan that decides all now; by the proofs of "
        "both at least {least} and at most {most}.",
        **about,
    )


def describe_review(wording: ReviewWording, review: ReviewDecisions | None) -> Iterator[str]:
    """That a plan decides again, and what that is worth."""
    if review is None:
        return
    late = later_projects(review)
    yield tr(
        "In {year} it decides again, by what has been seen until then: on purchases, and on later "
        "projects ({late}).",
        year=review.year,
        late=format_number(len(late)),
    )
    if text := describe_review_value(wording, review):
        yield text


def describe_deferrable_decisions(wording: ReviewWording, review: ReviewDecisions) -> Iterator[str]:
    """What another plan would leave to a review, and what that is worth."""
    late = later_projects(review)
    yield tr(
        "What can be left to {year}: purchases from then on, and later projects ({late}), decided "
        "by what has been seen until then.",
        year=review.year,
        late=format_number(len(late)),
    )
    if text := describe_review_value(wording, review):
        yield text


def review_section(wording: ReviewWording, review: ReviewDecisions | None) -> Section:
    """What is decided at the review; without parts where there is none."""
    parts = []
    if review is not None:
        parts = list(
            _review_parts(
                wording, review.model_copy(update={"groups": tuple(_possible_groups(review))})
            )
        )
    return Section("review", tr("What is decided again"), parts, sheet_name=tr("Review"))


def _review_parts(wording: ReviewWording, review: ReviewDecisions) -> Iterator[Part]:
    yield Bullets(
        [
            *_describe_before_review(wording, review),
            *(_describe_group_decisions(wording, review, group) for group in review.groups),
        ]
    )
    yield _groups_table(wording, review)
    yield from _decision_tables(wording, review)
    proof = getattr(wording.result, "certificate", None)
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


def _describe_before_review(wording: ReviewWording, review: ReviewDecisions) -> Iterator[str]:
    """What is decided now, and what will be whatever has been seen."""
    early = (p for p in review.groups[0].projects if p.start < review.year)
    now = [_project_with_year(wording, p.id, p.start) for p in early]
    soon = [
        h
        for pile in review.groups[0].stockpiles
        if (h := _bought_before_review(review, pile)) is not None
    ]
    if soon:
        now.append(tr("purchases for {stockpiles}", stockpiles=stockpile_count_text(len(soon))))
    yield tr("Now: {what}.", what=join_with_and(now) if now else tr("nothing"))
    always = [_project_with_year(wording, p, year) for p, year in _common_starts(review).items()]
    bought = {
        h
        for g in review.groups
        for h, t in _purchases_by_stockpile(review, g).items()
        if t > ZERO_TOLERANCE
    }
    if alike := len(bought - _differing_stockpiles(review)):
        always.append(tr("purchases for {stockpiles}", stockpiles=stockpile_count_text(alike)))
    if always:
        yield tr(
            "From {year} on, whatever is seen: {what}.",
            year=review.year,
            what=join_with_and(always),
        )


def _bought_before_review(review: ReviewDecisions, stockpile: StockpilePlan) -> str | None:
    """A stockpile for which something is bought before the review."""
    tonnes = sum(t for year, t in stockpile.buy_t.items() if int(year) < review.year)
    return stockpile.id if tonnes > ZERO_TOLERANCE else None


def _describe_group_decisions(
    wording: ReviewWording, review: ReviewDecisions, group: ReviewGroup
) -> str:
    """What is decided in a group."""
    always, what = _common_starts(review), list[str]()
    for p in group.projects:
        if p.start >= review.year and p.id not in always:
            what.append(_project_with_year(wording, p.id, p.start))
    bought = sorted(_purchases_by_stockpile(review, group).items(), key=lambda pair: -pair[1])
    unlike = [
        (h, t) for h, t in bought if t > ZERO_TOLERANCE and h in _differing_stockpiles(review)
    ]
    what += [
        tr(
            "{tonnes} t for {stockpile}",
            tonnes=format_rounded(t),
            stockpile=wording.name("stockpiles", h),
        )
        for h, t in unlike[:MAX_LISTED_PURCHASES]
    ]
    if len(unlike) > MAX_LISTED_PURCHASES:
        what.append(
            tr("{count} more purchases", count=format_number(len(unlike) - MAX_LISTED_PURCHASES))
        )
    about = {
        "year": review.year,
        "seen": describe_observations(wording, review.year, group),
        "chance": format_rounded_percent(group.probability),
        "what": join_with_and(what) if what else tr("nothing beside that"),
    }
    return tr("In {year}, if {seen} ({chance}): {what}.", **about)


def _project_with_year(wording: ReviewWording, p: str, year: int) -> str:
    return f"{wording.name('projects', p)} ({year})"


def _common_starts(review: ReviewDecisions) -> dict[str, int]:
    """Projects that all groups start after the review, and in the same year."""
    late = [{p.id: p.start for p in g.projects if p.start >= review.year} for g in review.groups]
    return {p: year for p, year in late[0].items() if all(own.get(p) == year for own in late)}


def _purchases_by_stockpile(review: ReviewDecisions, group: ReviewGroup) -> dict[str, float]:
    """Tonnes that a group buys from the review on, by stockpile."""
    return {
        pile.id: sum(t for year, t in pile.buy_t.items() if int(year) >= review.year)
        for pile in group.stockpiles
    }


def _differing_stockpiles(review: ReviewDecisions) -> set[str]:
    """Stockpiles whose purchases differ between groups."""
    several = [_purchases_by_stockpile(review, group) for group in review.groups]
    found = set()
    for h in several[0]:
        tonnes = [own.get(h, 0.0) for own in several]
        if max(tonnes) - min(tonnes) > max(ZERO_TOLERANCE, PURCHASE_TOLERANCE * max(tonnes)):
            found.add(h)
    return found


def _group_label(index: int) -> str:
    return tr("Group {number}", number=index + 1)


def _groups_table(wording: ReviewWording, review: ReviewDecisions) -> Table:
    def spent(group: ReviewGroup) -> float:
        years = (by_year.items() for by_year in group.spend_meur.values())
        return sum(x for own in years for year, x in own if int(year) >= review.year)

    numbered = {id(group): n for n, group in enumerate(review.groups)}
    columns = [
        Column(tr("Group"), lambda g: _group_label(numbered[id(g)]), "text"),
        Column(
            tr("What has been seen"),
            lambda g: capitalize(describe_observations(wording, review.year, g)),
            "text",
        ),
        Column(tr("Probability"), "probability", "share", key="probability"),
        Column(
            tr("Without plan"),
            "expected_without_plan",
            "outcome",
            decimals_group="damage",
            key="without",
        ),
        Column(tr("With plan"), "expected", "outcome", decimals_group="damage", key="with"),
        Column(tr("Net cost"), "net_cost_meur", "money", key="cost"),
        Column(tr("Budgets used from {year} on", year=review.year), spent, "money", key="spent"),
    ]
    return Table(tr("What may have been seen, and what follows"), review.groups, columns, "groups")


def _decision_tables(wording: ReviewWording, review: ReviewDecisions) -> Iterator[Part]:
    """Start years and purchases of each group."""

    def start(group: ReviewGroup) -> Callable[[str], int | None]:
        years = {p.id: p.start for p in group.projects}
        return lambda p: years.get(p)

    def bought(group: ReviewGroup) -> Callable[[str], float | None]:
        tonnes = _purchases_by_stockpile(review, group)
        return lambda h: tonnes[h] if tonnes[h] > ZERO_TOLERANCE else None

    groups = list(enumerate(review.groups))
    late = {p.id: None for g in review.groups for p in g.projects if p.start >= review.year}
    if late:
        columns = [Column(tr("Project"), lambda p: wording.name("projects", p), "text")]
        columns += [
            Column(_group_label(n), start(g), "year", key=f"group{n + 1}") for n, g in groups
        ]
        yield Table(
            tr("Year in which each group starts a project, from {year} on", year=review.year),
            list(late),
            columns,
            "late_projects",
        )
    piles = [
        h
        for h in _purchases_by_stockpile(review, review.groups[0])
        if h in _differing_stockpiles(review)
    ]
    if piles:
        columns = [Column(tr("Stockpile"), lambda h: wording.name("stockpiles", h), "text")]
        columns += [
            Column(_group_label(n), bought(g), "tonnes", key=f"group{n + 1}") for n, g in groups
        ]
        yield Table(
            tr("Tonnes that each group buys from {year} on, where they differ", year=review.year),
            piles,
            columns,
            "late_purchases",
        )
