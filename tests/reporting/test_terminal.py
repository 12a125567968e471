"""A plan as text: what it says, in which order, and that it says what the plan says."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from plan_by_hand import certificate, outcome, plan

from optimizer.report import figures, tables
from optimizer.report.progress import progress_line
from optimizer.report.terminal import NARROWEST, PIPE_WIDTH, Screen, render, write

SECTIONS = (
    "What to build, and when",
    "Who pays for the projects",
    "What to stock",
    "What it costs, and when",
    "What is left of the damage",
    "Which materials stay exposed",
    "Whom it falls on",
    "How good the proof is",
)


def rendered(**fields: Any) -> str:
    return render(plan(**fields))


def test_a_residual_value_is_named_where_there_is_one() -> None:
    says = "It is less by the residual value of stocks and projects: 45 million EUR, discounted."
    text = " ".join(rendered(outcome=outcome(residual_meur=45.0)).split())
    assert says in text
    assert "residual" not in rendered()


def lines_with(text: str, *words: str) -> list[str]:
    return [line for line in text.splitlines() if all(word in line for word in words)]


def one_line(text: str, *words: str) -> str:
    (line,) = lines_with(text, *words)
    return re.sub(r" {2,}", " | ", line)


def test_the_answer_comes_first() -> None:
    lines = rendered().splitlines()
    assert lines[:3] == ["A plan by hand", "Variant: larger_fund", ""]
    assert " ".join(lines[3:5]) == (
        "Against doing nothing, expected damage falls by 70 %, from 4 000 to 1 200 million EUR, "
        "and the worst damage of all states falls by 50.6 %, from 20 000 to 9 876, at a net cost "
        "of 345 million EUR."
    )


def test_the_sections_come_in_the_order_of_the_questions() -> None:
    text = rendered()
    places = [text.index(f"\n{title}") for title in SECTIONS]
    assert places == sorted(places)


def test_the_figures_are_those_of_the_plan() -> None:
    text = rendered()
    mine = one_line(text, "Deep mine", "2027")
    assert mine == "Deep mine | 2027 | 2030 | 1 400 | 55 % | all consumers 30 %, motor_co 25 %"
    assert one_line(text, "Deep mine", "equity") == "Deep mine | fund | equity | 140 | 10 %"
    assert one_line(text, "fund", "loan").endswith("fund | loan | 70 | 5 %")
    market = one_line(text, "lenders and investors", "60 %")
    assert market.endswith("lenders and investors | - | 840 | 60 %")
    assert one_line(text, "motor_co", "25 %", "350").endswith("motor_co | equity | 350 | 25 %")
    assert (
        one_line(text, "Ore reserve", "Rare ore")
        == "Ore reserve | Rare ore | 52.5 | 52.5 | 2027 | 192 | 6.25"
    )
    assert one_line(text, "Ore reserve", "40.0") == "Ore reserve | 40.0 | 12.5"
    assert one_line(text, "fund", "211.5") == "fund | 4.5 | 211.5 | 0.2"
    assert one_line(text, "fund", "216") == "fund | 216.2 | 1 216"
    assert one_line(text, "Worst state") == "Worst state | 20 000 | 9 876 | 50.6 %"
    assert one_line(text, "worst 5 % of states").endswith("| 12 000 | 8 000 | 33.3 %")
    assert one_line(text, "Wind") == "Wind | 2 000 | 300 | 85 %"
    assert one_line(text, "Gap") == "Gap | 0.0081 % (target 0.01 %)"
    assert one_line(text, "Bound").startswith("Bound | 1 234 (no plan can have a lower")
    assert "ab" * 32 in text


def test_the_chance_of_shortage_is_the_highest_of_all_years() -> None:
    """45 % in 2026, which is not among the three years in which most is missing."""
    line = one_line(rendered(), "Rare ore", "70 %")
    assert line == "Rare ore | 4 000 | 1 200 | 70 % | 45 % | 2027, 2029, 2028 | 7.50"


def test_what_is_idle_or_safe_is_said_once() -> None:
    text = rendered()
    assert "Nothing is held in: Copper reserve." in text
    assert "Never short, with or without the plan: Copper." in text
    assert "idle_fund" not in text


def test_empty_sections_are_left_out() -> None:
    text = rendered(projects=[], stockpiles=[], materials=[], consumers=[], spend_meur={},
                    committed_meur={})  # fmt: skip
    assert [title for title in SECTIONS if title in text] == [
        "What is left of the damage",
        "How good the proof is",
    ]
    assert "The plan is to build and buy nothing" in text


def test_a_plan_that_was_stopped_is_not_called_optimal() -> None:
    text = rendered(
        certificate=certificate(status="limit", gap=0.125, bound=1080.0, ended="Time limit reached")
    )
    assert "optimal" not in text.lower()
    assert "improve its objective by 12.5 % at most" in " ".join(text.split())
    assert "(solver: Time limit reached)" in text


def test_without_a_bound_nothing_is_promised() -> None:
    text = rendered(certificate=certificate(status="limit", gap=None, bound=None))
    assert "how much better another could be is not known" in " ".join(text.split())
    assert one_line(text, "Bound") == "Bound | none was proven"


@pytest.mark.parametrize("few", [True, False])
def test_few_states_are_called_an_illustration(few: bool) -> None:
    text = rendered(certificate=certificate(illustrative=few, states=12 if few else 500))
    assert ("For illustration only: the plan rests on 12 states" in text) == few


def test_other_measures_and_currencies_keep_their_words() -> None:
    tonnes = outcome(measure="tonnes", unit="t")
    text = rendered(outcome=tonnes, currency="CHF")
    assert "expected shortage falls by 70 %, from 4 000 to 1 200 t" in " ".join(text.split())
    assert "345 million CHF" in text
    assert "EUR" not in text


def test_a_plan_that_makes_it_worse_says_so() -> None:
    text = " ".join(rendered(outcome=outcome(expected=5000.0, worst=20000.0)).split())
    assert "expected damage rises by 25 %, from 4 000 to 5 000" in text
    assert "of all states stays at 20 000" in text


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii", "no-such-encoding"])
def test_a_console_gets_only_what_it_can_show(encoding: str) -> None:
    text = render(plan(title="Żelazo 鉄"), Screen(encoding=encoding))
    known = "ascii" if encoding == "no-such-encoding" else encoding
    text.encode(known)
    assert ("─" in text) == (encoding == "utf-8")
    assert ("--------" in text) == (encoding != "utf-8")


class Stream(io.StringIO):
    """A stream that may pass for a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "escapes"),
    [
        (False, {}, False),
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_escape_codes_only_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], escapes: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm"} | environment).items():
        monkeypatch.setenv(name, value)
    stream = Stream(terminal)
    write(plan(title="Evil \x1b]0;title\x07 name"), stream)
    assert ("\x1b" in stream.getvalue()) == escapes
    assert "\x1b]" not in stream.getvalue()


