"""All analyses: the one place where each is named, with where its parts are found.

Parts lie in the package of the kind, and are imported when they are asked for, so that the list of
commands costs nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from models.language import marked

if TYPE_CHECKING:
    from models.results import Result
    from optimizer.analyses.options import SolveOptions
    from optimizer.analyses.running import Input, Outcome


@dataclass(frozen=True)
class Analysis:
    """An analysis, or another command that leaves a result, and what it does, in a line."""

    name: str  # that of its command
    kind: str  # what a document of it states under ``kind``, and the package of its parts
    summary: str
    run: str = ""
    """Module whose function ``run`` runs it; none for a command that is run in its own way."""
    takes: Literal["scenario", "plan", "either"] = "scenario"
    """What it is given: a scenario file, a saved plan, or either."""
    beside: tuple[str, ...] = ()
    """What it writes beside the file of its result: folders, or other files."""
    reuses: bool = False
    """Whether it starts from the cuts of earlier runs where that is asked for."""
    options: str = ""
    """Module and class of what it may be asked, where that is not as usual."""
    folder: str = ""  # that of its result in the folder that it is written to
    over_sets: bool = False  # whether it works over sets of assumptions
    with_review: bool = False  # whether it works with a review
    with_ball: bool = False  # whether it works with the least favourable probabilities

    @property
    def file(self) -> str:
        """The file of its result in the folder that it is written to."""
        return f"{self.folder}{self.kind}.json"

    @property
    def result(self) -> type[Result]:
        """The class of its result."""
        return cast("type[Result]", _found("models.results", self.kind.capitalize()))

    @property
    def asks(self) -> type[SolveOptions]:
        """The class of its options."""
        usual = f"{self.kind}.options:{self.name.capitalize()}Options"
        module, _, name = (self.options or usual).partition(":")
        return cast("type[SolveOptions]", _found(f"optimizer.analyses.{module}", name))

    @property
    def running(self) -> Callable[[Input, Any], Outcome]:
        """The function that runs it."""
        module = f"optimizer.analyses.{self.kind}.{self.run}"
        run = cast("Callable[[Input, Any], Outcome]", _found(module, "run"))

        def of_single(given: Input, asked: Any) -> Outcome:
            _found("optimizer.solve.planner", "check_plain")(
                given.reading.case,
                over_sets=self.over_sets,
                with_review=self.with_review,
                with_ball=self.with_ball,
            )
            return run(given, asked)

        return of_single


def _found(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


_SOLVE = marked("Find the best plan for a scenario.")
_SPLIT = marked("Share what companies gain together, and test who would leave.")
_PARTICIPATE = marked("Find the share of a project that a company should take.")
_EVALUATE = marked("Judge a saved plan on states that it was not made for.")
_EXPLAIN = marked("Say why each project and each stock of a plan is in or out.")
_STRESS = marked("Show what a disruption does, period by period, without a plan and with it.")
_ALTERNATIVES = marked("Find other plans nearly as good, and how robust each choice is.")
_SENSITIVITY = marked("Find what the answer rests on, and what would turn it.")
_COMPARE = marked("Put funding options side by side.")
_FRONTIER = marked("Draw damage against a budget, or any number of the file.")
_TARGET = marked("Find the least budget that reaches a goal.")
_REDACT = marked("Hide figures of a scenario; say what that costs and what still tells.")
_ASSUMPTIONS = marked("Find what experts disagree on, and one plan for all of them.")
_REVIEW = marked("Find what a review is worth, and what it is worth to observe.")
_BATCH = marked("Solve many scenarios, variants and settings, and keep each as it is done.")

ANALYSES = (
    Analysis("solve", "plan", _SOLVE, reuses=True, options="options:PlanOptions"),
    Analysis("split", "split", _SPLIT, "split", with_review=True),
    Analysis("participate", "participation", _PARTICIPATE, "participate", with_review=True),
    Analysis(
        "evaluate",
        "evaluation",
        _EVALUATE,
        "evaluate",
        "plan",
        over_sets=True,
        with_review=True,
        with_ball=True,
    ),
    Analysis(
        "explain",
        "explanation",
        _EXPLAIN,
        "explain",
        "plan",
        over_sets=True,
        with_review=True,
        with_ball=True,
    ),
    Analysis("stress", "stress", _STRESS, "stress", "either", ("plan",)),
    Analysis(
        "alternatives",
        "alternatives",
        _ALTERNATIVES,
        "alternatives",
        "either",
        ("plans",),
        over_sets=True,
    ),
    Analysis("sensitivity", "sensitivity", _SENSITIVITY, "study", "either"),
    Analysis("compare", "comparison", _COMPARE, reuses=True, options="options:CompareOptions"),
    Analysis(
        "frontier", "frontier", _FRONTIER, "draw", beside=("plans",), reuses=True, over_sets=True
    ),
    Analysis("target", "target", _TARGET, "reach", beside=("plan.json",), reuses=True),
    Analysis(
        "assumptions",
        "disagreement",
        _ASSUMPTIONS,
        "disagree",
        beside=("sets",),
        over_sets=True,
        with_review=True,
        with_ball=True,
    ),
    Analysis(
        "review",
        "waiting",
        _REVIEW,
        "wait",
        beside=("review",),
        over_sets=True,
        with_review=True,
        with_ball=True,
    ),
    Analysis("redact", "redaction", _REDACT, folder="owner/"),
    Analysis("batch", "batch", _BATCH),
)
"""In the order in which a folder is named for what lies in it."""

BY_NAME = {one.name: one for one in ANALYSES}
