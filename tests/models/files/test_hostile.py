"""Files that were made to harm: each is refused in a sentence, before it costs time or memory."""

from __future__ import annotations

import datetime
import io
import json
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from small_scenario import VALID, broken, with_table, write

from models import spelling
from models.faults import Fault, ScenarioError, SourceLocation
from models.field_marks import LocatedValue
from models.files import decoding, fault_recovery, read_case, read_case_text, reading
from models.files.decoding import path_in_folder_of
from models.files.result_json import (
    ArchiveLimits,
    ArchiveRefused,
    InvalidJsonError,
    check_archive,
    parse_json,
    read_json,
)
from models.files.workbook import check_workbook_archive, open_workbook, read_rows
from models.scenario import case as case_module
from models.scenario.case import Case

HERE = SourceLocation("book.xlsx")
WIDE = ArchiveLimits(max_parts=100, max_unpacked=10_000_000, max_ratio=1000, max_tags=10_000)
SHEET = "xl/worksheets/sheet1.xml"


def fault_of(call: Callable[[], object]) -> str:
    with pytest.raises(ScenarioError) as caught:
        call()
    return str(caught.value)


def book(**changed: bytes) -> bytes:
    made = io.BytesIO()
    workbook = Workbook()
    workbook.worksheets[0].append(["id", "country"])
    workbook.save(made)
    with zipfile.ZipFile(made) as packed:
        parts = {entry: packed.read(entry) for entry in packed.namelist()}
    return zipped(parts | changed)


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return made.getvalue()


def lying(content: bytes, stated: int) -> bytes:
    """An archive of one part whose sizes and checksum say that it ends after some bytes."""
    raw = bytearray(zipped({"a.xml": content}))
    for sign, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        start = raw.index(sign) + at
        raw[start : start + 4] = struct.pack("<L", zlib.crc32(content[:stated]))
        raw[start + 8 : start + 12] = struct.pack("<L", stated)
    return bytes(raw)


def problem_of(raw: bytes, bounds: ArchiveLimits = WIDE) -> str:
    with pytest.raises(ArchiveRefused) as caught:
        check_archive(raw, bounds)
    return caught.value.problem


# Archives and workbooks


def test_an_honest_archive_passes() -> None:
    check_archive(zipped({"a.xml": b"<a/>", "b.png": b"\x89PNG"}), WIDE)
    check_workbook_archive(book(), "book.xlsx", HERE)


def test_a_part_larger_than_it_states_is_found_out() -> None:
    raw = lying(b"a" * 1_000_000, 10)
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        assert packed.read("a.xml") == b"a" * 10, "whoever trusts the directory is deceived"
    with pytest.raises((ArchiveRefused, zipfile.BadZipFile)):
        check_archive(raw, WIDE)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"a.xml": b"\0" * 9_999_999 * 2}, "size"),
        ({f"{n}.xml": b"" for n in range(101)}, "parts"),
        ({"a.xml": b"<a>" + b"<b/>" * 10_000 + b"</a>"}, "tags"),
        ({"a.xml": b"<a " + b" ".join(b'b%d="1"' % n for n in range(9000)) + b"/>"}, "tags"),
        ({"a.xml": b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'}, "entities"),
        ({"a.xml": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16")},
         "entities"),
        ({"a.rels": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'}, "entities"),
    ],
    ids=["bomb", "parts", "tags", "attributes", "entity", "utf-16", "external"],
)  # fmt: skip
def test_an_archive_beyond_its_bounds(parts: dict[str, bytes], problem: str) -> None:
    assert problem_of(zipped(parts)) == problem


def test_rows_may_be_many_but_not_endless() -> None:
    bounds = ArchiveLimits(9, 10_000_000, 1000, 1000, ("xl/worksheets/",))
    cells = b"<c><v>1</v></c>" * 10
    check_archive(zipped({SHEET: b"<s>" + (b"<row>" + cells + b"</row>") * 400 + b"</s>"}), bounds)
    assert problem_of(zipped({SHEET: b"<s><row>" + cells * 400 + b"</row></s>"}), bounds) == "tags"
    merged = b'<mergeCell ref="A1:B2"/>' * 400 + b"<row/>"
    assert problem_of(zipped({SHEET: b"<s>" + merged * 3 + b"</s>"}), bounds) == "tags"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "is encrypted, or saved by an old Excel"),
        (b"PK\x03\x04 and nothing else", "is not an Excel workbook"),
        (zipped({"a": b"a"}, zipfile.ZIP_LZMA), "is not an Excel workbook"),
        (book(**{"xl/styles.xml": b"<!DOCTYPE a><a/>"}), "declares XML entities"),
        (book(**{"xl/styles.xml": b"<a>" + b"<b/>" * 300_000 + b"</a>"}), "too many entries"),
    ],
    ids=["encrypted", "cut", "method", "entities", "styles"],
)
def test_what_is_no_workbook_to_be_opened(raw: bytes, said: str) -> None:
    assert said in fault_of(lambda: check_workbook_archive(raw, "book.xlsx", HERE))


