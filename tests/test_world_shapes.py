"""The outlines of maps, of a small TopoJSON file made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs import world_shapes as shapes

SHARED = [[40, 0], [0, 40]]
TOPOLOGY = {
    "type": "Topology",
    "transform": {"scale": [0.25, 0.25], "translate": [0, 10]},
    # Degrees: (10, 10) to (10, 20); from there west around to the start; and east around.
    "arcs": [
        SHARED,
        [[40, 40], [-40, 0], [0, -40], [40, 0]],
        [[40, 40], [40, 0], [0, -40], [-40, 0]],
        [[400, 0], [1, 0], [0, 1], [-1, -1]],
    ],
    "objects": {"countries": {"geometries": [
        {"id": "276", "type": "Polygon", "arcs": [[0, 1]], "properties": {"name": "Germany"}},
        {"id": "250", "type": "MultiPolygon", "arcs": [[[~0, ~2][::-1]], [[3]]],
         "properties": {"name": "France"}},
        {"id": "010", "type": "Polygon", "arcs": [[0, 1]], "properties": {"name": "Antarctica"}},
    ]}},
}  # fmt: skip


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    path = tmp_path / "world.json"
    path.write_text(json.dumps(TOPOLOGY), encoding="utf-8")
    return path


def test_lines_join_to_outlines_and_small_islands_are_dropped(topology: Path) -> None:
    found = shapes.world([topology])
    assert set(found) == {"DE", "FR"}
    assert found["DE"]["point"] == [10, 30]
    assert found["FR"]["point"] == [30, 30]
    (west,), (east,) = found["DE"]["outlines"], found["FR"]["outlines"]
    assert sorted(zip(west[::2], west[1::2], strict=True)) == [(0, 20), (0, 40), (20, 20), (20, 40)]
    assert sorted(zip(east[::2], east[1::2], strict=True)) == [
        (20, 20), (20, 40), (40, 20), (40, 40)]  # fmt: skip


def test_a_second_file_gives_points_of_what_the_first_lacks(topology: Path, tmp_path: Path) -> None:
    first = tmp_path / "first.json"
    geometries = TOPOLOGY["objects"]["countries"]["geometries"]  # type: ignore[index]
    first.write_text(
        json.dumps(TOPOLOGY | {"objects": {"countries": {"geometries": geometries[:1]}}})
    )
    found = shapes.world([first, topology])
    assert found["FR"] == {"point": [30, 30], "outlines": []}
    assert found["DE"]["outlines"]


def test_crimea_is_drawn_with_ukraine() -> None:
    ring = [(33.0, 45.0), (36.0, 45.0), (34.0, 46.0), (33.0, 45.0)]
    assert shapes.owner("RU", ring) == "UA"
    assert shapes.owner("RU", [(x, y + 5) for x, y in ring]) == "RU"


def test_an_outline_across_the_180th_meridian_goes_on() -> None:
    ring = [(178.0, 65.0), (180.0, 70.0), (-172.0, 66.0), (-178.0, 62.0), (178.0, 65.0)]
    on = [(178.0, 65.0), (180.0, 70.0), (188.0, 66.0), (182.0, 62.0), (178.0, 65.0)]
    assert shapes.unbroken(ring) == on
    assert shapes.unbroken([(x - 360, y) for x, y in on]) == on
    west = [(-170.0, 50.0), (-160.0, 50.0), (-165.0, 52.0), (-170.0, 50.0)]
    assert shapes.unbroken(west) == west


def test_no_outline_of_the_package_jumps() -> None:
    for country in json.loads(shapes.WORLD.read_text(encoding="utf-8")).values():
        for flat in country["outlines"]:
            assert max(flat[::2]) - min(flat[::2]) < 2 * 180


def test_a_line_keeps_its_bends() -> None:
    assert shapes.simpler([(0, 0), (1, 0.1), (2, 0)]) == [(0, 0), (2, 0)]
    bend = [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)]
    assert shapes.simpler(bend) == bend


def test_the_package_has_every_country_but_antarctica() -> None:
    world = json.loads(shapes.WORLD.read_text(encoding="utf-8"))
    assert list(world) == sorted(world)
    assert set(shapes.CODES.values()) - world.keys() == {"AQ"}
    assert shapes.WORLD.stat().st_size < 60_000
