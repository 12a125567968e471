"""Generation of optimizer/report/charts/world.json: outlines of all countries, and a point in each.

``python -m docs.world_shapes countries-110m.json countries-50m.json`` writes it, from two files of
the npm package world-atlas 2.0.2, which are Natural Earth 4.1.0 (public domain) at 1:110m and 1:50m
as TopoJSON. The first file gives outlines and points, the second gives points of countries that are
too small for the first.

Numbers are half degrees: a point is [longitude, latitude], and an outline is a flat list of the
coordinates of its corners. The TopoJSON format is described at
https://github.com/topojson/topojson-specification.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.countries import ALPHA_2

WORLD = Path(__file__).parents[1] / "optimizer" / "report" / "charts" / "world.json"

Ring = list[tuple[float, float]]
"""Corners of an outline by longitude and latitude, in degrees; the last one is the first."""

MAX_DEVIATION = 0.3
"""Degrees by which a simplified line may deviate from the original."""
MIN_AREA = 1.5
"""Square degrees: smaller outlines are dropped, except the largest one of a country."""
NORTH, SOUTH = 73, -56
"""Latitudes between which the map is drawn; outlines beyond are dropped."""
WITHOUT_NUMBER = {"Kosovo": "XK", "N. Cyprus": "CY", "Somaliland": "SO"}
"""Areas that have no number in the files: the code that each gets, by name."""
REASSIGNED = {("RU", (32, 44, 37, 47)): "UA", ("FR", (-55, 2, -51, 6)): "GF"}
"""Outlines that get another code, by their code and a box (west, south, east, north) around them:
Crimea, for which Natural Earth draws the actual control, not the border that the United Nations
recognize; and French Guiana."""

_NUMBERS = """
004AF 008AL 010AQ 012DZ 016AS 020AD 024AO 028AG 031AZ 032AR 036AU 040AT 044BS 048BH 050BD 051AM
052BB 056BE 060BM 064BT 068BO 070BA 072BW 076BR 084BZ 086IO 090SB 092VG 096BN 100BG 104MM 108BI
112BY 116KH 120CM 124CA 132CV 136KY 140CF 144LK 148TD 152CL 156CN 158TW 170CO 174KM 178CG 180CD
184CK 188CR 191HR 192CU 196CY 203CZ 204BJ 208DK 212DM 214DO 218EC 222SV 226GQ 231ET 232ER 233EE
234FO 238FK 239GS 242FJ 246FI 248AX 250FR 258PF 260TF 262DJ 266GA 268GE 270GM 275PS 276DE 288GH
296KI 300GR 304GL 308GD 316GU 320GT 324GN 328GY 332HT 334HM 336VA 340HN 344HK 348HU 352IS 356IN
360ID 364IR 368IQ 372IE 376IL 380IT 384CI 388JM 392JP 398KZ 400JO 404KE 408KP 410KR 414KW 417KG
418LA 422LB 426LS 428LV 430LR 434LY 438LI 440LT 442LU 446MO 450MG 454MW 458MY 462MV 466ML 470MT
478MR 480MU 484MX 492MC 496MN 498MD 499ME 500MS 504MA 508MZ 512OM 516NA 520NR 524NP 528NL 531CW
533AW 534SX 540NC 548VU 554NZ 558NI 562NE 566NG 570NU 574NF 578NO 580MP 583FM 584MH 585PW 586PK
591PA 598PG 600PY 604PE 608PH 612PN 616PL 620PT 624GW 626TL 630PR 634QA 642RO 643RU 646RW 652BL
654SH 659KN 660AI 662LC 663MF 666PM 670VC 674SM 678ST 682SA 686SN 688RS 690SC 694SL 702SG 703SK
704VN 705SI 706SO 710ZA 716ZW 724ES 728SS 729SD 732EH 740SR 748SZ 752SE 756CH 760SY 762TJ 764TH
768TG 776TO 780TT 784AE 788TN 792TR 795TM 796TC 800UG 804UA 807MK 818EG 826GB 831GG 832JE 833IM
834TZ 840US 850VI 854BF 858UY 860UZ 862VE 876WF 882WS 887YE 894ZM
"""
CODES = {pair[:3]: pair[3:] for pair in _NUMBERS.split()}
"""Two-letter codes of ISO 3166-1 by numeric code, of the countries in the files."""


def lines(topology: Mapping[str, Any]) -> list[Ring]:
    """Return the simplified lines of which outlines consist, in degrees."""
    (width, height), (west, south) = (
        topology["transform"]["scale"],
        topology["transform"]["translate"],
    )
    all_lines: list[Ring] = []
    for arc in topology["arcs"]:
        x = y = 0
        all_lines.append([])
        for dx, dy in arc:
            x, y = x + dx, y + dy
            all_lines[-1].append((west + width * x, south + height * y))
    return [simpler(line) for line in all_lines]


def simpler(line: Ring) -> Ring:
    """Return the line without points that are nearer than ``MAX_DEVIATION`` to the simplified line
    (Douglas and Peucker 1973). Neighboring countries share lines, so that no gap opens."""
    (a, b), (c, d) = line[0], line[-1]
    length = math.hypot(c - a, d - b)

    def deviation(n: int) -> float:
        x, y = line[n][0] - a, line[n][1] - b
        return abs(x * (d - b) - y * (c - a)) / length if length else math.hypot(x, y)

    farthest = max(range(1, len(line) - 1), key=deviation, default=0)
    if not farthest or deviation(farthest) < MAX_DEVIATION:
        return [line[0], line[-1]]
    return simpler(line[: farthest + 1])[:-1] + simpler(line[farthest:])


def outlines(topology: Mapping[str, Any]) -> Iterator[tuple[str, Ring]]:
    """Yield each outline with the code of its country, without the outlines of lakes and enclaves,
    without Antarctica and without areas that have no code."""
    all_lines = lines(topology)
    for country in topology["objects"]["countries"]["geometries"]:
        code = CODES.get(country.get("id"), WITHOUT_NUMBER.get(country["properties"]["name"]))
        areas = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        for outer_lines, *_inner_lines in areas if code and code != "AQ" else ():
            ring: Ring = []
            for n in outer_lines:  # ~n stands for line n in the opposite direction
                line = all_lines[n] if n >= 0 else all_lines[~n][::-1]
                ring += line[1:] if ring else line
            ring = unbroken(ring)
            yield owner(code or "", ring), ring


def unbroken(ring: Ring) -> Ring:
    """Return the outline without a jump at the 180th meridian, shifted such that its mean longitude
    is east of 169° W. The tip of Siberia then stays with Siberia."""
    corners = ring[:1]
    for x, y in ring[1:]:
        corners.append((x - 360 * round((x - corners[-1][0]) / 360), y))
    mean_longitude = math.fsum(x for x, _ in corners) / len(corners)
    return [(x - 360 * math.floor((mean_longitude + 169) / 360), y) for x, y in corners]


def owner(code: str, ring: Ring) -> str:
    """Return the code for an outline of the country ``code``, by ``REASSIGNED``."""
    for (listed_code, (west, south, east, north)), new_code in REASSIGNED.items():
        if listed_code == code and all(west <= x <= east and south <= y <= north for x, y in ring):
            return new_code
    return code


def area(ring: Ring) -> float:
    """Return the area inside an outline, in square degrees at the equator."""
    mean_cosine = math.cos(math.radians(math.fsum(y for _, y in ring) / len(ring)))
    pairs = pairwise(ring)
    return abs(math.fsum(x * b - a * y for (x, y), (a, b) in pairs)) * mean_cosine / 2


def is_drawn(ring: Ring) -> bool:
    """Check whether an outline is large enough, and on the map."""
    return area(ring) > MIN_AREA and any(SOUTH < y < NORTH for _, y in ring)


def inmost(ring: Ring) -> tuple[int, int]:
    """Return the point of the grid of half degrees that is farthest inside an outline, or the mean
    of its corners if no point of the grid is inside."""
    mean = [round(2 * math.fsum(values) / len(ring)) for values in zip(*ring, strict=True)]
    (west, east), (south, north) = ((min(v), max(v)) for v in zip(*ring, strict=True))
    largest_distance, point = 0.0, (mean[0], mean[1])
    for y in range(math.ceil(2 * south), math.floor(2 * north) + 1):
        for x in range(math.ceil(2 * west), math.floor(2 * east) + 1):
            distance = inside(ring, x / 2, y / 2)
            if distance > largest_distance:
                largest_distance, point = distance, (x, y)
    return point


def inside(ring: Ring, x: float, y: float) -> float:
    """Return how deep a point is inside an outline, in degrees of latitude; 0 if it is outside."""
    sides = list(pairwise(ring))
    crossings = sum(
        (b > y) != (d > y) and x < a + (y - b) / (d - b) * (c - a) for (a, b), (c, d) in sides
    )
    return min(side_distance(x, y, *side) for side in sides) if crossings % 2 else 0.0


def side_distance(
    x: float, y: float, start: tuple[float, float], end: tuple[float, float]
) -> float:
    """Return the distance of a point from a side of an outline, in degrees of latitude."""
    cosine = math.cos(math.radians(y))
    a, b, c, d = cosine * (start[0] - x), start[1] - y, cosine * (end[0] - x), end[1] - y
    squared_length = (c - a) ** 2 + (d - b) ** 2
    position = -(a * (c - a) + b * (d - b)) / squared_length if squared_length else 0.0
    position = min(max(position, 0.0), 1.0)
    return math.hypot(a + position * (c - a), b + position * (d - b))


def halves(ring: Ring) -> list[int]:
    """Return an outline on the grid of half degrees as a flat list of coordinates, without the
    repeated last corner and without corners on a straight line; empty if fewer than three are
    left."""
    corners = [(round(2 * x), round(2 * y)) for x, y in ring[:-1]]
    kept: list[tuple[int, int]] = []
    for n, (x, y) in enumerate(corners):
        (a, b), (c, d) = kept[-1] if kept else corners[-1], corners[(n + 1) % len(corners)]
        if (x - a) * (d - y) != (y - b) * (c - x):
            kept.append((x, y))
    return [number for corner in kept for number in corner] if len(kept) > 2 else []


def world(files: Sequence[Path]) -> dict[str, dict[str, list[Any]]]:
    """Return the outlines of each country and a point in it, by code. Files after the first give
    only points of countries that are missing in the earlier ones."""
    countries: dict[str, dict[str, list[Any]]] = {}
    for file_index, path in enumerate(files):
        rings: dict[str, list[Ring]] = {}
        for code, ring in outlines(json.loads(path.read_text(encoding="utf-8"))):
            rings.setdefault(code, []).append(ring)
        for code in rings.keys() - countries.keys():
            largest, *smaller = sorted(rings[code], key=area, reverse=True)
            drawn = [] if file_index else [largest, *filter(is_drawn, smaller)]
            countries[code] = {
                "point": list(inmost(largest)),
                "outlines": [outline for ring in drawn if (outline := halves(ring))],
            }
    assert countries.keys() <= ALPHA_2 | {"XK"}
    return dict(sorted(countries.items()))


if __name__ == "__main__":
    countries = world([Path(name) for name in sys.argv[1:]])
    entries = [f"{json.dumps(code)}: {json.dumps(country, separators=(',', ':'))}"
               for code, country in countries.items()]  # fmt: skip
    WORLD.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")
