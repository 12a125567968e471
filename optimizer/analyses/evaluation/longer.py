"""To be replaced: the same commitment with some years more."""

from __future__ import annotations

from models.results import LongerHorizon
from optimizer.analyses.given import GivenPlan


def longer(
    given: GivenPlan, years: int, count: int, seed: int, threads: int | None
) -> LongerHorizon:
    """To be replaced."""
    raise NotImplementedError
