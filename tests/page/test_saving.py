"""A question is saved as a variant: it reads back unchanged, and the rest of the file is kept."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from open_page import TUTORIAL

from models.faults import ScenarioError
from models.files import read_case, read_case_text
from models.scenario.sections import Variant
from optimizer.page import scenario_store
from optimizer.page.scenario_store import (
    InvalidRequest,
    Question,
    ScenarioSource,
    ScenarioStore,
    file_with_variant,
    insert_variant,
    question_as_variant,
    save_variant,
)
from optimizer.solve.checked_solution import input_hash

HEAD = """\
# A scenario of a test: nothing of it may move.
title: A test   # with a remark
horizon: {first_year: 2026, last_year: 2028, periods_per_year: 1}
materials: {lithium: {price_eur_per_t: 10000}, copper: {price_eur_per_t: 9000}}
consumers: {industry: {}}
demand:
- {consumer: industry, material: lithium, t_per_year: 40000}
- {consumer: industry, material: copper, t_per_year: 50000}
supply: [{material: lithium, country: CL, share: 1.0}, {material: copper, country: PE, share: 1.0}]
"""
TAIL = """\
damage:
    - material: lithium
      steps: [{share: 1.0, eur_per_t: 20000}]   # four blanks here
    - material: copper
      steps: [{share: 1.0, eur_per_t: 30000}]

funders:
  fund: {kind: public, budget_meur: 20}
