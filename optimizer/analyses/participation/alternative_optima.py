"""The best and the worst for the company among plans that are equally good for what all are after.

A little of the company's own total is added to the objective, or taken from it. What is found so
is as good as the others if the objective itself is within the tolerance. Its bound tells of every
such plan: with lean μ, proven L and objectives up to F, none has a total below (L - F) / μ
(Lagrangian relaxation of the tolerance; Geoffrion 1974).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from models.results import StandingRange
from optimizer.analyses.participation.subproblem import Ask, Reply

TRIES = 2
"""Leans that are tried to each side."""

FIRST = 0.2
"""Share of the company's total that the first lean would trade for the whole tolerance."""

FURTHER = 4.0
"""Factor between one lean and the next."""


@dataclass(eq=False)
class Lean:
    """The search to one side of one plan: for what is good for the company, or what is ill."""

    base: Reply
    sign: int
    tolerance: float
    """Share of the objective."""
    replies: list[Reply] = field(default_factory=list)

    @property
    def most(self) -> float:
        """The objective of a plan that is as good as the others, at most."""
        assert self.base.plain is not None
        return self.base.plain + self.tolerance * abs(self.base.plain)

    def next(self, cap: float) -> Ask | None:
        """The next lean to try, None when enough were tried; ``cap`` is the greatest allowed."""
        assert self.base.standing is not None
        assert self.base.plain is not None
        if len(self.replies) == TRIES:
            return None
        if not self.replies:
            scale = max(FIRST * abs(self.base.standing.total), 1e-6)
            size = (self.most - self.base.plain) / scale
        else:
            last = self.replies[-1]
            good = last.plain is not None and last.plain <= self.most
            size = abs(last.ask.lean) * (FURTHER if good else 1 / FURTHER)
        size = min(size, cap)
        if size <= 0 or any(abs(reply.ask.lean) == size for reply in self.replies):
            return None
        return replace(self.base.ask, lean=self.sign * size)

    def good(self) -> Iterator[Reply]:
        """Plans that are as good as the others."""
        yield self.base
        for reply in self.replies:
            if reply.plain is not None and reply.plain <= self.most:
                yield reply

    def proven(self) -> float | None:
        """None of these plans leaves the company less (more, to the other side)."""
        found = [
            (reply.bound - self.most) / reply.ask.lean
            for reply in self.replies
            if reply.bound is not None
        ]
        if not found:
            return None
        return max(found) if self.sign > 0 else min(found)


def spread(lower: Lean, upper: Lean) -> StandingRange | None:
    """The range over plans that are equally good."""
    every = [
        reply.standing for reply in (*lower.good(), *upper.good()) if reply.standing is not None
    ]
    if not every:
        return None
    best, worst = min(every, key=lambda s: s.total), max(every, key=lambda s: s.total)
    least, most = lower.proven(), upper.proven()
    return StandingRange(
        best=best,
        worst=worst,
        least=None if least is None else min(least, best.total),
        most=None if most is None else max(most, worst.total),
    )
