"""Types of the options of each function, for type checkers.

Names, defaults and limits are those of the options of the analyses, which the functions check when
they are called. A test compares the names.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Literal, TypedDict


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
    rare: int | None
    longer: int
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
