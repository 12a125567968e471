"""Document on the value of a review."""

from collections.abc import Callable, Iterator
from typing import Any

from models.language import tr
from models.results import ObservationWorth, ObservedOutcome, ReviewDecisions, ReviewGroup, Waiting
from optimizer.report.document import (
    Bullets,
    Caution,
    Check,
    Column,
    DisplayedValue,
    Document,
    Part,
    Section,
    Table,
)
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
    metric_columns,
    stockpile_count_text,
)

ReviewWording = Wording[Any]  # any result with a review
MAX_LISTED_PURCHASES = 5  # stockpiles listed for a group, those with the largest purchases
PURCHASE_TOLERANCE = 0.05  # relative difference below which purchases count as equal


def describe_observation(wording: ReviewWording, year: int, observation: ObservedOutcome) -> str:
    """Return one observation before the review as part of a sentence."""
    if observation.hazard is not None:
        sentence_fields = {"hazard": wording.name("hazards", observation.hazard), "year": year}
        if observation.struck:
            return tr("“{hazard}” has come before {year}", **sentence_fields)
        return tr("“{hazard}” has not come before {year}", **sentence_fields)
    if observation.price is not None:
        material = wording.name("materials", observation.price)
        return tr(
            "the price of {material} is “{state}”", material=material, state=observation.state
        )
    if not observation.regime:
        return tr("nothing is said of the regime of {year}", year=year - 1)
    return tr("{year} is “{regime}”", year=year - 1, regime=wording.regime_name(observation.regime))


def describe_observations(wording: ReviewWording, year: int, group: ReviewGroup) -> str:
    """Return all observations that define a group as text."""
    return join_with_and([describe_observation(wording, year, x) for x in group.seen])


def later_projects(review: ReviewDecisions) -> set[str]:
    """Return the projects that some group of positive probability starts in or after the review
    year."""
    return {p.id for g in _possible_groups(review) for p in g.projects if p.start >= review.year}


def describe_group_means(review: ReviewDecisions | None) -> Iterator[str]:
    """Yield a note that amounts at risk are means over the groups; nothing without a review."""
    if review is not None:
        yield tr(
            "These are means over the groups of {year}; one group may lose more.", year=review.year
        )


def _possible_groups(review: ReviewDecisions) -> list[ReviewGroup]:
    """Return groups of positive probability; decisions of others have no effect."""
    return [group for group in review.groups if group.probability > 0]


def _describe_review_value(wording: ReviewWording, review: ReviewDecisions) -> Iterator[str]:
    """Yield a sentence on the value of the review, if it is known."""
    if review.worth is None or review.now is None:
        return
    worth = wording.amount(max(0.0, review.worth))
    if review.worth_least is None or review.worth_most is None:
        yield tr("That is worth {worth}, compared with the best plan found that decides all now.",
                 worth=worth)  # fmt: skip
    else:
        yield tr(
            "That is worth {worth}, compared with the best plan that decides all now; by the "
            "proofs of both at least {least} and at most {most}.",
            worth=worth,
            least=format_rounded(review.worth_least),
            most=wording.amount(review.worth_most),
        )


def describe_review(
    wording: ReviewWording, review: ReviewDecisions | None, is_of_plan: bool = True
) -> Iterator[str]:
    """Yield sentences on a review and its value; nothing without a review.

    With ``is_of_plan`` the review belongs to the plan of the document; otherwise it belongs to
    another plan, which would defer decisions to it.
    """
    if review is None:
        return
    sentence_fields = {"year": review.year, "late": format_number(len(later_projects(review)))}
    if is_of_plan:
        yield tr("In {year} it decides again, by what has been seen until then: on purchases, and "
                 "on later projects ({late}).", **sentence_fields)  # fmt: skip
    else:
        yield tr("What can be left to {year}: purchases from then on, and later projects ({late}), "
                 "decided by what has been seen until then.", **sentence_fields)  # fmt: skip
    yield from _describe_review_value(wording, review)


