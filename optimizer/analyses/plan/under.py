"""A plan under each set of assumptions, for its document."""

from collections.abc import Iterator

from models.language import tr
from models.results import Disagreement, UnderAssumptions
from optimizer.analyses.disagreement.words import built, measures
from optimizer.analyses.plan.words import PlanWording, reduction
from optimizer.report.document import Column, Part, Section, Table
from optimizer.report.figures import NOISE, clean, number, rounded_percent, small_percent
from optimizer.report.wording import listed, projects_counted

FEW = 3
"""Projects in dispute that are named one by one."""


def avoided(one: UnderAssumptions) -> float | None:
    """The share of expected damage that the plan avoids under a set; None where there is none."""
    return reduction(one.expected, one.without_plan.expected)


def sentences(say: PlanWording) -> Iterator[str]:
    """What the plan is made for, and what it avoids under each set."""
    under, over = say.plan.under, say.plan.certificate.over_assumptions
    if not under:
        return
    count = number(len(under))
    if over is not None:
        yield tr(
            "It is one plan for {count} sets of assumptions and minimises {what}.",
            count=count,
            what=measures()[over],
        )
    titles = {one.id: say.assumptions(one.id, one.title) for one in under}
    shares = [(share, titles[one.id]) for one in under if (share := avoided(one)) is not None]
    if shares:
        (least, worst), (most, best) = min(shares), max(shares)
        yield tr(
            "Under {count} sets of assumptions {noun} falls by {least} ({worst}) to {most} "
            "({best}), each compared with no plan.",
            count=count,
            noun=say.expected,
            least=rounded_percent(least),
            worst=worst,
            most=rounded_percent(most),
            best=best,
        )
    broken = [titles[one.id] for one in under if one.broken_rules]
    if broken:
        yield tr("It breaks rules under these assumptions: {sets}.", sets=listed(broken))


def argued(say: PlanWording, found: Disagreement) -> Iterator[str]:
    """Which of the plan's projects all experts would build, and on which somebody would not do as
    the plan does."""
    own, plans = {one.id: None for one in say.plan.projects}, built(found)
    agreed = set(own).intersection(*plans)
    disputed = set(own).union(*plans) - agreed
    names = [
        say.name("projects", p, found.project_names.get(p))
        for p in {**found.project_names, **own}
        if p in disputed
    ]
    yield tr(
        "The best plans of all {sets} sets of assumptions build {count} of its {projects} as well.",
        sets=number(len(plans)),
        count=number(len(agreed)),
        projects=projects_counted(len(own)),
    )
    if names:
        told = listed(names) if len(names) <= FEW else projects_counted(len(names))
        yield tr("In dispute: {projects}.", projects=told)
    gaps = [plan.gap for plan in found.plans if plan.gap is not None]
    if len(gaps) == len(plans):
        gap = small_percent(max(found.gap_target, *gaps))
        yield tr(
            "Each of these plans is proven to {gap}; a smaller difference proves nothing.", gap=gap
        )


def section(say: PlanWording) -> Section:
    """The outcome under each set of assumptions; without parts where there is none."""
    return Section("under", tr("Under each set of assumptions"), list(_parts(say)))


def _parts(say: PlanWording) -> Iterator[Part]:
    under, proof = say.plan.under, say.plan.certificate
    if not under:
        return
    yield " ".join(sentences(say))
    if (own := say.plan.seen_under) is not None:
        yield tr(
            "All other figures of this document are those under {set}: its damage, with the plan "
            "and without, and its costs.",
            set=say.assumptions(own.id, own.title),
        )
    if (proof.regret_open or 0.0) > NOISE:
        yield tr(
            "The best plans that regret is taken from are proven to the gap only: it may be larger "
            "by {open}.",
            open=say.amount(proof.regret_open or 0.0),
        )
    columns = [
        Column(tr("Set of assumptions"), lambda one: say.assumptions(one.id, one.title), "text"),
        Column(tr("Weight"), "weight", "share", key="weight"),
        Column(
            tr("Without plan"), "without_plan.expected", "outcome", like="damage", key="without"
        ),
        Column(tr("With plan"), "expected", "outcome", like="damage", key="with"),
        Column(tr("Avoided"), avoided, "share", key="avoided"),
        Column(tr("Net cost"), "net_cost_meur", "money", key="cost"),
        Column(tr("Objective"), "objective", "objective", key="objective"),
    ]
    if any(one.regret is not None for one in under):
        columns += [
            Column(tr("Of its best plan"), "best", "objective", key="best"),
            Column(tr("Regret"), "regret", "outcome", key="regret"),
        ]
    if any(one.broken_rules for one in under):
        columns.append(Column(tr("Rules broken"), _broken, "text", empty="", key="broken"))
    yield Table(tr("What the plan leads to under each set"), under, columns, "under")


def _broken(one: UnderAssumptions) -> str | None:
    return "; ".join(clean(rule) for rule in one.broken_rules) or None
