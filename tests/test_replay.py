"""The record of past decisions adds up."""

from __future__ import annotations

import csv

from small import near

from docs import replay


def test_recorded_shares_have_a_source_and_matching_amounts() -> None:
    with replay.RECORD.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["kind"] for row in rows} == {"read", "derived", "assumption"}
    for row in rows:
        assert row["basis"]
        assert row["source"] or row["kind"] == "assumption"
        assert bool(row["remains"]) != bool(row["amount_t"] and row["base_t"])
    by_hand = {(s.material, s.quarter): s for s in replay.record()["rare_earths_2025"]}
    assert by_hand["magnets", 1].remains == near((2629 + 1238 + 3188) / 14537)
    assert by_hand["magnets", 2].loss == 0


def test_quarters_of_a_material_follow_one_another() -> None:
    for seen in replay.record().values():
        for key in {(s.country, s.material) for s in seen}:
            quarters = [s.quarter for s in seen if (s.country, s.material) == key]
            assert quarters == list(range(quarters[0], quarters[0] + len(quarters)))
            assert quarters[0] in (0, 1)


def test_earlier_purchases_replace_losses_first() -> None:
    """3.4 times a month before the first quarter, in which 0.6 is lost: 0.8 of a quarter more came,
    0.2 of which is left for the second."""
    row = replay.record()["graphite_2023"][0]
    seen = [
        row._replace(quarter=quarter, remains=remains)
        for quarter, remains in ((0, 3.4), (1, 0.4), (2, 0.5), (3, 1.2))
    ]
    assert replay._less_ahead(seen) == near([0, 0.3, 0])
