"""A workbook of a split says what the split says, and its formulas follow its figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from saved_plans import tutorial
from splits import (
    GAINS,
    PLAYERS,
    interval,
    raw,
    sampled,
    split,
    undecided,
    with_a_lender,
    with_names,
    with_public_money,
    with_state,
)
from spreadsheets import cells, formulas, recalculated, records, results, with_libreoffice

from models.language import using
from models.results import Split
from optimizer.report.workbook import write, write_split

GOOD = "The figures of this workbook add up"
ALL: dict[str, Callable[[], Split]] = {
    "whole": split,
    "sampled": sampled,
    "undecided": undecided,
    "player": with_state,
    "lender": with_a_lender,
    "every": lambda: with_public_money("every"),
    "gift": lambda: with_public_money("gift"),
}
NAMES = {"cars": "Car makers", "wind": "Wind turbines", "defence": "Defence"}


@pytest.fixture(scope="module")
def content() -> bytes:
    return write_split(split())


@pytest.fixture(scope="module")
def book(content: bytes) -> Any:
    return results(content)


def failing(book: Any) -> list[str]:
    rows = records(book.worksheets[-1], "Check", "Result")
    return [row["Check"] for row in rows if row["Result"] != "adds up"]


@pytest.mark.parametrize("name", ALL)
def test_all_adds_up(name: str) -> None:
    book = results(write_split(ALL[name]()))
    assert failing(book) == []
    assert book["Answer"]["A3"].value.startswith(GOOD)


def test_the_sheets(book: Any) -> None:
    assert book.sheetnames == [
        "Answer", "Joint plan", "Players", "Sharing", "Groups", "Leaving", "Staying out",
        "Outsiders acting", "Split", "Checks",
    ]  # fmt: skip
    bare = split(rules=[], core=None, free_riding={}, externality=None)
    few = results(write_split(bare))
    assert failing(few) == []
    assert "Staying out" not in few.sheetnames
    assert "Outsiders acting" not in few.sheetnames


def test_players_and_the_gain_of_all(book: Any) -> None:
    rows = records(book["Players"], "Id")
    assert [row["Id"] for row in rows[:3]] == list(PLAYERS)
    cars = rows[0]
    assert (cars["Alone: at least"], cars["Alone: by the plans"]) == (199.5, 200)
    assert cars["Gain before transfers"] == 45
    assert rows[3]["Player"] == "All"
    assert rows[3]["Gain before transfers"] == 120
    (worth, together, share) = records(book["Players"], "Unit")
    assert [worth[h] for h in ("At least", "By the plans", "At most")] == [118.5, 120, 120.5]
    assert together["By the plans"] == 330
    assert share["By the plans"] == pytest.approx(120 / 450)


def test_what_each_rule_leaves_and_takes(book: Any) -> None:
    rows = {(r["Key of the rule"], r["Id"]): r for r in records(book["Sharing"], "Key of the rule")}
    assert len(rows) == 15
    for rule in split().rules:
        for player, share in rule.members.items():
            row = rows[rule.rule, player]
            assert row["Gain: by the plans"] == share.gain.value
            assert row["Share of the gain of all"] == pytest.approx(share.share)
            assert row["Pays in all"] == share.pays_meur
            assert row["Pays to the others"] == pytest.approx(share.transfer_meur)
    short = records(book["Sharing"], "Gains together")
    assert [row["Gains together"] for row in short] == [120] * 5
    assert [row["Would leave"] for row in short].count("some group") == 1


def test_groups_are_held_against_the_rule_that_is_chosen(content: bytes, book: Any) -> None:
    rows = {row["Id"]: row for row in records(book["Groups"], "Spares the others")}
    assert len(rows) == 7
    pair = rows["cars+wind"]
    assert [pair[name] for name in NAMES.values()] == [1, 1, 0]
    assert (pair["Gain: at least"], pair["Gain: by the plans"]) == (59, 60)
    assert (pair["Its share by the rule"], pair["Has more by leaving"]) == (95, -35)
    assert pair["At most"] == -34.5
    sheet = formulas(content)["Groups"]
    (chosen,) = [c for row in sheet.iter_rows(max_row=6) for c in row if c.value == "Shapley value"]
    (choice,) = sheet.data_validations.dataValidation
    assert str(choice.sqref) == chosen.coordinate
    assert "Equal parts" in choice.formula1
    gains = [sheet.cell(chosen.row + 1, chosen.column + n).value for n in range(3)]
    assert all(f"{chosen.column_letter}{chosen.row}" in gain for gain in gains)
    most = next(r for r in book["Groups"].iter_rows(values_only=True)
                if r[0] == "Most that any group has more by leaving")  # fmt: skip
    assert most[1] == -25


def test_leaving_groups_have_their_gain_less_their_share(book: Any) -> None:
    (row,) = records(book["Leaving"], "Id")
    assert row["Group"] == "Car makers and Wind turbines"
    assert (row["Has more by leaving"], row["At most"]) == (24, 24.5)
    assert (row["It gains by itself"], row["Its share by the rule"]) == (60, 36)
    core = records(book["Leaving"], "Gain at the least core")
    assert [r["Gain at the least core"] for r in core] == [*GAINS["nucleolus"], 120]
    assert [r["Closest to leaving"] for r in core[:2]] == [
        "Defence",
        "Car makers and Wind turbines",
    ]


def test_members_may_be_listed_in_any_order() -> None:
    rules = raw()["rules"]
    rules[2]["leaving"][0]["members"] = ["wind", "cars"]
    book = results(write_split(split(rules=rules)))
    assert failing(book) == []
    assert records(book["Leaving"], "Id")[0]["It gains by itself"] == 60


def test_groups_that_might_leave_are_listed_where_it_is_open() -> None:
    book = results(write_split(undecided()))
    (row,) = records(book["Leaving"], "Id")
    assert (row["Has more by leaving"], row["At most"]) == pytest.approx((-0.3, 0.2))
    short = records(book["Sharing"], "Gains together")
    assert [row["Would leave"] for row in short].count("some group might") == 1


def test_what_a_sample_leaves_unknown_is_left_empty() -> None:
    book = results(write_split(sampled()))
    short = records(book["Sharing"], "Gains together")
    assert [row["Public money to keep all: by the plans"] for row in short] == [None] * 4


def test_staying_out_and_outsiders(book: Any) -> None:
    rows = records(book["Staying out"], "Stays out")
    assert [row["More than its share"] for row in rows] == [-40, -43, 5]
    assert [row["Gain by staying out: by the plans"] for row in rows] == [10, 2, 30]
    outside = records(book["Outsiders acting"], "Spared by the others")
    assert [row["Spared by the others"] for row in outside] == [5, 2, 3, 10]


def test_public_money_that_counts_is_made_good_by_transfers() -> None:
    book = results(write_split(with_public_money("every")))
    rows = records(book["Players"], "Id")
    assert rows[3]["Player"] == "State and other funders"
    assert (rows[3]["Alone: by the plans"], rows[3]["Gain before transfers"]) == (30, -4)
    assert rows[4]["Gain before transfers"] == 120
    short = records(book["Sharing"], "Gains together")
    assert [row["Transfers together"] for row in short] == pytest.approx([4] * 5)


def test_what_counts_without_companies_counts_in_every_group() -> None:
    """Groups are checked against what the state bears by itself."""
    changed = with_public_money("every", baseline=interval(31.0, 0.0, 0.0))
    checks = failing(results(write_split(changed)))
    assert any("bear alone, less what they bear, is its gain" in check for check in checks)
    assert any("less what they bear together, is their gain" in check for check in checks)


def wrong(change: Callable[[dict[str, Any]], Any]) -> list[str]:
    """The checks that fail after a change to the split."""
    whole = raw()
    change(whole)
    return failing(results(write_split(Split.model_validate(whole))))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s["rules"][0]["members"]["cars"].update(pays_meur=31.0), "What each pays is"),
        (lambda s: s["worth"].update(value=119.0), "less what they bear together, is their gain"),
        (lambda s: s["coalitions"][3].update(found=291.0), "is its gain"),
        (lambda s: s["rules"][2]["leaving"][0].update(gain=25.0), "less its share by the rule"),
        (lambda s: s["core"]["members"].update(cars=46.0), "least core add up"),
        (lambda s: s["free_riding"]["cars"]["gain"].update(value=11.0), "beside the others"),
        (lambda s: s["externality"]["shapley"].update(cars=47.0), "With outsiders acting"),
        (lambda s: s["plan"]["projects"][1]["shares"].update(cars=0.4), "add up to 1"),
        (lambda s: s["plan"].update(gap=0.1), "follows from objective and bound"),
    ],
)
def test_a_figure_that_does_not_fit_fails_a_check(
    change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    assert any(says in check for check in wrong(change))


def test_german_sheets_and_names() -> None:
    with using("de"):
        book = results(write_split(with_names()))
    assert book.sheetnames == [
        "Ergebnis", "Gemeinsamer Plan", "Beteiligte", "Regeln", "Gruppen", "Austritt",
        "Fernbleiben", "Außenstehende", "Aufteilung", "Prüfungen",
    ]  # fmt: skip
    said = {cell.value for _, cell in cells(book) if isinstance(cell.value, str)}
    assert {"Autohersteller", "Windkraft", "Nach Bedarf", "Reserve für alle"} <= said
    assert "Car makers" not in said


def test_texts_stay_texts() -> None:
    players = [p | {"name": f"=1+1 {p['id']}"} for p in raw()["players"]]
    book = formulas(write_split(split(players=players)))
    found = [cell for _, cell in cells(book) if str(cell.value).startswith("=1+1")]
    assert found
    assert all(cell.data_type == "s" for cell in found)


def test_a_split_beside_a_plan_gets_its_sheets() -> None:
    plan = tutorial()
    alone = results(write(plan)).sheetnames
    book = results(write(plan, split=split()))
    assert [tab for tab in book.sheetnames if tab not in alone] == [
        "Joint plan", "Players", "Sharing", "Groups", "Leaving", "Staying out",
        "Outsiders acting", "Split",
    ]  # fmt: skip
    assert failing(book) == []
    assert book["Answer"]["A3"].value.startswith(GOOD)


@pytest.mark.slow
@with_libreoffice
def test_another_program_agrees_and_follows_the_chosen_rule(tmp_path: Path, content: bytes) -> None:
    def choose(book: Any) -> None:
        for row in book["Groups"].iter_rows(max_row=6):
            for cell in row:
                if cell.value == "Shapley value":
                    cell.value = "By demand"

    made = recalculated(tmp_path, {"same": lambda _: None, "demand": choose}, content)
    stored = results(content)
    for tab, cell in cells(formulas(content)):
        if cell.data_type == "f":
            ours, theirs = (b[tab][cell.coordinate].value for b in (stored, made["same"]))
            wanted = pytest.approx(ours) if isinstance(ours, (int, float)) else ours
            assert theirs == wanted or not (theirs or ours), (tab, cell.coordinate, cell.value)
    rows = {row["Id"]: row for row in records(made["demand"]["Groups"], "Spares the others")}
    assert rows["cars+wind"]["Has more by leaving"] == pytest.approx(24)


def test_formulas_refer_to_cells_and_hold_no_figures(content: bytes) -> None:
    """Shares and sums follow what they are made of: nobody wrote a result into a formula."""
    sheet = formulas(content)["Sharing"]
    found = [c.value for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    assert len(found) > 60
    assert not [text for text in found if re.search(r"(?<![A-Z$\d.])\d+\.\d+", text)]
