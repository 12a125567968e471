"""All shares that were tried, curve by curve."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.language import tr
from models.results import Participation, ShareCurve, SharePoint, Standing
from optimizer.report.figures import NO_BREAK, percent
from optimizer.report.html.parts import Column, Part, Section, Table, alike, amounts, shares, words
from optimizer.report.participating import picking
from optimizer.report.participating import words as said

BEST, INDIFFERENT = "★", "◆"


def curves(found: Participation) -> Section | None:
    """A table for each curve."""
    some = [curve for curve in found.curves if curve.points]
    if not some:
        return None
    parts: list[Part] = [" ".join(_lead(found))]
    parts += [_table(found, curve, place) for place, curve in enumerate(some, start=1)]
    return Section("curves", tr("All shares that were tried"), parts)


def _lead(found: Participation) -> Iterator[str]:
    about = {"company": said.company(found), "shared": said.shared(found)}
    yield tr(
        "Each row is a plan of its own, in which {company} carries this share {shared}.", **about
    )
    ways = {curve.others for curve in found.curves}
    if "reoptimize" in ways:
        yield tr("Others decide anew: everybody else plans for the objective of the scenario.")
    if "held" in ways:
        yield tr(
            "Others stick to the plan: everybody else does what the plan has in which its share "
            "is free, and {company} does what is best for itself.",
            company=about["company"],
        )


def _table(found: Participation, curve: ShareCurve, place: int) -> Table:
    points = curve.points

    def of(figure: Callable[[Standing], float]) -> list[float | None]:
        return [None if p.standing is None else figure(p.standing) for p in points]

    columns: list[Column] = [
        words(
            tr("Share"), [_marked(curve, point) for point in points], marks=["line"] * len(points)
        ),
        amounts(tr("Capex carried"), [point.stake_meur for point in points]),
        amounts(tr("Outlay"), [_outlay(point) for point in points]),
        *alike(
            {
                tr("Mean damage"): of(lambda s: s.expected),
                tr("Worst states"): of(lambda s: s.cvar),
                tr("Net cost"): of(lambda s: s.net_cost_meur),
                tr("Damage plus cost"): of(lambda s: s.total),
            }
        ),
    ]
    if any(point.range for point in points):
        columns += alike(
            {
                tr("at best"): [p.range.best.total if p.range else None for p in points],
                tr("at worst"): [p.range.worst.total if p.range else None for p in points],
            },
            tr("Equally good plans"),
        )
    columns += [
        amounts(tr("Gain"), [point.gain for point in points]),
        amounts(
            tr("Gain per {currency}", currency=found.currency),
            [point.gain_per_euro for point in points],
        ),
        amounts(
            tr("Avoided per {currency}", currency=found.currency),
            [point.avoided_per_euro for point in points],
        ),
        shares(tr("To others"), [point.to_others for point in points]),
    ]
    ends = [_end(point) for point in points]
    if any(ends):
        columns.append(words("", ends))
    return Table(
        tr("{curve} ({unit})", curve=said.curve_name(curve), unit=said.unit(found)),
        columns,
        name=f"curve-{place}",
        dense=True,
        note=_note(found) if place == 1 else "",
    )


def _marked(curve: ShareCurve, point: SharePoint) -> str:
    """The share, with a star and a diamond as in the chart."""
    told = [percent(point.share)]
    if point.standing is not None:
        told += [BEST] if picking.same(point.share, curve.best_share) else []
        told += [INDIFFERENT] if picking.same(point.share, curve.indifferent_share) else []
    return NO_BREAK.join(told)


def _end(point: SharePoint) -> str:
    """How a point ended, in a word or two; nothing where it was solved to the gap."""
    return {
        "optimal": "" if point.built else tr("not built"),
        "limit": tr("stopped early"),
        "infeasible": tr("impossible"),
        "none": tr("no plan found"),
    }[point.status]


def _outlay(point: SharePoint) -> float | None:
    return None if point.standing is None else picking.outlay_meur(point)


def _note(found: Participation) -> str:
    return tr(
        "{star}: best share. {diamond}: no worse than none up to here. Impossible: no plan with "
        "this share keeps all rules. Capex carried and outlay are undiscounted. Gain: against no "
        "share, with the others behaving alike. Gain per {currency}: damage avoided against no "
        "share, per {currency} of net cost more. Avoided per {currency}: own damage avoided "
        "against nobody acting, per {currency} of net cost. To others: their part of all damage "
        "that is avoided. Worst states: mean of the worst {tail}. At best and at worst: damage "
        "plus cost, over plans as good by the objective of the scenario.",
        star=BEST,
        diamond=INDIFFERENT,
        currency=found.currency,
        tail=percent(1 - found.cvar_level),
    )
