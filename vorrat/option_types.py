"""Types of the options of each function, for type checkers, and rules in Python: the argument
``extra``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from os import PathLike
from typing import Any, Literal, Required, TypedDict

from models.scenario.case import Case
from optimizer.model.rule_declaration import ExtraRules, applying
from vorrat.arguments import PlanFunction, ProgressFunction
from vorrat.scenario import Scenario

ExtraFunction = Callable[[Any, Scenario], object]
"""Function that adds Pyomo constraints over first-stage variables to its first argument, the model.
Its second argument is the scenario with the figures of the model, such as those of a set."""


def applying_extra(
    extra: ExtraFunction | None, scenario: Scenario | None
) -> AbstractContextManager[None]:
    """Return a context in which all problems have the rules of a function, if there is one.

    ``scenario`` is passed to the function with the figures of each problem.
    """
    if extra is None:
        return applying(None)

    def add(model: Any, case: Case) -> None:
        given: Any = scenario
        if scenario is not None:
            given = replace(scenario, reading=replace(scenario.reading, case=case))
        extra(model, given)

    return applying(ExtraRules.of(extra, add))


class PlanKeywords(TypedDict, total=False):
    """Options of functions that solve scenarios."""

    gap: float
    time_limit: float | None


class SolveKeywords(PlanKeywords, total=False):
    """Options of :func:`vorrat.solve`."""

    budget: float | None
    break_even: bool
    keep_proof: str | PathLike[str] | None
    node_limit: int | None
    method: Literal["auto", "extensive", "decomposition"]
    threads: int | None


class EvaluateKeywords(PlanKeywords, total=False):
    """Options of :func:`vorrat.evaluate`."""

    states: int
    seed: int | None
    reserves: Iterable[float]
    replications: int
    replication_states: int | None
    wait_and_see: int
    tail_weight: float | None
    no_counterfactual: bool
    states_of: str | None
    variant: str | None
    settings: Iterable[str]
    quick: bool
    jobs: int | None


class FrontierKeywords(PlanKeywords, total=False):
    """Options of :func:`vorrat.frontier`."""

    vary: str | None
    funder: str | None
    tail: bool
    first: float | None
    last: float | None
    points: int
    values: Iterable[float] | None
    refine: int
    threads: int | None
    jobs: int | None


class CompareKeywords(PlanKeywords, total=False):
    """Options of :func:`vorrat.compare`."""

    variants: bool
    settings: Iterable[str]
    budget: float | None
    base: str | None
    year: int | None
    federal: Iterable[str]
    break_even: bool
    threads: int | None


class BatchKeywords(PlanKeywords, total=False):
    """Options of :func:`vorrat.batch`."""

    node_limit: int | None
    method: Literal["auto", "extensive", "decomposition"]
    jobs: int | None


# Keywords of vorrat.analyse for each analysis.
# fmt: off
class CallKeywords(TypedDict, total=False):
    """Functions that an analysis calls: keywords of :func:`vorrat.analyse`."""
    progress: ProgressFunction | None
    on_plan: PlanFunction | None
    extra: ExtraFunction | None
class EvaluateCall(EvaluateKeywords, CallKeywords):
    """Keywords of the analysis ``evaluate``."""
class FrontierCall(FrontierKeywords, CallKeywords):
    """Keywords of the analysis ``frontier``."""
class SplitCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``split``."""
    mode: Literal["none", "every", "player", "gift", "joint"]
    externality: bool
    exact_up_to: int
    orders: int
    seed: int
    jobs: int | None
class ParticipateCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``participate``."""
    company: Required[str]
    project: str | None
    allocation: Literal["entitled", "pooled"]
    steps: int
    refine: int
    public: int
    tolerance: float
    ranges: bool
    jobs: int | None
class ExplainCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``explain``."""
    only: Iterable[str]
    days: float
    values: bool
    jobs: int | None
class StressCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``stress``."""
    events: Iterable[tuple[Any, ...]]
    state: str | None
    plan: str | None
    threads: int | None
class AlternativesCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``alternatives``."""
    within: float
    count: int
    least_days: float
    stated: Iterable[tuple[str, Iterable[str]]]
    variants: bool
    assumptions: bool
    jobs: int | None
class SensitivityCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``sensitivity``."""
    only: Iterable[str]
    each: bool
    ranges: Mapping[str, Iterable[float]]
    inputs: Mapping[str, Iterable[float]]
    tolerance: float
    steps: int
    jobs: int | None
class TargetCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``target``."""
    vary: str | None
    funder: str | None
    below: float | None
    reduction: float | None
    figure: Literal["expected", "cvar", "worst"]
    days: Mapping[str, float]
    from_year: int | None
    first: float | None
    last: float | None
    tolerance: float | None
    threads: int | None
class AssumptionsCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``assumptions``."""
    over: Literal["mean", "worst", "regret"] | None
    threads: int | None
class ReviewCall(PlanKeywords, CallKeywords, total=False):
    """Keywords of the analysis ``review``."""
    more: int
    threads: int | None
