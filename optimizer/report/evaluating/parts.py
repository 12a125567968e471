"""When, in what and on whom damage falls."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from models.results import Evaluation
from optimizer.report.evaluating import words
from optimizer.report.evaluating.grids import MOST_ROWS, Columns, table
from optimizer.report.figures import NOISE, column, number
from optimizer.report.sections import Grid, Section


def years(found: Evaluation) -> Section | None:
    """Damage by year."""
    of = found.fresh.by_year
    if len(of) < 2:
        return None
    columns: Columns = {
        tr("Year"): ("figures", list(of)),
        **_pair([y.expected_without_plan for y in of.values()], [y.expected for y in of.values()]),
    }
    return Section(tr("Expected by year ({unit})", unit=words.unit(found)), [table(columns)])


def materials(found: Evaluation) -> Section | None:
    """Which materials stay exposed."""
    some = [m for m in found.fresh.materials if m.expected_without_plan > NOISE]
    some.sort(key=lambda m: -m.expected)
    if not some:
        return None
    shown = some[:MOST_ROWS]
    columns: Columns = {
        tr("Material"): ("words", [words.name(found, "materials", m.id, m.name) for m in shown]),
        **_pair([m.expected_without_plan for m in shown], [m.expected for m in shown]),
    }
    parts: list[str | Grid] = [table(columns)]
    if len(some) > len(shown):
        parts.append(tr("{count} more", count=number(len(some) - len(shown))))
    return Section(tr("Expected by material ({unit})", unit=words.unit(found)), parts)


def consumers(found: Evaluation) -> Section | None:
    """Whom it falls on."""
    some = [u for u in found.fresh.consumers if u.expected_without_plan > NOISE]
    if len(some) < 2:
        return None
    columns: Columns = {
        tr("Consumer"): ("words", [words.name(found, "consumers", u.id, u.name) for u in some]),
        **_pair([u.expected_without_plan for u in some], [u.expected for u in some]),
    }
    return Section(tr("Expected by consumer ({unit})", unit=words.unit(found)), [table(columns)])


def _pair(without: Sequence[float], with_: Sequence[float]) -> Columns:
    """Two columns that are compared, with the same decimals."""
    cells = column([*without, *with_])
    return {
        tr("Without any plan"): ("figures", cells[: len(without)]),
        tr("With the plan"): ("figures", cells[len(without) :]),
    }
