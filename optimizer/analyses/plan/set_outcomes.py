"""Outcome of a plan under each assumption set, for the document of the plan."""

from collections.abc import Iterator

from models.language import tr
from models.results import AssumptionSetOutcome, Disagreement
from optimizer.analyses.assumption_sentences import (
    best_plan_by_set,
    objective_names,
    uncertainty_sentences,
)
from optimizer.analyses.plan.plan_wording import PlanWording, relative_reduction
from optimizer.report.document import Column, Part, Section, Table
from optimizer.report.metrics import metric_columns
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_rounded_percent,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import join_with_and, project_count_text

MAX_NAMED_PROJECTS = 3
"""Largest number of projects that a sentence names; of more, it states the number."""


def avoided_share(set_outcome: AssumptionSetOutcome) -> float | None:
    """Return the share of expected damage that the plan avoids under an assumption set; None if
    there is no damage without the plan."""
    return relative_reduction(set_outcome.expected, set_outcome.without_plan.expected)


def describe_set_outcomes(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on the criterion of the plan, and on what it avoids under each assumption
    set."""
    set_outcomes, criterion = wording.plan.under, wording.plan.certificate.over_assumptions
    if not set_outcomes:
        return
    count = format_number(len(set_outcomes))
    if criterion is not None:
        yield tr(
            "It is one plan for {count} sets of assumptions and minimizes {what}.",
            count=count,
            what=objective_names()[criterion],
        )
    titles = {x.id: wording.assumption_set_title(x.id, x.title) for x in set_outcomes}
    avoided_shares = [
        (share, titles[x.id]) for x in set_outcomes if (share := avoided_share(x)) is not None
    ]
    if avoided_shares:
        (min_share, worst_title), (max_share, best_title) = min(avoided_shares), max(avoided_shares)
        yield tr(
            "Under {count} sets of assumptions {noun} falls by {least} ({worst}) to {most} "
            "({best}), each compared with no plan.",
            count=count,
            noun=wording.expected_outcome,
            least=format_rounded_percent(min_share),
            worst=worst_title,
            most=format_rounded_percent(max_share),
            best=best_title,
        )
    titles_with_broken_rules = [
        titles[set_outcome.id] for set_outcome in set_outcomes if set_outcome.broken_rules
    ]
    if titles_with_broken_rules:
        yield tr(
            "It breaks rules under these assumptions: {sets}.",
            sets=join_with_and(titles_with_broken_rules),
        )


def describe_disputes(wording: PlanWording, disagreement: Disagreement) -> Iterator[str]:
    """Yield sentences on the projects that the best plans of all assumption sets build, and on
    those that only some of them build.

    The plan itself counts as the best plan of a set if no better one is known.
    """
    plan_projects = {
        project_plan.id: None for _, project_plan in wording.plan.projects_with_probability
    }
    set_outcomes = {x.id: x for x in wording.plan.under if not x.broken_rules}
    plans = [
        plan_projects
        if id in set_outcomes and set_outcomes[id].objective <= plan.under[id].objective
        else plan.projects
        for id, plan in best_plan_by_set(disagreement).items()
    ]
    if len(plans) < 2:
        yield from uncertainty_sentences(disagreement)
        return
    known_projects = {**disagreement.project_names, **plan_projects}
    in_all, in_any = set(known_projects).intersection(*plans), set[str]().union(*plans)

    def name_or_count(projects: set[str]) -> str:
        if len(projects) > MAX_NAMED_PROJECTS:
            return project_count_text(len(projects))
        fallbacks = {p: disagreement.project_names.get(p) for p in known_projects if p in projects}
        return join_with_and([wording.name("projects", p, x) for p, x in fallbacks.items()])

    if plan_projects:
        yield tr(
            "Of the plan's projects ({of}), the best plans of {sets} sets of assumptions all build "
            "{count}.",
            of=format_number(len(plan_projects)),
            sets=format_number(len(plans)),
            count=format_number(len(in_all.intersection(plan_projects))),
        )
    if disputed_projects := in_any - in_all:
        yield tr("In dispute: {projects}.", projects=name_or_count(disputed_projects))
    if missing_projects := in_all.difference(plan_projects):
        yield tr(
            "All of them build in addition: {projects}.", projects=name_or_count(missing_projects)
        )
    if extra_projects := set(plan_projects) - in_any:
        yield tr("None of them builds: {projects}.", projects=name_or_count(extra_projects))
    if not in_any and not plan_projects:
        yield tr("None of them builds a project.")
    plan_gaps = [plan.gap for plan in disagreement.plans if plan.gap is not None]
    if len(plan_gaps) == len(disagreement.plans):
        yield tr(
            "Each of these plans is proven to {gap} of its objective: what hangs on less may be "
            "chance of the search.",
            gap=format_small_percent(max(disagreement.gap_target, *plan_gaps)),
        )
    yield from uncertainty_sentences(disagreement)


def set_outcomes_section(wording: PlanWording) -> Section:
    """Build the section on assumption sets; without such sets it has no parts."""
    return Section("under", tr("Under each set of assumptions"), list(_set_outcome_parts(wording)))


def _set_outcome_parts(wording: PlanWording) -> Iterator[Part]:
    set_outcomes, proof = wording.plan.under, wording.plan.certificate
    if not set_outcomes:
        return
    yield " ".join(describe_set_outcomes(wording))
    if (reported_set := wording.plan.reported_set) is not None:
        yield tr(
            "All other figures of this document are those under {set}: its damage, with the plan "
            "and without, and its costs.",
            set=wording.assumption_set_title(reported_set.id, reported_set.title),
        )
    if (proof.regret_open or 0.0) > ZERO_TOLERANCE:
        yield tr(
            "The best plans that regret is taken from are proven to the gap only: it may be larger "
            "by {open}.",
            open=wording.amount(proof.regret_open or 0.0),
        )
    columns = [
        Column(
            tr("Set of assumptions"),
            lambda set_outcome: wording.assumption_set_title(set_outcome.id, set_outcome.title),
            "text",
        ),
        Column(tr("Weight"), "weight", "share", key="weight"),
        Column(tr("Without plan"), "without_plan.expected", "outcome", decimals_group="damage",
               key="without"),
        *metric_columns(wording, "with", decimals_group="damage"),
        Column(tr("Avoided"), avoided_share, "share", key="avoided"),
        *metric_columns(wording, "cost", "objective"),
    ]  # fmt: skip
    if any(set_outcome.regret is not None for set_outcome in set_outcomes):
        columns += [
            Column(tr("Of its best plan"), "best", "objective", key="best"),
            Column(tr("Regret"), "regret", "outcome", key="regret"),
        ]
    if any(set_outcome.broken_rules for set_outcome in set_outcomes):
        columns.append(
            Column(tr("Rules broken"), lambda x: "; ".join(map(sanitize, x.broken_rules)) or None,
                   "text", empty_text="", key="broken")
        )  # fmt: skip
    yield Table(tr("What the plan leads to under each set"), set_outcomes, columns, "under")