def review_section(wording: ReviewWording, review: ReviewDecisions | None) -> Section:
    """Build the section on the review; without a review it has no parts."""
    section_parts: list[Part] = []
    if review is not None:
        possible_review = review.model_copy(update={"groups": tuple(_possible_groups(review))})
        section_parts = list(_review_parts(wording, possible_review))
    return Section("review", tr("What is decided again"), section_parts, sheet_name=tr("Review"))


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
    yield tr("Each group satisfies all rules and budgets separately.")
    if proof is not None:  # the document is that of the plan with the review
        yield tr(
            "Sums of this document are means over the groups: of money, stocks and where supply "
            "comes from."
        )


def _describe_before_review(wording: ReviewWording, review: ReviewDecisions) -> Iterator[str]:
    """Yield sentences on what is decided now, and on later decisions that all groups share."""
    early_projects = (p for p in review.groups[0].projects if p.start < review.year)
    current_decisions = [_project_with_year(wording, p.id, p.start) for p in early_projects]
    early_purchases = [
        x.id
        for x in review.groups[0].stockpiles
        if sum(t for y, t in x.buy_t.items() if int(y) < review.year) > ZERO_TOLERANCE
    ]
    if early_purchases:
        current_decisions.append(
            tr("purchases for {stockpiles}", stockpiles=stockpile_count_text(len(early_purchases)))
        )
    yield tr("Now: {what}.", what=join_with_and(current_decisions) or tr("nothing"))
    common_decisions = [
        _project_with_year(wording, p, year) for p, year in _common_starts(review).items()
    ]
    purchases = [x for g in review.groups for x in _purchases_by_stockpile(review, g).items()]
    bought_stockpiles = {h for h, t in purchases if t > ZERO_TOLERANCE}
    if same_count := len(bought_stockpiles - _differing_stockpiles(review)):
        common_decisions.append(
            tr("purchases for {stockpiles}", stockpiles=stockpile_count_text(same_count))
        )
    if common_decisions:
        yield tr(
            "From {year} on, whatever is seen: {what}.",
            year=review.year,
            what=join_with_and(common_decisions),
        )


def _describe_group_decisions(
    wording: ReviewWording, review: ReviewDecisions, group: ReviewGroup
) -> str:
    """Return a text on the decisions of a group."""
    common_starts, decisions = _common_starts(review), list[str]()
    for p in group.projects:
        if p.start >= review.year and p.id not in common_starts:
            decisions.append(_project_with_year(wording, p.id, p.start))
    bought_tonnes = sorted(
        _purchases_by_stockpile(review, group).items(), key=lambda pair: -pair[1]
    )
    differing_purchases = [
        (h, t)
        for h, t in bought_tonnes
        if t > ZERO_TOLERANCE and h in _differing_stockpiles(review)
    ]
    for h, t in differing_purchases[:MAX_LISTED_PURCHASES]:
        name = wording.name("stockpiles", h)
        decisions.append(tr("{tonnes} t for {stockpile}", tonnes=format_rounded(t), stockpile=name))
    if (more_count := len(differing_purchases) - MAX_LISTED_PURCHASES) > 0:
        decisions.append(tr("{count} more purchases", count=format_number(more_count)))
    sentence_fields = {
        "year": review.year,
        "seen": describe_observations(wording, review.year, group),
        "chance": format_rounded_percent(group.probability),
        "what": join_with_and(decisions) or tr("nothing else"),
    }
    return tr("In {year}, if {seen} ({chance}): {what}.", **sentence_fields)


def _project_with_year(wording: ReviewWording, p: str, year: int) -> str:
    return f"{wording.name('projects', p)} ({year})"


def _common_starts(review: ReviewDecisions) -> dict[str, int]:
    """Return the start years of the projects that all groups start in the same year from the review
    on."""
    starts_by_group = [
        {p.id: p.start for p in g.projects if p.start >= review.year} for g in review.groups
    ]
    return {
        p: year
        for p, year in starts_by_group[0].items()
        if all(starts.get(p) == year for starts in starts_by_group)
    }


def _purchases_by_stockpile(review: ReviewDecisions, group: ReviewGroup) -> dict[str, float]:
    """Return the tonnes that a group buys for each stockpile from the review on."""
    return {
        stockpile.id: sum(t for year, t in stockpile.buy_t.items() if int(year) >= review.year)
        for stockpile in group.stockpiles
    }


