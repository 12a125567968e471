"""All questions that a company asks, in rounds: shares evenly spread, then closer ones, then the
best and the worst for it among plans that are equally good for what all are after."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from models.language import figure, tr
from models.results import Standing, StandingRange
from optimizer.analyses.participation.company import Desk
from optimizer.analyses.participation.options import ParticipateOptions
from optimizer.analyses.participation.subproblem import Ask, Reply, seen
from optimizer.analyses.variation import evenly
from optimizer.parallel import Workers

SAME = 1e-6
"""Shares that differ by less are one."""
INDIFFERENT = 1e-6
"""A total that is higher by less, relatively, is no worse."""
TRIES = 2
"""Leans that are tried to each side."""
FIRST = 0.2
"""Share of the company's total that the first lean would trade for the whole tolerance."""
FURTHER = 4.0
"""Factor between one lean and the next."""


@dataclass(eq=False)
class Lean:
    """The search to one side of one plan: for what is good for the company, or what is ill.

    A little of the company's own total is added to the objective, or taken from it. What is found
    so is as good as the others if the objective itself is within the tolerance. Its bound tells of
    every such plan: with lean μ, proven L and objectives up to F, none has a total below
    (L - F) / μ (Lagrangian relaxation of the tolerance; Geoffrion 1974).
    """

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
        """The next lean to try, None when there is none; ``cap`` is the greatest allowed."""
        assert self.base.standing is not None
        assert self.base.plain is not None
        if self.replies:
            last = self.replies[-1]
            good = last.plain is not None and last.plain <= self.most
            size = abs(last.ask.lean) * (FURTHER if good else 1 / FURTHER)
        else:
            scale = max(FIRST * abs(self.base.standing.total), 1e-6)
            size = (self.most - self.base.plain) / scale
        size = min(size, cap)
        tried = any(abs(reply.ask.lean) == size for reply in self.replies)
        return None if size <= 0 or tried else replace(self.base.ask, lean=self.sign * size)

    def good(self) -> Iterator[Standing]:
        """How the company fares with plans that are as good as the others."""
        for reply in (self.base, *self.replies):
            as_good = reply.plain is not None and reply.plain <= self.most
            if reply.standing is not None and as_good:
                yield reply.standing

    def proven(self) -> Iterator[float]:
        """None of these plans leaves the company less (more, to the other side)."""
        for reply in self.replies:
            if reply.bound is not None:
                yield (reply.bound - self.most) / reply.ask.lean


@dataclass(frozen=True)
class Line:
    """A curve: how the others behave, and what public funders carry, None where that is free."""

    way: Literal["reoptimize", "held"]
    public: float | None
    limit: float | None

    def at(self, share: float) -> Ask:
        """The question at one share."""
        return Ask(self.way, share, self.public)