STYLES = b"""<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<numFmts><numFmt numFmtId="200" formatCode="%b"/></numFmts>
<cellXfs><xf numFmtId="200"/><xf numFmtId="14"/></cellXfs></styleSheet>"""


def test_number_formats_are_bounded(tmp_path: Path) -> None:
    """One of 400,000 brackets takes openpyxl minutes."""
    write(tmp_path, with_table().replace("projects.csv", "a.xlsx"))
    (tmp_path / "a.xlsx").write_bytes(book(**{"xl/styles.xml": STYLES % (b"[" * 400_000)}))
    said = fault_of(lambda: read_case(tmp_path / "scenario.yaml"))
    assert "is longer than 255 characters" in said


@pytest.mark.parametrize(("style", "is_date"), [(b"0", True), (b"1", True), (b"7", False)])
def test_dates_are_known_by_their_style(style: bytes, is_date: bool) -> None:
    rows = b'<row r="1"><c r="A1" s="%b"><v>46000</v></c></row>' % style
    raw = book(**{"xl/styles.xml": STYLES % b"[Red]yyyy", SHEET: ROWS % rows})
    sheet = open_workbook(raw, "a.xlsx", HERE).worksheets[0]
    ((cell,),) = read_rows(sheet, "a.xlsx", HERE, pytest.fail)
    assert isinstance(cell.value, datetime.date) is is_date