def _differing_stockpiles(review: ReviewDecisions) -> set[str]:
    """Return stockpiles whose purchases differ between groups."""
    purchases_by_group = [_purchases_by_stockpile(review, group) for group in review.groups]
    differing_stockpiles = set()
    for h in purchases_by_group[0]:
        tonnes = [purchases.get(h, 0.0) for purchases in purchases_by_group]
        if max(tonnes) - min(tonnes) > max(ZERO_TOLERANCE, PURCHASE_TOLERANCE * max(tonnes)):
            differing_stockpiles.add(h)
    return differing_stockpiles


def _group_label(index: int) -> str:
    return tr("Group {number}", number=index + 1)


def _groups_table(wording: ReviewWording, review: ReviewDecisions) -> Table:
    def late_use(group: ReviewGroup) -> float:
        amounts_by_year = (
            pair for by_year in group.spend_meur.values() for pair in by_year.items()
        )
        return sum(x for year, x in amounts_by_year if int(year) >= review.year)

    index_by_id = {id(group): n for n, group in enumerate(review.groups)}
    columns = [
        Column(tr("Group"), lambda g: _group_label(index_by_id[id(g)]), "text"),
        Column(tr("What has been seen"),
               lambda g: capitalize(describe_observations(wording, review.year, g)), "text"),
        Column(tr("Probability"), "probability", "share", key="probability"),
        *metric_columns(wording, "without", "with", decimals_group="damage"),
        *metric_columns(wording, "cost"),
        Column(tr("Budgets used from {year} on", year=review.year), late_use, "money", key="spent"),
    ]  # fmt: skip
    return Table(tr("What may have been seen, and what follows"), review.groups, columns, "groups")


def _decision_tables(wording: ReviewWording, review: ReviewDecisions) -> Iterator[Part]:
    """Yield tables with the start years and the purchases of each group."""

    def start_year(group: ReviewGroup) -> Callable[[str], int | None]:
        years = {p.id: p.start for p in group.projects}
        return lambda p: years.get(p)

    def bought_tonnes(group: ReviewGroup) -> Callable[[str], float | None]:
        tonnes = _purchases_by_stockpile(review, group)
        return lambda h: tonnes[h] if tonnes[h] > ZERO_TOLERANCE else None

    groups = list(enumerate(review.groups))
    projects = [p for g in review.groups for p in g.projects]
    late_projects = dict.fromkeys(p.id for p in projects if p.start >= review.year)
    if late_projects:
        columns = [Column(tr("Project"), lambda p: wording.name("projects", p), "text")]
        columns += [
            Column(_group_label(n), start_year(g), "year", key=f"group{n + 1}") for n, g in groups
        ]
        yield Table(
            tr("Year in which each group starts a project, from {year} on", year=review.year),
            list(late_projects),
            columns,
            "late_projects",
        )
    differing_stockpiles = _differing_stockpiles(review)
    stockpiles = [
        h for h in _purchases_by_stockpile(review, review.groups[0]) if h in differing_stockpiles
    ]
    if stockpiles:
        columns = [Column(tr("Stockpile"), lambda h: wording.name("stockpiles", h), "text")]
        columns += [
            Column(_group_label(n), bought_tonnes(g), "tonnes", key=f"group{n + 1}")
            for n, g in groups
        ]
        yield Table(
            tr("Tonnes that each group buys from {year} on, where they differ", year=review.year),
            stockpiles,
            columns,
            "late_purchases",
        )


WaitingWording = Wording[Waiting]


def build_document(result: Waiting) -> Document:
    """Build the document on a review: its value, the decisions now and at the review, and the value
    of observations."""
    wording = Wording(result)
    return wording.build_document(
        tr("Vorrat: what it is worth to decide again"),
        [" ".join(_answer_sentences(wording)), Caution(list(_cautions(wording)))],
        [
            Section("observing", tr("What observing is worth"), [_observation_table(wording)]),
            review_section(wording, result.review),
            Section(
                "proof", tr("How good the proof is"), [_proof_table(wording), wording.proof_table()]
            ),
        ],
    )


def sections_for_plan_report(result: Waiting) -> tuple[list[Section], list[Check]]:
    """Return the section on the review, for the report on a plan; there are no checks."""
    wording = Wording(result)
    section = review_section(wording, result.review)
    answer = " ".join(_answer_sentences(wording))
    section_parts: list[Part] = [answer, *section.parts, _observation_table(wording)]
    return [Section("waiting", tr("What it is worth to decide again"), section_parts)], []


