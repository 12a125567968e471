"""What a group does that acts for itself, and what that leaves to everybody."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.language import tr
from optimizer.analyses.series import Series, held
from optimizer.analyses.split.players import Seat, Table
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, net_cost_by_funder
from optimizer.model.instance import Held, Instance, seen_from
from optimizer.solve.decomposition import CutPool


@dataclass(frozen=True, eq=False)
class Quest:
    """A group that does what is best for itself.

    ``counts`` are the funders and consumers whose cost and damage it minds, ``acts`` the funders
    that act; all others are idle, or stick to what is settled.
    """

    key: tuple[int, ...]
    name: str
    counts: tuple[tuple[str, ...], tuple[str, ...]]
    acts: tuple[str, ...]
    settled: Held | None = None

    def seen(self, instance: Instance) -> Instance:
        """The problem from its standpoint."""
        funders, consumers = self.counts
        sticking = frozenset() if self.settled is None else self.settled.funders
        return seen_from(
            instance,
            counts={u: float(u in consumers) for u in instance.case.consumers},
            cost_counts={f: float(f in funders) for f in instance.case.funders},
            idle=[f for f in instance.case.funders if f not in self.acts and f not in sticking],
            held=self.settled,
        )


@dataclass(frozen=True, eq=False)
class Answer:
    """What it does: ``bound <= what it could have at best <= found``."""

    key: tuple[int, ...]
    found: float
    bound: float
    damage: dict[str, float]
    """Mean, by consumer, whoever it is."""
    cost: dict[str, float]
    """Net cost by funder, of those who are idle as well."""
    commitment: Commitment
    seconds: float


@dataclass(eq=False)
class Asker:
    """Answers quests one after the other."""

    table: Table
    series: Series

    def __call__(self, quest: Quest) -> Answer:
        """What the group does.

        Raises Interrupted if the user stopped it: a game with a coalition missing tells nothing.
        Raises NoPlan if a limit was met before there was any plan, or any bound.
        """
        began = time.perf_counter()
        instance = quest.seen(self.table.instance)
        solved = self.series.search(instance)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before all coalitions were solved"))
        try:
            found = self.series.judge(instance, solved, began)
        except NoPlan as error:
            raise NoPlan(f"{quest.name}: {error}") from error
        bound = found.certificate.bound
        if bound is None:
            raise NoPlan(tr("{name}: nothing was proven before the limit", name=quest.name))
        return Answer(
            quest.key,
            found.objective,
            min(bound, found.objective),
            found.with_plan.by_consumer,
            net_cost_by_funder(found.instance, found.commitment),
            found.commitment,
            time.perf_counter() - began,
        )


def asker(table: Table, gap: float, pool: CutPool, time_limit: float | None) -> Asker:
    """One with a single thread, as a worker needs it."""
    return Asker(table, Series(table.instance, table.states, gap, pool.sent(), time_limit))


def coalition(table: Table, mask: int, settled: Held | None = None) -> Quest:
    """A coalition that acts together; outsiders are idle, or have settled what they do."""
    members = table.of(mask)
    state = table.state.funders if table.state_acts(mask) else ()
    funders = tuple(f for seat in members for f in seat.funders) + table.private
    if table.mode == "every":
        funders += state
    consumers = tuple(u for seat in members for u in seat.consumers)
    name = ", ".join(seat.name for seat in members) or table.state.name
    acts = tuple(dict.fromkeys([*funders, *state]))
    return Quest((mask,), name, (funders, consumers), acts, settled)


def alone(seat: Seat, key: tuple[int, ...], settled: Held | None) -> Quest:
    """A player that does what is best for itself beside what others have settled."""
    return Quest(key, seat.name, (seat.funders, seat.consumers), seat.funders, settled)


def settled_by(
    instance: Instance, commitment: Commitment, sticking: tuple[str, ...]
) -> Held | None:
    """What a commitment settles for the funders who stick to it, or None if it does nothing.

    A stockpile that none of them pays for is left to the others, and so is output that belongs to
    all, but for that of the projects in the commitment.
    """
    settled = held(instance, commitment, sticking, lambda plan: plan.start)
    acts = any(
        own.certain or any(np.any(lots > 0) for lots in own.buy.values())
        for own in settled.paths or (settled,)
    )
    return settled if acts else None


def damage_of(seat: Seat, damage: Mapping[str, float]) -> float:
    """The damage of a player's consumers."""
    return math.fsum(damage[u] for u in seat.consumers)
