"""All questions that a company asks, in rounds: shares evenly spread, then closer ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from models.language import figure, tr
from models.results import Standing, StandingRange
from optimizer.analyses.participation.alternative_optima import Lean, spread
from optimizer.analyses.participation.company import Desk
from optimizer.analyses.participation.limits import greatest_share
from optimizer.analyses.participation.options import ParticipateOptions
from optimizer.analyses.participation.subproblem import Ask, Reply, seen
from optimizer.analyses.variation import evenly
from optimizer.parallel import Workers

SAME = 1e-6
"""Shares that differ by less are one."""

INDIFFERENT = 1e-6
"""A total that is higher by less, relatively, is no worse."""


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
        """Ask everything.

        Raises
        ------
        KeyboardInterrupt
            With the replies so far kept.
        """
        desk, options = self.desk, self.options
        self.lines.extend(self._lines())
        first = [Ask("alone")] if desk.entitled else []
        for line in self.lines:
            steps = options.steps if line.public is None else max(2, options.steps // 2)
            shares = [0.0] if not line.limit else evenly(0.0, line.limit, steps + 1)
            first.extend(line.at(share) for share in self._with_free(line, shares))
        self._ask(workers, first)
        evenly_spread = set(first)
        for _ in range(options.refine):
            closer = [line.at(x) for line in self.lines if line.public is None
                      for x in self._closer(line)]  # fmt: skip
            self._ask(workers, closer)
        if desk.entitled and options.ranges:
            self._lean(workers, evenly_spread)

    def _lines(self) -> list[Line]:
        desk = self.desk
        ways: list[Literal["reoptimize", "held"]] = ["reoptimize"]
        if desk.entitled:
            ways.append("held")
        lines = [Line(way, None, self._limit(Ask(way))) for way in ways]
        public = desk.instance.public_funders
        if self.options.public and public:
            most = greatest_share(desk, desk.instance, public)
            for level in evenly(0.0, most, self.options.public) if most else []:
                ask = Ask("reoptimize", None, level)
                lines.append(Line("reoptimize", level, self._limit(ask)))
        return lines

    def _limit(self, ask: Ask) -> float | None:
        return greatest_share(self.desk, seen(self.desk, ask), (self.desk.company,))

    def _with_free(self, line: Line, shares: list[float]) -> list[float]:
        """The shares, and that of the scenario's own plan."""
        plan = self.desk.free
        free = None if plan is None else self.desk.share_in(plan, (self.desk.company,))
        if free is None or line.public is not None or free > (line.limit or 0.0):
            return shares
        return shares if any(abs(free - x) < SAME for x in shares) else sorted([*shares, free])

    def _ask(self, workers: Workers[Ask, Reply], asks: Sequence[Ask]) -> None:
        def done(ask: Ask, reply: Reply) -> None:
            self.replies[ask] = reply
            self.options.tell(len(self.replies), None, _named(ask))
            if reply.interrupted:
                raise KeyboardInterrupt

        workers.map([ask for ask in dict.fromkeys(asks) if ask not in self.replies], done)

    def _closer(self, line: Line) -> list[float]:
        """Half way from the best share to its neighbours, and from the indifferent one upwards."""
        told = self.told(line)
        if not told:
            return []
        shares = [reply.ask.share or 0.0 for reply in self.on(line) if reply.standing is not None]
        best = min(told, key=lambda item: (item[1], item[0]))[0]
        indifferent = indifferent_share(told)
        return [
            (low + high) / 2
            for low, high in pairwise(shares)
            if high - low > 2 * SAME and (best in (low, high) or low == indifferent)
        ]

    def _lean(self, workers: Workers[Ask, Reply], shares: Collection[Ask]) -> None:
        """Look for the best and the worst of equally good plans, at all these shares of the first
        line at once."""
        cap = 1.0 - float(self.desk.instance.case.objective.cvar.weight)
        for reply in self.on(self.lines[0]):
            if reply.standing is not None and reply.ask in shares:
                both = (
                    Lean(reply, 1, self.options.tolerance),
                    Lean(reply, -1, self.options.tolerance),
                )
                self.leans[reply.ask] = both
        going = [lean for both in self.leans.values() for lean in both]
        while going:
            asks = {id(lean): lean.next(cap) for lean in going}
            self._ask(workers, [ask for ask in asks.values() if ask is not None])
            for lean in going:
                ask = asks[id(lean)]
                if ask is not None:
                    lean.replies.append(self.replies[ask])
            going = [lean for lean in going if asks[id(lean)] is not None]

    # What was found

    def on(self, line: Line) -> list[Reply]:
        """The replies on a line, by rising share."""
        own = [
            reply
            for ask, reply in self.replies.items()
            if (ask.way, ask.public, ask.lean) == (line.way, line.public, 0.0)
            and ask.share is not None
        ]
        return sorted(own, key=lambda reply: reply.ask.share or 0.0)

    def told(self, line: Line) -> list[tuple[float, float]]:
        """Shares at which there is a plan in which something is built, and none, with the company's
        total there; a share of what is not built is no share."""
        return [
            (share, reply.standing.total)
            for reply in self.on(line)
            if reply.standing is not None
            and ((share := reply.ask.share or 0.0) == 0.0 or self.desk.builds(reply.commitment))
        ]

    def standing(self, ask: Ask) -> Standing | None:
        """How the company fares by a reply, if there is one with a plan."""
        reply = self.replies.get(ask)
        return None if reply is None else reply.standing

    def spread(self, reply: Reply) -> StandingRange | None:
        """The range over equally good plans, where it was looked for."""
        both = self.leans.get(reply.ask)
        return None if both is None else spread(*both)


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


def indifferent_share(told: Sequence[tuple[float, float]]) -> float | None:
    """The largest share above 0 at which the total is no higher than at 0; None without any."""
    nothing = dict(told).get(0.0)
    if nothing is None:
        return None
    most = nothing + INDIFFERENT * max(1.0, abs(nothing))
    return max((share for share, total in told if share > 0 and total <= most), default=None)