@pytest.mark.parametrize("width", [NARROWEST, PIPE_WIDTH])
def test_nothing_is_cut_however_narrow(width: int) -> None:
    """Every word of every cell is there; rich would leave out columns, or end in dots."""
    long = [{**plan().projects[0].model_dump(), "id": n, "name": "Works " * 12 + n} for n in "ab"]
    text = render(plan(projects=long), Screen(width=width))
    assert "…" not in text
    assert text.count("Works") == 2 * 2 * 12
    assert lines_with(text, "fund", "loan", "5 %")
    assert all(re.fullmatch(r".*[^ ]|", line) for line in text.splitlines())


def test_many_years_are_spread_over_several_tables() -> None:
    years = {str(year): float(year) for year in range(2026, 2056)}
    text = rendered(spend_meur={"fund": years}, committed_meur={"fund": years})
    for year in years:
        assert re.search(rf"\b{year[0]} {year[1:]}\b", text)
    assert max(map(len, text.splitlines())) <= PIPE_WIDTH


def test_there_is_no_negative_zero() -> None:
    assert not re.search(r"-0(?![0-9])", rendered().replace("-0.1", ""))
    assert [figures.number(value) for value in (-0.0, -1e-12, 1e-12)] == ["0", "0", "0"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567.8, "1 234 568"),
        (-1234.5, "-1 234"),
        (345.0, "345"),
        (12.34, "12.3"),
        (0.0123, "0.0123"),
        (None, "-"),
        (float("nan"), "-"),
        (float("inf"), "-"),
    ],
)
def test_numbers_are_readable(value: float | None, text: str) -> None:
    assert figures.number(value).replace(figures.NO_BREAK, " ") == text


def test_a_column_has_one_number_of_decimals_and_no_false_zero() -> None:
    assert figures.column([1.0, 20.0]) == ["1", "20"]
    assert figures.column([0.2, 12.6, 0.0, 0.004, -0.004]) == ["0.2", "12.6", "0", "<0.1", ">-0.1"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.25, "25 %"), (1 / 3, "33.3 %"), (0.9999, ">99.9 %"), (0.0001, "<0.1 %"), (1.0, "100 %")],
)
def test_percent_is_never_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert figures.percent(share).replace(figures.NO_BREAK, " ") == text


def test_the_tables_add_up_to_the_plan() -> None:
    whole = plan()
    funding = tables.funding(whole)
    assert funding["share"].sum() == pytest.approx(1)
    assert funding["meur"].sum() == pytest.approx(1400)
    assert tables.spend(whole).loc["fund"].sum() == pytest.approx(216.25)
    assert tables.stockpiles(whole)["cost_meur"].sum() == pytest.approx(6.25)
    assert tables.consumers(whole)["expected"].sum() == whole.outcome.expected
    assert tables.materials(whole)["expected"].sum() == whole.outcome.expected
    assert tables.offtake(whole)["share"].sum() == pytest.approx(whole.projects[0].offtake)
    assert tables.outcome(whole)["reduction"].iloc[0] == pytest.approx(0.7)


def test_tables_without_rows_keep_their_columns() -> None:
    empty = plan(projects=[], stockpiles=[], materials=[], consumers=[])
    for table in (tables.projects, tables.funding, tables.stockpiles, tables.material_years):
        frame = table(empty)
        assert frame.empty
        assert len(frame.columns) > 2


class Running:
    """A solve on its way."""

    def __init__(self, objective: float, bound: float, gap: float) -> None:
        self.seconds, self.objective, self.bound, self.gap = 12.4, objective, bound, gap


def test_progress_says_what_is_known() -> None:
    inf = float("inf")
    known = progress_line(Running(1234.5, 1200.0, 0.0279))
    assert known == "    12 s   best 1 234   bound 1 200   gap 2.79 %"
    assert progress_line(Running(inf, -inf, inf)) == "    12 s   best -   bound -   gap -"