@dataclass(eq=False)
class Talk:
    """Questions and their replies."""

    desk: Desk
    options: ParticipateOptions
    replies: dict[Ask, Reply] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    leans: dict[Ask, tuple[Lean, Lean]] = field(default_factory=dict)
    interrupted: bool = False

    def hold(self, workers: Workers[Ask, Reply]) -> None:
        """Ask everything. KeyboardInterrupt leaves the replies so far."""
        desk, options = self.desk, self.options
        self.lines.extend(self._lines())
        first = [Ask("alone")] if desk.entitled else []
        for line in self.lines:
            first.extend(map(line.at, self._shares(line)))
        self._ask(workers, first)
        for _ in range(options.refine):
            free = (line for line in self.lines if line.public is None)
            self._ask(workers, [line.at(x) for line in free for x in self._closer(line)])
        if desk.entitled and options.ranges:
            self._lean(workers, first)

    def _lines(self) -> Iterator[Line]:
        desk, levels = self.desk, self.options.public

        def line(way: Literal["reoptimize", "held"], public: float | None) -> Line:
            instance = seen(desk, Ask(way, None, public))
            return Line(way, public, desk.greatest_share(instance, (desk.company,)))

        yield line("reoptimize", None)
        if desk.entitled:
            yield line("held", None)
        public = desk.instance.public_funders
        if levels and public and (most := desk.greatest_share(desk.instance, public)):
            for level in evenly(0.0, most, levels):
                yield line("reoptimize", level)

    def _shares(self, line: Line) -> list[float]:
        """Shares evenly spread, and, where public funders are free, that of the scenario's plan."""
        if not line.limit:
            shares = [0.0]
        else:
            steps = self.options.steps if line.public is None else max(2, self.options.steps // 2)
            shares = evenly(0.0, line.limit, steps + 1)
        plan = self.desk.free
        free = None if plan is None else self.desk.share_in(plan, (self.desk.company,))
        if free is None or line.public is not None or free > (line.limit or 0.0):
            return shares
        return shares if any(abs(free - x) < SAME for x in shares) else sorted([*shares, free])

    def _ask(self, workers: Workers[Ask, Reply], asks: Iterable[Ask]) -> None:
        def done(ask: Ask, reply: Reply) -> None:
            self.replies[ask] = reply
            self.options.tell(len(self.replies), None, _named(ask))
            if reply.interrupted:
                raise KeyboardInterrupt

        workers.map([ask for ask in dict.fromkeys(asks) if ask not in self.replies], done)

    def _closer(self, line: Line) -> list[float]:
        """Half way from the best share to its neighbours, and from the indifferent one upwards."""
        told = self.told(line)
        best, indifferent = best_share(told), indifferent_share(told)
        shares = [reply.share for reply in self.on(line) if reply.standing is not None]
        return [
            (low + high) / 2
            for low, high in pairwise(shares)
            if told and high - low > 2 * SAME and (best in (low, high) or low == indifferent)
        ]

    def _lean(self, workers: Workers[Ask, Reply], shares: Collection[Ask]) -> None:
        """Look for the best and the worst of equally good plans, at all these shares of the first
        line at once."""
        cap = 1.0 - float(self.desk.instance.case.objective.cvar.weight)
        tolerance = self.options.tolerance
        self.leans = {
            reply.ask: (Lean(reply, 1, tolerance), Lean(reply, -1, tolerance))
            for reply in self.on(self.lines[0])
            if reply.standing is not None and reply.ask in shares
        }
        for _ in range(TRIES):
            asks = [(lean, lean.next(cap)) for both in self.leans.values() for lean in both]
            self._ask(workers, [ask for _, ask in asks if ask is not None])
            for lean, ask in asks:
                if ask is not None:
                    lean.replies.append(self.replies[ask])

    # What was found

    def on(self, line: Line) -> list[Reply]:
        """The replies on a line, by rising share."""
        own = [
            reply
            for ask, reply in self.replies.items()
            if ask.share is not None and replace(ask, share=0.0) == line.at(0.0)
        ]
        return sorted(own, key=lambda reply: reply.share)

    def told(self, line: Line) -> list[tuple[float, float]]:
        """Shares at which there is a plan in which something is built, and none, with the company's
        total there; a share of what is not built is no share."""
        return [
            (reply.share, reply.standing.total)
            for reply in self.on(line)
            if reply.standing is not None
            and (reply.share == 0.0 or self.desk.builds(reply.commitment))
        ]

    def standing(self, ask: Ask) -> Standing | None:
        """How the company fares by a reply, if there is one with a plan."""
        reply = self.replies.get(ask)
        return None if reply is None else reply.standing

    def spread(self, ask: Ask) -> StandingRange | None:
        """The range over plans that are equally good, where it was looked for."""
        if ask not in self.leans:
            return None
        lower, upper = self.leans[ask]
        every = [*lower.good(), *upper.good()]
        best, worst = min(every, key=lambda s: s.total), max(every, key=lambda s: s.total)
        least, most = max(lower.proven(), default=None), min(upper.proven(), default=None)
        return StandingRange(
            best=best,
            worst=worst,
            least=None if least is None else min(least, best.total),
            most=None if most is None else max(most, worst.total),
        )


def _named(ask: Ask) -> str:
    """A question as progress names it."""
    if ask.share is None:
        return tr("acting alone")
    share = f"{figure(round(100 * ask.share, 2))} %"
    if ask.way == "held":
        return tr("{share}, others held", share=share)
    if ask.lean:
        return tr("{share}, range", share=share)
    if ask.public is not None:
        public = f"{figure(round(100 * ask.public, 2))} %"
        return tr("{share}, public {public}", share=share, public=public)
    return share


def best_share(told: Sequence[tuple[float, float]]) -> float | None:
    """The share at which the total is least, the smallest of several; None without any."""
    return min(told, key=lambda item: (item[1], item[0]), default=(None, 0.0))[0]


def indifferent_share(told: Sequence[tuple[float, float]]) -> float | None:
    """The largest share above 0 at which the total is no higher than at 0; None without any."""
    nothing = dict(told).get(0.0)
    if nothing is None:
        return None
    most = nothing + INDIFFERENT * max(1.0, abs(nothing))
    return max((share for share, total in told if share > 0 and total <= most), default=None)
