"""Whom supply depends on."""

from __future__ import annotations

from typing import Literal

from models.results import ids
from models.results.base import Part, Result, Share


class SupplyMix(Result):
    """Where a year's supply of a material comes from, undisturbed and on time.

    Output that projects reserve adds to the supply of the file. What then exceeds both demand and
    that supply gives way, imports before home output and always from the country that stands
    highest, until those that give way are level, as rule G1 counts it; a market left to itself may
    spread otherwise.
    """

    by_country: dict[str, Share]
    """Share of supply by country, the largest first; adds up to 1."""
    largest_country: str
    """The largest supplier."""
    largest_share: Share
    """Its share; Regulation (EU) 2024/1252 names 65 %."""
    hhi: float
    """Herfindahl-Hirschman index of countries, from 0 to 10,000: the sum of squared shares in
    percent."""
    imports: Share | None
    """Share from outside [``home``](scenario-format.md#the-head-of-the-file); null where the file
    names none."""


class CrmaShare(Result):
    """One benchmark of the Critical Raw Materials Act, Regulation (EU) 2024/1252, Article 5.

    It asks for 10 % of the Union's consumption from extraction, 40 % from processing and 25 % from
    recycling within the Union by 2030. Here the share is of *this scenario's* demand, and counts
    deliveries from the Union and what projects in the Union reserve.
    """

    material: ids.Material
    """Id of the material."""
    stage: Literal["extraction", "processing", "recycling"]
    """Which benchmark."""
    year: ids.YearNumber
    """The year: 2030, or the year of the horizon nearest to it."""
    target: Share
    """Share of the Union's consumption that the act aims at."""
    share: Part
    """Share of this scenario's demand from this stage in the Union, with the plan."""
    share_without_plan: Part
    """The same without any plan."""
