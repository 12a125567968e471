"""Recourse evaluation: the optimal second stage of one commitment in many states of the world at
once.

It provides damage for reports, subgradients for cuts and, for comparison, the second stage under a
release policy without foresight. The compiled parts are in
:mod:`optimizer.solve.recourse.allocation_kernel`, :mod:`optimizer.solve.recourse.network_kernel`
and :mod:`optimizer.solve.recourse.node_kernel`.
"""

from optimizer.solve.recourse.evaluations import Subgradient as Subgradient
from optimizer.solve.recourse.evaluator import (
    RecourseEvaluator as RecourseEvaluator,
    RecourseResult as RecourseResult,
)
from optimizer.solve.recourse.node_data import (
    FirstStageColumns as FirstStageColumns,
    FirstStagePoint as FirstStagePoint,
    NodeData as NodeData,
)
from optimizer.solve.recourse.release_policy import (
    ReleasePolicyResult as ReleasePolicyResult,
    evaluators_by_block as evaluators_by_block,
    join_blocks as join_blocks,
    simulate_release_policy as simulate_release_policy,
    sum_by_key as sum_by_key,
)
