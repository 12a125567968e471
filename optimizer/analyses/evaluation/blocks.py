"""Many fresh states, looked at in blocks that can be shared out among processes and machines.

A block is drawn where it is looked at, so that nothing but its number travels, and figures are
added in the order of the blocks: they are the same to the last digit whoever looked at which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from optimizer import parallel
from optimizer.model.commitment import Commitment
from optimizer.model.cores import usable_cores
from optimizer.model.instance import Instance
from optimizer.model.states import State, draw_states
from optimizer.parallel import Workers
from optimizer.solve import outcomes
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.sweep import ByRule, by_rule, joined

BLOCK = 5000
"""States in a block."""
WORTH_SHARING = 4
"""Fewer blocks take less time than processes take to begin."""

Found = TypeVar("Found", Evaluation, ByRule)


@dataclass(frozen=True, eq=False)
class Draw:
    """So many states of a scenario, each drawn when it is needed."""

    instance: Instance
    count: int
    seed: int

    def __len__(self) -> int:
        return self.count

    def block(self, start: int) -> tuple[State, ...]:
        """Those of the block that begins at a number."""
        part = slice(start, min(start + BLOCK, self.count))
        return draw_states(self.instance, self.count, self.seed, block=part)


States = Sequence[State] | Draw
"""States that are there, or those that are still to be drawn."""


def evaluated(
    instance: Instance,
    states: States,
    commitments: Sequence[Commitment],
    threads: int | None = None,
    jobs: int | None = None,
) -> list[Evaluation]:
    """What commitments lead to; as :func:`optimizer.solve.outcomes.evaluate`."""
    if not isinstance(states, Draw):
        return outcomes.evaluate(instance, states, commitments, threads=threads)
    return [outcomes.joined(parts) for parts in _of_blocks(evaluator, states, commitments, jobs)]


def by_the_rule(
    instance: Instance,
    states: States,
    commitment: Commitment,
    reserves: Sequence[float],
    threads: int | None = None,
    jobs: int | None = None,
) -> tuple[ByRule, ...]:
    """What a commitment leads to under the release rule, as
    :func:`optimizer.solve.sweep.by_rule`.
    """
    if not isinstance(states, Draw):
        return by_rule(instance, states, commitment, reserves, threads=threads)
    asked = (commitment, tuple(reserves))
    return tuple(joined(parts) for parts in _of_blocks(ruler, states, asked, jobs))


def _of_blocks(
    make: Callable[..., Callable[[int], Sequence[Found]]],
    states: Draw,
    asked: object,
    jobs: int | None,
) -> list[tuple[Found, ...]]:
    """For each of what is found together, that of all blocks."""
    starts = range(0, states.count, BLOCK)
    usual = usable_cores() if len(starts) >= WORTH_SHARING else 1
    many = min(parallel.side_by_side(jobs, usual), len(starts))
    with Workers[int, Sequence[Found]](
        make, (states, asked, parallel.threads_each(many)), many
    ) as workers:
        return list(zip(*workers.map(starts), strict=True))


def evaluator(
    states: Draw, commitments: Sequence[Commitment], threads: int | None
) -> Callable[[int], Sequence[Evaluation]]:
    """What sweeps commitments through one block after the other."""

    def answer(start: int) -> Sequence[Evaluation]:
        return outcomes.evaluate(states.instance, states.block(start), commitments, threads=threads)

    return answer


def ruler(
    states: Draw, asked: tuple[Commitment, Sequence[float]], threads: int | None
) -> Callable[[int], Sequence[ByRule]]:
    """What lives through one block after the other by the rule."""
    commitment, reserves = asked

    def answer(start: int) -> Sequence[ByRule]:
        own = states.block(start)
        return by_rule(states.instance, own, commitment, reserves, threads=threads)

    return answer
