"""A plan under each set of assumptions, for its document."""

from collections.abc import Iterator

from models.language import tr
from models.results import Disagreement, UnderAssumptions
from optimizer.analyses.disagreement.words import best, measures, unsure
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
    """Which of the plan's projects all experts would build, on which they differ, and where all of
    them would do otherwise. The plan itself may be the best one that is known for a set."""
    own = {built.id: None for _, built in say.plan.likely}
    under = {one.id: one for one in say.plan.under if not one.broken_rules}
    plans = [
        own if id in under and under[id].objective <= plan.under[id].objective else plan.projects
        for id, plan in best(found).items()
    ]
    if len(plans) < 2:
        yield from unsure(found)
        return
    names = {**found.project_names, **own}
    in_all, some = set(names).intersection(*plans), set[str]().union(*plans)

    def told(projects: set[str]) -> str:
        if len(projects) > FEW:
            return projects_counted(len(projects))
        several = [p for p in names if p in projects]
        return listed([say.name("projects", p, found.project_names.get(p)) for p in several])

    if own:
        yield tr(
            "Of the plan's projects ({of}), the best plans of {sets} sets of assumptions all build "
            "{count}.",
            of=number(len(own)),
            sets=number(len(plans)),
            count=number(len(in_all.intersection(own))),
        )
    if disputed := some - in_all:
        yield tr("In dispute: {projects}.", projects=told(disputed))
    if more := in_all.difference(own):
        yield tr("All of them build in addition: {projects}.", projects=told(more))
    if alone := set(own) - some:
        yield tr("None of them builds: {projects}.", projects=told(alone))
    if not some and not own:
        yield tr("None of them builds a project.")
    gaps = [plan.gap for plan in found.plans if plan.gap is not None]
    if len(gaps) == len(found.plans):
        yield tr(
            "Each of these plans is proven to {gap} of its objective: what hangs on less may be "
            "chance of the search.",
            gap=small_percent(max(found.gap_target, *gaps)),
        )
    yield from unsure(found)


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
