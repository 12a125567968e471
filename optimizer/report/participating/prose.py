"""What share a company should take, in sentences that a board can read."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint
from optimizer.report.figures import NOISE, number, percent
from optimizer.report.participating import picking, words

FEW_STATES = 100


def headline(found: Participation) -> Iterator[str]:
    """The answer in a few sentences."""
    curve = picking.curve_of(found, "reoptimize") or picking.curve_of(found, "held")
    best = None if curve is None else picking.best_point(curve)
    if curve is None or best is None:
        yield nothing(found)
        return
    yield " ".join(_best(found, best))
    yield " ".join(_up_to(found, curve))
    yield " ".join(_against(found, best))
    more = " ".join(_others(found, curve, best))
    if more:
        yield more


def nothing(found: Participation) -> str:
    """That there is no answer, and why."""
    points = [point for curve in found.curves for point in curve.points]
    if points and all(point.status == "infeasible" for point in points):
        return tr(
            "No plan keeps all rules at any share of {subject} that was tried for {company}.",
            subject=words.subject(found),
            company=words.company(found),
        )
    return tr("There is no plan at any share that was tried.")


def _best(found: Participation, best: SharePoint) -> Iterator[str]:
    about = {"company": words.company(found), "shared": words.shared(found)}
    assert best.standing is not None
    if best.share <= picking.NEAR:
        yield tr(
            "{company} does best with no share {shared}: none that was tried leaves it better off.",
            **about,
        )
        return
    yield tr("{company} does best with {share} {shared}.", share=percent(best.share), **about)
    stake = best.stake_meur
    outlay, net = picking.outlay_meur(best), best.standing.net_cost_meur
    figures = {"outlay": words.amount(found, outlay), "net": words.amount(found, net)}
    if stake is None:
        yield tr(
            "It pays {outlay} over the years; the net cost is {net}, discounted.",
            **figures,
        )
    else:
        yield tr(
            "That is {stake} of capex; with its stocks it pays {outlay} over the years, and the "
            "net cost is {net}, discounted.",
            stake=words.amount(found, stake),
            **figures,
        )
    if best.gain is not None:
        yield tr(
            "Against no share at all, with the others going ahead, it gains {gain}, net of what it "
            "pays.",
            gain=words.damage(found, best.gain),
        )


def _up_to(found: Participation, curve: ShareCurve) -> Iterator[str]:
    """The indifferent share, and the limit."""
    best, last = curve.best_share, curve.indifferent_share
    none = picking.point_at(curve, 0.0)
    if last is None:
        if none is not None and best is not None and best <= picking.NEAR:
            yield tr("With every share above that it is worse off.")
    elif curve.limit is not None and last >= curve.limit - picking.NEAR:
        yield tr(
            "Up to the largest share that the rules allow, {share}, it is no worse off than with "
            "none.",
            share=percent(last),
        )
        return
    elif curve.indifferent_within:
        yield tr(
            "Up to {share} it is no worse off than with none; shares were tried one by one, so "
            "that the true limit may lie up to {within} higher.",
            share=percent(last),
            within=words.points(curve.indifferent_within),
        )
    else:
        yield tr("Up to {share} it is no worse off than with none.", share=percent(last))
    if curve.limit is not None:
        yield tr("The rules allow {limit} at most.", limit=percent(curve.limit))


def _against(found: Participation, best: SharePoint) -> Iterator[str]:
    """The best share against acting alone, and against nobody acting."""
    assert best.standing is not None
    own, alone = best.standing, found.alone
    about = {
        "nobody": words.damage(found, found.without_plan.expected),
        "here": words.damage(found, own.expected),
    }
    yield (
        tr(
            "Its own mean damage falls from {nobody} if nobody acts to {here}.",
            **about,
        )
        if own.expected < found.without_plan.expected - NOISE
        else tr("Its own mean damage is {here}, and {nobody} if nobody acts.", **about)
    )
    totals = {
        "total": words.damage(found, own.total),
        "nothing": number_beside(found.without_plan.total),
    }
    if alone is None:
        yield tr(
            "Damage plus cost comes to {total}, against {nothing} if it waits and nobody acts.",
            **totals,
        )
    else:
        yield tr(
            "Damage plus cost comes to {total}, against {alone} if it acts alone and {nothing} if "
            "it waits and nobody acts.",
            alone=number_beside(alone.total),
            **totals,
        )
    if best.to_others is not None:
        yield tr(
            "Of all damage that this plan avoids, others avoid {share}.",
            share=percent(best.to_others),
        )


def number_beside(value: float) -> str:
    """A number beside one whose unit is said."""
    return number(value, 0 if abs(value) >= 100 else None)


def _others(found: Participation, curve: ShareCurve, best: SharePoint) -> Iterator[str]:
    """What hangs on the others, and on public money."""
    held = picking.curve_of(found, "held")
    there = None if held is None or held is curve else picking.best_point(held)
    if there is not None and there.gain is not None:
        yield tr(
            "If the others stick to the scenario's plan instead of deciding anew, {share} is best, "
            "and gains {gain}.",
            share=percent(there.share),
            gain=words.damage(found, there.gain),
        )
    spread = best.range
    if spread is not None and number_beside(spread.best.total) != number_beside(spread.worst.total):
        low, high = spread.best.total, spread.worst.total
        yield tr(
            "Other plans are as good by the objective of the scenario: with them, damage plus "
            "cost at the best share lies anywhere from {low} to {high}.",
            low=number_beside(low),
            high=words.damage(found, high),
        )
    public = picking.co_financed(found, curve.others)
    if len(public) > 1:
        first, last = public[0], public[-1]
        about = {
            "low": percent(first.public_share),
            "high": percent(last.public_share),
            "before": percent(first.best_share),
            "after": percent(last.best_share),
        }
        if first.best_share is None or last.best_share is None:
            return
        yield (
            tr(
                "As public funders carry {high} of capex instead of {low}, the best share moves "
                "from {before} to {after}.",
                **about,
            )
            if first.best_share != last.best_share
            else tr(
                "Whether public funders carry {low} or {high} of capex, the best share is {after}.",
                **about,
            )
        )


def cautions(found: Participation) -> Iterator[str]:
    """What must be read with the answer."""
    if found.ended == "interrupted":
        yield tr("Stopped early: points are missing.")
    points = [point for curve in found.curves for point in curve.points]
    early = [point for point in points if point.status in ("limit", "none")]
    if early:
        yield tr(
            "{count} of {of} points stopped before the gap was reached: their figures, and shares "
            "found from them, may move.",
            count=number(len(early)),
            of=number(len(points)),
        )
    if found.allocation == "pooled":
        yield tr(
            "Supplies are pooled: every tonne goes where it is missed most, whoever paid. A share "
            "buys no tonnes of its own."
        )
    if found.states < FEW_STATES:
        yield tr(
            "For illustration only: all plans rest on {states} states of the world.",
            states=number(found.states),
        )
