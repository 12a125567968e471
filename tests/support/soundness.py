"""What a reader owes to any input: a case, or faults that say what is wrong and where.

The readers of scenarios, tables, workbooks and settings are run on bytes, here by tests and by the
fuzzing in ``benchmarks/fuzz``. All files are written into the current folder.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from small_scenario import VALID

import models.language
from models.faults import Fault, ScenarioError, SourceLocation
from models.files import read_case, read_case_text
from models.files.decoding import split_lines
from models.files.reading import LoadedScenario
from models.files.shapes import SCENARIO_SHAPE, holds_items, shape_of_step
from models.language import Language, using

Outcome = LoadedScenario | ScenarioError
NEXT_FILE = re.compile(rb"^%%% (\w+\.\w+)\n", re.MULTILINE)
"""Begins another file in the bytes of a scenario with several."""
SECTIONS = tuple(
    key
    for key in SCENARIO_SHAPE.keys
    if holds_items(shape_of_step(SCENARIO_SHAPE, key) or SCENARIO_SHAPE)
)
"""Those that may be tables."""


TINY = """\
horizon: {first_year: 2026, last_year: 2027}
materials: {lithium: {price_eur_per_t: 5}}
consumers: {automotive: {}}
demand: [{consumer: automotive, material: lithium, t_per_year: 3}]
damage: [{material: lithium, steps: [{share: 1, eur_per_t: 9}]}]
supply: [{material: lithium, country: CN, share: 1}]
"""
PARTS = (
    "sources: {guess: {text: a guess, kind: assumption}}\ntitle: {en: a, de: b}\n",
    "projects: {upper_rhine: {country: DE, output_t_per_year: {lithium: 1}, capex_meur: 2}}\n",
    "funders: {fund: {kind: public, budget_meur: 9, instruments: {equity: {max_share: 0.5}}}}\n"
    "stockpiles: [{id: reserve, material: lithium, max_t: 2, paid_by: {fund: 1}}]\n",
    "hazards: {export_stop: {annual_probability: 0.1, effects: [{country: CN, loss: [1, 0.5]}]}}\n"
    "uncertainty: {sample: {states: 10, seed: 1}}\n",
    "policy: {max_public_share: 0.49}\nobjective: {measure: damage}\nhome: [DE]\n"
    "variants: {v: {title: x, set: {policy.max_public_share: 0.5}}}\n",
)
"""What may be added to it, one by one or all together."""


class UnsoundError(Exception):
    """An input that was read, or refused, otherwise than promised."""


def outcome(read: Callable[[], LoadedScenario]) -> Outcome:
    """What reading ends in; every other exception passes through."""
    try:
        return read()
    except ScenarioError as error:
        return error


def _write(files: dict[str, bytes]) -> None:
    for old in Path.cwd().iterdir():
        old.unlink()
    for name, content in files.items():
        Path(name).write_bytes(content)


def read_scenario(raw: bytes) -> Outcome:
    """A scenario in YAML or, where it begins with a brace, JSON; its variants are tried too."""
    own, *others = NEXT_FILE.split(raw)
    name = "scenario.json" if own.startswith(b"{") else "scenario.yaml"
    names = [other.decode() for other in others[::2]]
    _write({**dict(zip(names, others[1::2], strict=True)), name: own})
    return outcome(lambda: read_case(name, check_variants=True))


def read_table(raw: bytes) -> Outcome:
    """A small scenario with a table, in CSV or a workbook; the first line names its section."""
    first, _, table = raw.partition(b"\n")
    section = first.decode("utf-8", "replace")
    name = "table.xlsx" if table.startswith(b"PK") else "table.csv"
    text = _without(section if section in SECTIONS else "projects", name)
    _write({name: table, "scenario.yaml": text.encode()})
    return outcome(lambda: read_case("scenario.yaml"))


@lru_cache(maxsize=256)
def _without(section: str, table: str) -> str:
    whole = TINY + (PARTS[2].split("\n")[0] + "\n" if section == "stockpiles" else "")
    kept = re.sub(rf"^{section}:.*\n", "", whole, flags=re.MULTILINE)
    return f"{kept}{section}: {{table: {table}}}\n"


def read_book(raw: bytes) -> Outcome:
    """A scenario workbook."""
    _write({"scenario.xlsx": raw})
    return outcome(lambda: read_case("scenario.xlsx", check_variants=True))


def read_settings(raw: bytes) -> Outcome:
    """Settings of the command line, a line each, on the small scenario."""
    _write({"scenario.yaml": VALID.encode()})
    settings = raw.decode("utf-8", "surrogateescape").split("\n")
    return outcome(lambda: _small().with_settings(settings))


@cache
def _small() -> LoadedScenario:
    return read_case_text(VALID)


READERS: dict[str, Callable[[bytes], Outcome]] = {
    "scenario": read_scenario,
    "table": read_table,
    "book": read_book,
    "settings": read_settings,
}


def checked(reader: str, raw: bytes, language: Language = "en") -> Outcome:
    """What a reader makes of some bytes; UnsoundError where it says too little or not where."""
    missing.clear()
    with using(language):
        made = READERS[reader](raw)
        faults = made.faults if isinstance(made, ScenarioError) else made.warnings
        check_faults(faults, refused=isinstance(made, ScenarioError))
    if missing:
        raise UnsoundError(f"no German: {missing}")
    return made


missing: set[str] = set()
"""Texts that were asked for in German and have none, where these are watched."""


class _Watched(dict[str, str]):
    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            missing.add(key)
        return super().get(key, default)


def watch_german(patch: Callable[[object, str, object], object]) -> None:
    """See to it that texts without German are unsound; ``patch`` is ``setattr`` or undoes it."""
    watched = _Watched(models.language.translations("de"))
    patch(models.language, "translations", lambda code: watched if code == "de" else {})


def check_faults(faults: tuple[Fault, ...], refused: bool) -> None:
    """Raise UnsoundError where a fault has no text, no place, or one that is not there."""
    severities = {fault.severity for fault in faults}
    if refused != ("error" in severities):
        raise UnsoundError(f"refused: {refused}, but of {severities}")
    lines: dict[str, list[list[str]]] = {}
    for fault in faults:
        if not fault.message.strip():
            raise UnsoundError(f"no message: {fault!r}")
        for sign in str(fault):
            if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp"):
                raise UnsoundError(f"an unseen sign: {sign!r} in {str(fault)!r}")
        _check_place(fault, lines)


def _check_place(fault: Fault, lines: dict[str, list[list[str]]]) -> None:
    place = fault.location
    if place is None:
        raise UnsoundError(f"no place: {fault!r}")
    if place.file.startswith("--set "):
        return
    if place.file not in lines:
        if not Path(place.file).is_file():
            raise UnsoundError(f"no such file: {fault!r}")
        lines[place.file] = _lines_of(Path(place.file))
    if place.cell:
        if not re.fullmatch(r"[^\0]*![A-Z]{1,3}[1-9]\d*", place.cell) or place.line:
            raise UnsoundError(f"no cell: {fault!r}")
    elif place.line:
        if not any(_within(place, one) for one in lines[place.file]):
            raise UnsoundError(f"not in the file: {fault!r}")
    elif not _may_lack_a_line(place, lines[place.file][0]):
        raise UnsoundError(f"no line: {fault!r}")


def _lines_of(path: Path) -> list[list[str]]:
    """The lines of a file, and for a table also those of who takes fewer signs for line breaks."""
    raw = path.read_bytes()
    if raw.startswith(b"PK"):
        return [[]]
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = raw.decode("utf-16" if wide else "utf-8-sig", "replace")
    found = [split_lines(text)]
    return [*found, re.split("\r\n|\n|\r", text)] if path.suffix == ".csv" else found


def _within(place: SourceLocation, lines: list[str]) -> bool:
    return place.line <= len(lines) and 1 <= place.column <= len(lines[place.line - 1]) + 1


def _may_lack_a_line(place: SourceLocation, lines: list[str]) -> bool:
    """Whether a fault is of a whole file: it is empty, no text, or no workbook."""
    signs = ("#", "---", "...", "%")
    bare = all(not line.strip() or line.lstrip().startswith(signs) for line in lines)
    return bare or place.file.endswith((".xlsx", ".xlsm")) or "\0" in lines[0]


def same_in_json(made: LoadedScenario) -> bool:
    """Whether a case written as JSON is read again as itself."""
    text = made.case.model_dump_json(by_alias=True)
    return read_case_text(text, "again.json").case == made.case


def sound_in_both(reader: str, raw: bytes) -> Iterator[Outcome]:
    """What a reader makes of some bytes in either language, which has to be the same."""
    english, german = checked(reader, raw), checked(reader, raw, "de")
    if _places(english) != _places(german):
        raise UnsoundError(f"German faults elsewhere: {_places(english)} {_places(german)}")
    yield from (english, german)


def _places(made: Outcome) -> list[tuple[str, str]]:
    faults = made.faults if isinstance(made, ScenarioError) else made.warnings
    return [(str(fault.location), fault.severity) for fault in faults]
