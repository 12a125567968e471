"""What share a company should take, in sentences that a board can read."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import ShareCurve, SharePoint
from optimizer.analyses.participation.words import (
    NEAR,
    Say,
    best_point,
    outlay_meur,
    percentage_points,
    point_at,
)
from optimizer.report.figures import NOISE, number, percent, rounded, small_percent


def headline(say: Say) -> Iterator[str]:
    """The answer in a few paragraphs."""
    curve = next(iter(say.main), None)
    best = None if curve is None else best_point(curve)
    if curve is None or best is None:
        yield _nothing(say)
        return
    yield " ".join(_best(say, best))
    yield " ".join(_up_to(curve))
    yield " ".join(_against(say, best))
    yield " ".join(_others(say, curve, best))


def _nothing(say: Say) -> str:
    """That there is no answer, and why."""
    if any(point.status != "infeasible" for point in say.points) or not say.points:
        return tr("There is no plan at any share that was tried.")
    return tr("No plan keeps all rules at any share of {subject} that was tried for {company}.",
              subject=say.subject, company=say.company)  # fmt: skip


def _best(say: Say, best: SharePoint) -> Iterator[str]:
    assert best.standing is not None
    about = {"company": say.company, "shared": say.shared}
    if best.share <= NEAR:
        yield tr(
            "{company} does best with no share {shared}: none that was tried leaves it better off.",
            **about,
        )
        return
    yield tr("{company} does best with {share} {shared}.", share=percent(best.share), **about)
    paid, net = say.money(outlay_meur(best) or 0.0), say.money(best.standing.net_cost_meur)
    yield (
        tr("It pays {outlay} over the years; the net cost is {net}, discounted.",
           outlay=paid, net=net)
        if best.stake_meur is None
        else tr("That is {stake} of capex; with its stocks it pays {outlay} over the years, and "
                "the net cost is {net}, discounted.",
                stake=say.money(best.stake_meur), outlay=paid, net=net)
    )  # fmt: skip
    if best.gain is not None:
        yield tr(
            "Against no share at all, with the others going ahead, it gains {gain}, net of what it "
            "pays.",
            gain=say.amount(best.gain),
        )


def _up_to(curve: ShareCurve) -> Iterator[str]:
    """The indifferent share, and the limit."""
    best, last = curve.best_share, curve.indifferent_share
    if last is None:
        if point_at(curve, 0.0) is not None and best is not None and best <= NEAR:
            yield tr("With every share above that it is worse off.")
    elif curve.limit is not None and last >= curve.limit - NEAR:
        yield tr("Up to the largest share that the rules allow, {share}, it is no worse off than "
                 "with none.", share=percent(last))  # fmt: skip
        return
    elif curve.indifferent_within:
        yield tr(
            "Up to {share} it is no worse off than with none; shares were tried one by one, so "
            "that the true limit may lie up to {within} higher.",
            share=percent(last),
            within=percentage_points(curve.indifferent_within),
        )
    else:
        yield tr("Up to {share} it is no worse off than with none.", share=percent(last))
    if curve.limit is not None:
        yield tr("The rules allow {limit} at most.", limit=percent(curve.limit))


def _against(say: Say, best: SharePoint) -> Iterator[str]:
    """The best share against acting alone, and against nobody acting."""
    assert best.standing is not None
    own, alone, without = best.standing, say.found.alone, say.found.without_plan
    about = {"nobody": say.amount(without.expected), "here": say.amount(own.expected)}
    yield (
        tr("Its own mean damage falls from {nobody} if nobody acts to {here}.", **about)
        if own.expected < without.expected - NOISE
        else tr("Its own mean damage is {here}, and {nobody} if nobody acts.", **about)
    )
    about = {"total": say.amount(own.total), "nothing": rounded(without.total)}
    yield (
        tr("Damage plus cost comes to {total}, against {nothing} if it waits and nobody acts.",
           **about)
        if alone is None
        else tr("Damage plus cost comes to {total}, against {alone} if it acts alone and {nothing} "
                "if it waits and nobody acts.", alone=rounded(alone.total), **about)
    )  # fmt: skip
    if best.to_others is not None:
        share = percent(best.to_others)
        yield tr("Of all damage that this plan avoids, others avoid {share}.", share=share)


def _others(say: Say, curve: ShareCurve, best: SharePoint) -> Iterator[str]:
    """What depends on the others, and on public money."""
    held = next((one for one in say.main if one is not curve), None)
    there = None if held is None else best_point(held)
    if there is not None and there.gain is not None:
        yield tr(
            "If the others stick to the scenario's plan instead of deciding anew, {share} is best, "
            "and gains {gain}.",
            share=percent(there.share),
            gain=say.amount(there.gain),
        )
    ends = best.range and (best.range.best.total, best.range.worst.total)
    if ends and rounded(ends[0]) != rounded(ends[1]):
        yield tr(
            "Other plans are as good by the objective of the scenario: with them, damage plus "
            "cost at the best share lies anywhere from {low} to {high}.",
            low=rounded(ends[0]),
            high=say.amount(ends[1]),
        )
    public = say.co_financed(curve.others)
    if len(public) < 2 or public[0].best_share is None or public[-1].best_share is None:
        return
    about = {
        "low": percent(public[0].public_share),
        "high": percent(public[-1].public_share),
        "before": percent(public[0].best_share),
        "after": percent(public[-1].best_share),
    }
    yield (
        tr(
            "As public funders carry {high} of capex instead of {low}, the best share moves from "
            "{before} to {after}.",
            **about,
        )
        if public[0].best_share != public[-1].best_share
        else tr(
            "Whether public funders carry {low} or {high} of capex, the best share is {after}.",
            **about,
        )
    )


def cautions(say: Say) -> Iterator[str]:
    """What must be read with the answer."""
    if say.found.ended == "interrupted":
        yield tr("Stopped early: points are missing.")
    early = sum(point.status in ("limit", "none") for point in say.points)
    if early:
        yield tr(
            "{count} of {of} points stopped before the gap was reached: their figures, and shares "
            "found from them, may move.",
            count=number(early),
            of=number(len(say.points)),
        )
    if say.found.allocation == "pooled":
        yield tr(
            "Supplies are pooled: every tonne is allocated to minimise damage, no matter who paid. "
            "A share buys no tonnes of its own."
        )
    yield from say.illustration()


def meaning(say: Say) -> Iterator[str]:
    """What waiting and acting alone are."""
    none = point_at(say.main[0], 0.0) if say.main else None
    if none is not None and none.standing is not None:
        yield tr(
            "A company without a share still benefits from what others build: {avoided} less mean "
            "damage than if nobody acts. What a share is worth shows against that, and not "
            "against nobody acting.",
            avoided=say.amount(say.found.without_plan.expected - none.standing.expected),
        )
    if say.found.alone is not None:
        yield tr("Acting alone means: only {company} invests, in the way that is best for itself, "
                 "and nobody else does anything.", company=say.company)  # fmt: skip


def ranges(say: Say, proven: bool) -> str:
    """What columns on equally good plans hold, and those on what is ``proven`` of these; empty
    where there are none."""
    if not say.ranged:
        return ""
    found = tr(
        "At best and at worst: damage plus cost, of the plans that were found as good by the "
        "objective of the scenario."
    )
    bounds = tr("None below, none above: proven of all such plans.")
    return f"{found} {bounds}" if proven else found


def columns(say: Say, proven: bool) -> str:
    """What the columns of a curve hold."""
    told = tr(
        "Capex carried and outlay are undiscounted, all else is discounted. Damage and CVaR are "
        "its own; CVaR is the mean of the worst {tail} of states. Gain: against no share, with "
        "the others behaving alike. Gain per {currency}: damage avoided against no share, per "
        "{currency} of additional net cost. Avoided per {currency}: own damage avoided against "
        "nobody acting, per {currency} of net cost. To others: their part of all damage that is "
        "avoided.",
        tail=say.tail,
        currency=say.currency,
    )
    return f"{told} {ranges(say, proven)}".strip()


def steps(say: Say) -> Iterator[str]:
    """What is asked at each share."""
    found = say.found
    about = {"company": say.company, "shared": say.shared}
    yield tr(
        "For each share the program solves the whole problem anew with one rule more: {company} "
        "carries this share {shared}, no more and no less.",
        **about,
    )
    if any(curve.others == "reoptimize" for curve in found.curves):
        yield tr(
            "Where the others decide anew, projects, stocks and all other shares are chosen by the "
            "objective of the scenario, that is for all together and not for {company}.",
            **about,
        )
    if say.ranged:
        yield tr(
            "Many such plans are equally good for all together and unequal for {company}. Among "
            "those within {tolerance} of the best objective, the best and the worst for it are "
            "sought.",
            tolerance=small_percent(found.tolerance),
            **about,
        )
    if any(curve.others == "held" for curve in found.curves):
        yield tr(
            "Where the others stick to the plan, they do what they do in the scenario's own plan, "
            "in which the share is free; {company} chooses what is best for itself.",
            **about,
        )
    yield (
        tr(
            "What a company paid for is its own: in each state it is served first from its own "
            "offtake and stocks."
        )
        if found.allocation == "entitled"
        else tr(
            "Supplies are pooled: in each state every tonne is allocated to minimise damage, no "
            "matter who paid."
        )
    )
    yield tr(
        "Its damage is that of {consumers}; damage and money are discounted and averaged over "
        "{states} states of the world.",
        consumers=say.consumers,
        states=number(say.states),
    )


def limits() -> list[str]:
    """What the answer does not say."""
    return [
        tr("Shares are tried one by one. Between two of them nothing is known; the best share is "
           "the best of those tried."),
        tr("The figures rest on the scenario: its hazards, prices and damage are assumptions with "
           "probabilities, not a forecast."),
        tr("What a share gives beyond tonnes and money, such as a say in decisions or a "
           "supplier's goodwill, is not counted."),
    ]  # fmt: skip


def terms(say: Say) -> list[tuple[str, str]]:
    """Terms in alphabetical order."""
    entries = {
        tr("Best share"): tr(
            "Of the shares that were tried, the one with least mean damage plus net cost."
        ),
        tr("Damage plus cost"): tr(
            "The company's own mean damage plus its own net cost; the less, the better."
        ),
        tr("Gain"): tr("By how much damage plus cost is lower than with no share."),
        tr("Indifferent share"): tr(
            "The largest share at which the company is no worse off than with none."
        ),
        tr("Net cost"): tr(
            "What the company pays, less what is expected to come back, and what its stocks cost; "
            "discounted."
        ),
        tr("Offtake"): tr("Output of projects that is reserved for the company."),
        tr("State of the world"): tr(
            "One way the coming years may go: which disruptions strike when, which projects fail "
            "or come late."
        ),
        tr("CVaR"): tr(
            "Conditional value at risk: mean damage in the worst {tail} of states, by probability.",
            tail=say.tail,
        ),
    }
    return sorted(entries.items(), key=lambda entry: entry[0].casefold())
