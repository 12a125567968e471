"""Profiles of events from a record of disruptions: by hand, against scipy, and in a scenario."""

from __future__ import annotations

import csv

import pytest
from scipy import stats
from small import near

from benchmarks.event_profiles import RECORD, Event, as_yaml, events_in, fitted, month, survival
from models.files import read_case_text

FOUR = [Event(3, True, 0.5), Event(6, True, 0.5), Event(9, False, 0.5), Event(12, True, 0.5)]


def test_four_events_by_hand() -> None:
    """As in the docstring; with a fifth of the loss gone each year, the first year keeps most."""
    short, long = fitted(FOUR, [6], 48, 4)
    assert (short.probability, list(short.loss)) == (near(0.5), near([0.5, 0.25]))
    assert (long.probability, list(long.loss)) == (near(0.5), near([0.5] * 4))
    (every,) = fitted(FOUR, [], 48, 1, eases=0.2)
    by_month = [0.8 ** (m / 12) * (1 if m < 3 else 0.75 if m < 6 else 0.5) for m in range(12)]
    assert list(every.loss) == near([0.5 * sum(by_month) / 12])


def test_an_event_that_is_not_over_counts_where_it_may_end() -> None:
    """It has run for 4 months, takes all, and the other three take nothing: of those that outlast 4
    months half end up to 6, so that the level of each group is a half of 1 among 1.5 events."""
    events = [Event(3, True, 0.0), Event(6, True, 0.0), Event(12, True, 0.0), Event(4, False, 1.0)]
    outlasts = survival(events, 48)
    assert [outlasts[m] for m in (2, 3, 6, 12)] == near([1, 0.75, 0.375, 0])
    short, long = fitted(events, [6], 48, 4)
    assert (short.probability, long.probability) == (near(0.625), near(0.375))
    assert short.loss[0] == near(0.5 / 2.5)
    assert long.loss[0] == near(0.5 / 1.5)


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_the_product_limit_is_that_of_scipy(severity: int) -> None:
    events = events_in(RECORD, severity=severity)
    over = [e.months for e in events if e.over]
    running = [e.months for e in events if not e.over]
    other = stats.ecdf(stats.CensoredData(uncensored=over, right=running)).sf
    assert survival(events, 60) == near(list(other.evaluate(range(61))))


def test_the_record_agrees_with_itself() -> None:
    with RECORD.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["event"] for row in rows}) == 42
    for row in rows:
        assert row["source"]
        assert month(row["start"]) < month(row["end"] or "2026-11")
    whole = {row["event"]: (row["start"], row["end"], row["target"]) for row in rows}
    assert all(whole[row["event"]] == (row["start"], row["end"], row["target"]) for row in rows)


@pytest.mark.parametrize("groups", [[], [6], [6, 18], [3, 6, 12, 24]])
def test_what_is_printed_is_a_hazard(groups: list[int]) -> None:
    profiles = fitted(events_in(RECORD), groups, 48, 4)
    assert sum(own.probability for own in profiles) == near(1)
    assert all(list(own.loss) == sorted(own.loss, reverse=True) for own in profiles)
    lines = as_yaml(profiles, "CN").replace("\n", "\n    ")
    case = read_case_text(
        "horizon: {first_year: 2026, last_year: 2030, periods_per_year: 4}\n"
        "materials: {ore: {price_eur_per_t: 1}}\n"
        f"hazards:\n  stop:\n    annual_probability: 0.1\n    {lines}\n"
    ).case
    assert len(case.hazards["stop"].profiles) == len(groups) + 1
