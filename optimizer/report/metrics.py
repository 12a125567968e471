"""Catalog of the figures of plans that several documents show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.language import tr
from optimizer.report.cells import attribute_getter
from optimizer.report.document import Column, ValueForm
from optimizer.report.wording import Wording

FigurePath = str | Callable[[Any], Any]


@dataclass(frozen=True)
class Metric:
    """A figure of plans: its key, name, kind and location.

    Its unit follows from ``form``, by ``Wording.units_by_form``.
    """

    key: str  #: Id of the figure.
    name: str
    form: ValueForm
    path: FigurePath
    """Attributes that lead from a plan or option to the figure, or a function that reads it."""

    def read(self, item: Any) -> Any:
        """Return the figure of a plan or option; None if it has none."""
        return read_figure(item, self.path)


def read_figure(item: Any, path: FigurePath) -> Any:
    """Return the figure at ``path`` of an object; None if the path leads nowhere."""
    if callable(path):
        return path(item)
    return attribute_getter(path)(item) if path else None


def plan_metrics(wording: Wording[Any]) -> dict[str, Metric]:
    """Return the figures that results have in common, by key. Of each a smaller value is better."""
    unit, money_unit = wording.unit, wording.money_unit
    metrics = [
        Metric("expected", tr("Expected, {unit}", unit=unit), "outcome", "expected"),
        Metric("cvar", tr("CVaR, {unit}", unit=unit), "outcome", "cvar"),
        Metric("worst", tr("Worst, {unit}", unit=unit), "outcome", "worst"),
        Metric("without", tr("Without plan"), "outcome", "expected_without_plan"),
        Metric("with", tr("With plan"), "outcome", "expected"),
        Metric("net_cost", tr("Net cost, {unit}", unit=money_unit), "money", "net_cost_meur"),
        Metric("cost", tr("Net cost"), "money", "net_cost_meur"),
        Metric("objective", tr("Objective"), "objective", "objective"),
        Metric("bound", tr("Bound"), "objective", "bound"),
        Metric("gap", tr("Gap"), "gap", "gap"),
        Metric("gap_left", tr("Gap left"), "gap", "gap"),
    ]
    return {metric.key: metric for metric in metrics}


def metric_columns(
    wording: Wording[Any], *keys: str, owner: str = "", **options: Any
) -> list[Column]:
    """Return columns with figures of plans, by their keys in the catalog.

    ``owner`` are the attributes from a row to the object that has the figures, ending in a dot.
    """
    metrics = plan_metrics(wording)
    return [
        Column(metric.name, f"{owner}{metric.path}", metric.form, **options)
        for metric in map(metrics.__getitem__, keys)
    ]