"""
OLD = '  old: {title: "Half; “half”", set: {funders.fund.budget_meur: 10}}\n'
OLDER = "  older:\n    # a remark\n    set:\n      funders.fund.budget_meur: 5\n"
FILES = {
    "none": HEAD + TAIL,
    "top": "variants:\n" + OLD + HEAD + TAIL,
    "middle": HEAD + "variants:\n" + OLD + OLDER + "\n\n" + TAIL,
    "last": HEAD + TAIL + "\nvariants:\n" + OLD + OLDER,
    "remarks": HEAD
    + "variants:      # try them\n\n# at the margin\n      # deep\n"
    + OLD
    + "# between\n"
    + OLDER
    + "# behind\n"
    + TAIL,
    "wide": HEAD + TAIL + "variants:\n      old: {set: {funders.fund.budget_meur: 10}}\n",
    "narrow": HEAD + "variants:\n old:\n  set: {funders.fund.budget_meur: 10}\n" + TAIL,
    "empty": HEAD + "variants:\n" + TAIL,
    "empty last": HEAD + TAIL + "variants:   \n",
    "bare end": (HEAD + TAIL).rstrip("\n"),
    "bare end of variants": HEAD + TAIL + "variants:\n" + OLD.rstrip("\n"),
    "bare heading": HEAD + TAIL + "variants:",
    "blank end": HEAD + TAIL + "\n  \n\n",
    "remark at the end": HEAD + TAIL + "# the end",
    "a word in a text": HEAD
    + "description: |\n  What is meant:\n  variants: of old\n\n  variants:\n    none\n"
    + TAIL,
}
"""Where variants may stand in a file, by what is special."""
FLOW = {
    "flow": HEAD + TAIL + "variants: {old: {set: {funders.fund.budget_meur: 10}}}\n",
    "flow of lines": HEAD + TAIL + "variants: {\n  old: {}\n}\n",
    "none": HEAD + TAIL + "variants: {}\n",
}
"""Variants among which none can be put."""
MOVED = (("funders.fund.budget_meur", "7.5"), ("damage", "1.3"), ("horizon.discount_rate", "0.02"))
BREAKS = {"lf": "\n", "crlf": "\r\n"}


def written(folder: Path, text: str, name: str = "own.yaml") -> ScenarioSource:
    """An own file with this text as it is."""
    path = folder / name
    path.write_bytes(text.encode())
    return ScenarioStore().add_file(path)


def asked(
    source: ScenarioSource, *moved: tuple[str, str], variant: str | None = None
) -> tuple[str, Variant]:
    """The hash of the case of a question, and the question as a variant."""
    base = read_case(source.path, variant)
    question = Question(source.id, variant, moved)
    reading, settings = question.apply_to(base)
    return input_hash(reading.case), question_as_variant(question, base.case, settings)


def added(before: bytes, after: bytes) -> bytes:
    """What stands in a file more than before, with all else as it was."""
    more = len(after) - len(before)
    same = next(n for n in range(len(after)) if n >= len(before) or before[n] != after[n])
    for at in range(same, -1, -1):
        if before[:at] == after[:at] and before[at:] == after[at + more :]:
            return after[at : at + more]
    raise AssertionError("something else has changed")


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("name", FILES)
def test_a_saved_question_reads_back_unchanged(name: str, breaks: str, tmp_path: Path) -> None:
    source = written(tmp_path, FILES[name].replace("\n", BREAKS[breaks]))
    before = read_case(source.path, check_variants=True).case
    wanted, variant = asked(source, *MOVED)
    save_variant(source, "asked_once", variant)
    assert input_hash(read_case(source.path, "asked_once").case) == wanted
    after = read_case(source.path, check_variants=True)
    assert input_hash(after.case) == input_hash(before) != wanted
    assert {id: one for id, one in after.case.variants.items() if id != "asked_once"} == {
        **before.variants
    }
    assert set(after.case.variants) == {*before.variants, "asked_once"}


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("name", FILES)
def test_all_else_in_the_file_stays_byte_by_byte(name: str, breaks: str, tmp_path: Path) -> None:
    source = written(tmp_path, FILES[name].replace("\n", BREAKS[breaks]))
    before = source.path.read_bytes()
    _, variant = asked(source, *MOVED)
    save_variant(source, "asked_once", variant)
    more = added(before, source.path.read_bytes()).decode()
    assert more.count("asked_once:") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["own.yaml"]


@pytest.mark.parametrize("breaks", BREAKS)
def test_lines_that_are_added_end_as_those_of_the_file(breaks: str, tmp_path: Path) -> None:
    for name in ("none", "middle", "last"):
        source = written(tmp_path, FILES[name].replace("\n", BREAKS[breaks]))
        save_variant(source, "asked_once", asked(source, *MOVED)[1])
        raw = source.path.read_bytes()
        assert raw.count(b"\r\n") == (raw.count(b"\n") if breaks == "crlf" else 0)


@pytest.mark.parametrize("name", FLOW)
def test_variants_in_one_line_are_refused(name: str, tmp_path: Path) -> None:
    source = written(tmp_path, FLOW[name])
    _, variant = asked(source, *MOVED)
    with pytest.raises(InvalidRequest, match="write them on lines of their own"):
        save_variant(source, "asked_once", variant)
    assert source.path.read_text(encoding="utf-8") == FLOW[name]


def test_a_file_in_json_is_refused_and_stays(tmp_path: Path) -> None:
    text = read_case_text(FILES["last"]).case.model_dump_json(by_alias=True, exclude_unset=True)
    source = written(tmp_path, text, "own.json")
    with pytest.raises((InvalidRequest, ScenarioError)):
        save_variant(source, "asked_once", asked(source, *MOVED)[1])
    assert source.path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ["top", "middle", "last", "remarks", "wide", "narrow"])
def test_a_variant_that_is_there_is_not_written_twice(name: str, tmp_path: Path) -> None:
    source = written(tmp_path, FILES[name])
    with pytest.raises(InvalidRequest, match="old"):
        save_variant(source, "old", asked(source, *MOVED)[1])
    assert source.path.read_text(encoding="utf-8") == FILES[name]


def test_one_variant_after_the_other(tmp_path: Path) -> None:
    source = written(tmp_path, FILES["none"])
    wanted = {}
    for n in range(4):
        wanted[f"v{n}"], variant = asked(source, ("funders.fund.budget_meur", str(n)))
        save_variant(source, f"v{n}", variant)
    for id, hash in wanted.items():
        assert input_hash(read_case(source.path, id).case) == hash
    assert set(read_case(source.path, check_variants=True).case.variants) == set(wanted)


def test_a_question_to_a_variant_is_saved_with_it(tmp_path: Path) -> None:
    """What the variant sets and what was moved, in the title as well."""
    source = written(tmp_path, FILES["last"].replace("old: {", 'old: {description: "Kept.", '))
    wanted, variant = asked(source, ("damage", "2"), variant="old")
    save_variant(source, "of_old", variant)
    case = read_case(source.path, "of_old").case
    assert input_hash(case) == wanted
    assert float(case.funders["fund"].budget_meur or 0) == 10
    made = case.variants["of_old"]
    assert made.title is not None
    assert made.title.in_language("en").startswith("Half; “half”; Damage of a missing tonne")
    assert made.set.keys() == {
        "funders.fund.budget_meur", "damage.0.steps.0.eur_per_t", "damage.1.steps.0.eur_per_t"
    }  # fmt: skip


@pytest.mark.parametrize("id", ["yes", "null", "on", "_", "x" * 200, "class", "Y"])
def test_words_that_mean_something_in_yaml_are_names_as_well(id: str, tmp_path: Path) -> None:
    source = written(tmp_path, FILES["middle"])
    wanted, variant = asked(source, *MOVED)
    save_variant(source, id, variant)
    assert input_hash(read_case(source.path, id).case) == wanted


@pytest.mark.slow
def test_every_kind_of_control_is_saved_and_read_back() -> None:
    """Lists, figures by year and rules, of the largest scenario, which refers to tables."""
    path = TUTORIAL.parent / "germany-2026.yaml"
    moved = (
        ("total.federal_stockpile", "1000"), ("deals", "2"), ("project.zinnwald", "in"),
        ("hazard.china_rare_earths", "1.7"), ("length.china_rare_earths", "2"),
        ("days.federal_nickel", "33.3"), ("price", "1.1"), ("success", "0.5"), ("delay", "1.5"),
        ("supply.115.share", "0.123456789012"), ("project.hemerdon", "out"), ("adaptation", "0.3"),
    )  # fmt: skip
    source = ScenarioSource("germany-2026", path, "shipped")
    wanted, variant = asked(source, *moved)
    content = file_with_variant(source, "all_of_it", variant)
    back = read_case_text(content.decode(), str(path), "all_of_it").case
    assert input_hash(back) == wanted
    assert added(path.read_bytes(), content)


def test_titles_hold_whatever_is_written_in_the_scenario(tmp_path: Path) -> None:
    names = 'name: {en: "Fund: “A” # 1, {x} & \'y\'", de: "Fonds: ÄÖ\\u00a0ß – [z] %"}'
    source = written(tmp_path, FILES["middle"].replace("fund: {", f"fund: {{{names}, "))
    wanted, variant = asked(source, ("funders.fund.budget_meur", "8"))
    save_variant(source, "asked_once", variant)
    case = read_case(source.path, "asked_once").case
    assert input_hash(case) == wanted
    title = case.variants["asked_once"].title
    assert title is not None
    assert title.in_language("en") == "Fund: “A” # 1, {x} & 'y' 8 million EUR"
    assert title.in_language("de") == "Fonds: ÄÖ ß – [z] % 8 Mio. EUR"


def test_a_long_question_is_named_by_its_first_parts(tmp_path: Path) -> None:
    source = written(tmp_path, FILES["none"])
    moved = [("funders.fund.budget_meur", "8"), ("damage", "2"), ("demand", "1.1"), ("price", "2"),
             ("supply.0.share", "0.9")]  # fmt: skip
    title = asked(source, *moved)[1].title
    assert title is not None
    assert title.in_language("en").endswith("; 2 more")
    assert title.in_language("de").endswith("; 2 weitere")


def test_a_workbook_is_not_written_to(tmp_path: Path) -> None:
    source = ScenarioSource("book", tmp_path / "book.xlsx", "own")
    variant = Variant.model_validate({"set": {"funders.fund.budget_meur": 1}})
    with pytest.raises(InvalidRequest, match=r"YAML|workbook"):
        save_variant(source, "asked_once", variant)


# Where it fails


def test_what_would_not_read_back_is_not_written(tmp_path: Path) -> None:
    source = written(tmp_path, FILES["middle"])
    variant = Variant.model_validate({"set": {"funders.nobody.budget_meur": 1}})
    with pytest.raises(ScenarioError, match="nobody"):
        save_variant(source, "asked_once", variant)
    assert source.path.read_text(encoding="utf-8") == FILES["middle"]


@pytest.mark.parametrize("fails", ["write_bytes", "replace"])
def test_a_write_that_fails_leaves_the_file_as_it_was(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle of the write, or a file that others hold."""
    source = written(tmp_path, FILES["middle"])
    _, variant = asked(source, *MOVED)
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        real(path, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    def held(path: Path, _to: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, fails, full if fails == "write_bytes" else held)
    with pytest.raises(OSError, match=r"No space|Permission"):
        save_variant(source, "asked_once", variant)
    monkeypatch.undo()
    assert source.path.read_text(encoding="utf-8") == FILES["middle"]
    assert [path.name for path in tmp_path.iterdir()] == ["own.yaml"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX")
def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    source = written(tmp_path, FILES["middle"])
    source.path.chmod(0o600)
    save_variant(source, "asked_once", asked(source, *MOVED)[1])
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    written(real, FILES["middle"])
    link = tmp_path / "link.yaml"
    link.symlink_to(real / "own.yaml")
    source = ScenarioStore().add_file(link)
    save_variant(source, "asked_once", asked(source, *MOVED)[1])
    assert link.is_symlink()
    assert "asked_once" in read_case(real / "own.yaml").case.variants


def test_a_mark_at_the_beginning_of_the_file_stays(tmp_path: Path) -> None:
    """As editors on Windows write it."""
    source = written(tmp_path, "\ufeff" + FILES["middle"])
    before = source.path.read_bytes()
    save_variant(source, "asked_once", asked(source, *MOVED)[1])
    assert added(before, source.path.read_bytes())
    assert "asked_once" in read_case(source.path).case.variants


def test_the_text_is_one_mapping_with_the_variant_among_the_others() -> None:
    variant = Variant.model_validate({"title": "New", "set": {"a.b": 1}})
    for name, text in FILES.items():
        found = yaml.safe_load(insert_variant(text, "new", variant))
        assert found["variants"]["new"] == {"title": "New", "set": {"a.b": 1}}, name
        before = yaml.safe_load(text)
        del found["variants"]["new"]
        assert {**before, "variants": before.get("variants") or {}} == {
            **found,
            "variants": found["variants"],
        }, name


@pytest.mark.slow
def test_what_is_moved_has_the_last_word_beside_a_variant() -> None:
    """The variant sets one year, and the factor all of them, before the year is moved again."""
    path = TUTORIAL.parent / "consortium.yaml"
    year = "funders.rohstofffonds.budget_lines.cash.by_year_meur.2026"
    moved = (("public", "0.5"), (year, "10"))
    variant = next(v for v, x in read_case(path).case.variants.items() if year in x.set)
    base = read_case(path, variant)
    reading, made = Question("consortium", variant, moved).apply_to(base)
    source = ScenarioSource("consortium", path, "own")
    text = file_with_variant(
        source, "new", question_as_variant(Question("consortium", variant, moved), base.case, made)
    )
    again = read_case_text(text.decode(), str(path), "new").case
    assert input_hash(again) == input_hash(reading.case)


def test_a_fault_of_a_variant_is_not_mended_for_all(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    text = TUTORIAL.read_text(encoding="utf-8").partition("\nvariants:")[0]
    wrong = "variants: {big: {set: {funders.fund.budget_meur: -5}}}"
    own.write_text(f"{text}\n{wrong}\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read_case(own, check_variants=True)
    (found,) = scenario_store.correctable_faults(
        caught.value.faults, ScenarioSource("own", own, "own")
    )
    assert (found.path, found.line) == ("", wrong)


def test_a_scenario_is_read_again_when_a_file_of_it_has_changed(tmp_path: Path) -> None:
    """Also a table or an include; and only then."""
    main, part, table = (tmp_path / name for name in ("main.yaml", "part.yaml", "supply.csv"))
    rows = HEAD.partition("supply: ")
    main.write_text(
        f"include: [part.yaml]\n{rows[0]}supply: {{table: supply.csv}}\n", encoding="utf-8"
    )
    part.write_text(TAIL, encoding="utf-8")
    table.write_text("material,country,share\nlithium,CL,1\ncopper,PE,1\n", encoding="utf-8")
    id = (mine := ScenarioStore()).add_file(main).id

    def budget() -> float:
        return float(mine.read_scenario(id).case.funders["fund"].budget_meur or 0)

    stamps = [mine.stamp(id)]
    assert budget() == 20
    assert mine.stamp(id) == stamps[0]
    part.write_text(TAIL.replace("budget_meur: 20", "budget_meur: 300"), encoding="utf-8")
    stamps.append(mine.stamp(id))
    assert budget() == 300
    assert mine.stamp(id) == stamps[1]
    table.write_text("material,country,share\nlithium,AU,1\ncopper,PE,1\n", encoding="utf-8")
    stamps.append(mine.stamp(id))
    assert {row.country for row in mine.read_scenario(id).case.supply} == {"AU", "PE"}
    table.unlink()
    with pytest.raises(ScenarioError):
        mine.read_scenario(id)
    assert len(set(stamps)) == 3


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, part = tmp_path / "main.yaml", tmp_path / "part.yaml"
    main.write_text(f"include: [part.yaml]\n{HEAD}", encoding="utf-8")
    part.write_text(TAIL, encoding="utf-8")

    def slowly(*given: Any, **how: Any) -> Any:
        found = read_case(*given, **how)
        part.write_text(TAIL.replace("budget_meur: 20", "budget_meur: 300"), encoding="utf-8")
        return found

    id, budgets = (mine := ScenarioStore()).add_file(main).id, []
    monkeypatch.setattr(scenario_store, "read_case", slowly)
    monkeypatch.setattr(mine, "read_apart", scenario_store.read_here)
    for _ in range(3):
        budgets.append(mine.read_scenario(id).case.funders["fund"].budget_meur)
    assert budgets == [20, 300, 300]
