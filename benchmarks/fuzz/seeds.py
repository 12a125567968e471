"""Initial inputs of fuzzing: small scenarios, tables, workbooks and settings."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from everything import everything
from faulty_funding import FAULTY_FUNDING
from faulty_scenarios import FAULTY, MANY, SETTINGS, TABLES
from mutated_tables import book_of
from mutated_trees import parsed
from openpyxl import load_workbook
from random_cases import crowded_case, lasting_case, small_case, treasury_case
from small_scenario import VALID, broken
from soundness import PARTS, SECTIONS, TINY

from models.files import read_case_text
from models.files.shapes import is_ignored_sheet
from models.language import using
from optimizer.cli.scenario_files import starter_scenario_text
from optimizer.report.scenario_workbook.sheets import build_scenario_workbook

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def small_texts() -> list[str]:
    """Return small valid scenarios that together use most fields."""
    made: list[Any] = [everything()]
    for number, kind in enumerate((small_case, crowded_case, treasury_case, lasting_case) * 3):
        made.append(kind(random.Random(number).choice))
    parts = [TINY + part for part in PARTS]
    return [
        TINY,
        *parts,
        TINY + "".join(PARTS),
        VALID,
        *(yaml.safe_dump(one, sort_keys=False) for one in made),
    ]


def scenarios() -> Iterator[bytes]:
    """Yield valid and faulty scenarios, presets, and inputs that consist of several files."""
    for text in small_texts():
        yield text.encode()
        yield json.dumps(yaml.safe_load(text), default=str).encode()
    for _, changes, _ in (*FAULTY, *FAULTY_FUNDING):
        yield broken(*changes).encode()
    yield MANY.encode()
    yield starter_scenario_text("de").encode()
    yield (SCENARIOS / "tutorial.yaml").read_bytes()
    for preset in ("price_floor_mp", "state_aid_standard"):  # the others take longer to read
        yield f"include: [{preset}]\n{TINY}".encode()
    yield from _several_files()
    yield (
        b"include: [b.yaml]\nhorizon: {first_year: 2026, last_year: 2027}\n"
        b"variants: {v: {set: {include: [], materials.lithium.price_eur_per_t: 4}}}\n"
        b"%%% b.yaml\nmaterials: {table: t.csv}\n%%% t.csv\nid,price_eur_per_t\nlithium,5\n"
    )


def _several_files() -> Iterator[bytes]:
    """Yield scenarios that include valid, private and missing files, and invalid tables."""
    below, above = TINY[: TINY.index("damage:")], TINY[TINY.index("damage:") :] + PARTS[2]
    private = "include: [{private: %s, otherwise: c.yaml, owner: us}]\n%s%%%%%% %s\n%s"
    for text in (
        f"include: [b.yaml]\n{above}%%% b.yaml\n{below}",
        f"include: [b.yaml]\n{above}{PARTS[1]}%%% b.yaml\n{below}{PARTS[1]}{PARTS[2]}",
        private % ("b.yaml", above, "b.yaml", below + above),
        private % ("x.yaml", above, "c.yaml", below + PARTS[3]),
        f"include: [{{private: b.yaml}}]\n{below}%%% b.yaml\n{above}",
        f"include: [{{private: x.yaml}}]\n{TINY}",
        f"include: [{{privat: x.yaml, owner: 5}}, x.txt, ../b.yaml, 5]\n{TINY}",
        f"include: [b.yaml]\n{TINY}%%% b.yaml\ninclude: [scenario.yaml, b.yaml]\n",
        f"{TINY}projects: {{table: t.csv, sheet: x}}\n%%% t.csv\nid\n",
        f"{TINY}projects: {{table: 5, more: 1}}\nstockpiles: {{table: ../t.csv}}\n",
        f"{TINY}projects: {{table: t.md}}\nstockpiles: {{table: t.csv}}\n",
    ):
        yield text.encode()


def tables() -> Iterator[bytes]:
    """Yield tables of all sections, each with its section in the first line."""
    for name, content, _ in TABLES:
        if name != "large":
            yield f"projects\n{content}".encode()
    for file in sorted(SCENARIOS.glob("*/*.csv")):
        yield f"{file.stem}\n{''.join(file.open(encoding='utf-8').readlines()[:3])}".encode()
    for text in (TINY + "".join(PARTS), VALID):
        tree = parsed(text) or {}
        for section in SECTIONS:
            if section in tree:
                yield f"{section}\n{_as_csv(tree[section])}".encode()
    yield b"projects\n" + book_of({})
    projects = [["id", "country", "output_t_per_year.lithium", "capex_meur"], ["a", "DE", 1, 2]]
    yield b"projects\n" + book_of({"Projects": projects, "Other": [["id"]]})


def _as_csv(section: Any) -> str:
    """Return the items of a section as CSV; names of nested fields have dots."""
    items = (
        section
        if isinstance(section, list)
        else [
            {"id": key, **(value if isinstance(value, dict) else {})}
            for key, value in section.items()
        ]
    )
    rows = [dict(_dotted(item)) for item in items]
    header = list(dict.fromkeys(name for row in rows for name in row))
    lines = [header, *([row.get(name, "") for name in header] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


def _dotted(item: Any, above: str = "") -> Iterator[tuple[str, str]]:
    if not isinstance(item, (dict, list)):
        yield above, str(item)
        return
    for key, value in item.items() if isinstance(item, dict) else enumerate(item):
        yield from _dotted(value, f"{above}.{key}" if above else str(key))


def books() -> Iterator[bytes]:
    """Yield scenario workbooks of Vorrat, reduced to the content that the reader uses."""
    for text in (*small_texts()[:10], TINY + "".join(PARTS[1:3]), TINY + PARTS[4]):
        for language in ("en", "de"):
            with using(language):  # type: ignore[arg-type]
                yield cut_down(build_scenario_workbook(read_case_text(text).case))


def cut_down(raw: bytes) -> bytes:
    """Return a workbook with only the values, and without empty sheets."""
    book = load_workbook(io.BytesIO(raw), data_only=True)
    sheets = {}
    for sheet in book.worksheets[1:]:
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
        at = next((n for n, row in enumerate(rows) if _is_header(row)), None)
        if at is not None and not is_ignored_sheet(sheet.title):
            sheets[sheet.title] = _filled(rows[at:])
    sheets = {name: rows for name, rows in sheets.items() if len(rows) > 1}
    return book_of(sheets)


def _filled(rows: list[list[Any]]) -> list[list[Any]]:
    """Return the rows with a value, and of these the columns with a name and a value."""
    header, *below = rows
    if "path" in header and "id" not in header:
        below = [row for row in below if row[header.index("value")] is not None]
    below = [row for row in below if any(value is not None for value in row)]
    needed = [
        n for n, name in enumerate(header) if name and any(row[n] is not None for row in below)
    ]
    return [[row[n] for n in needed] for row in (header, *below)]


def _is_header(row: list[Any]) -> bool:
    """Check whether a row contains field names, which have no capitals and no blanks."""
    names = [str(value) for value in row if value is not None]
    return len(names) > 1 and all(name == name.lower() and " " not in name for name in names)


def settings() -> Iterator[bytes]:
    """Yield valid and invalid settings."""
    for row in SETTINGS:
        yield str(row[0]).encode()
    for text in (
        "horizon.last_year=2031", "projects.upper_rhine.capex_meur={value: 5, source: guess}",
        "materials.dysprosium.price_eur_per_t.2028=5", "projects.recycling=null",
        "stockpiles.reserve.paid_by={fund: 1.0}", "demand.0.t_per_year=1\ndemand.1.t_per_year=2",
        "hazards.export_stop.effects.0.loss=[0.5]", "uncertainty=null", "home=[DE, FR]",
        "supply=[{material: lithium, country: CL, share: 1.0}]", "title={en: a, de: b}",
        "funders.fund.budget_by_year_meur.2028=3", "variants={}", "include=[rohstofffonds]",
    ):  # fmt: skip
        yield text.encode()


SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "scenario": scenarios,
    "table": tables,
    "book": books,
    "settings": settings,
}
