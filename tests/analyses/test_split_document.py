"""A split as a document: what it says, that it says what the split says, and that it adds up."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from documents import is_whole_in_all_media, one_line, page_of, text_of, workbook_of
from pages import Element, read, tables
from plan_workbooks import workbook_of_plan
from saved_plans import tutorial
from splits import (
    DAMAGE,
    GAINS,
    PLAYERS,
    interval,
    joint_plan,
    raw,
    sampled,
    split,
    undecided,
    with_a_lender,
    with_names,
    with_public_money,
    with_state,
)
from spreadsheets import cells, formulas, records, results

from models.language import Language
from models.results import Split
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.split.tables import SplitWording, round_outwards, state_meaning
from optimizer.report.render import html
from optimizer.report.render.html import document_charts
from optimizer.report.wording import join_texts

SECTIONS = (
    "What all do together",
    "What each bears, alone and with all (million EUR)",
    "Ways to share the gain",
    "Who would rather leave",
    "Staying out while the others go on",
    "If outsiders act as well",
    "What the split rests on",
)
MODES = ("none", "every", "player", "gift", "joint")
ALL: dict[str, Callable[[], Split]] = {
    "whole": split,
    "sampled": sampled,
    "undecided": undecided,
    "player": with_state,
    "names": with_names,
    "lender": with_a_lender,
    "every": lambda: with_public_money("every"),
    "gift": lambda: with_public_money("gift"),
    "joint": lambda: with_public_money("joint"),
}
EVERY = pytest.mark.parametrize("name", ALL)
RULES = ["Shapley value", "Nucleolus", "By demand", "By damage avoided", "Equal parts"]
GOOD = "The figures of this workbook add up"


def line(text: str, *words: str) -> str:
    (found,) = [one for one in text.splitlines() if all(word in one for word in words)]
    return re.sub(r" {2,}", " | ", found)


@cache
def root_of(name: str) -> Element:
    return read(page_of(ALL[name]()))


def section(root: Element, name: str) -> Element:
    (found,) = [s for s in root.all("section") if s.attributes["id"] == name]
    return found


def failing(book: Any) -> list[str]:
    rows = records(book.worksheets[-1], "Check", "Result")
    return [row["Check"] for row in rows if row["Result"] != "adds up"]


def rows_of(sheet: Any, *headers: str) -> list[dict[str, Any]]:
    """The rows below a header; a note that stands below them is none."""
    rows = records(sheet, *headers)
    return [row for row in rows if sum(cell is not None for cell in row.values()) > 1]


@cache
def content() -> bytes:
    return workbook_of(split())


@pytest.fixture(scope="module")
def book() -> Any:
    return results(content())


@EVERY
def test_the_split_of_the_tests_adds_up(name: str) -> None:
    found = ALL[name]()
    base = 0.0 if found.baseline is None else found.baseline.value
    alone = {p.id: p.alone.value for p in found.players}
    for one in found.coalitions:
        own = sum(alone[p] for p in one.members)
        assert own - (one.found - base) == one.worth.value
    assert found.coalitions[-1].found == found.plan.objective
    assert found.coalitions[-1].worth == found.worth
    assert (
        sum(b.damage + b.outlay for b in SplitWording(found).cost_bearers) == found.plan.objective
    )
    for rule in found.rules:
        gains = sum(share.gain.value for share in rule.members.values())
        assert gains == pytest.approx(found.worth.value)
        paid = sum(share.pays_meur for share in rule.members.values())
        assert paid == pytest.approx(found.plan.objective - base - sum(found.plan.damage.values()))
        for group in rule.leaving:
            assert (group.gain > 0) == (rule.core == "outside")
            assert group.most > 0
    assert Split.model_validate_json(found.model_dump_json()) == found


def test_the_players_of_the_tests_are_those_of_the_game() -> None:
    assert set(DAMAGE) == set(PLAYERS)
    assert all(sum(gains) == 120 for gains in GAINS.values())


@pytest.mark.quick(1)
@EVERY
@pytest.mark.parametrize("language", ["de", "en"])
def test_all_media_are_whole_in_both_languages(
    name: str, language: Language, untranslated: set[str]
) -> None:
    is_whole_in_all_media(ALL[name](), language, untranslated)


def test_the_answer_comes_first_and_sections_in_the_order_of_the_questions() -> None:
    text = text_of(split())
    assert text.startswith("Three companies\n\nTogether the 3 companies gain 120 million EUR")
    assert (
        "Together the 3 companies gain 120 million EUR (between 118 and 121 by the proofs): damage "
        "and net cost of 450, with each standing alone, fall to 330."
    ) in one_line(split())
    places = [text.index(f"\n{title}\n") for title in SECTIONS]
    assert places == sorted(places)


def test_a_board_reads_the_answer_on_the_first_page() -> None:
    text = section(root_of("whole"), "answer").text
    assert "26.7 % of the 450 million EUR that they bear alone" in text
    assert "4 of 5" in text
    assert "to: Defence." in text
    assert "days that a stockpile must last (reserve)" in text


def test_the_figures_of_the_text_are_those_of_the_split() -> None:
    text = text_of(split())
    assert line(text, "Recycling", "2027") == (
        "Recycling | 2027 | 40 | Defence 100 % | Defence 80 %"
    )
    assert line(text, "Mine", "2028").startswith("Mine | 2028 | 100 | Car makers 30 %, Wind")
    assert line(text, "reserve", "52.5") == "reserve | 52.5"
    assert line(text, "Car makers", "260") == "Car makers | 260 | 200 | 120 | 35 | 45"
    assert line(text, "All", "560") == "All | 560 | 450 | 270 | 60 | 120"
    assert line(text, "Defence", "84") == "Defence | 25 | 30 | 84 | 24 | 40 | 30"
    assert line(text, "Defence", "-44") == "Defence | 10 | 15 | 10 | -44 | 16 | 0"
    assert line(text, "By demand", "some group") == (
        "By demand | some group | Car makers and Wind turbines | 24.0 | 24.5 | 24"
    )
    assert line(text, "Nucleolus", "nobody") == "Nucleolus | nobody | - | - | - | 0"
    assert line(text, "Defence", "80", "70") == "Defence | 60 | 100 | 80 | 70 | 30 | 25 | 5"
    assert line(text, "Wind turbines", "148", "42").startswith("Wind turbines | 150 | 148 | 2 | 42")
    assert line(text, "Groups solved") == "Groups solved | 7"
    assert "cd" * 8 not in text


def test_who_would_leave_and_who_stays_out_is_reported() -> None:
    text = one_line(split())
    assert "The gain can be shared so that no group would rather leave." in text
    assert "Some group would rather leave with: By demand." in text
    assert (
        "No group would rather leave with: Shapley value, Nucleolus, By damage avoided, Equal "
        "parts."
    ) in text
    assert "brings more than the share by the rule “Shapley value” to: Defence." in text
    assert (
        "At best every group would have 30 million EUR (between 29 and 31 by the proofs) less by "
        "leaving. Closest to leaving are then: Defence; Car makers and Wind turbines."
    ) in text
    assert "Set aside, since no single group owes them: days that a stockpile must last" in text


def test_an_empty_core_is_reported_with_what_it_takes() -> None:
    core = raw()["core"] | {
        "empty": "empty",
        "least_core": interval(4.0, 0.1, 0.1),
        "contribution": interval(9.0, 1.0, 2.0),
    }
    text = one_line(split(core=core, externality=None))
    assert (
        "However the gain is shared, some group would have at least 4 million EUR more by leaving; "
        "9 million EUR (between 8 and 11 by the proofs) of public money would make all stay."
    ) in text
    assert "less by leaving" not in text
    core = raw()["core"] | {"empty": "undecided", "least_core": interval(-0.2, 0.0, 0.5)}
    text = one_line(split(core=core, externality=None))
    assert "The proofs leave it open whether the gain can be shared" in text
    assert "less by leaving" not in text


@pytest.mark.drawn
def test_a_group_that_might_leave_is_reported_as_one() -> None:
    text = one_line(undecided())
    assert "The proofs leave it open for: By demand." in text
    assert "Some group would rather leave" not in text
    assert line(text_of(undecided()), "By demand", "some group might").endswith(
        "Car makers and Wind turbines | -0.300 | 0.200 | 0"
    )
    row = tables(root_of("undecided"))["verdicts"].rows[2]
    assert [cell.value for cell in row[3:]] == pytest.approx([-0.3, 0.2, 0])
    leaving = chart_of(undecided(), "leaving")
    rules = undecided().model_dump()["rules"]
    rules[2]["leaving"][0]["most"] = -0.3
    assert leaving.svg() != chart_of(split(rules=rules), "leaving").svg()


def test_every_rule_is_reported_with_its_verdict() -> None:
    leaving = [{"members": ["cars"], "gain": 7.0, "most": 7.5}]
    rules = [rule | {"core": "outside", "leaving": leaving} for rule in raw()["rules"]]
    text = one_line(split(rules=rules))
    assert f"Some group would rather leave with: {', '.join(RULES)}." in text
    assert "No group would rather leave with" not in text
    bare = split(rules=[rule | {"leaving": []} for rule in rules])
    assert "Some group would rather leave with" in one_line(bare)


def test_a_sampled_split_says_what_it_does_not_know() -> None:
    text = one_line(sampled())
    assert "Not all groups were solved: whether the gain can be shared" in text
    assert (
        "No group that was solved would rather leave with: Shapley value, By damage "
        "avoided, Equal parts."
    ) in text
    assert "The proofs leave it open" not in text
    assert "Public money to keep all" not in text
    assert "2 orders of joining, every second one the reverse of the one before, 6 groups" in text
    assert "ranges are confidence intervals of 95 %" in text
    assert "Proofs, or the sample, leave these gains open by 4 million EUR at most." in text
    assert "If outsiders act as well" not in text
    assert "less by leaving" not in text
    assert "Least core" not in tables(root_of("sampled"))["gains"].headers
    verdicts = tables(root_of("sampled"))["verdicts"]
    assert verdicts.rows[0][1].text == "open"
    assert len(verdicts.rows[0]) == 5
    assert "of the others nothing is known" in section(root_of("sampled"), "leaving").text


@pytest.mark.parametrize("mode", MODES)
def test_the_state_is_reported_with_its_mode(mode: Any) -> None:
    text = one_line(with_state() if mode == "player" else with_public_money(mode))
    assert state_meaning(mode) in text
    assert [other for other in MODES if state_meaning(other) in text] == [mode]
    assert ("public funders bear" in text) == (mode != "none")


def test_weighted_public_money_is_in_the_burden_of_each_player() -> None:
    found = with_public_money("every")
    text, sentences = text_of(found), one_line(found)
    assert line(text, "State and other funders", "-4") == (
        "State and other funders | - | 30 | 26 | 8 | -4"
    )
    assert line(text, "All", "292") == "All | 560 | 480 | 292 | 68 | 120"
    assert "Together the 3 companies, with the state behind them, gain 120" in sentences
    assert "net cost of 480, with each standing alone, fall to 360." in sentences
    assert "than without any company (State and other funders)." in sentences
    assert "25 % of the 480 million EUR" in section(root_of("every"), "answer").text
    for mode in ("gift", "joint"):
        assert "State and other funders" not in text_of(with_public_money(mode))
        assert "Transfers add up" not in one_line(with_public_money(mode))


def test_earnings_of_private_funders_are_in_the_burden_of_each_player() -> None:
    text = text_of(with_a_lender())
    assert line(text, "Private funders", "-1") == "Private funders | - | 0 | 0 | -1 | 1"
    assert line(text, "All", "271") == "All | 560 | 450 | 271 | 59 | 120"
    assert "than without any company (Private funders)." in one_line(with_a_lender())
    idle = split(baseline=interval(-1e-15, 0.0, 0.0))
    assert text_of(idle) == text_of(split())


def test_the_state_pays_its_public_money_as_a_player() -> None:
    text = text_of(with_state())
    assert "Together the 2 companies and the state gain 120" in text
    assert line(text, "State", "110") == "State | 110 | 100 | 60 | 10 | 30"


def open_by(apart: float) -> list[dict[str, Any]]:
    """The rules, with gains that are open by so much to either side."""
    return [
        rule | {"members": {p: share | {"gain": interval(share["gain"]["value"], apart, apart)}
                            for p, share in rule["members"].items()}}
        for rule in raw()["rules"]
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.drawn
def test_intervals_are_reported_and_drawn_only_where_they_matter() -> None:
    assert "leave these gains open by 0.800 million EUR at most" in one_line(split())
    core = raw()["core"] | {"least_core": interval(-30.0, 0.1, 0.1)}
    worth = interval(120.0, 0.3, 0.3)
    text = one_line(split(rules=open_by(0.1), core=core, worth=worth, externality=None))
    assert "leave these gains open" not in text
    assert "by the proofs" not in text
    point, tight, wide = (
        chart_of(split(rules=open_by(apart)), "gains").svg() for apart in (0.0, 0.1, 0.8)
    )
    assert point == tight
    assert tight != wide


def test_ends_of_ranges_are_rounded_outwards() -> None:
    assert round_outwards(split().worth) == ("118", "121")
    small = split(worth=interval(1.0, 0.1234, 0.1234)).worth
    assert round_outwards(small) == ("0.87", "1.13")


def test_a_joint_plan_of_nothing_gains_nothing() -> None:
    plan = joint_plan() | {"projects": [], "stocks_t": {}}
    found = split(worth=interval(0.0, 0.0, 0.0), plan=plan)
    text = one_line(found)
    assert "Together the 3 companies gain nothing against each standing alone." in text
    assert "Nothing is built." in text
    assert "Stocks of all" not in text
    assert results(workbook_of(found))["Joint plan"]["A1"].value == "What all do together"


def test_what_was_not_asked_for_is_left_out() -> None:
    bare = split(rules=[], core=None, free_riding={}, externality=None, set_aside=[], states=12)
    text = text_of(bare)
    assert [title for title in SECTIONS if f"\n{title}\n" in text] == [
        *SECTIONS[:2], SECTIONS[3], SECTIONS[-1],
    ]  # fmt: skip
    assert "For illustration only: all plans rest on 12 states of the world." in text
    assert "Set aside" not in text
    found = [s.attributes["id"] for s in read(page_of(bare)).all("section")]
    assert found == [
        "answer", "together", "players", "leaving", "groups", "method", "certificate",
    ]  # fmt: skip
    few = results(workbook_of(bare))
    assert failing(few) == []
    assert not {"Sharing", "Staying out", "Outsiders acting"} & set(few.sheetnames)


def eight() -> SplitWording:
    """A game of eight by name alone."""
    player = raw()["players"][0]
    names = [player | {"id": f"p{n}", "name": f"Works {n}"} for n in range(8)]
    return SplitWording(split(players=names))


def test_a_large_group_is_described_by_those_it_lacks() -> None:
    game = eight()
    assert game.group_name(["p0", "p1", "p2"]) == "Works 0, Works 1 and Works 2"
    assert game.group_name([f"p{n}" for n in range(1, 8)]) == "all but Works 0"
    assert game.group_name([f"p{n}" for n in range(2, 8)]) == "all but Works 0 and Works 1"
    assert game.group_name([f"p{n}" for n in range(3, 8)]).startswith("Works 3, Works 4,")


def test_names_with_commas_are_kept_apart() -> None:
    assert join_texts(["a", "b"]) == "a, b"
    assert join_texts(["Cars, group A", "b", "c"]) == "Cars, group A; b; c"
    assert join_texts(["1,5", "2,5"]) == "1,5, 2,5"


def test_duties_that_are_set_aside_are_named() -> None:
    paths = ["policy.must_build", "policy.max_country_share", "stockpiles.reserve.min_days"]
    text = one_line(with_names(set_aside=paths), "de")
    assert "Projekte, die gebaut werden müssen; größter Anteil eines einzelnen Landes; " in text
    assert "Tage, die ein Vorrat reichen muss (Reserve für alle)." in text
    assert "policy." not in text


def test_names_come_from_the_scenario_in_either_language() -> None:
    text = text_of(with_names(), "de")
    assert text.startswith("Drei Unternehmen\n")
    for name in ("Autohersteller", "Windkraft", "Verteidigung", "Grube", "Rückgewinnung"):
        assert name in text
    assert "Reserve für alle" in text
    assert "Car makers" in text_of(with_names())
    page = read(page_of(with_names(), "de")).text
    assert "Autohersteller 30 %, Windkraft 20 %, Banken und Anleger 50 %" in page.replace(
        "\xa0", " "
    )
    assert "Car makers" not in page


def test_a_variant_is_named() -> None:
    assert text_of(split(variant="poor")).splitlines()[1] == "Variant: poor"


# The page


def test_gains_payments_and_verdicts_are_those_of_the_split() -> None:
    found, split_ = tables(root_of("whole")), split()
    gains = found["gains"]
    assert gains.headers == ["Player", *RULES, "Least core"]
    for row, player in enumerate(PLAYERS):
        values = [cell.value for cell in gains.rows[row][1:]]
        kept = [of[row] for of in GAINS.values()]
        assert values == pytest.approx([*kept, GAINS["nucleolus"][row]])
        shares = [rule.members[player] for rule in split_.rules]
        paid = [cell.value for cell in found["payments"].rows[row][2:]]
        assert paid == [*(s.pays_meur for s in shares), *(s.transfer_meur for s in shares)]
    assert [cell.value for cell in gains.rows[-1][1:7]] == [120] * 6
    assert [row[1].text for row in found["verdicts"].rows] == [
        "nobody", "nobody", "some group", "nobody", "nobody",
    ]  # fmt: skip
    assert found["verdicts"].rows[2][2].text == "Car makers and Wind turbines"
    assert [cell.value for cell in found["verdicts"].rows[2][3:]] == [24, 24.5, 24]


def test_what_each_bears_and_what_groups_gain() -> None:
    found = tables(root_of("whole"))
    players = found["split-players"]
    assert [cell.value for cell in players.rows[0][1:]] == [260, 200, 120, 35, 45]
    assert [cell.value for cell in players.rows[-1][1:]] == [560, 450, 270, 60, 120]
    coalitions = found["coalitions"]
    assert [row[0].text for row in coalitions.rows] == [
        "all together",
        "Car makers and Wind turbines",
        "Car makers and Defence",
        "Wind turbines and Defence",
    ]
    assert coalitions.values("Gain") == [120, 60, 20, 10]
    assert coalitions.values("Gain if the others act alone") == [None, 55, 15, 5]
    staying = found["staying-out"]
    assert [cell.value for cell in staying.rows[2][1:]] == [60, 100, 80, 70, 30, 25, 5]
    assert [cell.value for cell in found["outsiders"].rows[-1][1:]] == [450, 440, 10, 110, 110]
    assert found["joint-outlay"].values("All") == [24.5, 39.0, 63.5]


def chart_of(found: Split, name: str) -> Any:
    (chart,) = [
        chart for chart in document_charts(build_result_document(found)) if chart.name == name
    ]
    return chart


@pytest.mark.drawn
def test_charts_can_be_taken_out_as_pictures() -> None:
    assert [c.name for c in document_charts(build_result_document(split()))] == [
        "gains",
        "leaving",
        "staying-out",
    ]
    drawn = chart_of(split(), "leaving").svg()
    assert "Car makers and Wind turbines" in drawn
    assert "has more by leaving" in drawn
    rules = [rule | {"leaving": []} for rule in raw()["rules"]]
    drawn_ = [c.name for c in document_charts(build_result_document(split(rules=rules)))]
    assert drawn_ == ["gains", "staying-out"]


@pytest.mark.slow
def test_texts_are_never_markup_and_never_formulas() -> None:
    hostile = "<script>alert(1)</script> $x$"
    players = [p | {"name": hostile} for p in raw()["players"]]
    root = read(page_of(split(title=hostile, players=players), drawn=True))
    assert not list(root.all("script"))
    assert hostile in root.text
    players = [p | {"name": f"=1+1 {p['id']}"} for p in raw()["players"]]
    book = formulas(workbook_of(split(players=players)))
    found = [cell for _, cell in cells(book) if str(cell.value).startswith("=1+1")]
    assert found
    assert all(cell.data_type == "s" for cell in found)


# The workbook


def test_the_sheets(book: Any) -> None:
    assert book.sheetnames == [
        "Answer", "Joint plan", "Players", "Sharing", "Leaving", "Groups", "Staying out",
        "Outsiders acting", "How it was computed", "Split", "Checks",
    ]  # fmt: skip


def test_the_value_without_companies_is_in_every_coalition() -> None:
    """Groups are checked against what the state bears by itself."""
    changed = with_public_money("every", baseline=interval(31.0, 0.0, 0.0))
    checks = failing(results(workbook_of(changed)))
    assert any("bear alone, less what they bear, is its gain" in check for check in checks)
    assert any("less what they bear together, is their gain" in check for check in checks)


def test_german_sheets_and_names() -> None:
    book = results(workbook_of(with_names(), "de"))
    assert book.sheetnames[:8] == [
        "Ergebnis", "Gemeinsamer Plan", "Beteiligte", "Regeln", "Austritt", "Gruppen",
        "Fernbleiben", "Außenstehende",
    ]  # fmt: skip
    said = {cell.value for _, cell in cells(book) if isinstance(cell.value, str)}
    assert {"Autohersteller", "Windkraft", "Nach Bedarf", "Reserve für alle"} <= said
    assert "Car makers" not in said


# Beside a plan


@pytest.mark.slow
def test_a_split_beside_a_plan_gets_a_section() -> None:
    made = build_result_document(tutorial(), split=split())
    root = read(html.render_page(made))
    found = section(root, "split")
    assert "Together the 3 companies gain 120 million EUR" in found.text
    assert "Some group would rather leave with: By demand." in found.text
    assert tables(root)["gains"].headers[1:6] == RULES
    assert [chart.name for chart in html.document_charts(made)].count("gains") == 1
    assert 'id="split"' not in page_of(tutorial())


@pytest.mark.slow
def test_a_split_beside_a_plan_gets_its_sheets() -> None:
    plan = tutorial()
    alone = results(workbook_of_plan(plan)).sheetnames
    book = results(workbook_of_plan(plan, split=split()))
    assert [tab for tab in book.sheetnames if tab not in alone] == [
        "What all gain", "Joint plan", "Players", "Sharing", "Leaving", "Groups", "Staying out",
        "Outsiders acting", "Split",
    ]  # fmt: skip
    assert failing(book) == []
