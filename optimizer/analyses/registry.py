"""Registry of all analyses: their names, and where their code and the documents on results are.

The code of an analysis is imported only when it is needed, so that commands can be listed quickly.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from models.results import Result
    from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
    from optimizer.analyses.options import SolveOptions
    from optimizer.report.document import Document

PACKAGES = {"disagreement": "assumption_dependence", "waiting": "deferral"}
"""Packages below optimizer.analyses by the kind of their result, where the names differ."""


@dataclass(frozen=True)
class Analysis:
    """An analysis (or another command that writes a result): its name, its properties, and access
    to its code."""

    name: str  # of its command
    kind: str  # the value of ``kind`` in its result; also its package, except in PACKAGES
    summary: str
    run_module: str = ""
    """Module with the function ``run_analysis``; empty for a command with code of its own."""
    input_kind: Literal["scenario", "plan", "either"] = "scenario"
    """Kind of the input: a scenario file, a saved plan, or either."""
    extra_outputs: tuple[str, ...] = ()
    """Folders or files that it writes in addition to its result."""
    reuses_cuts: bool = False
    """Whether it can start from the cuts of earlier runs."""
    options_path: str = ""
    """Module and class of its options, if not the default."""
    supports_assumption_sets: bool = False  # whether it works over sets of assumptions
    supports_review: bool = False  # whether it works with a review
    supports_ambiguity: bool = False  # whether it works with the least favorable probabilities

    @property
    def package(self) -> str:
        """The name of the package of the analysis, below ``optimizer.analyses``."""
        return PACKAGES.get(self.kind, self.kind)

    @property
    def result_file(self) -> str:
        """The path of the analysis's result file, relative to the output folder."""
        return f"{self.kind}.json"

    @property
    def result_class(self) -> type[Result]:
        """The class of the analysis's result."""
        return cast("type[Result]", _import_attribute("models.results", self.kind.capitalize()))

    @property
    def options_class(self) -> type[SolveOptions]:
        """The class of the analysis's options."""
        default_path = f"analysis_options:{self.name.capitalize()}Options"
        module, _, name = (self.options_path or default_path).partition(":")
        return cast("type[SolveOptions]", _import_attribute(f"optimizer.analyses.{module}", name))

    @property
    def runner(self) -> Callable[[AnalysisInput, Any], AnalysisOutcome]:
        """A function that runs the analysis, after it has checked that the analysis supports the
        scenario."""
        module = f"optimizer.analyses.{self.package}.{self.run_module}"
        run = cast(
            "Callable[[AnalysisInput, Any], AnalysisOutcome]",
            _import_attribute(module, "run_analysis"),
        )

        def run_checked(analysis_input: AnalysisInput, options: Any) -> AnalysisOutcome:
            _import_attribute("optimizer.solve.planner", "check_supported")(
                analysis_input.reading.case,
                with_assumption_sets=self.supports_assumption_sets,
                with_review=self.supports_review,
                with_ambiguity=self.supports_ambiguity,
            )
            return run(analysis_input, options)

        return run_checked


def _import_attribute(module: str, name: str) -> Any:
    """Import a module and return one of its attributes."""
    return getattr(importlib.import_module(module), name)


_SOLVE_SUMMARY = "Find the best plan for a scenario."
_SPLIT_SUMMARY = "Share what companies gain together, and test who would leave."
_PARTICIPATE_SUMMARY = "Find the share of a project that a company should take."
_EVALUATE_SUMMARY = "Judge a saved plan on states that it was not made for."
_EXPLAIN_SUMMARY = "Say why each project and each stock of a plan is in or out."
_STRESS_SUMMARY = "Show what a disruption does, period by period, without a plan and with it."
_ALTERNATIVES_SUMMARY = "Find other plans nearly as good, and how robust each choice is."
_SENSITIVITY_SUMMARY = "Find what the answer rests on, and what would turn it."
_COMPARE_SUMMARY = "Put funding options side by side."
_FRONTIER_SUMMARY = "Draw damage against a budget, or any number of the file."
_TARGET_SUMMARY = "Find the least budget that reaches a goal."
_ASSUMPTIONS_SUMMARY = "Find what experts disagree on, and one plan for all of them."
_REVIEW_SUMMARY = "Find the value of a review and of each observation."
_BATCH_SUMMARY = "Solve many scenarios, variants and settings, and keep each as it is done."

ANALYSES = (
    Analysis("solve", "plan", _SOLVE_SUMMARY, reuses_cuts=True, options_path="options:PlanOptions"),
    Analysis("split", "split", _SPLIT_SUMMARY, "split", supports_review=True),
    Analysis(
        "participate", "participation", _PARTICIPATE_SUMMARY, "participate", supports_review=True
    ),
    Analysis(
        "evaluate",
        "evaluation",
        _EVALUATE_SUMMARY,
        "plan_evaluation",
        "plan",
        supports_assumption_sets=True,
        supports_review=True,
        supports_ambiguity=True,
    ),
    Analysis(
        "explain",
        "explanation",
        _EXPLAIN_SUMMARY,
        "explain",
        "plan",
        supports_assumption_sets=True,
        supports_review=True,
        supports_ambiguity=True,
    ),
    Analysis("stress", "stress", _STRESS_SUMMARY, "stress_analysis", "either", ("plan",)),
    Analysis(
        "alternatives",
        "alternatives",
        _ALTERNATIVES_SUMMARY,
        "near_optimal",
        "either",
        ("plans",),
        supports_assumption_sets=True,
    ),
    Analysis("sensitivity", "sensitivity", _SENSITIVITY_SUMMARY, "sensitivity_analysis", "either"),
    Analysis(
        "compare",
        "comparison",
        _COMPARE_SUMMARY,
        reuses_cuts=True,
        options_path="options:CompareOptions",
    ),
    Analysis(
        "frontier",
        "frontier",
        _FRONTIER_SUMMARY,
        "tracing",
        extra_outputs=("plans",),
        reuses_cuts=True,
        supports_assumption_sets=True,
    ),
    Analysis(
        "target",
        "target",
        _TARGET_SUMMARY,
        "least_value",
        extra_outputs=("plan.json",),
        reuses_cuts=True,
    ),
    Analysis(
        "assumptions",
        "disagreement",
        _ASSUMPTIONS_SUMMARY,
        "cross_evaluation",
        extra_outputs=("sets",),
        supports_assumption_sets=True,
        supports_review=True,
        supports_ambiguity=True,
    ),
    Analysis(
        "review",
        "waiting",
        _REVIEW_SUMMARY,
        "review_value",
        extra_outputs=("review",),
        supports_assumption_sets=True,
        supports_review=True,
        supports_ambiguity=True,
    ),
    Analysis("batch", "batch", _BATCH_SUMMARY, options_path="options:BatchOptions"),
)
"""All analyses; a folder with several results stands for the first of them in this order."""

ANALYSES_BY_NAME = {analysis.name: analysis for analysis in ANALYSES}


def build_result_document(result: Result, **companions: Any) -> Document:
    """Build the document on a result, in the current language.

    ``companions`` are other results that the document uses, for example the plans of a comparison.
    """
    kind = type(result).__name__.lower()
    module = f"optimizer.analyses.{PACKAGES.get(kind, kind)}.document"
    document: Document = _import_attribute(module, "build_document")(result, **companions)
    return document
