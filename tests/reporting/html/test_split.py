"""The page on a split, and its section beside a plan."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import cache

import pytest
from pages import Element, read, shows, tables
from saved_plans import tutorial
from splits import (
    GAINS,
    PLAYERS,
    interval,
    raw,
    sampled,
    split,
    undecided,
    with_names,
    with_public_money,
    with_state,
)

from models.language import Language, using
from models.results import Split
from optimizer.report.html import charts, charts_on, report, report_on
from optimizer.report.html.splitting.groups import SHOWN

ALL: dict[str, Callable[[], Split]] = {
    "whole": split,
    "sampled": sampled,
    "undecided": undecided,
    "player": with_state,
    "names": with_names,
    "every": lambda: with_public_money("every"),
}
EVERY = pytest.mark.parametrize("name", ALL)
RULES = ["Shapley value", "Nucleolus", "By demand", "By damage avoided", "Equal parts"]


@cache
def page(name: str, language: Language = "en") -> str:
    with using(language):
        return report_on(ALL[name]())


@cache
def root_of(name: str) -> Element:
    return read(page(name))


def section(root: Element, name: str) -> Element:
    (found,) = [s for s in root.all("section") if s.attributes["id"] == name]
    return found


@EVERY
def test_the_sections_are_all_there(name: str) -> None:
    found = [s.attributes["id"] for s in root_of(name).all("section")]
    assert found == [
        "answer", "together", "shares", "groups", "outside", "method", "certificate", "glossary",
    ]  # fmt: skip


def test_a_board_reads_the_answer_on_the_first_page() -> None:
    text = section(root_of("whole"), "answer").text
    assert "Together the 3 companies gain 120 million EUR" in text
    assert "26.7 % of the 450 million EUR that they bear alone" in text
    assert "4 of 5" in text
    assert "Shared in proportion to demand, Car makers and Wind turbines would rather leave" in text
    assert "Defence (30 against 25)" in text
    assert "They build: Recycling (2027) and Mine (2028)." in text
    assert "stockpiles.reserve.days" in text


def test_gains_payments_and_verdicts_are_those_of_the_split() -> None:
    found, split_ = tables(root_of("whole")), split()
    gains = found["gains"]
    assert gains.headers == ["Player", *RULES, *RULES]
    for row, player in enumerate(PLAYERS):
        cells = [cell.value for cell in gains.rows[row][1:]]
        kept = [of[row] for of in GAINS.values()]
        assert cells == pytest.approx([*kept, *(gain / 120 for gain in kept)])
        shares = [rule.members[player] for rule in split_.rules]
        paid = [cell.value for cell in found["payments"].rows[row][2:]]
        assert paid == [*(s.pays_meur for s in shares), *(s.transfer_meur for s in shares)]
    assert [cell.value for cell in gains.rows[-1][1:6]] == [120] * 5
    assert [row[1].text for row in found["verdicts"].rows] == [
        "nobody", "nobody", "some group", "nobody", "nobody",
    ]  # fmt: skip
    assert found["verdicts"].rows[2][2].text == "Car makers and Wind turbines"
    assert [cell.value for cell in found["verdicts"].rows[2][3:]] == [24, 24.5, 24, 24.5]


def test_what_each_bears_and_what_groups_gain() -> None:
    found = tables(root_of("whole"))
    assert [cell.value for cell in found["players"].rows[0][1:]] == [260, 200, 120, 35, 45]
    assert [cell.value for cell in found["players"].rows[-1][1:]] == [560, 450, 270, 60, 120]
    coalitions = found["coalitions"]
    assert [row[0].text for row in coalitions.rows] == [
        "all together",
        "Car makers and Wind turbines",
        "Car makers and Defence",
        "Wind turbines and Defence",
    ]
    assert coalitions.values("By the plans") == [120, 60, 20, 10]
    assert coalitions.values("Gain if the others act alone") == [None, 55, 15, 5]
    staying = found["staying-out"]
    assert [cell.value for cell in staying.rows[2][1:]] == [60, 100, 80, 70, 29.5, 30, 30.5, 25]
    assert [cell.value for cell in found["externality"].rows[-1][1:]] == [450, 440, 110, 110]
    assert [cell.value for cell in found["least-core"].column("Gain at the least core")] == [
        45, 45, 30, 120,
    ]  # fmt: skip
    assert found["outlay"].values("All") == [24.5, 39.0, 63.5]


@EVERY
def test_cells_show_the_figures_behind_them(name: str) -> None:
    for table in tables(root_of(name)).values():
        for row in table.rows:
            assert all(shows(cell) for cell in row if "data-value" in cell.attributes)


@EVERY
def test_the_page_reads_aloud_and_stands_alone(name: str) -> None:
    root = root_of(name)
    ids = [e.attributes["id"] for e in root.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in root.all():
        assert element.tag not in {"script", "iframe", "link", "img"}
        for key, value in element.attributes.items():
            assert key not in {"src", "style"}
            wanted = value.split() if key == "aria-labelledby" else []
            wanted += re.findall(r"url\(#([^)]+)\)", value)
            assert set(wanted) <= set(ids), (key, value)
    for svg in root.all("svg"):
        told = {e.attributes.get("id"): e.text for e in svg.all("title", "desc")}
        assert all(told[name] for name in svg.attributes["aria-labelledby"].split())
    for one in root.all("section"):
        parts = [part for part in one.content if isinstance(part, Element)]
        for figure, below in itertools.pairwise(parts):
            if figure.tag == "figure":
                assert list(below.all("table"))


@EVERY
def test_german_leaves_nothing_untranslated(name: str, untranslated: set[str]) -> None:
    page.cache_clear()
    german = page(name, "de")
    assert untranslated == set()
    (html,) = read(german).all("html")
    assert html.attributes["lang"] == "de"
    assert "einen Vorteil von 120 Mio. EUR" in read(german).text


def test_names_are_german_where_the_scenario_has_them() -> None:
    text = read(page("names", "de")).text
    assert "Autohersteller 30 %, Windkraft 20 %, Banken und Anleger 50 %" in text.replace(
        "\xa0", " "
    )
    assert "Car makers" not in text


def test_a_sampled_split_says_so() -> None:
    root = root_of("sampled")
    assert "The Shapley value is sampled" in section(root, "answer").text
    assert "Not all groups were solved" in section(root, "groups").text
    assert "least-core" not in tables(root)
    verdicts = tables(root)["verdicts"]
    assert verdicts.rows[0][1].text == "open"
    assert "of the others nothing is known" in section(root, "groups").text
    assert len(verdicts.rows[0]) == 5


def test_a_group_that_might_leave_is_drawn_across_zero() -> None:
    row = tables(root_of("undecided"))["verdicts"].rows[2]
    assert row[1].text == "some group might"
    assert [cell.value for cell in row[3:]] == pytest.approx([-0.3, 0.2, 0, 0.5])
    (leaving,) = [chart for chart in charts_on(undecided()) if chart.name == "leaving"]
    rules = undecided().model_dump()["rules"]
    rules[2]["leaving"][0]["most"] = -0.3
    (sure,) = [chart for chart in charts_on(split(rules=rules)) if chart.name == "leaving"]
    assert leaving.svg() != sure.svg()


def test_transfers_that_go_to_the_state_are_told() -> None:
    text = section(root_of("every"), "shares").text
    assert "Transfers add up to 4 million EUR" in text
    row = tables(root_of("every"))["players"].row("State and other funders")
    assert [cell.value for cell in row[2:]] == [30, 26, 8, -4]
    assert "25 % of the 480 million EUR" in section(root_of("every"), "answer").text


def test_bars_show_ranges_only_where_they_matter() -> None:
    """A chart draws the same whether or not negligible ranges are there."""
    point = [
        rule | {"members": {p: share | {"gain": interval(share["gain"]["value"], 0.0, 0.0)}
                            for p, share in rule["members"].items()}}
        for rule in raw()["rules"]
    ]  # fmt: skip
    tight = [
        rule | {"members": {p: share | {"gain": interval(share["gain"]["value"], 0.1, 0.1)}
                            for p, share in rule["members"].items()}}
        for rule in raw()["rules"]
    ]  # fmt: skip
    (gains, *_), (same, *_), (wide, *_) = (
        charts_on(split(**fields)) for fields in ({"rules": point}, {"rules": tight}, {})
    )
    assert gains.svg() == same.svg()
    assert gains.svg() != wide.svg()


def test_the_group_most_eager_to_leave_is_named_in_its_chart() -> None:
    (leaving,) = [chart for chart in charts_on(split()) if chart.name == "leaving"]
    drawn = leaving.svg()
    assert "Car makers and Wind turbines" in drawn
    assert "has more by leaving" in drawn
    assert "has less by leaving" in drawn


def test_many_groups_are_cut_and_counted() -> None:
    """The page lists those with most to gain and says how many there are."""
    few = raw()["coalitions"]
    many = [few[3] | {"worth": interval(float(n), 0.0, 0.0)} for n in range(SHOWN + 5)]
    root = read(report_on(split(coalitions=[*many, few[-1]])))
    table = tables(root)["coalitions"]
    assert len(table.rows) == SHOWN
    assert table.values("By the plans")[:2] == [120, SHOWN + 4]
    text = section(root, "groups").text
    assert f"The {SHOWN} groups with most to gain, of {SHOWN + 6}" in text


def test_what_was_not_asked_for_is_left_out() -> None:
    bare = split(rules=[], core=None, free_riding={}, externality=None, set_aside=[])
    found = [s.attributes["id"] for s in read(report_on(bare)).all("section")]
    assert found == ["answer", "together", "groups", "method", "certificate", "glossary"]


def test_texts_are_never_markup() -> None:
    hostile = "<script>alert(1)</script> $x$"
    players = [p | {"name": hostile} for p in raw()["players"]]
    root = read(report_on(split(title=hostile, players=players)))
    assert not list(root.all("script"))
    assert hostile in root.text


def test_a_split_beside_a_plan_gets_a_section() -> None:
    root = read(report(tutorial(), split=split()))
    found = section(root, "split")
    assert "Together the 3 companies gain 120 million EUR" in found.text
    assert "Car makers and Wind turbines would rather leave" in found.text
    assert tables(root)["gains"].headers[1:6] == RULES
    names = [chart.name for chart in charts(tutorial(), split=split())]
    assert names.count("gains") == 1
    assert 'id="split"' not in report(tutorial())
