"""The presets that ship: each valid where it belongs, and sourced throughout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.base import LocalizedText
from models.faults import ScenarioError
from models.files import read_case, read_case_text, shipped_files
from models.files.includes import HEADER_KEYS
from models.scenario.references import Case
from models.scenario.sections import Source

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
GERMANY = (ROOT / "scenarios" / "germany-2026.yaml").read_text(encoding="utf-8")
NAMES = sorted(path.stem for path in (ROOT / "scenarios" / "presets").glob("*.yaml"))

WARNED = {
    "jogmec": {"equity_high_risk", "high_risk"},
    "jogmec_exploration": {
        "exploration_loan", "exploration_loan_rare", "exploration_grant", "exploration",
        "exploration_rare_metal",
    },
}  # fmt: skip
"""What a file has to do for a preset: tags that no project of germany-2026 carries."""


def content(name: str) -> dict[str, Any]:
    """What a preset says, as bare data with texts for all scalars."""
    read: dict[str, Any] = yaml.load(
        shipped_files.read_source_text(shipped_files.preset_files()[name]), yaml.BaseLoader
    )
    return read


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every value of a preset with its path; a number stays with its source, a list is whole."""
    if isinstance(value, dict) and "value" not in value:
        return [leaf for key, one in value.items() for leaf in leaves(one, (*path, key))]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        named = [(one.get("id") or one["name"], one) for one in value]
        return [
            leaf
            for name, one in named
            for leaf in leaves({k: v for k, v in one.items() if k not in ("id", "name")},
                               (*path, name))
        ]  # fmt: skip
    return [(path, value)]


def terms(name: str) -> list[tuple[tuple[str, ...], Any]]:
    """What a preset sets: no names, no sources, nothing of its head."""
    said = {key: one for key, one in content(name).items() if key not in (*HEADER_KEYS, "sources")}
    return [
        (path, value)
        for path, value in leaves(said)
        if not {"name", "description"} & set(path)
    ]  # fmt: skip


def flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def test_the_shelf_is_the_folder() -> None:
    assert list(shipped_files.preset_files()) == NAMES
    assert {"rohstofffonds", "jogmec", "loan_guarantees", "state_aid_standard"} <= set(NAMES)


def test_every_preset_is_named_on_the_page() -> None:
    assert {name for name in NAMES if f"`{name}`" not in PAGE} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_source_and_a_confidence(name: str) -> None:
    """Sources may come from a preset that is included; a charge of 1 is the rule, no figure."""
    own = content(name)
    known = dict(own.get("sources", {}))
    for below in own.get("include", ()):
        known |= content(below)["sources"]
    used = set()
    for path, value in terms(name):
        if isinstance(value, dict):
            assert value["source"] in known, path
            assert value["confidence"] in ("high", "medium", "low"), path
            assumed = known[value["source"]]["kind"] == "assumption"
            assert not (assumed and value["confidence"] == "high"), path
            used.add(value["source"])
        else:
            assert path[-2:-1] == ("charges",) or not re.fullmatch(r"[\d.]+", str(value)), path
    reported = " ".join(one["text"]["en"] for one in own.get("sources", {}).values()) + flat(
        [value.get("note", "") for _, value in terms(name) if isinstance(value, dict)]
    )
    assert all(key in used or key in reported for key in own.get("sources", {}))


