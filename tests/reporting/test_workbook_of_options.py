"""Options side by side in a workbook, and a frontier beside a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from everything import everything
from spreadsheets import cells, formulas, recalculated, records, results, with_libreoffice
from varied import two_works, varying

from models.language import using
from models.results import Comparison, Plan
from models.scenario.case import Case
from optimizer.analyses.comparison.compare import compare
from optimizer.analyses.frontier.curve import Grid, draw
from optimizer.report.workbook import write, write_comparison
from optimizer.solve.planner import plan as best_plan


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    """The same scenario with all its money, and with hardly any."""
    poor = everything()
    for funder in poor["funders"].values():
        funder["budget_meur"] = 1
    poor["policy"], poor["stockpiles"] = {}, []
    return {"=all": best_plan(Case.model_validate(everything())),
            "poor": best_plan(Case.model_validate(poor))}  # fmt: skip


@pytest.fixture(scope="module")
def comparison(plans: dict[str, Plan]) -> Comparison:
    return compare(list(plans.values()), list(plans))


@pytest.fixture(scope="module")
def book(plans: dict[str, Plan], comparison: Comparison) -> Any:
    return results(write_comparison(plans, comparison))


def test_benefits_and_costs(comparison: Comparison, book: Any) -> None:
    benefits = {row["Figure"].strip(): row for row in records(book["Benefits"], "Figure")}
    costs = {row["Figure"].strip(): row for row in records(book["Costs"], "Figure")}
    for option in comparison.options:
        figure = option.benefit.expected
        at = option.label
        assert benefits["Expected with plan, million EUR"][at] == pytest.approx(figure.with_plan)
        assert benefits["Avoided, expected, million EUR"][at] == pytest.approx(figure.avoided)
        assert benefits["of what comes without a plan"][at] == pytest.approx(figure.share)
        assert costs["Put up by public funders"][at] == pytest.approx(option.cost.public.paid_meur)
        leverage = option.cost.leverage.private_per_public
        if leverage is not None:
            assert costs["Private money per public euro"][at] == pytest.approx(leverage)


def test_differences_add_up(plans: dict[str, Plan], comparison: Comparison, book: Any) -> None:
    *rows, total = records(book["Damage"], "Material")
    (difference,) = comparison.differences
    for row in rows:
        wanted = {m.id: m.expected for m in plans["poor"].materials}[row["Id"]]
        assert row["poor"] == pytest.approx(wanted)
    assert total["poor less the base"] == pytest.approx(difference.expected)
    verdicts = {row["Result"] for row in records(book.worksheets[-1], "Check", "Result")}
    assert verdicts == {"adds up"}


def test_labels_stay_text(plans: dict[str, Plan], comparison: Comparison) -> None:
    found = [cell for _, cell in cells(formulas(write_comparison(plans, comparison)))]
    assert {cell.data_type for cell in found if cell.value == "=all"} == {"s"}


def test_an_option_without_its_plan_is_refused(comparison: Comparison) -> None:
    with pytest.raises(ValueError, match="no plan for =all, poor"):
        write_comparison({}, comparison)


@pytest.fixture(scope="module")
def with_frontier() -> bytes:
    """Without money 10 million are lost, with 4 million 7, with 7 million 4, with 11 million 1."""
    raw = two_works()
    found = draw(varying(raw), Grid(values=(0, 4, 7, 11))).frontier
    return write(best_plan(Case.model_validate(raw)), frontier=found)


def test_a_frontier_gets_a_sheet(with_frontier: bytes) -> None:
    book = results(with_frontier)
    rows = records(book["Frontier"], "Projects built")
    assert [row["Expected, million EUR"] for row in rows] == pytest.approx([10, 7, 4, 1])
    assert [row["Projects built"] for row in rows] == [0, 1, 1, 2]
    gains = [row["Avoided more than at the point before, million EUR"] for row in rows]
    assert gains == [None, *(pytest.approx(3) for _ in range(3))]
    assert [row["The same per unit of the number"] for row in rows[1:]] == pytest.approx(
        [0.75, 1, 0.75]
    )
    checks = {row["Check"]: row["Result"] for row in records(book["Checks"], "Check", "Result")}
    assert sum("frontier" in check for check in checks) == 2
    assert set(checks.values()) == {"adds up"}


@pytest.mark.slow
@with_libreoffice
def test_libreoffice_agrees(
    tmp_path: Path, plans: dict[str, Plan], comparison: Comparison, with_frontier: bytes
) -> None:
    with using("de"):
        german = write_comparison(plans, comparison)
    for name, content in (("options", german), ("frontier", with_frontier)):
        (tmp_path / name).mkdir()
        book = recalculated(tmp_path / name, {"same": lambda _: None}, content)["same"]
        stored = results(content)
        for tab, cell in cells(formulas(content)):
            if cell.data_type == "f":
                ours, theirs = (b[tab][cell.coordinate].value for b in (stored, book))
                wanted = pytest.approx(ours) if isinstance(ours, (int, float)) else ours
                assert theirs == wanted or not (theirs or ours), (tab, cell.coordinate, cell.value)
