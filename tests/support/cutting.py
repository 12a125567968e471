"""What tests of cuts start from: a run before its first solve, and points to try cuts at."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.scenario.case import Case
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve.decomposition.cuts import Appraiser, Cut, tail_weights
from optimizer.solve.decomposition.master import Master
from optimizer.solve.decomposition.run import Run
from optimizer.solve.sweep import Point, Recourse

Raw = dict[str, Any]
Rng = np.random.Generator


def recourse_of(raw: Raw) -> Recourse:
    instance = read_instance(Case.model_validate(raw))
    return Recourse(instance, read_states(instance), threads=1)


def run_of(raw: Raw, gap: float = 1e-6) -> Run:
    """Master without cuts, and the sweep."""
    recourse = recourse_of(raw)
    return Run(Master(Appraiser.of(recourse)), Appraiser.of(recourse), gap)


def random_point(rng: Rng, recourse: Recourse) -> Point:
    """Shares and purchases of which many are zero, in all columns that recourse knows."""
    columns = recourse.columns
    offtake = rng.random(len(columns.offtake)) * (rng.random(len(columns.offtake)) < 0.4)
    shape = (len(columns.stockpiles), columns.years)
    some = rng.random(shape) * (rng.random(shape) < 0.4)
    return Point(offtake, some * rng.choice([0.0, 0.3, 4.0, 20.0]))


def random_cuts(rng: Rng, run: Run, count: int) -> list[Cut]:
    """Those of so many random points."""
    (seen,) = run.appraise.parts
    points = [random_point(rng, seen.recourse) for _ in range(count)]
    return [cut for point in points for cut in run.appraise((point,)).cuts]


def exact(recourse: Recourse, cut: Cut, point: Point, level: float) -> float:
    """What a cut bounds, swept: the CVaR of all damage, or a node's mean."""
    swept = recourse.sweep(point, recourse.probability[None], priced=False)
    if cut.tail:
        return float(tail_weights(recourse.probability, swept.damage, level) @ swept.damage)
    (node,) = cut.slopes
    return float(swept.by_chain[node][0])


def claimed(recourse: Recourse, cut: Cut, point: Point) -> float:
    """What a cut says of a point."""
    return sum(float(slopes.at(recourse.nodes[v], point)[0]) for v, slopes in cut.slopes.items())


def excess(recourse: Recourse, cut: Cut, point: Point, level: float) -> float:
    """By how much a cut claims more than there is, as a share of the cut's own size."""
    size = max(1e-6, *(abs(float(slopes.constant[0])) for slopes in cut.slopes.values()))
    return (claimed(recourse, cut, point) - exact(recourse, cut, point, level)) / size
