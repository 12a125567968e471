"""Recourse evaluation in blocks of states, so that memory is bounded."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

from optimizer.model.instance import Instance
from optimizer.model.states import State
from optimizer.solve.recourse.evaluator import RecourseEvaluator
from optimizer.solve.recourse.state_classes import find_realizations

STATES_PER_BLOCK = 5000  # evaluated together, to bound memory


def evaluators_by_block(
    instance: Instance,
    states: Sequence[State],
    *,
    threads: int | None = None,
    evaluator: RecourseEvaluator | None = None,
    reuse_from: RecourseEvaluator | None = None,
) -> Iterator[tuple[slice, RecourseEvaluator]]:
    """Yield blocks of at most ``STATES_PER_BLOCK`` states, each with its evaluator, so that memory
    is bounded. If ``evaluator`` is given, yield it once for all states.

    Data of the instance are taken from ``reuse_from``, an evaluator for other states, if its
    realizations include those of these states.
    """
    if evaluator is not None:
        yield slice(0, len(states)), evaluator
        return
    all_realizations = find_realizations(instance, states)
    previous = (
        reuse_from
        if reuse_from is not None and reuse_from.covers_realizations(all_realizations)
        else None
    )
    for start in range(0, len(states), STATES_PER_BLOCK):
        block = slice(start, min(start + STATES_PER_BLOCK, len(states)))
        previous = RecourseEvaluator(
            instance,
            states[block],
            threads=threads,
            reuse_from=previous,
            realizations=all_realizations,
        )
        yield block, previous


def sum_by_key(block_sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the sum of each key's values over blocks of states. The order of summation is fixed,
    so that rounding is reproducible."""
    return {key: reduce(operator.add, (sums[key] for sums in block_sums)) for key in block_sums[0]}
