"""Morris' screen: which of many inputs matter at all, all of them moved together.

Random paths through the box of all ranges move one input after the other; each step is an
elementary effect (Morris 1991). The mean of their sizes ranks inputs, and their spread tells
whether an effect depends on the others (Campolongo, Cariboni and Saltelli 2007). Factors are spaced
evenly in their logarithm, other numbers evenly. Sampling and indices are those of SALib, which is
imported when a screen is asked for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from models.language import tr
from models.results import Screen, Screened
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.sensitivity.subproblem import Figures
from optimizer.errors import VorratError
from optimizer.model.instance import Floats
from optimizer.solve.gap import gap_of

LEVELS = 4


class ScreenMissing(VorratError):
    """The library that screens is not installed."""

    exit_code = 2


@dataclass(frozen=True)
class Path:
    """How inputs are moved together."""

    trajectories: int
    seed: int = 1
    resolve: bool = False
    """Whether the best plan is sought at every point as well."""


@dataclass(frozen=True, eq=False)
class Points:
    """The points of all paths: (points, inputs) in the unit box, and their settings."""

    unit: Floats
    settings: tuple[tuple[str, ...], ...]


def check_installed() -> None:
    """Raises ScreenMissing where the library is not there."""
    if find_spec("SALib") is None:
        raise ScreenMissing(
            tr("a screen needs SALib: install Vorrat as {extra}", extra="'.[screen]'")
        )


def usable(inputs: Sequence[Assumption]) -> list[Assumption]:
    """Inputs of which no two move the same numbers: parts rather than all of a kind, where parts
    can be moved by themselves."""
    kept: list[Assumption] = []
    taken: set[str] = set()
    for made in sorted(inputs, key=lambda made: made.subject is None):
        paths = {setting.partition("=")[0] for setting in made.settings(made.high)}
        paths |= {setting.partition("=")[0] for setting in made.settings(made.low)}
        if not paths & taken:
            kept.append(made)
            taken |= paths
    return [made for made in inputs if made in kept]


def samples(inputs: Sequence[Assumption], path: Path) -> Points:
    """The points of the paths.

    Raises ScreenMissing where the library is not there.
    """
    check_installed()
    with _quiet():
        from SALib.sample import morris

        unit = morris.sample(_problem(inputs), path.trajectories, num_levels=LEVELS, seed=path.seed)
    settings = tuple(
        tuple(
            text
            for made, share in zip(inputs, row, strict=True)
            for text in made.settings(value_at(made, float(share)))
        )
        for row in unit
    )
    return Points(unit, settings)


def value_at(made: Assumption, share: float) -> float:
    """The value at a share of the range."""
    if made.is_factor and made.low > 0:
        return made.low * math.exp(share * math.log(made.high / made.low))
    return made.nearest(made.low + share * (made.high - made.low))


def screen_of(
    inputs: Sequence[Assumption],
    chosen: Sequence[Assumption],
    path: Path,
    points: Points,
    figures: Sequence[Figures],
) -> Screen:
    """The elementary effects of every input on every figure."""
    kept = {made.id for made in chosen}
    bests = [figure.best for figure in figures if figure.best is not None]
    every = path.resolve and len(bests) == len(figures)
    gaps = [gap_of(f.best, f.bound) for f in figures if f.best is not None]
    return Screen(
        trajectories=path.trajectories,
        levels=LEVELS,
        seed=path.seed,
        evaluations=len(figures),
        left_out=tuple(made.id for made in inputs if made.id not in kept),
        own=effects(chosen, path, points, [figure.objective for figure in figures]),
        own_expected=effects(chosen, path, points, [figure.expected for figure in figures]),
        best=effects(chosen, path, points, bests) if every else None,
        best_gap=max((gap for gap in gaps if gap is not None), default=None) if every else None,
    )


def effects(
    inputs: Sequence[Assumption], path: Path, points: Points, outcomes: Sequence[float]
) -> tuple[Screened, ...]:
    """Elementary effects on a figure, per range of each input, what matters most first."""
    with _quiet():
        from SALib.analyze import morris

        found = morris.analyze(
            _problem(inputs),
            points.unit,
            np.array(outcomes),
            num_levels=LEVELS,
            seed=path.seed,
        )
    rows = [
        Screened(
            id=made.id,
            mu=float(found["mu"][n]),
            mu_star=float(found["mu_star"][n]),
            mu_star_confidence=_known(found["mu_star_conf"][n]),
            sigma=_known(found["sigma"][n]),
        )
        for n, made in enumerate(inputs)
    ]
    return tuple(sorted(rows, key=lambda row: -row.mu_star))


def _problem(inputs: Sequence[Assumption]) -> dict[str, Any]:
    return {
        "num_vars": len(inputs),
        "names": [made.id for made in inputs],
        "bounds": [[0.0, 1.0]] * len(inputs),
    }


def _known(value: float) -> float:
    return float(value) if math.isfinite(value) else 0.0


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the library warns of: old names of others that it imports and calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