def _answer_sentences(wording: WaitingWording) -> Iterator[str]:
    """Yield sentences on the value of the review, on the observation whose loss would cost most (if
    several were left out in turn), and on the further observation that would add most."""
    result = wording.result
    yield tr("The plan that waits decides now what must be decided now.")
    yield from describe_review(wording, result.review)
    valued_observations = [
        observation for observation in result.observing if observation.worth is not None
    ]
    for change in ("less", "more"):
        tried_observations = [
            observation for observation in valued_observations if observation.change == change
        ]
        if len(tried_observations) < (2 if change == "less" else 1):
            continue
        best_observation = max(tried_observations, key=lambda observation: observation.worth or 0.0)
        args = {
            "what": _observation_name(wording, best_observation),
            "worth": wording.amount(max(0.0, best_observation.worth or 0.0)),
        }
        if change == "less":
            yield tr("Most of that comes of seeing “{what}”: without it, {worth} of it would be "
                     "lost.", **args)  # fmt: skip
        elif (best_observation.worth_most or 0.0) <= ZERO_TOLERANCE:
            yield tr("Nothing else that was tried adds anything.")
        elif (best_observation.worth_least or 0.0) <= ZERO_TOLERANCE:
            yield tr(
                "Of what was tried beside it, “{what}” adds most: {worth}, which is no more than "
                "the proofs leave open.",
                **args,
            )
        else:
            yield tr("Of what was tried beside it, “{what}” adds most: {worth}.", **args)


def _cautions(wording: WaitingWording) -> Iterator[str]:
    """Yield cautions that limit the figures."""
    result = wording.result
    if result.ended == "interrupted":
        yield tr("Stopped early: not all was tried.")
    if any(observation.status == "limit" for observation in result.observing):
        yield tr("Some plans were stopped before their gap closed: the values are less certain.")
    yield from wording.few_states_caution()


def _observation_name(wording: WaitingWording, observation: ObservationWorth) -> str:
    """Return the name of the hazard, price or regime that is observed."""
    if observation.hazard is not None:
        return wording.name("hazards", observation.hazard)
    if observation.price is not None:
        return tr("price of {material}", material=wording.name("materials", observation.price))
    return tr("regime")


def _observation_table(wording: WaitingWording) -> Table:
    """Return the table of the observations that were removed or added, with the value of each."""

    def change(observation: ObservationWorth) -> str:
        name = _observation_name(wording, observation)
        if observation.change == "less":
            return tr("Without “{what}”", what=name)
        return tr("With “{what}” as well", what=name)

    def figure(observation: ObservationWorth) -> DisplayedValue | float | None:
        too_many = observation.status == "too_many"
        return DisplayedValue(tr("too many groups")) if too_many else observation.worth

    columns = [
        Column(tr("What is observed"), lambda row: capitalize(change(row)), "text"),
        Column(tr("Groups"), "groups", "count", key="groups"),
        Column(tr("Objective"), "objective", "objective", key="objective"),
        Column(tr("Worth of observing it"), figure, "outcome", decimals_group="worth", key="worth"),
        Column(tr("At least"), "worth_least", "outcome", decimals_group="worth", key="least"),
        Column(tr("At most"), "worth_most", "outcome", decimals_group="worth", key="most"),
    ]
    note = tr(
        "Worth: the objective of the best plan without it, less that of the best plan with it. At "
        "least and at most: what the proofs of both leave open."
    )
    caption = tr("One thing less, and one more")
    return Table(caption, wording.result.observing, columns, "observing", note)


def _proof_table(wording: WaitingWording) -> Part:
    """Return the table of the two problems from whose objectives the value of the review is
    computed."""
    result, review = wording.result, wording.result.review
    rows = [
        (tr("With the review"), result.objective, result.bound),
        (tr("All decided now"), review.now, review.now_bound),
    ]
    columns = [
        Column(tr("Plan"), "0", "text"),
        Column(tr("Objective"), "1", "objective", key="objective"),
        Column(tr("Bound"), "2", "objective", key="bound"),
    ]
    return Table(tr("The plans and their proofs"), rows, columns, "waiting_proofs")