@pytest.mark.parametrize("name", NAMES)
def test_sources_are_honest_and_lead_somewhere(name: str) -> None:
    for key, one in content(name).get("sources", {}).items():
        source = Source.model_validate(one)
        assert (source.kind == "assumption") == key.startswith("a_"), key
        assert (source.url is None) == (source.kind == "assumption"), key


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_says_what_it_is_in_both_languages(name: str) -> None:
    for text in shipped_files.read_heading(shipped_files.preset_files()[name]):
        assert isinstance(text, LocalizedText)
        assert text.en
        assert text.de
        assert text.en != text.de
    first = shipped_files.read_source_text(shipped_files.preset_files()[name])
    comments = first[: first.index("schema_version")]
    assert "What it needs" in comments or "one limit for all" in comments
    assert re.search(r"^# (Der|Die|Das|Eine|Kredit|Grenzen|Vorräte)", comments, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("name", NAMES)
def test_a_preset_lies_under_germany(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a fault, with all variants; what it leaves to the file is warned of, no more."""
    monkeypatch.chdir(ROOT / "scenarios")
    reading = read_case_text(f"include: [{name}]\n{GERMANY}", "germany.yaml", check_variants=True)
    named = {one for fault in reading.warnings for one in re.findall(r"'(\w+)'", fault.message)}
    assert named - {name} == WARNED.get(name, set())
    assert len(reading.warnings) <= 1
    assert all(
        fault.location and fault.location.file.endswith(f"{name}.yaml")
        for fault in reading.warnings
    )


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("variant", "preset"),
    [("rohstofffonds_as_budgeted", "rohstofffonds"), ("price_floor", "price_floor_mp")],
)
def test_variants_of_germany_lie_over_their_presets(variant: str, preset: str) -> None:
    """What the file says stays; what only the preset says comes from it."""
    reading = read_case(ROOT / "scenarios" / "germany-2026.yaml", variant)
    case = reading.case
    assert case.variants[variant].set["include"] == [preset]
    fund = case.funders["rohstofffonds"].instruments["equity"]
    assert (fund.recovery, getattr(fund.recovery, "source", None)) == (0.6, "a_recovery")
    place = {
        "rohstofffonds": reading.location(("funders", "rohstofffonds", "budget_lines", "cash")),
        "price_floor_mp": reading.location(
            ("funders", "price_guarantee", "instruments", "ndpr_floor", "upside_share")
        ),
    }[preset]
    assert place.file == str(shipped_files.preset_files()[preset])


def alone(*names: str) -> Case:
    """A small file without any field of the presets."""
    text = f"""\
include: [{", ".join(names)}]
horizon: {{first_year: 2026, last_year: 2030}}
materials: {{ndpr: {{price_eur_per_t: 61062}}}}
consumers: {{industry: {{}}}}
demand: [{{consumer: industry, material: ndpr, t_per_year: 10}}]
damage: [{{material: ndpr, steps: [{{share: 1, eur_per_t: 1000000}}]}}]
supply: [{{material: ndpr, country: CN, share: 1}}]
projects:
  mine:
    country: NO
    output_t_per_year: {{ndpr: 50}}
    capex_meur: 100
    tags: [mining, high_risk, exploration, exploration_rare_metal]
"""
    text = text.replace("country: NO", 'country: "NO"')
    reading = read_case_text(text, check_variants=True)
    tags = [fault.message for fault in reading.warnings]
    assert all("no project carries the tag" in one for one in tags)
    return reading.case


@pytest.mark.parametrize("name", [name for name in NAMES if "stock" not in name])
def test_a_preset_lies_under_any_file(name: str) -> None:
    case = alone(name)
    assert case.title is None
    assert case.funders or case.policy.state_aid


def test_a_preset_of_stocks_needs_its_materials() -> None:
    with pytest.raises(ScenarioError, match=r"stock_subsidy.yaml:\d+:15: error: the preset"):
        alone("stock_subsidy")


def test_the_fund_has_its_lines() -> None:
    fund = alone("rohstofffonds").funders["rohstofffonds"]
    lines = {key: (line.kind, line.total_meur) for key, line in fund.budget_lines.items()}
    assert lines == {
        "authority": ("commitment", 1000),
        "federal_guarantee": ("guarantee_stock", None),
        "cash": ("cash", None),
    }
    assert set(fund.budget_lines["authority"].by_year_meur or ()) == {2026, 2027, 2028}
    equity = fund.instruments["equity"]
    assert equity.charges == {"authority": 1, "federal_guarantee": 0.85, "cash": 0.15}
    assert (equity.ticket_min_meur, equity.ticket_max_meur) == (50, 150)


def test_both_floors_are_of_110_dollars_at_one_rate() -> None:
    """110 USD/kg at 1.13 USD per EUR; the upside begins at the floor, or at 150 USD/kg."""
    floors = {
        name: alone(name).funders["price_guarantee"].instruments["ndpr_floor"]
        for name in ("price_floor_mp", "price_floor_jare")
    }
    for floor in floors.values():
        assert floor.floor_eur_per_t["ndpr"].at(2030) == round(110_000 / 1.13)
        assert floor.upside_share == 0.3
    terms = {name: floor.term_years for name, floor in floors.items()}
    assert terms == {"price_floor_mp": 10, "price_floor_jare": 12}
    upside = floors["price_floor_jare"].upside_from_eur_per_t
    assert upside["ndpr"].at(2030) == round(150_000 / 1.13)
    states = alone("price_floor").materials["ndpr"].price_states
    assert [state.eur_per_t.at(2030) for state in states] == [
        round(dollars * 1000 / 1.13) for dollars in (55, 69, 120)
    ]