ROWS = b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<sheetData>%b</sheetData></worksheet>"""
LONG = "A1:" * 300_000
SHARED = "<row r='{n}'><c r='A{n}'><f t='shared' si='0'/></c></row>"


@pytest.mark.parametrize(
    ("part", "before", "put"),
    [
        ("xl/workbook.xml", "</sheets>", "</sheets><definedNames><definedName localSheetId='0' "
         f"name='_xlnm.Print_Area'>{'a' * 500_000}</definedName></definedNames>"),
        (SHEET, "</sheetData>", f"</sheetData><conditionalFormatting sqref='{LONG}'/>"),
        (SHEET, "</sheetData>", f"</sheetData><hyperlinks><hyperlink ref='{LONG}'/></hyperlinks>"),
        (SHEET, "</row>", "</row><row r='2'><c r='A2'><f t='shared' si='0'>"
         f"{'A1+' * 100_000}1</f></c></row>"
         + "".join(SHARED.format(n=n) for n in range(3, 999))),
    ],
    ids=["print area", "format", "link", "formula"],
)  # fmt: skip
def test_only_cells_are_read_of_a_workbook(part: str, before: str, put: str) -> None:
    """What openpyxl reads by regular expressions, in the square of its length or more, is not."""
    with zipfile.ZipFile(io.BytesIO(book())) as packed:
        content = packed.read(part).decode()
    if "definedNames" in put:
        content = content.replace("<definedNames />", "").replace("<definedNames/>", "")
    assert before in content
    raw = book(**{part: content.replace(before, put, 1).encode()})
    found: list[Fault] = []
    rows = read_rows(open_workbook(raw, "a.xlsx", HERE).worksheets[0], "a.xlsx", HERE, found.append)
    assert [cell.value for cell in rows[0]] == ["id", "country"]
    assert len(found) == (998 - 1 if "shared" in put else 0)


@pytest.mark.slow
def test_far_cells_are_not_counted_up_to(tmp_path: Path) -> None:
    head = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    )
    rows = b"".join(b'<row r="%d"><c r="XFD%d" s="0"/></row>' % (n, n) for n in range(1, 200))
    write(tmp_path, with_table("projects: {table: book.xlsx}\n"))
    content = book(**{SHEET: head + rows + b"</sheetData></worksheet>"})
    (tmp_path / "book.xlsx").write_bytes(content)
    assert "more than 1000000 cells" in fault_of(lambda: read_case(tmp_path / "scenario.yaml"))


# Tables and YAML


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,country\n" + "," * 2_000, "more than 1000 columns"),
        (",".join(["id"] * 900) + ("\n" + "," * 899) * 1_200, "more than 1000000 cells"),
        ('id,country\n"' + "a\n" * 200_000, "is not valid CSV"),
        ("id\r" * 100_002, "more than 100000 rows"),
        ("id,country\n\0", "U+0000 does not belong"),
        ("id,country\n\u202ea", "U+202E does not belong"),
    ],
    ids=["columns", "cells", "quote", "rows", "null", "direction"],
)
def test_tables_beyond_their_bounds(tmp_path: Path, content: str, said: str) -> None:
    write(tmp_path, with_table(), projects=content)
    assert said in fault_of(lambda: read_case(tmp_path / "scenario.yaml"))


@pytest.mark.parametrize("escape", ["\\x1b[31m", "\\e]8;;x", "\\u202e", "\\0", "\\x9b"])
@pytest.mark.parametrize("text", ['title: "{}"\n', '"{}": 1\n'])
def test_escapes_write_no_control_characters(escape: str, text: str) -> None:
    said = fault_of(lambda: read_case_text(broken(("title: A test\n", text.format(escape)))))
    assert "does not belong into a text" in said
    assert "\x1b" not in said


def test_a_file_of_faults_says_how_many_more_there_are() -> None:
    text = VALID + "".join(f"key{n}: 1\n" for n in range(3_000))
    with pytest.raises(ScenarioError) as caught:
        read_case_text(text)
    faults = caught.value.faults
    assert len(faults) == fault_recovery.MAX_FAULTS + 1
    assert faults[-1].message == "and 2000 more errors"


def test_hints_of_a_file_of_faults_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anything else looked for: the scenario is validated once."""
    compared, validated = [], []
    near, validate = spelling.difflib.get_close_matches, Case.model_validate
    monkeypatch.setattr(
        spelling.difflib, "get_close_matches", lambda *a: compared.append(a) or near(*a)
    )
    monkeypatch.setattr(
        Case, "model_validate", lambda *a, **k: validated.append(a) or validate(*a, **k)
    )
    many = "".join(f"  p{n}: {{country: DE, capex_mer: 60}}\n" for n in range(3_000))
    with pytest.raises(ScenarioError):
        read_case_text(VALID.replace("projects:\n", f"projects:\n{many}"))
    assert (len(validated), len(compared) < 1_100) == (1, True)


def test_many_patches_change_what_they_name_and_nothing_else() -> None:
    plant = "{country: DE, capex_meur: 1, output_t_per_year: {lithium: 1}}"
    many = "".join(f"  p{n}: {plant}\n" for n in range(50))
    fields = ("capex_meur", "output_t_per_year.lithium")
    paths = [f"projects.p{n}.{field}" for n in range(50) for field in fields]
    text = VALID.replace("projects:\n", f"projects:\n{many}")
    text += f"  all: {{set: {{{': 2, '.join(paths)}: 2}}}}\n"
    base, patched = read_case_text(text), read_case_text(text, variant="all")
    for found, value in ((base, 1), (patched, 2)):
        for one in (found.case.projects[f"p{n}"] for n in range(50)):
            amounts = one.capex_meur, one.output_t_per_year["lithium"]
            assert tuple(map(float, amounts)) == (value, value)
    again = base.with_settings([f"{path}=2" for path in paths])
    assert again.case.projects == patched.case.projects
    assert (
        float(base.with_settings(["projects.p1.capex_meur=3"]).case.projects["p2"].capex_meur) == 1
    )


def test_what_a_message_quotes_is_cut() -> None:
    said = fault_of(lambda: read_case_text(VALID + 'policy_: "' + "a" * 100_000 + '"\n'))
    assert len(said) < 2 * fault_recovery.MAX_MESSAGE_LENGTH
    said = fault_of(lambda: read_case_text(VALID + "currency: " + "9" * 100_000 + "x\n"))
    assert len(said) < 3 * fault_recovery.MAX_MESSAGE_LENGTH


@pytest.mark.parametrize("number", ["9" * 1_000_000, "-1." + "9" * 100_000, "1.0e+999", "-.inf"])
def test_numbers_without_end(number: str) -> None:
    said = fault_of(lambda: read_case_text(broken(("capex_meur: 60", f"capex_meur: {number}"))))
    assert len(said) < 2 * fault_recovery.MAX_MESSAGE_LENGTH


