"""The answer to a plan on one page, for those who read no further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results import ConsumerOutcome, MaterialOutcome
from optimizer.analyses.plan import evidence
from optimizer.analyses.plan.certificate import illustration, stopped
from optimizer.analyses.plan.words import PlanWording, reduction, with_sum
from optimizer.report.document import PAGE, TEXT, Bullets, Caution, Fact, Facts, Heading, Part
from optimizer.report.figures import NOISE, number, percent, rounded, rounded_percent, small_percent
from optimizer.report.wording import listed, materials_counted, projects_counted

MOST_NAMED = 3
"""Materials or consumers that the first page names."""


def answer(say: PlanWording) -> Iterator[Part]:
    """What is recommended, what it buys and costs, what remains, and how sure that is."""
    yield lead(say)
    yield Facts(list(_facts(say)), TEXT)
    blocks = (
        (tr("What it costs, and who pays"), list(_costs(say))),
        (tr("What is recommended"), list(_recommended(say))),
        (tr("What remains"), list(_remains(say))),
        (tr("How sure this is"), list(_sure(say))),
    )
    for title, items in blocks:
        if items:
            yield Heading(title, PAGE)
            yield Bullets(items, PAGE)
    yield Caution([*stopped(say.plan), *illustration(say.plan), *_rests_on_assumptions(say)])


def lead(say: PlanWording) -> str:
    """The answer in one sentence or two."""
    plan = say.plan
    reached, without = plan.outcome.expected, plan.outcome.without_plan.expected
    about = {"noun": say.expected, "during": say.during, "after": say.spoken(reached)}
    if say.builds_nothing:
        return tr("The plan is to build and buy nothing: {noun}{during} is {after}.", **about)
    about |= {"what": listed(list(_what(say))), "before": say.spoken(without)}
    if abs(reached - without) <= NOISE * max(1.0, abs(without)):
        return tr("Recommended: {what}. With it {noun}{during} stays at {after}.", **about)
    change = reduction(reached, without)
    if change is None:
        return tr(
            "Recommended: {what}. With it {noun}{during} goes from {before} to {after}.", **about
        )
    about["by"] = rounded_percent(abs(change))
    if change > 0:
        return tr(
            "Recommended: {what}. That lowers {noun}{during} by {by}, from {before} to {after}.",
            **about,
        )
    return tr(
        "Recommended: {what}. That raises {noun}{during} by {by}, from {before} to {after}.",
        **about,
    )


def _what(say: PlanWording) -> Iterator[str]:
    plan = say.plan
    if plan.projects and say.case is not None:
        yield tr(
            "support {count} of {of} candidate projects",
            count=number(len(plan.projects)),
            of=number(len(say.case.projects)),
        )
    elif plan.projects:
        yield tr("support {projects}", projects=projects_counted(len(plan.projects)))
    stocked = {s.material for s in plan.stockpiles if any(t > NOISE for t in s.buy_t.values())}
    if stocked:
        yield tr("buy stocks of {materials}", materials=materials_counted(len(stocked)))


def _facts(say: PlanWording) -> Iterator[Fact]:
    plan, cost = say.plan, say.cost
    reached, without = plan.outcome, plan.outcome.without_plan
    yield Fact(
        tr("Expected damage avoided") if say.of_damage else tr("Expected shortage avoided"),
        say.spoken(without.expected - reached.expected),
        tr(
            "{before} without the plan, {after} with it",
            before=say.spoken(without.expected),
            after=say.spoken(reached.expected),
        ),
    )
    yield Fact(
        say.tail,
        say.spoken(reached.cvar),
        tr("{before} without the plan", before=say.spoken(without.cvar)),
    )
    per_euro = cost.avoided_per_public_euro
    if per_euro is not None and per_euro.expected is not None and per_euro.range is not None:
        yield Fact(
            tr("Damage avoided per public {currency}, on average", currency=plan.currency),
            f"{number(per_euro.expected, 1)} {plan.currency}",
            tr(
                "{low} to {high} in 90 % of states; of {paid}, present value, guaranteed loans in "
                "full",
                low=number(per_euro.range.low, 1),
                high=number(per_euro.range.high, 1),
                paid=say.money(per_euro.meur),
            ),
        )
    if say.public:
        yield Fact(
            tr("Net cost to public funders"),
            say.money(cost.public.cost_meur),
            tr(
                "present value, less what is expected to come back; budgets are charged {charged}, "
                "not discounted",
                charged=say.money(cost.public_charged_meur),
            ),
        )
    guaranteed = cost.by_class.get("guarantee")
    if guaranteed is not None and guaranteed.peak_year is not None:
        yield Fact(
            tr("Guarantees outstanding"),
            say.money(guaranteed.peak_meur),
            tr("peak in {year}; loans of banks, which are not spending", year=guaranteed.peak_year),
        )
    private = cost.private.paid_meur + cost.market_meur
    if private > NOISE:
        yield Fact(
            tr("Private funding"),
            say.money(private),
            tr("of companies, lenders and investors, not discounted"),
        )


def _costs(say: PlanWording) -> Iterator[str]:
    plan, cost = say.plan, say.cost
    used = [(f.id, say.charged(f.id)) for f in plan.funders if f.kind == "public"]
    used = [(say.payer(f), amount) for f, amount in used if amount > NOISE]
    if used:
        yield tr(
            "Public budgets are charged {total}: {parts}.",
            total=say.money(cost.public_charged_meur),
            parts=with_sum(used),
        )
    yield net_cost(say)
    if abs(plan.outcome.residual_meur) > NOISE:
        yield tr(
            "The residual value of stocks and projects at the end, {amount} as present value, is "
            "already taken off.",
            amount=say.money(plan.outcome.residual_meur),
        )
    risk = cost.public.maximum_loss_meur
    if risk > NOISE:
        yield tr(
            "If every project fails, public funders lose {loss}; what stocks cost is spent in any "
            "case.",
            loss=say.money(risk),
        )


def net_cost(say: PlanWording) -> str:
    """The net cost, of all funders and of public ones."""
    cost = say.money(say.plan.outcome.net_cost_meur)
    if say.public and abs(say.cost.private.cost_meur) > NOISE:
        return tr(
            "The net cost of all funders is {cost}, {public} of it to public funders: present "
            "values of what they pay less what is expected to come back. Money of lenders is no "
            "cost here.",
            cost=cost,
            public=say.money(say.cost.public.cost_meur),
        )
    return tr(
        "The net cost of all funders is {cost}: the present value of what they pay less what is "
        "expected to come back. Money of lenders is no cost here.",
        cost=cost,
    )


def _recommended(say: PlanWording) -> Iterator[str]:
    plan = say.plan
    starts: dict[int, list[str]] = {}
    for built in plan.projects:
        starts.setdefault(built.start, []).append(say.name("projects", built.id))
    for year in sorted(starts):
        yield tr(
            "Decide on {counted} in {year}: {projects}.",
            counted=projects_counted(len(starts[year])),
            year=year,
            projects=listed(starts[year]),
        )
    if plan.projects:
        first = min(built.first_output for built in plan.projects)
        yield tr("The first output is due in {year} if nothing is delayed.", year=first)
    costs: dict[str, float] = {}
    for pile in plan.stockpiles:
        costs[pile.material] = costs.get(pile.material, 0.0) + sum(pile.cost_meur.values())
    total = sum(costs.values())
    if total > NOISE:
        top = sorted((m for m in costs if costs[m] > NOISE), key=lambda m: -costs[m])[:MOST_NAMED]
        yield tr(
            "Buy and keep stocks for {cost} in all; most of it for {materials}.",
            cost=say.money(total),
            materials=listed([f"{say.name('materials', m)} ({rounded(costs[m])})" for m in top]),
        )


def _remains(say: PlanWording) -> Iterator[str]:
    plan = say.plan
    exposed = sorted((m for m in plan.materials if m.expected > NOISE), key=lambda m: -m.expected)
    if exposed and plan.outcome.expected > NOISE:
        top = exposed[:MOST_NAMED]
        yield tr(
            "Expected to remain: {after}, {share} of it of {materials}.",
            after=say.spoken(plan.outcome.expected),
            share=rounded_percent(sum(m.expected for m in top) / plan.outcome.expected),
            materials=_worst_hit(say, "materials", top),
        )
    hit = sorted((c for c in plan.consumers if c.expected > NOISE), key=lambda c: -c.expected)
    if len(hit) > 1:
        consumers = _worst_hit(say, "consumers", hit[:MOST_NAMED])
        yield tr("Most affected: {consumers}.", consumers=consumers)
    yield tr(
        "In the worst of the states computed it is {after}, compared with {before} without the "
        "plan.",
        after=say.spoken(plan.outcome.worst),
        before=say.spoken(plan.outcome.without_plan.worst),
    )


def _worst_hit(
    say: PlanWording, kind: str, some: Sequence[MaterialOutcome | ConsumerOutcome]
) -> str:
    return listed([f"{say.name(kind, one.id)} ({say.spoken(one.expected)})" for one in some])


def _sure(say: PlanWording) -> Iterator[str]:
    certificate = say.plan.certificate
    if certificate.status == "optimal" and certificate.gap is not None:
        yield tr(
            "The plan is optimal under these assumptions, not necessarily in reality: no other is "
            "better by more than {gap} of the objective, and that is proven.",
            gap=small_percent(max(certificate.gap, certificate.gap_target)),
        )
    if certificate.states > 1:
        yield tr(
            "The plan was computed for {states} states of the world. They are assumptions with "
            "probabilities, not a forecast.",
            states=number(certificate.states),
        )


def _rests_on_assumptions(say: PlanWording) -> Iterator[str]:
    """What must be read with the answer: how much of it depends on assumptions."""
    assumed = {kind: shares["assumption"] for kind, shares in evidence.rests_on(say.plan).items()}
    told = [
        f"{evidence.kind_name(kind)} ({percent(share)})"
        for kind, share in assumed.items()
        if share > 0.5
    ]
    if told:
        yield tr(
            "Most of the benefit depends on assumptions; shares of it that depend on assumed "
            "figures: {kinds}. The figures compare options; they do not predict losses.",
            kinds=listed(told),
        )
    standings = [figure.standing for figure in evidence.figures(say.case)]
    if "none" in standings:
        yield tr(
            "{count} of the {total} figures of the scenario carry no source.",
            count=number(standings.count("none")),
            total=number(len(standings)),
        )
