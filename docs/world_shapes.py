"""optimizer/report/charts/world.json: the outline of every country, and a point in each.

``python -m docs.world_shapes countries-110m.json countries-50m.json`` writes it, from two files of
the npm package world-atlas 2.0.2, which are Natural Earth 4.1.0 (public domain) at 1:110m and 1:50m
as TopoJSON. The first file gives outlines and points, the second points of countries too small for
the first.

Numbers are half degrees: a point is [longitude, latitude], an outline a flat list of those of its
corners. The TopoJSON format: https://github.com/topojson/topojson-specification.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.scenario.countries import ALPHA_2

WORLD = Path(__file__).parents[1] / "optimizer" / "report" / "charts" / "world.json"

Ring = list[tuple[float, float]]
"""Corners of an outline by longitude and latitude, in degrees; the last one is the first."""

BENDS = 0.3
"""Degrees: how much a line is straightened."""
SMALLEST = 1.5
"""Square degrees: smaller islands are dropped, but for the largest of a country."""
NORTH, SOUTH = 73, -56
"""Latitudes between which the map is drawn; islands beyond are dropped."""
WITHOUT_NUMBER = {"Kosovo": "XK", "N. Cyprus": "CY", "Somaliland": "SO"}
"""Areas that have no number in the files, by the country whose code they get."""
ELSEWHERE = {("RU", (32, 44, 37, 47)): "UA", ("FR", (-55, 2, -51, 6)): "GF"}
"""Outlines that get another code, by the one they have and the box that they are in: Crimea, which
Natural Earth draws as it is held, not as the United Nations see it; and French Guiana."""

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
"""Codes of ISO 3166-1 by number, of the countries in the files."""


def lines(topology: Mapping[str, Any]) -> list[Ring]:
    """The lines that outlines are made of, in degrees; a file has differences of whole numbers."""
    (wide, high), (west, south) = topology["transform"]["scale"], topology["transform"]["translate"]
    found: list[Ring] = []
    for arc in topology["arcs"]:
        x = y = 0
        found.append([])
        for right, up in arc:
            x, y = x + right, y + up
            found[-1].append((west + wide * x, south + high * y))
    return [simpler(line) for line in found]


def simpler(line: Ring) -> Ring:
    """The line without points that are nearer than ``BENDS`` to it (Douglas and Peucker 1973).

    Neighbors share their lines, so that no gap opens between them.
    """
    (a, b), (c, d) = line[0], line[-1]
    long = math.hypot(c - a, d - b)

    def off(at: int) -> float:
        x, y = line[at][0] - a, line[at][1] - b
        return abs(x * (d - b) - y * (c - a)) / long if long else math.hypot(x, y)

    most = max(range(1, len(line) - 1), key=off, default=0)
    if not most or off(most) < BENDS:
        return [line[0], line[-1]]
    return simpler(line[: most + 1])[:-1] + simpler(line[most:])


def outlines(topology: Mapping[str, Any]) -> Iterator[tuple[str, Ring]]:
    """Each outline with the code of its country, without those of lakes and enclaves."""
    known = lines(topology)
    for of in topology["objects"]["countries"]["geometries"]:
        code = CODES.get(of.get("id"), WITHOUT_NUMBER.get(of["properties"]["name"]))
        areas = of["arcs"] if of["type"] == "MultiPolygon" else [of["arcs"]]
        for around, *_inside in areas if code and code != "AQ" else ():
            ring: Ring = []
            for at in around:  # ~at stands for a line that is followed backwards
                line = known[at] if at >= 0 else known[~at][::-1]
                ring += line[1:] if ring else line
            ring = unbroken(ring)
            yield owner(code or "", ring), ring


def unbroken(ring: Ring) -> Ring:
    """An outline that goes on beyond the 180th meridian, where it has a jump there; all of it east
    of 169° W, so that the tip of Siberia stays with Siberia."""
    found = ring[:1]
    for x, y in ring[1:]:
        found.append((x - 360 * round((x - found[-1][0]) / 360), y))
    middle = math.fsum(x for x, _ in found) / len(found)
    return [(x - 360 * math.floor((middle + 169) / 360), y) for x, y in found]


def owner(code: str, ring: Ring) -> str:
    """The code that an outline gets."""
    for (its, (west, south, east, north)), other in ELSEWHERE.items():
        if its == code and all(west <= x <= east and south <= y <= north for x, y in ring):
            return other
    return code


def area(ring: Ring) -> float:
    """Square degrees as they are on the equator."""
    middle = math.cos(math.radians(math.fsum(y for _, y in ring) / len(ring)))
    pairs = pairwise(ring)
    return abs(math.fsum(x * b - a * y for (x, y), (a, b) in pairs)) * middle / 2


def is_drawn(ring: Ring) -> bool:
    """Whether an island is large enough, and on the map."""
    return area(ring) > SMALLEST and any(SOUTH < y < NORTH for _, y in ring)


def inmost(ring: Ring) -> tuple[int, int]:
    """The point of a grid of half degrees, or else the mean corner, farthest inside an outline."""
    mean = [round(2 * math.fsum(of) / len(ring)) for of in zip(*ring, strict=True)]
    (west, east), (south, north) = ((min(of), max(of)) for of in zip(*ring, strict=True))
    best, found = 0.0, (mean[0], mean[1])
    for y in range(math.ceil(2 * south), math.floor(2 * north) + 1):
        for x in range(math.ceil(2 * west), math.floor(2 * east) + 1):
            away = inside(ring, x / 2, y / 2)
            if away > best:
                best, found = away, (x, y)
    return found


def inside(ring: Ring, x: float, y: float) -> float:
    """How far a point is from an outline, in degrees of latitude; 0 outside of it."""
    sides = list(pairwise(ring))
    crossed = sum(
        (b > y) != (d > y) and x < a + (y - b) / (d - b) * (c - a) for (a, b), (c, d) in sides
    )
    return min(away(x, y, *side) for side in sides) if crossed % 2 else 0.0


def away(x: float, y: float, start: tuple[float, float], end: tuple[float, float]) -> float:
    """Distance of a point from a side."""
    narrow = math.cos(math.radians(y))
    a, b, c, d = narrow * (start[0] - x), start[1] - y, narrow * (end[0] - x), end[1] - y
    square = (c - a) ** 2 + (d - b) ** 2
    along = min(max(-(a * (c - a) + b * (d - b)) / square, 0.0), 1.0) if square else 0.0
    return math.hypot(a + along * (c - a), b + along * (d - b))


def halves(ring: Ring) -> list[int]:
    """An outline on the grid of half degrees, without its last corner and those on a straight line;
    empty where little is left."""
    corners = [(round(2 * x), round(2 * y)) for x, y in ring[:-1]]
    kept: list[tuple[int, int]] = []
    for at, (x, y) in enumerate(corners):
        (a, b), (c, d) = kept[-1] if kept else corners[-1], corners[(at + 1) % len(corners)]
        if (x - a) * (d - y) != (y - b) * (c - x):
            kept.append((x, y))
    return [number for corner in kept for number in corner] if len(kept) > 2 else []


def world(files: Sequence[Path]) -> dict[str, dict[str, list[Any]]]:
    """Outlines and a point by code; of files after the first only points that are missing."""
    found: dict[str, dict[str, list[Any]]] = {}
    for place, path in enumerate(files):
        rings: dict[str, list[Ring]] = {}
        for code, ring in outlines(json.loads(path.read_text(encoding="utf-8"))):
            rings.setdefault(code, []).append(ring)
        for code in rings.keys() - found.keys():
            large = sorted(rings[code], key=area, reverse=True)
            drawn = [] if place else [one for one in large if one is large[0] or is_drawn(one)]
            found[code] = {
                "point": list(inmost(large[0])),
                "outlines": [some for one in drawn if (some := halves(one))],
            }
    assert found.keys() <= ALPHA_2 | {"XK"}
    return dict(sorted(found.items()))


if __name__ == "__main__":
    entries = [f"{json.dumps(code)}: {json.dumps(of, separators=(',', ':'))}"
               for code, of in world([Path(name) for name in sys.argv[1:]]).items()]  # fmt: skip
    WORLD.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")
