"""The nucleolus: the shares whose greatest complaint is least, then the next, and so on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import null_space

from optimizer.games.coalitions import Floats, game, magnitude, membership, negligible
from optimizer.games.programs import POSITIVE, least

MOVES = 1e-7
"""A coalition's payoff moves with the point if its row is longer than this on what is free. Rows of
0 and 1 that are not spanned by others lie farther from them by orders of magnitude."""


def nucleolus(v: ArrayLike) -> Floats:
    """(n) the individually rational shares of v(N) with the least excesses (Schmeidler 1969).

    What is found is exact for worths that differ by about 1e-9 of the greatest at most, and the
    nucleolus moves with the worths without jumps. ValueError if the players are worth more alone
    than together, by more than is negligible.
    """
    worths, n = game(v)
    alone = worths[1 << np.arange(n)]
    surplus = float(worths[-1] - alone.sum())
    if surplus < -negligible(worths):
        raise ValueError("no shares are individually rational: the players are worth more alone")
    if surplus <= 0.0:
        only: Floats = alone + surplus / n
        return only
    return lexicographic(worths, rational=True).point


def prenucleolus(v: ArrayLike) -> Floats:
    """(n) the shares of v(N) with the least excesses, whoever would have more alone.

    Always in the least core. As exact as `nucleolus`.
    """
    worths, _ = game(v)
    return lexicographic(worths, rational=False).point


@dataclass(frozen=True, eq=False)
class Lexicographic:
    """The point (n) of lexicographically least excesses, and the levels at which some were fixed.

    The levels fall; the first is the value of the least core if the shares need not be
    individually rational. A game of one player has none.
    """

    point: Floats
    levels: tuple[float, ...]


def lexicographic(worths: Floats, *, rational: bool) -> Lexicographic:
    """Minimise the greatest excess, fix what is greatest at every optimum, and go on with the rest.

    One linear program a round (Kopelowitz 1967; Maschler, Peleg, Shapley 1979), over the moves that
    leave all fixed excesses as they are. A row with a positive multiplier is tight at every
    optimum, one that is merely tight at the optimum found may not be: only the former are fixed.
    As their multipliers add up to 1 and none of them is spanned by what was fixed before, each
    round takes at least one dimension, and there are n - 1 rounds at most. What is always tight but
    has no multiplier comes again in the next round, at the same level.

    Zero-normalised and scaled to 1 inside; the nucleolus moves along with both.
    """
    n = worths.size.bit_length() - 1
    of = membership(n)
    alone = worths[1 << np.arange(n)]
    gains = worths - of @ alone
    scale = magnitude(gains)
    gains, proper = gains / scale, of[1:-1]
    point = np.full(n, gains[-1] / n)
    fixed, levels = np.ones((1, n)), []
    while (free := null_space(fixed)).shape[1]:
        moves = proper @ free
        some = np.linalg.norm(moves, axis=1) > MOVES
        held = np.linalg.norm(free, axis=1) > MOVES if rational else np.zeros(n, dtype=bool)
        # Over a move y along what is free, and the level: each excess is at most the level, and
        # nobody falls below their worth alone. To stay is feasible, whatever was rounded.
        rows = np.block(
            [[moves[some], np.ones((some.sum(), 1))], [free[held], np.zeros((held.sum(), 1))]]
        )
        sides = np.concatenate(
            [(gains[1:-1] - proper @ point)[some], np.minimum(0.0, -point[held])]
        )
        cost = np.append(np.zeros(free.shape[1]), 1.0)
        best = least(cost, rows, sides)
        point = point + free @ best.point[:-1]
        levels.append(best.value * scale)
        tight = np.concatenate([proper[some], np.eye(n)[held]])[best.multipliers > POSITIVE]
        fixed = np.concatenate([fixed, tight])
    return Lexicographic(alone + scale * point, tuple(levels))
