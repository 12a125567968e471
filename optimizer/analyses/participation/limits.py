"""How large a share can be at most, by the rules of the first stage alone."""

from __future__ import annotations

from optimizer.analyses.participation.company import Desk
from optimizer.model import highs
from optimizer.model.formulation import build_greatest_stake, read_commitment
from optimizer.model.instance import Instance

CLOSE = 1e-7
"""Shares that differ by less are the same."""

WITHIN = 1e-6
"""A limit is given so far inside, relatively: the solver's tolerances reach beyond it. One that is
so near to a round figure is that figure: what a file says is round."""


def greatest_share(desk: Desk, instance: Instance, funders: tuple[str, ...]) -> float | None:
    """The largest share of the capex of what is built that funders can carry.

    Of several projects it is a ratio, of what they carry to what all do: the plan that carries
    most above a share gives a better share, until none is better (Dinkelbach 1967).

    Returns
    -------
    None if none of the projects can be built.
    """
    share = 0.0
    for _ in range(50):
        model = build_greatest_stake(instance, desk.stake(funders, share))
        compiled = highs.compile_model(model)
        solution = highs.solve(compiled.program, gap=0.0)
        if solution.values is None:
            return None
        compiled.load(solution.values)
        better = desk.share_in(read_commitment(instance, model), funders)
        if better is None or better <= share + CLOSE:
            break
        share = better
    figure = round(share, 4)
    return figure if abs(figure - share) < WITHIN else share * (1.0 - WITHIN)
