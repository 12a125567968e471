"""The workbook on a company's share: figures of the document, formulas, and checks that notice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import participations as built
import pytest
from participations import ALL, participation, standing
from spreadsheets import cells, formulas, recalculated, records, results, with_libreoffice

from models.language import Language, using
from models.results import Participation
from optimizer.report.workbook import write_participation
from optimizer.report.workbook.expressions import Expression, smallest

EVERY = pytest.mark.parametrize("name", ALL)
GOOD = "The figures of this workbook add up"
BAD = "WARNING"


def book_of(found: Participation) -> Any:
    return results(write_participation(found))


def failing(book: Any) -> list[str]:
    rows = records(book.worksheets[-1], "Check", "Result")
    return [row["Check"] for row in rows if row["Result"] != "adds up"]


@EVERY
def test_a_good_document_passes(name: str) -> None:
    book = book_of(ALL[name]())
    assert book["Answer"]["A3"].value.startswith(GOOD)
    assert failing(book) == []


def test_every_point_has_its_row() -> None:
    found = participation()
    points = [point for curve in found.curves for point in curve.points]
    rows = records(book_of(found)["Shares"], "Share", "Status")
    assert len(rows) == len(points)
    for row, point in zip(rows, points, strict=True):
        assert row["Share"] == point.share
        if point.standing is None:
            assert row["Status"] == "no plan has this share"
            assert row["Damage plus cost, million EUR"] is None
            continue
        stated = {
            "Damage plus cost, million EUR": point.standing.total,
            "Gain against no share, million EUR": point.gain,
            "Gain per EUR": point.gain_per_euro,
            "Avoided, million EUR": point.avoided,
            "Avoided per EUR": point.avoided_per_euro,
            "Outlay, million EUR": sum(point.outlay_by_year_meur.values()),
            "At worst, million EUR": point.range.worst.total if point.range else None,
            "Gap": point.gap,
        }
        for header, value in stated.items():
            assert row[header] == (None if value is None else pytest.approx(value, abs=1e-9))


def test_what_follows_is_a_formula() -> None:
    sheet = formulas(write_participation(participation()))["Shares"]
    rows = list(sheet.iter_rows(values_only=True))
    head = next(row for row in rows if "Status" in row)
    for row in rows[rows.index(head) + 1 :][:8]:
        by_header = dict(zip(head, row, strict=True))
        for header in ("Damage plus cost, million EUR", "Gain against no share, million EUR",
                       "Avoided, million EUR", "Outlay, million EUR", "Gap"):  # fmt: skip
            assert str(by_header[header]).startswith("="), header


def test_years_and_tonnes_add_up() -> None:
    book = book_of(participation())
    points = [p for c in participation().curves for p in c.points if p.standing is not None]
    outlay = records(book["Outlay"], "Share", "All years")
    assert len(outlay) == len(points)
    paid = [point.outlay_by_year_meur["2028"] for point in points]
    assert [row["2028"] for row in outlay] == pytest.approx(paid)
    tonnes = records(book["Offtake"], "Material", "All years")
    assert sum(row["All years"] for row in tonnes if row["Material"] == "Gallium") == pytest.approx(
        sum(sum(p.offtake_t.get("gallium", {}).values()) for p in points)
    )


def test_the_first_sheet_has_the_answer_of_each_curve() -> None:
    book = book_of(participation())
    rows = records(book["Answer"], "If", "Best share")
    assert [row["Best share"] for row in rows] == [0.3, 0.3, 0.3, 0.4, 0.3]
    assert [row["Gain there, million EUR"] for row in rows] == pytest.approx(
        [7.2, 7.2, 9.6, 12.8, 7.2]
    )
    names = formulas(write_participation(participation())).defined_names
    assert {"best_share", "best_share_net_cost", "best_share_gain", "indifferent_share"} <= set(
        names
    )


def tampered(path: str, change: float) -> Participation:
    raw = participation().model_dump(mode="json")
    *steps, last = path.split(".")
    inside: Any = raw
    for step in steps:
        inside = inside[int(step) if isinstance(inside, list) else step]
    inside[last] += change
    return Participation.model_validate(raw)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("curves.0.points.2.standing.total", "give damage plus cost, at all shares"),
        ("alone.total", "give damage plus cost, in each case"),
        ("curves.0.points.2.gain", "Gains follow"),
        ("curves.0.points.2.avoided", "Damage avoided follows"),
        ("curves.0.points.2.gap", "Gaps follow"),
        ("curves.0.best_share", "the best share has least"),
    ],
)
def test_a_wrong_document_fails(path: str, part: str) -> None:
    change = 0.1 if path.endswith("best_share") else 0.25
    book = book_of(tampered(path, change))
    assert book["Answer"]["A3"].value.startswith(BAD)
    assert any(part in check for check in failing(book)), failing(book)


@pytest.mark.parametrize("language", ["en", "de"])
def test_sheets_have_their_names(language: Language) -> None:
    with using(language):
        book = book_of(built.whole_portfolio())
    assert book.sheetnames == {
        "en": ["Answer", "Curves", "Shares", "Standings", "Outlay", "Offtake", "Certificate",
               "Checks"],
        "de": ["Ergebnis", "Kurven", "Anteile", "Lage", "Zahlungen", "Abnahme", "Nachweis",
               "Prüfungen"],
    }[language]  # fmt: skip


def test_names_stay_text() -> None:
    found = participation(material_names={"gallium": "=1+1", "germanium": "@x"}, name="+A")
    values = [cell.value for _, cell in cells(formulas(write_participation(found)))]
    assert "=1+1" in values
    sheet = formulas(write_participation(found))["Offtake"]
    assert next(c for row in sheet for c in row if c.value == "=1+1").data_type == "s"


def test_the_smallest_of_cells() -> None:
    found = smallest(Expression("A1", 3.0), Expression("B7", 2.0))
    assert (found.text, found.value) == ("MIN(A1,B7)", 2.0)


def test_a_share_of_what_is_not_built_is_never_best() -> None:
    """It may have the least total all the same: then the check leaves it out."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("range", "avoided_per_euro", "gain_per_euro"), None
    ) | {"projects": {}, "outlay_by_year_meur": {}, "offtake_t": {}, "stake_meur": 0.0}
    idle = built.point(0.7).model_copy(
        update=nothing
        | {"built": False, "standing": standing(10, 0), "gain": 30.0, "avoided": 50.0}
    )
    free = built.curve()
    points = tuple(idle if point.share == 0.7 else point for point in free.points)
    found = participation(curves=(free.model_copy(update={"points": points}),))
    book = book_of(found)
    assert failing(book) == []
    assert "not built" in [cell.value for _, cell in cells(book)]


@with_libreoffice
def test_libreoffice_agrees(tmp_path: Path) -> None:
    content = write_participation(participation())
    stored = results(content)
    fresh = recalculated(tmp_path, {"nothing": lambda book: None}, content)["nothing"]
    for tab, cell in cells(formulas(content)):
        if cell.data_type == "f":
            ours, theirs = (b[tab][cell.coordinate].value for b in (stored, fresh))
            if isinstance(ours, (int, float)):
                assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9), (tab, cell)
            else:
                assert (ours or "") == (theirs or ""), (tab, cell)
