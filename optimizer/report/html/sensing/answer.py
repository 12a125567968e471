"""What the answer rests on, on one page."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Sensitivity
from optimizer.report.figures import number
from optimizer.report.html.parts import Bullets, Caution, Fact, Facts, Heading, Part, Section
from optimizer.report.sensing import prose, words

NEAREST = 6
"""Inputs nearest to turn that the first page lists."""


def answer(found: Sensitivity) -> Section:
    """What moves the answer most, what would turn it, and at what value."""
    parts: list[Part] = [*prose.as_it_is(found), Facts(list(_facts(found)))]
    parts += list(prose.turning(found))
    near = prose.nearest(found)
    if near:
        parts += [Heading(tr("Nearest to turn")), Bullets(near[:NEAREST])]
    cautions = list(prose.cautions(found))
    parts.append(Caution(cautions))
    return Section("answer", tr("The answer on one page"), parts, one_page=True)


def _facts(found: Sensitivity) -> Iterator[Fact]:
    if not found.inputs:
        return
    first = words.leading(found)
    if first is not None:
        yield Fact(
            tr("Moves the best plan most"),
            words.name(found, first),
            tr("swing {swing}", swing=f"{words.between(first.swing)} {words.unit(found)}")
            if first.swing
            else tr("no plan keeps all rules"),
        )
    own = max(found.inputs, key=lambda one: one.own_swing_expected)
    yield Fact(
        tr("Moves this plan's damage most"),
        words.name(found, own),
        tr("swing {swing}", swing=words.amount(found, own.own_swing_expected)),
    )
    if found.decision != "same":
        return
    yield Fact(
        tr("Inputs that turn the decision"),
        tr(
            "{count} of {all}",
            count=number(len(words.changing(found))),
            all=number(len(found.inputs)),
        ),
        tr("one at a time, within their ranges"),
    )