def test_a_seed_may_be_as_large_as_one_likes() -> None:
    drawn = "uncertainty: {sample: {states: 5, seed: 12345678901234567890}}\nuncertain:"
    text = VALID.replace("uncertainty:", drawn, 1)
    text = text.partition("uncertain:")[0] + text[text.index("policy:") :]
    assert read_case_text(text).case.uncertainty is not None


def lines_run(text: str) -> int:
    """How many lines of :mod:`models.scenario` it takes to read a file."""
    count = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace if "scenario" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read_case_text(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.slow
def test_rows_are_compared_with_others_of_their_material_alone() -> None:
    """Twice as many rows of as many materials take twice as many steps, and not four times."""

    def rows(many: int, *amounts: int, **fields: str) -> list[dict[str, object]]:
        return [{**fields, "material": f"m{n}", "t_per_year": t}
                for n in range(many) for t in amounts]  # fmt: skip

    def text(many: int) -> str:
        step = [{"share": 1, "eur_per_t": 20_000}]
        return json.dumps({
            "horizon": {"first_year": 2026, "last_year": 2030},
            "materials": {f"m{n}": {"price_eur_per_t": 9_000} for n in range(many)},
            "consumers": {"all": {}},
            "demand": rows(many, 900, 2, consumer="all"),
            "damage": [{"material": f"m{n}", "steps": step} for n in range(many)],
            "supply": rows(many, 500, 3, country="CN"),
        })  # fmt: skip

    assert lines_run(text(160)) < 2.5 * lines_run(text(80))


def test_variants_are_not_without_number() -> None:
    many = "".join(f"  v{n}: {{set: {{policy.max_public_share: 0.1}}}}\n" for n in range(1_001))
    read_case_text(VALID + many)
    said = fault_of(lambda: read_case_text(VALID + many, check_variants=True))
    assert "more than 1000 variants" in said


@pytest.mark.parametrize("section", ["variants", "assumptions"])
def test_variants_and_sets_of_a_large_scenario_are_bounded(
    monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    head = VALID.partition("variants:")[0]
    more = "weight: 0.125, " if section == "assumptions" else ""
    patch = "set: {policy.max_public_share: 0."
    items = "".join(f"  v{n}: {{{more}{patch}{n}}}}}\n" for n in range(1, 9))
    text = f"{head}{section}:\n{items}"
    read_case_text(text, check_variants=True)
    monkeypatch.setattr(reading, "MAX_CHECKED_VALUES", 400)
    said = fault_of(lambda: read_case_text(text, check_variants=True))
    assert "would be checked 8 times" in said
    assert "at most 400 are checked" in said
    assert said.startswith(f"scenario.yaml:{head.count(chr(10)) + 1}:")


def test_a_variant_has_no_warnings_made_once_the_report_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, plausible = [], case_module.plausibility.plausibility_warnings

    def counted(case: Case, found: list[LocatedValue]) -> Iterator[Fault]:
        made.append(case)
        return plausible(case, found)

    monkeypatch.setattr(case_module.plausibility, "plausibility_warnings", counted)
    idle = "".join(f"  idle{n}: {{price_eur_per_t: 900}}\n" for n in range(9))
    text = VALID.replace("materials:\n", f"materials:\n{idle}") + "".join(
        f"  v{n}: {{set: {{policy.max_public_share: 0.{n}}}}}\n" for n in range(1, 9)
    )
    assert len(read_case_text(text, check_variants=True).warnings) == 9
    assert len(made) > 8
    made.clear()
    monkeypatch.setattr(fault_recovery, "MAX_FAULTS", 5)
    assert len(read_case_text(text, check_variants=True).warnings) == 6
    assert len(made) == 1
    broken_one = f"{text}  off: {{set: {{policy.max_public_share: 7}}}}\n"
    assert "'off'" in fault_of(lambda: read_case_text(broken_one, check_variants=True))


# Files of a scenario


@pytest.mark.parametrize(
    "name",
    ["C:x.csv", "C:\\x.csv", "\\\\host\\share\\a.csv", "//host/a.csv", "a.csv:stream",
     "/etc/passwd", "\\a.csv", "../a.csv", "b/../../a.csv", "a\0.csv"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_none_on_any_system(tmp_path: Path, name: str) -> None:
    assert path_in_folder_of(str(tmp_path / "scenario.yaml"), name) is None


def test_links_that_lead_elsewhere(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out.csv"
    inside.mkdir()
    outside.write_text("id\n", encoding="utf-8")
    try:
        (inside / "a.csv").symlink_to(outside)
    except OSError:
        pytest.skip("links need a right here")
    assert path_in_folder_of(str(inside / "scenario.yaml"), "a.csv") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scenario.yaml")
    assert "is a pipe or a device" in fault_of(lambda: read_case(tmp_path / "scenario.yaml"))
    with pytest.raises(InvalidJsonError, match="is a pipe or a device"):
        read_json(tmp_path / "scenario.yaml")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no such devices here")
def test_a_device_is_not_read() -> None:
    assert "is a pipe or a device" in fault_of(lambda: read_case("/dev/zero"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be read" in fault_of(lambda: read_case(tmp_path))


def test_a_chain_of_files_ends(tmp_path: Path) -> None:
    write(tmp_path, "include: [a0.yaml]\n" + VALID)
    for n in range(2_000):
        (tmp_path / f"a{n}.yaml").write_text(f"include: [a{n + 1}.yaml]\n", encoding="utf-8")
    assert "more than 20 files include" in fault_of(lambda: read_case(tmp_path / "scenario.yaml"))


def test_a_ring_through_a_link_is_found(tmp_path: Path) -> None:
    write(tmp_path, "include: [a.yaml]\n" + VALID)
    (tmp_path / "a.yaml").write_text("include: [b.yaml]\n", encoding="utf-8")
    try:
        (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    except OSError:
        pytest.skip("links need a right here")
    assert "includes itself" in fault_of(lambda: read_case(tmp_path / "scenario.yaml"))


def fan(folder: Path, count: int, content: str = "") -> Path:
    names = [f"a{n}.yaml" for n in range(count)]
    write(folder, f"include: [{', '.join(names)}]\n" + VALID)
    for name in names:
        (folder / name).write_text(content or "policy: {}\n", encoding="utf-8")
    return folder / "scenario.yaml"


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [
        ("MAX_FILES", 5, "takes more than 5 files"),
        ("MAX_TOTAL_BYTES", 3_000, "larger than 0 MB together"),
        ("MAX_VALUES", 400, "have more than 400 values together"),
    ],
)
def test_all_files_of_a_scenario_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, said: str
) -> None:
    many = ",".join(["1"] * 30)
    content = f"policy: {{}} # {'a' * 400}\nvariants: {{a: {{set: {{b: [{many}]}}}}}}\n"
    file = fan(tmp_path, 9, content)
    monkeypatch.setattr(decoding, bound, value)
    assert said in fault_of(lambda: read_case(file))


def test_all_tables_of_a_scenario_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, with_table(), projects="id,country,capex_meur\n" + "a,DE,1\n" * 50)
    monkeypatch.setattr(decoding, "MAX_TOTAL_CELLS", 100)
    assert "more than 100 cells together" in fault_of(lambda: read_case(tmp_path / "scenario.yaml"))


# Saved results


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("[" * 100_000, "nested deeper|not JSON"),
        ("[" * 200 + "]" * 200, "nested deeper than 100"),
        ('{"a": NaN}', "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("[1e999]", "1e999 is no number"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" + "9" * 10_000 + "]", "not JSON"),
        ('"\\ud800"', "U\\+D800"),
        ('{"\\u001b[31m": 1}', "U\\+001B"),
        ("nothing", "not JSON"),
        ("\ufeff\ufeff{}", "not JSON"),
    ],
)
def test_json_that_is_not_taken(raw: str, said: str) -> None:
    with pytest.raises(InvalidJsonError, match=said):
        parse_json(raw.encode("utf-8"))


@pytest.mark.slow
def test_a_key_that_stands_twice_among_many_is_found() -> None:
    """In a time that does not grow with the square of their number, which here would be hours."""
    keys = ",".join(f'"k{n}":1' for n in range(500_000))
    with pytest.raises(InvalidJsonError, match="'k499999' stands twice"):
        parse_json(f'{{{keys},"k499999":2}}'.encode())


def test_json_is_bounded_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.files.result_json.MAX_VALUES", 1_000)
    monkeypatch.setattr(json, "loads", lambda *_: pytest.fail("parsed"))
    with pytest.raises(InvalidJsonError, match="more than 1000 values"):
        parse_json(b"[" + b"[]," * 1_000 + b"1]")
