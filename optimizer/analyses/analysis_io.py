"""Inputs and outputs that all analyses share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from models.files import LoadedScenario, read_case
from models.language import tr
from models.results import Plan, Result

if TYPE_CHECKING:
    from optimizer.analyses.saved_plan import SavedPlan
    from optimizer.solve.decomposition import CutPool


@dataclass(frozen=True, eq=False)
class AnalysisInput:
    """The input of an analysis: a scenario, or a saved plan and the scenario that it carries."""

    file: str
    reading: LoadedScenario
    title: str
    variant: str | None = None
    saved_plan: SavedPlan | None = None
    pool: CutPool | None = None  # cuts of earlier runs, to which more are added
    read_scenario: Callable[[str, str | None, Sequence[str]], LoadedScenario] = read_case
    """Function that reads another scenario file, with a variant and settings."""
    read_plan: Callable[[str], SavedPlan] | None = None
    """Function that reads a saved plan from its file or folder."""

    @property
    def labels(self) -> dict[str, Any]:
        """The title and the variant of the scenario."""
        return {"title": self.title, "variant": self.variant}

    def with_pool(self, pool: CutPool) -> AnalysisInput:
        """Return a copy of the input with a pool of cuts from earlier runs."""
        return replace(self, pool=pool)


@dataclass(frozen=True, eq=False)
class AnalysisOutcome:
    """The result of an analysis, with its exit code and the plans that are written with it."""

    result: Result
    exit_code: int
    """0 if all is proven as requested, 1 if a part was stopped; others as in help."""
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """Plans that go with the result, by the folder that each is written to."""
    failures: Sequence[str] = ()  # what failed, in sentences


def describe_value(value: float) -> str:
    """Return the text of a varied number's value, for progress and error messages; "no limit" if it
    is infinite."""
    return tr("no limit") if math.isinf(value) else f"{value:.6g}"
