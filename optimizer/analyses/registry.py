"""All analyses: the one place where each is named, with where its parts are found.

Parts are named by module and are imported when they are asked for, so that the list of commands
costs nothing.
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
    """An analysis, or another command that leaves a result."""

    name: str
    """That of its command."""
    summary: str
    """What it does, in a line."""
    model: str
    """The class of its result in :mod:`models.results`."""
    file: str
    """The file of its result in the folder that it is written to."""
    options: str = ""
    """Module and class of what it may be asked, such as ``frontier.options:FrontierOptions``."""
    run: str = ""
    """Module and function that runs it; none for a command that is run in its own way."""
    document: str = ""
    """Module whose function ``document`` tells its result."""
    takes: Literal["scenario", "plan", "either"] = "scenario"
    """What it is given: a scenario file, a saved plan, or either."""
    beside: tuple[str, ...] = ()
    """What it writes beside that file: folders, or other files."""
    reuses: bool = False
    """Whether it starts from the cuts of earlier runs where that is asked for."""

    @property
    def result(self) -> type[Result]:
        """The class of its result."""
        return cast("type[Result]", getattr(importlib.import_module("models.results"), self.model))

    @property
    def kind(self) -> str:
        """What a document of it states under ``kind``."""
        return str(self.result.model_fields["kind"].default)

    @property
    def asks(self) -> type[SolveOptions]:
        """The class of its options."""
        return cast("type[SolveOptions]", _found(self.options))

    @property
    def running(self) -> Callable[[Input, Any], Outcome]:
        """The function that runs it."""
        return cast("Callable[[Input, Any], Outcome]", _found(self.run))


def _found(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(f"optimizer.analyses.{module}"), name)


ANALYSES = (
    Analysis(
        "solve",
        marked("Find the best plan for a scenario."),
        "Plan",
        "plan.json",
        "options:PlanOptions",
        reuses=True,
        document="plan.document",
    ),
    Analysis(
        "split",
        marked("Share what companies gain together, and test who would leave."),
        "Split",
        "split.json",
        "split.options:SplitOptions",
        "split.split:run",
        document="split.document",
    ),
    Analysis(
        "participate",
        marked("Find the share of a project that a company should take."),
        "Participation",
        "participation.json",
        "participation.options:ParticipateOptions",
        "participation.participate:run",
        document="participation.document",
    ),
    Analysis(
        "evaluate",
        marked("Judge a saved plan on states that it was not made for."),
        "Evaluation",
        "evaluation.json",
        "evaluation.options:EvaluateOptions",
        "evaluation.evaluate:run",
        takes="plan",
        document="evaluation.document",
    ),
    Analysis(
        "explain",
        marked("Say why each project and each stock of a plan is in or out."),
        "Explanation",
        "explanation.json",
        "explanation.options:ExplainOptions",
        "explanation.explain:run",
        takes="plan",
        document="explanation.document",
    ),
    Analysis(
        "stress",
        marked("Show what a disruption does, period by period, without a plan and with it."),
        "Stress",
        "stress.json",
        "stress.options:StressOptions",
        "stress.stress:run",
        takes="either",
        beside=("plan",),
        document="stress.document",
    ),
    Analysis(
        "alternatives",
        marked("Find other plans nearly as good, and how robust each choice is."),
        "Alternatives",
        "alternatives.json",
        "alternatives.options:AlternativesOptions",
        "alternatives.alternatives:run",
        takes="either",
        beside=("plans",),
        document="alternatives.document",
    ),
    Analysis(
        "sensitivity",
        marked("Find what the answer rests on, and what would turn it."),
        "Sensitivity",
        "sensitivity.json",
        "sensitivity.options:SensitivityOptions",
        "sensitivity.study:run",
        takes="either",
        document="sensitivity.document",
    ),
    Analysis(
        "compare",
        marked("Put funding options side by side."),
        "Comparison",
        "comparison.json",
        "options:CompareOptions",
        reuses=True,
        document="comparison.document",
    ),
    Analysis(
        "frontier",
        marked("Draw damage against a budget, or any number of the file."),
        "Frontier",
        "frontier.json",
        "frontier.options:FrontierOptions",
        "frontier.draw:run",
        beside=("plans",),
        reuses=True,
        document="frontier.document",
    ),
    Analysis(
        "target",
        marked("Find the least budget that reaches a goal."),
        "Target",
        "target.json",
        "target.options:TargetOptions",
        "target.reach:run",
        beside=("plan.json",),
        reuses=True,
        document="target.document",
    ),
    Analysis(
        "redact",
        marked("Hide figures of a scenario; say what that costs and what still tells."),
        "Redaction",
        "owner/redaction.json",
        "redaction.options:RedactOptions",
        document="redaction.document",
    ),
    Analysis(
        "batch",
        marked("Solve many scenarios, variants and settings, and keep each as it is done."),
        "Batch",
        "batch.json",
        document="batch.document",
    ),
)
"""In the order in which a folder is named for what lies in it."""

BY_NAME = {one.name: one for one in ANALYSES}
FILES = tuple(one.file for one in ANALYSES)
"""What a folder may be named for: the first of these that is in it."""
