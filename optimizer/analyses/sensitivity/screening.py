"""Screening of inputs by the method of Morris (1991), in which all inputs vary together.

Random paths through the box of all ranges change one input after the other, and each step gives an
elementary effect. Inputs are ranked by their mean absolute effect; the standard deviation shows
whether an effect depends on the other inputs (Campolongo, Cariboni and Saltelli 2007). Factors are
spaced evenly in their logarithm, other numbers evenly. Samples and indices are computed by SALib,
which is imported only if a screening is requested.
"""

import math
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from models.language import tr
from models.results import ElementaryEffects, MorrisScreening
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.sensitivity.options import SensitivityOptions
from optimizer.analyses.sensitivity.plan_evaluation import StudiedPlan
from optimizer.analyses.sensitivity.subproblem import ScreenFigures, ScreenSolver
from optimizer.errors import VorratError
from optimizer.model.instance import Floats
from optimizer.parallel import Workers
from optimizer.solve.gap import relative_gap

GRID_LEVELS = 4


class ScreeningUnavailable(VorratError):
    """Error: SALib, which screening needs, is not installed."""

    exit_code = 2


def check_installed() -> None:
    """Check that SALib is installed; raises ScreeningUnavailable if not."""
    if find_spec("SALib") is None:
        raise ScreeningUnavailable(
            tr("a screen needs SALib: install Vorrat with its extra {extra}", extra="'screen'")
        )


def screen_inputs(
    studied_plan: StudiedPlan, inputs: Sequence[Assumption], jobs: int, options: SensitivityOptions
) -> MorrisScreening:
    """Compute the elementary effects of a selection of independent inputs on each figure of the
    screening."""
    screened_inputs = independent_inputs(inputs)
    unit_points, settings = sample_points(screened_inputs, options)
    done_count = 0

    def count_point(_settings: tuple[str, ...], _figures: ScreenFigures) -> None:
        nonlocal done_count
        done_count += 1
        options.report_progress(done_count, len(settings), tr("screen"))

    with Workers[tuple[str, ...], ScreenFigures](
        ScreenSolver, (studied_plan, options.resolve), jobs
    ) as workers:
        figures = workers.map(settings, count_point)
    best_objectives = [figure.best for figure in figures if figure.best is not None]
    all_solved = options.resolve and len(best_objectives) == len(figures)
    figure_gaps = [relative_gap(f.best, f.bound) for f in figures if f.best is not None]
    return MorrisScreening(
        trajectories=options.trajectories or 0,
        levels=GRID_LEVELS,
        seed=options.seed,
        evaluations=len(figures),
        left_out=tuple(assumption.id for assumption in inputs if assumption not in screened_inputs),
        own=elementary_effects(
            screened_inputs, options, unit_points, [figure.objective for figure in figures]
        ),
        own_expected=elementary_effects(
            screened_inputs, options, unit_points, [figure.expected for figure in figures]
        ),
        best=elementary_effects(screened_inputs, options, unit_points, best_objectives)
        if all_solved
        else None,
        best_gap=max((gap for gap in figure_gaps if gap is not None), default=None)
        if all_solved
        else None,
    )


def independent_inputs(inputs: Sequence[Assumption]) -> list[Assumption]:
    """Return a selection of inputs of which no two change the same number.

    Inputs for single projects or materials are preferred to those for all items of a kind.
    """
    chosen_inputs: list[Assumption] = []
    used_paths: set[str] = set()
    for assumption in sorted(inputs, key=lambda assumption: assumption.subject is None):
        settings = [
            *assumption.settings_at(assumption.high),
            *assumption.settings_at(assumption.low),
        ]
        paths = {setting.partition("=")[0] for setting in settings}
        if not paths & used_paths:
            chosen_inputs.append(assumption)
            used_paths |= paths
    return [assumption for assumption in inputs if assumption in chosen_inputs]


def sample_points(
    inputs: Sequence[Assumption], options: SensitivityOptions
) -> tuple[Floats, list[tuple[str, ...]]]:
    """Sample points in the unit box, and return them (points, inputs) with the settings of each
    point.

    Raises ScreeningUnavailable if SALib is not installed.
    """
    check_installed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations in the imports of SALib
        from SALib.sample import morris

        problem, paths = _salib_problem(inputs), options.trajectories
        unit_points = morris.sample(problem, paths, num_levels=GRID_LEVELS, seed=options.seed)
    settings = [
        tuple(
            setting
            for assumption, share in zip(inputs, row, strict=True)
            for setting in assumption.settings_at(value_at_share(assumption, float(share)))
        )
        for row in unit_points
    ]
    return unit_points, settings


def value_at_share(assumption: Assumption, share: float) -> float:
    """Return the value of an assumption at a share (0 to 1) of its range.

    Factors are interpolated in their logarithm.
    """
    if assumption.is_factor and assumption.low > 0:
        return assumption.low * math.exp(share * math.log(assumption.high / assumption.low))
    return assumption.round_if_integer(assumption.low + share * (assumption.high - assumption.low))


def elementary_effects(
    inputs: Sequence[Assumption],
    options: SensitivityOptions,
    unit_points: Floats,
    outcomes: Sequence[float],
) -> tuple[ElementaryEffects, ...]:
    """Compute the elementary effects of all inputs on a figure, the largest mean absolute effect
    first.

    ``outcomes`` are the values of the figure at ``unit_points``. Effects are per full range of an
    input.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from SALib.analyze import morris

        problem, outcome_values = _salib_problem(inputs), np.array(outcomes)
        effects = morris.analyze(
            problem, unit_points, outcome_values, num_levels=GRID_LEVELS, seed=options.seed
        )
    salib_names = {"mu": "mu", "mu_star": "mu_star", "mu_star_confidence": "mu_star_conf"}
    salib_names |= {"sigma": "sigma"}
    rows = [
        ElementaryEffects(
            id=assumption.id,
            **{
                name: float(np.nan_to_num(effects[salib_name][n]))
                for name, salib_name in salib_names.items()
            },
        )
        for n, assumption in enumerate(inputs)
    ]
    return tuple(sorted(rows, key=lambda row: -row.mu_star))


def _salib_problem(inputs: Sequence[Assumption]) -> dict[str, Any]:
    names = [assumption.id for assumption in inputs]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
