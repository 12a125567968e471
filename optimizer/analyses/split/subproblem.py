"""What a group does that acts for itself, and what that leaves to everybody."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.language import tr
from optimizer.analyses.problem_series import ProblemSeries, fix_decisions
from optimizer.analyses.split.players import CoalitionGame, GamePlayer
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, net_cost_by_funder
from optimizer.model.instance import FixedDecisions, Instance, change_perspective
from optimizer.solve.decomposition import CutPool


@dataclass(frozen=True, eq=False)
class CoalitionQuery:
    """A group that does what is best for itself.

    ``counts`` are the funders and consumers whose cost and damage it minds, ``acts`` the funders
    that act; all others are idle, or stick to what is settled.
    """

    key: tuple[int, ...]
    name: str
    objective_parties: tuple[tuple[str, ...], tuple[str, ...]]
    acting_funders: tuple[str, ...]
    fixed_decisions: FixedDecisions | None = None

    def build_instance(self, instance: Instance) -> Instance:
        """The problem from its standpoint."""
        funders, consumers = self.objective_parties
        sticking = frozenset() if self.fixed_decisions is None else self.fixed_decisions.funders
        return change_perspective(
            instance,
            damage_weights={u: float(u in consumers) for u in instance.case.consumers},
            cost_weights={f: float(f in funders) for f in instance.case.funders},
            inactive_funders=[
                f
                for f in instance.case.funders
                if f not in self.acting_funders and f not in sticking
            ],
            fixed_decisions=self.fixed_decisions,
        )


@dataclass(frozen=True, eq=False)
class QueryAnswer:
    """What it does: ``bound <= what it could have at best <= found``."""

    key: tuple[int, ...]
    objective: float
    bound: float
    damage: dict[str, float]
    """Mean, by consumer, whoever it is."""
    net_cost: dict[str, float]
    """Net cost by funder, of those who are idle as well."""
    commitment: Commitment
    seconds: float


@dataclass(eq=False)
class CoalitionSolver:
    """Answers quests one after the other."""

    game: CoalitionGame
    series: ProblemSeries

    def __call__(self, query: CoalitionQuery) -> QueryAnswer:
        """What the group does.

        Raises Interrupted if the user stopped it: a game with a coalition missing tells nothing.
        Raises NoPlan if a limit was met before there was any plan, or any bound.
        """
        began = time.perf_counter()
        instance = query.build_instance(self.game.instance)
        solved = self.series.search(instance)
        if solved.solution.interrupted:
            raise Interrupted(tr("stopped before all coalitions were solved"))
        try:
            found = self.series.certify(instance, solved, began)
        except NoPlan as error:
            raise NoPlan(f"{query.name}: {error}") from error
        bound = found.certificate.bound
        if bound is None:
            raise NoPlan(tr("{name}: nothing was proven before the limit", name=query.name))
        return QueryAnswer(
            query.key,
            found.objective,
            min(bound, found.objective),
            found.with_plan.damage_by_consumer,
            net_cost_by_funder(found.instance, found.commitment),
            found.commitment,
            time.perf_counter() - began,
        )


def create_solver(
    coalition_game: CoalitionGame, gap: float, pool: CutPool, time_limit: float | None
) -> CoalitionSolver:
    """One with a single thread, as a worker needs it."""
    return CoalitionSolver(
        coalition_game,
        ProblemSeries(
            coalition_game.instance, coalition_game.states, gap, pool.copy_for_process(), time_limit
        ),
    )


def coalition_query(
    coalition_game: CoalitionGame, mask: int, fixed_decisions: FixedDecisions | None = None
) -> CoalitionQuery:
    """A coalition that acts together; outsiders are idle, or have settled what they do."""
    members = coalition_game.members_of(mask)
    state = coalition_game.state_player.funders if coalition_game.public_funders_act(mask) else ()
    funders = tuple(f for seat in members for f in seat.funders) + coalition_game.private_funders
    if coalition_game.state_mode == "every":
        funders += state
    consumers = tuple(u for seat in members for u in seat.consumers)
    name = ", ".join(seat.name for seat in members) or coalition_game.state_player.name
    acts = tuple(dict.fromkeys([*funders, *state]))
    return CoalitionQuery((mask,), name, (funders, consumers), acts, fixed_decisions)


def single_player_query(
    player: GamePlayer, key: tuple[int, ...], fixed_decisions: FixedDecisions | None
) -> CoalitionQuery:
    """A player that does what is best for itself beside what others have settled."""
    return CoalitionQuery(
        key, player.name, (player.funders, player.consumers), player.funders, fixed_decisions
    )


def decisions_fixed_by(
    instance: Instance, commitment: Commitment, fixed_funders: tuple[str, ...]
) -> FixedDecisions | None:
    """What a commitment settles for the funders who stick to it, or None if it does nothing.

    A stockpile that none of them pays for is left to the others, and so is output that belongs to
    all, but for that of the projects in the commitment.
    """
    settled = fix_decisions(instance, commitment, fixed_funders, lambda plan: plan.start)
    acts = any(
        own.certain_starts or any(np.any(lots > 0) for lots in own.buy.values())
        for own in settled.branches or (settled,)
    )
    return settled if acts else None


def player_damage(player: GamePlayer, damage: Mapping[str, float]) -> float:
    """The damage of a player's consumers."""
    return math.fsum(damage[u] for u in player.consumers)
