"""A plan under each set of assumptions, for its document."""

from collections.abc import Iterator

from models.language import tr
from models.results import AssumptionSetOutcome, Disagreement
from optimizer.analyses.assumption_dependence.sentences import (
    best_plan_by_set,
    objective_names,
    uncertainty_sentences,
)
from optimizer.analyses.plan.plan_wording import PlanWording, relative_reduction
from optimizer.report.document import Column, Part, Section, Table
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_rounded_percent,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import join_with_and, project_count_text

MAX_NAMED_PROJECTS = 3
"""Projects in dispute that are named one by one."""


def avoided_share(set_outcome: AssumptionSetOutcome) -> float | None:
    """The share of expected damage that the plan avoids under a set; None where there is none."""
    return relative_reduction(set_outcome.expected, set_outcome.without_plan.expected)


def describe_set_outcomes(wording: PlanWording) -> Iterator[str]:
    """What the plan is made for, and what it avoids under each set."""
    under, over = wording.plan.under, wording.plan.certificate.over_assumptions
    if not under:
        return
    count = format_number(len(under))
    if over is not None:
        yield tr(
            "It is one plan for {count} sets of assumptions and minimises {what}.",
            count=count,
            what=objective_names()[over],
        )
    titles = {one.id: wording.assumption_set_title(one.id, one.title) for one in under}
    shares = [(share, titles[one.id]) for one in under if (share := avoided_share(one)) is not None]
    if shares:
        (least, worst), (most, best) = min(shares), max(shares)
        yield tr(
            "Under {count} sets of assumptions {noun} falls by {least} ({worst}) to {most} "
            "({best}), each compared with no plan.",
            count=count,
            noun=wording.expected_outcome,
            least=format_rounded_percent(least),
            worst=worst,
            most=format_rounded_percent(most),
            best=best,
        )
    broken = [titles[one.id] for one in under if one.broken_rules]
    if broken:
        yield tr("It breaks rules under these assumptions: {sets}.", sets=join_with_and(broken))


def describe_disputes(wording: PlanWording, disagreement: Disagreement) -> Iterator[str]:
    """Which of the plan's projects all experts would build, on which they differ, and where all of
    them would do otherwise. The plan itself may be the best one that is known for a set."""
    own = {built.id: None for _, built in wording.plan.projects_with_probability}
    under = {one.id: one for one in wording.plan.under if not one.broken_rules}
    plans = [
        own if id in under and under[id].objective <= plan.under[id].objective else plan.projects
        for id, plan in best_plan_by_set(disagreement).items()
    ]
    if len(plans) < 2:
        yield from uncertainty_sentences(disagreement)
        return
    names = {**disagreement.project_names, **own}
    in_all, some = set(names).intersection(*plans), set[str]().union(*plans)

    def told(projects: set[str]) -> str:
        if len(projects) > MAX_NAMED_PROJECTS:
            return project_count_text(len(projects))
        several = [p for p in names if p in projects]
        return join_with_and(
            [wording.name("projects", p, disagreement.project_names.get(p)) for p in several]
        )

    if own:
        yield tr(
            "Of the plan's projects ({of}), the best plans of {sets} sets of assumptions all build "
            "{count}.",
            of=format_number(len(own)),
            sets=format_number(len(plans)),
            count=format_number(len(in_all.intersection(own))),
        )
    if disputed := some - in_all:
        yield tr("In dispute: {projects}.", projects=told(disputed))
    if more := in_all.difference(own):
        yield tr("All of them build in addition: {projects}.", projects=told(more))
    if alone := set(own) - some:
        yield tr("None of them builds: {projects}.", projects=told(alone))
    if not some and not own:
        yield tr("None of them builds a project.")
    gaps = [plan.gap for plan in disagreement.plans if plan.gap is not None]
    if len(gaps) == len(disagreement.plans):
        yield tr(
            "Each of these plans is proven to {gap} of its objective: what hangs on less may be "
            "chance of the search.",
            gap=format_small_percent(max(disagreement.gap_target, *gaps)),
        )
    yield from uncertainty_sentences(disagreement)


def set_outcomes_section(wording: PlanWording) -> Section:
    """The outcome under each set of assumptions; without parts where there is none."""
    return Section("under", tr("Under each set of assumptions"), list(_set_outcome_parts(wording)))


def _set_outcome_parts(wording: PlanWording) -> Iterator[Part]:
    under, proof = wording.plan.under, wording.plan.certificate
    if not under:
        return
    yield " ".join(describe_set_outcomes(wording))
    if (own := wording.plan.reported_set) is not None:
        yield tr(
            "All other figures of this document are those under {set}: its damage, with the plan "
            "and without, and its costs.",
            set=wording.assumption_set_title(own.id, own.title),
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
            lambda one: wording.assumption_set_title(one.id, one.title),
            "text",
        ),
        Column(tr("Weight"), "weight", "share", key="weight"),
        Column(
            tr("Without plan"),
            "without_plan.expected",
            "outcome",
            decimals_group="damage",
            key="without",
        ),
        Column(tr("With plan"), "expected", "outcome", decimals_group="damage", key="with"),
        Column(tr("Avoided"), avoided_share, "share", key="avoided"),
        Column(tr("Net cost"), "net_cost_meur", "money", key="cost"),
        Column(tr("Objective"), "objective", "objective", key="objective"),
    ]
    if any(one.regret is not None for one in under):
        columns += [
            Column(tr("Of its best plan"), "best", "objective", key="best"),
            Column(tr("Regret"), "regret", "outcome", key="regret"),
        ]
    if any(one.broken_rules for one in under):
        columns.append(
            Column(tr("Rules broken"), _broken_rules_text, "text", empty_text="", key="broken")
        )
    yield Table(tr("What the plan leads to under each set"), under, columns, "under")


def _broken_rules_text(set_outcome: AssumptionSetOutcome) -> str | None:
    return "; ".join(sanitize(rule) for rule in set_outcome.broken_rules) or None
