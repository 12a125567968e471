"""Cases whose frontiers are known, and the way to vary them."""

from __future__ import annotations

from typing import Any

import yaml
from small import case, funder, project

from models.files import LoadedScenario, read_case_text
from optimizer.analyses.variation import BUDGET_PATH, Variation

Raw = dict[str, Any]


def reading(raw: Raw) -> LoadedScenario:
    """A case as if it had been read from a file."""
    return read_case_text(yaml.safe_dump(raw))


def varying(raw: Raw, path: str = BUDGET_PATH) -> Variation:
    return Variation(reading(raw), path)


def two_works(**sections: Any) -> Raw:
    """100 t are missing at 0.1 million each: `small` gives 30 t for 4 million, `large` 60 for 7.

    The least damage is 10 below 4 million, 7 from 4 on, 4 from 7 on, 1 from 11 on; each plan adds a
    thousandth of what it costs.
    """
    works = {"small": project(30, 4), "large": project(60, 7)}
    return case(projects=works, funders={"fund": funder()}, **sections)


def least_damage(budget: float) -> float:
    """The least damage of `two_works` at a budget."""
    return {True: 10.0, budget >= 4: 7.0, budget >= 7: 4.0, budget >= 11: 1.0}[True]
