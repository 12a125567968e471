"""What tests of cuts start from: a run before its first solve, and points to try cuts at."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.scenario.references import Case
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import read_instance
from optimizer.model.risk_measure import tail_weights
from optimizer.model.states import read_states
from optimizer.solve.decomposition.cuts import Cut, CutOracle
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.search_run import SearchRun
from optimizer.solve.recourse import FirstStagePoint, NodeData, RecourseEvaluator, Subgradient

Raw = dict[str, Any]
Rng = np.random.Generator


def recourse_of(raw: Raw) -> RecourseEvaluator:
    instance = read_instance(Case.model_validate(raw))
    return RecourseEvaluator(instance, read_states(instance), threads=1)


def run_of(raw: Raw, gap: float = 1e-6) -> SearchRun:
    """Master without cuts, and the sweep."""
    recourse = recourse_of(raw)
    return SearchRun(
        Master(CutOracle(DecisionTree.of(recourse.instance), [recourse])),
        CutOracle(DecisionTree.of(recourse.instance), [recourse]),
        gap,
    )


def random_point(rng: Rng, recourse: RecourseEvaluator) -> FirstStagePoint:
    """Shares and purchases of which many are zero, in all columns that recourse knows."""
    columns = recourse.columns
    offtake = rng.random(len(columns.offtake_columns)) * (
        rng.random(len(columns.offtake_columns)) < 0.4
    )
    shape = (len(columns.stockpiles), columns.year_count)
    some = rng.random(shape) * (rng.random(shape) < 0.4)
    return FirstStagePoint(offtake, some * rng.choice([0.0, 0.3, 4.0, 20.0]))


def random_cuts(rng: Rng, run: SearchRun, count: int) -> list[Cut]:
    """Those of so many random points."""
    (seen,) = run.cut_oracle.part_oracles
    points = [random_point(rng, seen.recourse) for _ in range(count)]
    return [cut for point in points for cut in run.cut_oracle((point,)).cuts]


def exact(recourse: RecourseEvaluator, cut: Cut, point: FirstStagePoint, level: float) -> float:
    """The evaluated quantity that a cut bounds: the CVaR of all damage, or a node's mean."""
    evaluated = recourse.evaluate(point, recourse.probability[None], with_subgradients=False)
    if cut.is_tail:
        return float(tail_weights(recourse.probability, evaluated.damage, level) @ evaluated.damage)
    (node,) = cut.subgradients
    return float(evaluated.damage_by_chain[node][0])


def claimed(recourse: RecourseEvaluator, cut: Cut, point: FirstStagePoint) -> float:
    """What a cut says of a point."""
    return sum(
        float(bound_at(slopes, recourse.node_data[v], point)[0])
        for v, slopes in cut.subgradients.items()
    )


def excess(recourse: RecourseEvaluator, cut: Cut, point: FirstStagePoint, level: float) -> float:
    """By how much a cut claims more than there is, as a share of the cut's own size."""
    size = max(1e-6, *(abs(float(slopes.constant[0])) for slopes in cut.subgradients.values()))
    return (claimed(recourse, cut, point) - exact(recourse, cut, point, level)) / size


def bound_at(slopes: Subgradient, node: NodeData, point: FirstStagePoint) -> np.ndarray:
    """The lower bound (W) on the damage of the commitment at a point."""
    bound = slopes.constant - np.tensordot(slopes.output_value, node.running_share(point), 3)
    return np.asarray(
        bound - np.tensordot(slopes.purchase_value, point.buy[node.stockpile_index], 2)
    )
