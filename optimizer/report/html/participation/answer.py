"""The answer on one page: which share, at what price, for what gain."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Participation
from optimizer.report.figures import number, percent
from optimizer.report.html.participation.standings import standings
from optimizer.report.html.parts import Caution, Fact, Facts, Part, Section
from optimizer.report.participating import picking, prose, words


def answer(found: Participation) -> Section:
    """Best share and what it buys, against acting alone and against waiting."""
    parts: list[Part] = list(prose.headline(found))
    facts = list(_facts(found))
    if facts:
        parts.insert(1, Facts(facts))
    cautions = list(prose.cautions(found))
    if cautions:
        parts.append(Caution(cautions))
    parts += standings(found)
    return Section("answer", tr("The answer on one page"), parts, one_page=True)


def _facts(found: Participation) -> Iterator[Fact]:
    curve = next(iter(picking.main_curves(found)), None)
    best = None if curve is None else picking.best_point(curve)
    if curve is None or best is None or best.standing is None:
        return
    yield Fact(tr("Best share"), percent(best.share), words.shared(found))
    yield Fact(
        tr("Net cost"),
        words.amount(found, best.standing.net_cost_meur),
        tr("discounted; outlay {outlay}", outlay=words.amount(found, picking.outlay_meur(best))),
    )
    if best.gain is not None:
        yield Fact(
            tr("Gain against no share"),
            words.damage(found, best.gain),
            tr("net of its cost"),
        )
    if curve.indifferent_share is not None:
        limit = curve.limit
        yield Fact(
            tr("No worse than none up to"),
            percent(curve.indifferent_share),
            "" if limit is None else tr("the rules allow {limit}", limit=percent(limit)),
        )
    if best.avoided_per_euro is not None:
        yield Fact(
            tr("Own damage avoided per {currency}", currency=found.currency),
            number(best.avoided_per_euro),
            tr("of its net cost, against nobody acting"),
        )
    if best.to_others is not None:
        yield Fact(
            tr("Part of the benefit that goes to others"),
            percent(best.to_others),
            tr("of all damage avoided"),
        )
