"""The answer on one page, for those who read no further."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from optimizer.report import prose
from optimizer.report.figures import NOISE, number, percent, rounded, small_percent
from optimizer.report.html.parts import Bullets, Caution, Fact, Facts, Heading, Part, Section
from optimizer.report.html.subject import Subject, listed, materials_counted, projects_counted
from optimizer.report.html.wording import kind_name
from optimizer.report.tables import money, reduction, schedule
from optimizer.report.tables.evidence import by_part

MOST_NAMED = 3
"""Materials or consumers that the first page names."""


def answer(subject: Subject) -> Section:
    """What is recommended, what it buys and costs, what remains, and how sure that is."""
    return Section("answer", tr("The answer on one page"), _parts(subject), one_page=True)


def short(subject: Subject, name: str, title: str) -> Section:
    """The same as one of several options."""
    return Section(name, title, _parts(subject), one_page=True)


def _parts(subject: Subject) -> list[Part]:
    parts: list[Part] = [lead(subject), Facts(list(_facts(subject)))]
    blocks = (
        (tr("What is recommended"), list(_recommended(subject))),
        (tr("What it costs, and who pays"), list(_costs(subject))),
        (tr("What remains"), list(_remains(subject))),
        (tr("How sure this is"), list(_sure(subject))),
    )
    for title, items in blocks:
        if items:
            parts += [Heading(title), Bullets(items)]
    cautions = list(cautions_of(subject))
    if cautions:
        parts.append(Caution(cautions))
    return parts


def lead(subject: Subject) -> str:
    """The answer in one sentence or two."""
    plan = subject.plan
    if prose.builds_nothing(plan):
        return next(iter(prose.headline(plan)))
    reached, without = plan.outcome.expected, plan.outcome.without_plan.expected
    stocked = sum(any(t > NOISE for t in pile.buy_t.values()) for pile in plan.stockpiles)
    what = []
    if plan.projects:
        of = len(subject.case.projects)
        what.append(
            tr(
                "support {count} of {of} candidate projects",
                count=number(len(plan.projects)),
                of=number(of),
            )
        )
    if stocked:
        what.append(tr("buy stocks of {materials}", materials=materials_counted(stocked)))
    change = reduction(reached, without) or 0.0
    about = {
        "what": listed(what),
        "noun": prose.expected_noun(plan),
        "during": subject.during,
        "by": percent(abs(change)),
        "before": number(without),
        "after": subject.outcome(reached),
    }
    if change > NOISE:
        return tr(
            "Recommended: {what}. That lowers {noun} {during} by {by}, from {before} to {after}.",
            **about,
        )
    if change < -NOISE:
        return tr(
            "Recommended: {what}. That raises {noun} {during} by {by}, from {before} to {after}.",
            **about,
        )
    return tr("Recommended: {what}. With it {noun} {during} stays at {after}.", **about)


def _facts(subject: Subject) -> Iterator[Fact]:
    plan = subject.plan
    reached, without = plan.outcome, plan.outcome.without_plan
    avoided = without.expected - reached.expected
    yield Fact(
        tr("Expected damage avoided") if subject.of_damage else tr("Expected shortage avoided"),
        subject.outcome(avoided),
        tr(
            "{before} without the plan, {after} with it",
            before=number(without.expected),
            after=number(reached.expected),
        ),
    )
    yield Fact(
        prose.tail_noun(plan),
        subject.outcome(reached.cvar),
        tr("{before} without the plan", before=number(without.cvar)),
    )
    per_euro = money.per_public_euro(plan)
    if per_euro is not None:
        mean, low, high = per_euro
        found = subject.positions
        paid = float(found[found["kind"] == "public"]["paid_pv_meur"].sum())
        yield Fact(
            tr("Damage avoided per public {currency}", currency=plan.currency),
            f"{number(mean, 1)} {plan.currency}",
            tr(
                "{low} to {high} in 90 % of states; {paid} put up, present value",
                low=number(low, 1),
                high=number(high, 1),
                paid=rounded(paid),
            ),
        )
    yield Fact(
        tr("Charge on public budgets"),
        subject.amount(subject.charged),
        tr("{span}, not discounted", span=subject.span),
    )
    most, peak = subject.guaranteed
    if peak is not None:
        first, last = peak
        yield Fact(
            tr("Guarantees outstanding at most"),
            subject.amount(most),
            tr("loans of banks, first in {year}", year=first)
            if last > first
            else tr("loans of banks, in {year}", year=first),
        )
    put_up = subject.sources
    others = float(put_up[put_up["kind"] != "public"]["meur"].sum())
    yield Fact(
        tr("Put up by companies and lenders"),
        subject.amount(others),
        tr("for projects and stocks, not discounted"),
    )


def _recommended(subject: Subject) -> Iterator[str]:
    plan = subject.plan
    starts: dict[int, list[str]] = {}
    for built in plan.projects:
        starts.setdefault(built.start, []).append(subject.name("project", built.id))
    for year in sorted(starts):
        yield tr(
            "Decide on {counted} in {year}: {projects}.",
            counted=projects_counted(len(starts[year])),
            year=year,
            projects=listed(starts[year]),
        )
    first = schedule.first_tonne(plan)
    if first is not None:
        yield tr("The first output is due in {year} if nothing is delayed.", year=first)
    costs = {pile.id: sum(pile.cost_meur.values()) for pile in plan.stockpiles}
    total = sum(costs.values())
    if total > NOISE:
        top = sorted((h for h in costs if costs[h] > NOISE), key=lambda h: -costs[h])[:MOST_NAMED]
        by_id = {pile.id: pile.material for pile in plan.stockpiles}
        names = [f"{subject.name('material', by_id[h])} ({rounded(costs[h])})" for h in top]
        yield tr(
            "Buy and keep stocks for {cost} in all; most of it for {materials}.",
            cost=subject.amount(total),
            materials=listed(names),
        )


def _costs(subject: Subject) -> Iterator[str]:
    plan = subject.plan
    public = [f.id for f in plan.funders if f.kind == "public"]
    spent = {f: sum(plan.spend_meur.get(f, {}).values()) for f in public}
    used = [f"{subject.name('funder', f)} {rounded(spent[f])}" for f in public if spent[f] > NOISE]
    if used:
        yield tr(
            "Public budgets are charged {total}: {parts}.",
            total=subject.amount(subject.charged),
            parts=listed(used),
        )
    yield tr(
        "Net cost is {cost}, discounted: what all funders put up, less what is expected to come "
        "back, and what stocks cost.",
        cost=subject.amount(plan.outcome.net_cost_meur),
    )
    if abs(plan.outcome.residual_meur) > NOISE:
        yield tr(
            "It is less by {amount}, which stocks and projects are still worth at the end of "
            "{year}: the residual value that the scenario gives them, as present value.",
            amount=subject.amount(plan.outcome.residual_meur),
            year=subject.years[-1],
        )
    found = subject.positions
    risk = float(found[found["kind"] == "public"]["maximum_loss_meur"].sum())
    if risk > NOISE:
        yield tr(
            "At worst, with every project failing, public funders lose {loss}; what stocks cost is "
            "spent in any case.",
            loss=subject.amount(risk),
        )


def _remains(subject: Subject) -> Iterator[str]:
    plan = subject.plan
    exposed = sorted((m for m in plan.materials if m.expected > NOISE), key=lambda m: -m.expected)
    if exposed and plan.outcome.expected > NOISE:
        top = exposed[:MOST_NAMED]
        share = sum(m.expected for m in top) / plan.outcome.expected
        names = [f"{subject.name('material', m.id)} ({rounded(m.expected)})" for m in top]
        text = (
            tr(
                "Expected damage of {after} remains, {share} of it from {materials}.",
                after=subject.outcome(plan.outcome.expected),
                share=percent(share),
                materials=listed(names),
            )
            if subject.of_damage
            else tr(
                "An expected shortage of {after} remains, {share} of it of {materials}.",
                after=subject.outcome(plan.outcome.expected),
                share=percent(share),
                materials=listed(names),
            )
        )
        yield text
    hit = sorted((c for c in plan.consumers if c.expected > NOISE), key=lambda c: -c.expected)
    if len(hit) > 1:
        names = [
            f"{subject.name('consumer', c.id)} ({rounded(c.expected)})" for c in hit[:MOST_NAMED]
        ]
        yield tr("Most affected: {consumers}.", consumers=listed(names))
    yield tr(
        "In the worst of the states it is {after}, against {before} without the plan.",
        after=subject.outcome(plan.outcome.worst),
        before=number(plan.outcome.without_plan.worst),
    )


def _sure(subject: Subject) -> Iterator[str]:
    plan = subject.plan
    certificate = plan.certificate
    if certificate.status == "optimal" and certificate.gap is not None:
        yield tr(
            "For this scenario no other plan can be better by more than {gap}; that is proven.",
            gap=small_percent(certificate.gap),
        )
    if certificate.states > 1:
        yield tr(
            "The plan was chosen for {states} states of the world. They are assumptions with "
            "probabilities, not a forecast.",
            states=number(certificate.states),
        )


def cautions_of(subject: Subject) -> Iterator[str]:
    """What must be read with the answer: a search that stopped early, too few states."""
    sentences = list(prose.headline(subject.plan))
    yield from sentences[1:]
    assumed = {kind: share for kind, share in subject.assumed.items() if share > 0.5}
    if assumed:
        told = [f"{kind_name(kind)} ({percent(share)})" for kind, share in assumed.items()]
        yield (
            tr(
                "Most of the benefit rests on assumptions; shares of the avoided damage that hang "
                "on assumed figures: {kinds}. The figures compare options; they do not predict "
                "losses.",
                kinds=listed(told),
            )
            if subject.of_damage
            else tr(
                "Most of the benefit rests on assumptions; shares of the avoided shortage that "
                "hang on assumed figures: {kinds}. The figures compare options; they do not "
                "predict losses.",
                kinds=listed(told),
            )
        )
    figures = by_part(subject.plan)
    unsourced, total = int(figures["none"].sum()), int(figures["count"].sum())
    if unsourced:
        yield tr(
            "{count} of the {total} figures of the scenario carry no source.",
            count=number(unsourced),
            total=number(total),
        )
