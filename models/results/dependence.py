"""Whom supply depends on."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import Result, Share


class SupplyMix(Result):
    """Where a year's supply of a material comes from, undisturbed and on time.

    What exceeds demand once projects deliver gives way, imports before home output and always
    from the country that stands highest, as rule G1 counts it.
    """

    by_country: dict[str, Share]
    """Share of supply by country, the largest first; adds up to 1."""
    largest_country: str
    """The largest supplier."""
    largest_share: Share
    """Its share."""
    hhi: float
    """Herfindahl-Hirschman index of countries, from 0 to 10,000."""
    imports: Share | None
    """Share that comes from outside ``home``; null where the file names no home."""


class CrmaShare(Result):
    """One benchmark of the Critical Raw Materials Act, Regulation (EU) 2024/1252, Article 5."""

    material: ids.Material
    """Id of the material."""
    stage: Literal["extraction", "processing", "recycling"]
    """Which benchmark."""
    year: ids.YearNumber
    """The year: 2030, or the year of the horizon nearest to it."""
    target: Share
    """Share of the Union's consumption that the act aims at."""
    share: float
    """Share of this scenario's demand from this stage in the Union, with the plan."""
    share_without_plan: float
    """The same without any plan."""
