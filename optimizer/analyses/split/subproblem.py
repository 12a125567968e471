"""The problem of a coalition that acts for itself, and the resulting damage and cost of all."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.language import tr
from optimizer.analyses.fixed_decisions import fix_decisions
from optimizer.analyses.split.players import CoalitionGame, GamePlayer
from optimizer.errors import Interrupted, NoPlan
from optimizer.model.commitment import Commitment, net_cost_by_funder
from optimizer.model.instance import FixedDecisions, Instance, change_perspective
from optimizer.solve.planner import Problem
from optimizer.solve.session import Session


@dataclass(frozen=True, eq=False)
class CoalitionQuery:
    """A request to find the best plan for a coalition or a single player.

    ``objective_parties`` are the funders and consumers whose cost and damage are in the objective.
    ``acting_funders`` are the funders that decide; all other funders are idle, or bound by
    ``fixed_decisions``.
    """

    key: tuple[int, ...]
    name: str
    objective_parties: tuple[tuple[str, ...], tuple[str, ...]]
    acting_funders: tuple[str, ...]
    fixed_decisions: FixedDecisions | None = None

    def build_instance(self, instance: Instance) -> Instance:
        """Return the instance with the objective and the acting funders of this query."""
        funders, consumers = self.objective_parties
        fixed_funders = (
            frozenset() if self.fixed_decisions is None else self.fixed_decisions.funders
        )
        return change_perspective(
            instance,
            damage_weights={u: float(u in consumers) for u in instance.case.consumers},
            cost_weights={f: float(f in funders) for f in instance.case.funders},
            inactive_funders=[
                f
                for f in instance.case.funders
                if f not in self.acting_funders and f not in fixed_funders
            ],
            fixed_decisions=self.fixed_decisions,
        )


@dataclass(frozen=True, eq=False)
class QueryAnswer:
    """The plan for a query, with its objective and bound; the optimum lies between the two."""

    key: tuple[int, ...]
    objective: float
    bound: float
    damage: dict[str, float]
    """Mean damage by consumer, of all consumers."""
    net_cost: dict[str, float]
    """Net cost by funder, idle ones included."""
    commitment: Commitment
    seconds: float


@dataclass(eq=False)
class CoalitionSolver:
    """Solver of the queries for coalitions, one after the other."""

    game: CoalitionGame
    session: Session

    def __post_init__(self) -> None:
        base_problem = Problem(self.game.instance, self.game.states, 0.0)
        self._base_problem = base_problem.with_recourse(self.session.threads)

    def __call__(self, query: CoalitionQuery) -> QueryAnswer:
        """Solve a query.

        Raises Interrupted if the user stopped the search, since the game has no result if a
        coalition is missing, and NoPlan if a limit was reached before there was a plan and a bound.
        """
        instance = query.build_instance(self.game.instance)
        answer = self.session.search(replace(self._base_problem, instance=instance))
        if answer.interrupted:
            raise Interrupted(tr("stopped before all coalitions were solved"))
        try:
            certified_plan = answer.certify()
        except NoPlan as error:
            raise NoPlan(f"{query.name}: {error}") from error
        bound = certified_plan.certificate.bound
        if bound is None:
            raise NoPlan(tr("{name}: nothing was proven before the limit", name=query.name))
        return QueryAnswer(
            query.key,
            certified_plan.objective,
            min(bound, certified_plan.objective),
            certified_plan.with_plan.damage_by_consumer,
            net_cost_by_funder(certified_plan.instance, certified_plan.commitment),
            certified_plan.commitment,
            answer.seconds,
        )


def coalition_query(
    coalition_game: CoalitionGame, mask: int, fixed_decisions: FixedDecisions | None = None
) -> CoalitionQuery:
    """Return the query for the coalition with this mask; outsiders are idle or bound by
    ``fixed_decisions``."""
    members = coalition_game.members_of(mask)
    state_funders = (
        coalition_game.state_player.funders if coalition_game.public_funders_act(mask) else ()
    )
    funders = (
        tuple(f for player in members for f in player.funders) + coalition_game.private_funders
    )
    if coalition_game.state_mode == "every":
        funders += state_funders
    consumers = tuple(u for player in members for u in player.consumers)
    name = ", ".join(player.name for player in members) or coalition_game.state_player.name
    acting_funders = tuple(dict.fromkeys([*funders, *state_funders]))
    return CoalitionQuery((mask,), name, (funders, consumers), acting_funders, fixed_decisions)


def single_player_query(
    player: GamePlayer, key: tuple[int, ...], fixed_decisions: FixedDecisions | None
) -> CoalitionQuery:
    """Return the query of a player that acts for itself, given decisions of others."""
    return CoalitionQuery(
        key, player.name, (player.funders, player.consumers), player.funders, fixed_decisions
    )


def decisions_fixed_by(
    instance: Instance, commitment: Commitment, fixed_funders: tuple[str, ...]
) -> FixedDecisions | None:
    """Return the decisions of a commitment that these funders keep; None if they have none.

    Stockpiles that none of them pays for are left to the others. So is output for all consumers,
    except that of projects in the commitment.
    """
    fixed_decisions = fix_decisions(instance, commitment, fixed_funders, lambda plan: plan.start)
    has_decisions = any(
        branch.certain_starts or any(np.any(lots > 0) for lots in branch.buy.values())
        for branch in fixed_decisions.branches or (fixed_decisions,)
    )
    return fixed_decisions if has_decisions else None


def player_damage(player: GamePlayer, damage: Mapping[str, float]) -> float:
    """Return the total damage of a player's consumers; ``damage`` is by consumer."""
    return math.fsum(damage[u] for u in player.consumers)
