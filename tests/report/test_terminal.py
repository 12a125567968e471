"""How a terminal shows a document, tried on a plan."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from plan_by_hand import plan

from models.language import using
from optimizer.analyses.registry import build_result_document
from optimizer.report import number_format
from optimizer.report.number_format import format_progress
from optimizer.report.render.terminal import (
    MIN_WIDTH,
    PIPE_WIDTH,
    Screen,
    print_document,
    render_text,
)


def rendered(**fields: Any) -> str:
    return render_text(build_result_document(plan(**fields)))


def lines_with(text: str, *words: str) -> list[str]:
    return [line for line in text.splitlines() if all(word in line for word in words)]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii", "no-such-encoding"])
def test_a_console_gets_only_what_it_can_show(encoding: str) -> None:
    text = render_text(build_result_document(plan(title="Żelazo 鉄")), Screen(encoding=encoding))
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
    print_document(build_result_document(plan(title="Evil \x1b]0;title\x07 name")), stream)
    assert ("\x1b" in stream.getvalue()) == escapes
    assert "\x1b]" not in stream.getvalue()


@pytest.mark.parametrize("width", [MIN_WIDTH, PIPE_WIDTH])
def test_nothing_is_cut_however_narrow(width: int) -> None:
    """Every word of every cell is there; rich would leave out columns, or end in dots."""
    long = [{**plan().projects[0].model_dump(), "id": n, "name": "Works " * 12 + n} for n in "ab"]
    text = render_text(build_result_document(plan(projects=long)), Screen(width=width))
    assert "…" not in text
    # Two rows of projects, and four payers of each with the project's name next to them.
    assert text.count("Works") == (2 + 2 * 4) * 12
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
    assert [number_format.format_number(value) for value in (-0.0, -1e-12, 1e-12)] == [
        "0",
        "0",
        "0",
    ]


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
    assert number_format.format_number(value).replace(number_format.NO_BREAK_SPACE, " ") == text


def test_a_column_has_one_number_of_decimals_and_no_false_zero() -> None:
    assert number_format.format_column([1.0, 20.0]) == ["1", "20"]
    assert number_format.format_column([0.2, 12.6, 0.0, 0.004, -0.004]) == [
        "0.2",
        "12.6",
        "0",
        "<0.1",
        ">-0.1",
    ]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.25, "25 %"), (1 / 3, "33.3 %"), (0.9999, ">99.9 %"), (0.0001, "<0.1 %"), (1.0, "100 %")],
)
def test_percent_is_never_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert number_format.format_percent(share).replace(number_format.NO_BREAK_SPACE, " ") == text


class Running:
    """A solve on its way."""

    def __init__(self, objective: float, bound: float, gap: float) -> None:
        self.seconds, self.objective, self.bound, self.gap = 12.4, objective, bound, gap


def test_progress_reports_known_figures() -> None:
    inf = float("inf")
    known = format_progress(Running(1234.5, 1200.0, 0.0279))
    assert known == "    12 s   best 1 234   bound 1 200   gap 2.79 %"
    assert format_progress(Running(inf, -inf, inf)) == "    12 s   best -   bound -   gap -"


def test_progress_in_german() -> None:
    known = Running(1234.5, 1200.25, 0.0279)
    with using("de"):
        assert format_progress(known) == "    12 s   Zielwert 1 234   Schranke 1 200   Lücke 2,79 %"
