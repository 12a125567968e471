"""Morris' screen: which of many inputs matter at all, all of them moved together.

Random paths through the box of all ranges move one input after the other; each step is an
elementary effect (Morris 1991). The mean of their sizes ranks inputs, and their spread tells
whether an effect depends on the others (Campolongo, Cariboni and Saltelli 2007). Factors are spaced
evenly in their logarithm, other numbers evenly. Sampling and indices are those of SALib, which is
imported when a screen is asked for.
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
    """The library that screens is not installed."""

    exit_code = 2


def check_installed() -> None:
    """Raises ScreenMissing where the library is not there."""
    if find_spec("SALib") is None:
        raise ScreeningUnavailable(
            tr("a screen needs SALib: install Vorrat with its extra {extra}", extra="'screen'")
        )


def screen_inputs(
    studied_plan: StudiedPlan, inputs: Sequence[Assumption], jobs: int, options: SensitivityOptions
) -> MorrisScreening:
    """The elementary effects of every input on every figure."""
    chosen = independent_inputs(inputs)
    unit, settings = sample_points(chosen, options)
    told = 0

    def done(_settings: tuple[str, ...], _figures: ScreenFigures) -> None:
        nonlocal told
        told += 1
        options.report_progress(told, len(settings), tr("screen"))

    with Workers[tuple[str, ...], ScreenFigures](
        ScreenSolver, (studied_plan, options.resolve), jobs
    ) as workers:
        figures = workers.map(settings, done)
    bests = [figure.best for figure in figures if figure.best is not None]
    every = options.resolve and len(bests) == len(figures)
    gaps = [relative_gap(f.best, f.bound) for f in figures if f.best is not None]
    return MorrisScreening(
        trajectories=options.trajectories or 0,
        levels=GRID_LEVELS,
        seed=options.seed,
        evaluations=len(figures),
        left_out=tuple(made.id for made in inputs if made not in chosen),
        own=elementary_effects(chosen, options, unit, [figure.objective for figure in figures]),
        own_expected=elementary_effects(
            chosen, options, unit, [figure.expected for figure in figures]
        ),
        best=elementary_effects(chosen, options, unit, bests) if every else None,
        best_gap=max((gap for gap in gaps if gap is not None), default=None) if every else None,
    )


def independent_inputs(inputs: Sequence[Assumption]) -> list[Assumption]:
    """Inputs of which no two move the same numbers: parts rather than all of a kind, where parts
    can be moved by themselves."""
    kept: list[Assumption] = []
    taken: set[str] = set()
    for made in sorted(inputs, key=lambda made: made.subject is None):
        settings = [*made.settings_at(made.high), *made.settings_at(made.low)]
        paths = {setting.partition("=")[0] for setting in settings}
        if not paths & taken:
            kept.append(made)
            taken |= paths
    return [made for made in inputs if made in kept]


def sample_points(
    inputs: Sequence[Assumption], options: SensitivityOptions
) -> tuple[Floats, list[tuple[str, ...]]]:
    """The points of the paths: (points, inputs) in the unit box, and their settings.

    Raises ScreenMissing where the library is not there.
    """
    check_installed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old names of others that the library imports
        from SALib.sample import morris

        problem, paths = _salib_problem(inputs), options.trajectories
        unit = morris.sample(problem, paths, num_levels=GRID_LEVELS, seed=options.seed)
    settings = [
        tuple(
            text
            for made, share in zip(inputs, row, strict=True)
            for text in made.settings_at(value_at_share(made, float(share)))
        )
        for row in unit
    ]
    return unit, settings


def value_at_share(assumption: Assumption, share: float) -> float:
    """The value at a share of the range."""
    if assumption.is_factor and assumption.low > 0:
        return assumption.low * math.exp(share * math.log(assumption.high / assumption.low))
    return assumption.nearest_valid_value(
        assumption.low + share * (assumption.high - assumption.low)
    )


def elementary_effects(
    inputs: Sequence[Assumption],
    options: SensitivityOptions,
    unit_points: Floats,
    outcomes: Sequence[float],
) -> tuple[ElementaryEffects, ...]:
    """Elementary effects on a figure, per range of each input, what matters most first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from SALib.analyze import morris

        problem, known = _salib_problem(inputs), np.array(outcomes)
        found = morris.analyze(
            problem, unit_points, known, num_levels=GRID_LEVELS, seed=options.seed
        )
    names = {"mu": "mu", "mu_star": "mu_star", "mu_star_confidence": "mu_star_conf"}
    names |= {"sigma": "sigma"}
    rows = [
        ElementaryEffects(
            id=made.id,
            **{name: float(np.nan_to_num(found[own][n])) for name, own in names.items()},
        )
        for n, made in enumerate(inputs)
    ]
    return tuple(sorted(rows, key=lambda row: -row.mu_star))


def _salib_problem(inputs: Sequence[Assumption]) -> dict[str, Any]:
    names = [made.id for made in inputs]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
